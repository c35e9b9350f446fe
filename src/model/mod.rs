//! The MNIST CNN: its shapes, its weights and the files they travel in.
//!
//! [`load`] reads safetensors, PyTorch's `.pth` and TorchScript's `.pt`, and a `model.tar.gz` with
//! one of them; [`save`] writes all but TorchScript. A file may come from anyone: nothing in it is
//! executed, nothing is unpacked to disk, and what it can make Plimsoll read and keep is bounded.

mod archive;
mod assemble;
mod checkpoint;
mod element;
mod file;
#[cfg(test)]
mod hostile;
mod kind;
mod pickle;
mod safetensors;
mod spec;
mod weights;
mod words;

pub use self::file::{Metadata, load, save, shipped};
pub use self::spec::{
    CLASSES, FLOP_PER_IMAGE, MEAN, PARAMETER_COUNT, PARAMETERS, Parameter, STD, normalise,
};
pub use self::weights::Weights;

/// Why a tensor of integers cannot be weights, and the fix.
const NOT_FLOATS: &str = "not floating-point numbers; save the tensor with .float()";
