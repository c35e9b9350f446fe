//! The backends of a build with libtorch.

use std::sync::Arc;

use crate::backend::Backend;
use crate::error::{Error, Result};

/// Whether libtorch was compiled in.
pub(in crate::backend) const COMPILED: bool = true;

/// `torch` or `torch-eager`.
pub(in crate::backend) fn backend(name: &str) -> Result<Arc<dyn Backend>> {
    Err(Error::Bug(format!("backend {name} is not written yet")))
}
