//! What a build without libtorch says.

use std::sync::Arc;

use crate::backend::Backend;
use crate::backend::learner::Learner;
use crate::error::{Error, Result};

/// The version of libtorch that was compiled in.
pub(in crate::backend) const LIBTORCH: Option<&str> = None;

/// Refuses.
pub(in crate::backend) fn backend(name: &str) -> Result<Arc<dyn Backend>> {
    Err(missing(format!("backend `{name}`"), "run `make build`, or use the native backend"))
}

/// Refuses.
pub(in crate::backend) fn learner(_threads: usize) -> Result<Box<dyn Learner>> {
    Err(missing("training", "run `make build`, or use the weights that Plimsoll brings along"))
}

fn missing(what: impl Into<String>, fix: &str) -> Error {
    Error::unavailable(what, format!("this binary was built without libtorch; {fix}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_libtorch_says_what_to_do() {
        let error = learner(1).err().unwrap().to_string();
        assert!(error.starts_with("training is not available: this binary was built without"));
        assert!(backend("torch").err().unwrap().to_string().contains("use the native backend"));
    }
}
