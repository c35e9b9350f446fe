//! The backends and the learner of a build with libtorch.

use std::sync::Arc;

use super::autograd::Autograd;
use super::eager::Eager;
use super::onednn::OneDnn;
use super::session::{self, Net};
use crate::backend::learner::Learner;
use crate::backend::{Backend, Session, SessionOptions};
use crate::error::{Error, Result};
use crate::model::Weights;

/// The version of libtorch that was compiled in: torch-sys takes no other.
pub(in crate::backend) const LIBTORCH: Option<&str> = Some("2.11.0");

/// `torch` or `torch-eager`.
pub(in crate::backend) fn backend(name: &str) -> Result<Arc<dyn Backend>> {
    match name {
        OneDnn::NAME => Ok(Arc::new(Torch)),
        Eager::NAME => Ok(Arc::new(TorchEager)),
        _ => Err(Error::Bug(format!("libtorch has no backend {name}"))),
    }
}

/// A replica of the model on the calling thread, at zero until its weights are set.
pub(in crate::backend) fn learner(threads: usize) -> Result<Box<dyn Learner>> {
    Ok(Box::new(Autograd::open(threads)?))
}

/// The fastest that libtorch can do on a CPU through tch.
struct Torch;

impl Backend for Torch {
    fn name(&self) -> &'static str {
        OneDnn::NAME
    }

    fn open(&self, weights: &Weights, options: &SessionOptions) -> Result<Box<dyn Session>> {
        session::open::<OneDnn>(weights, options)
    }
}

/// What most people run.
struct TorchEager;

impl Backend for TorchEager {
    fn name(&self) -> &'static str {
        Eager::NAME
    }

    fn open(&self, weights: &Weights, options: &SessionOptions) -> Result<Box<dyn Session>> {
        session::open::<Eager>(weights, options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::conformance::conformance;

    #[test]
    fn torch_conforms() {
        conformance(&Torch, 1e-4);
    }

    #[test]
    fn torch_eager_conforms() {
        conformance(&TorchEager, 1e-4);
    }
}
