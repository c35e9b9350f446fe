//! What a build without libtorch says.

use std::sync::Arc;

use crate::backend::Backend;
use crate::error::{Error, Result};

/// Whether libtorch was compiled in.
pub(in crate::backend) const COMPILED: bool = false;

/// Refuses.
pub(in crate::backend) fn backend(name: &str) -> Result<Arc<dyn Backend>> {
    Err(missing(format!("backend `{name}`")))
}

fn missing(what: impl Into<String>) -> Error {
    Error::unavailable(
        what,
        "this binary was built without libtorch; run `make build`, or use the native backend",
    )
}
