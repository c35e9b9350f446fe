//! Pictures: where they come from and how they become 28x28 greyscale images.
//!
//! - [`decode()`] makes an [`Image`] of a PNG or JPEG file; [`encode_png`] goes back.
//! - [`Source`] says which MNIST there is on this machine and loads a [`Split`] of it, and falls
//!   back to the synthetic [`digits`], which say plainly that they are not MNIST.
//! - [`idx`] reads and writes MNIST's own file format.

mod dataset;
pub mod decode;
pub mod digits;
mod encode;
pub mod idx;
mod image;
pub mod sample;
pub mod source;

pub use self::dataset::{Dataset, Split};
pub use self::decode::decode;
pub use self::encode::encode_png;
pub use self::image::{IMAGE_PIXELS, IMAGE_SIDE, Image};
pub use self::source::Source;
