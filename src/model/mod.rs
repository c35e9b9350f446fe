//! The MNIST CNN: its shapes, its weights and the files they travel in.

mod spec;
mod weights;

pub use self::spec::{CLASSES, MEAN, PARAMETER_COUNT, PARAMETERS, Parameter, STD, normalise};
pub use self::weights::Weights;
