//! The MNIST CNN: its shapes, its weights and the files they travel in.

mod archive;
mod assemble;
mod checkpoint;
mod element;
mod file;
mod kind;
mod pickle;
mod safetensors;
mod spec;
mod weights;
mod words;

pub use self::file::{Metadata, load, save, shipped};
pub use self::spec::{CLASSES, MEAN, PARAMETER_COUNT, PARAMETERS, Parameter, STD, normalise};
pub use self::weights::Weights;

/// Why a tensor of integers cannot be weights, and the fix.
const NOT_FLOATS: &str = "not floating-point numbers; save the tensor with .float()";
