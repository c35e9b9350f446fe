//! What PyTorch pickles, read without running any of it.
//!
//! A pickle is a program for a small stack machine, and Python's own reader lets it call anything
//! that can be imported. This reader knows the opcodes that `torch.save` and `torch.jit.save`
//! write and a handful of names (`global.rs`); it builds plain data from them, calls nothing, and
//! refuses every other name. The numbers of tensors are not in the pickle but in entries beside
//! it, so what comes out here is where each tensor's numbers lie.
//!
//! Opcodes are described in Python's `pickletools`; PyTorch uses protocol 2.

mod global;
mod input;
mod machine;
mod tensors;
mod value;
mod write;

pub(super) use self::tensors::{Named, Tensors};
pub(super) use self::write::state_dict;

use crate::error::Result;

/// Reads a pickle and lists the tensors of the model in it.
///
/// # Errors
/// [`Error::Malformed`](crate::error::Error::Malformed) for anything that is not a model's state.
pub(super) fn read(bytes: &[u8]) -> Result<Tensors<'_>> {
    let (root, heap) = machine::run(bytes)?;
    tensors::of(root, &heap)
}

#[cfg(test)]
mod tests;
