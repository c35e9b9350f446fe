//! From the bytes of a PNG or JPEG file to an [`Image`].
//!
//! What the pixels become, whatever the file holds:
//! - **grey**: luma after ITU-R BT.601, as Pillow's `convert("L")` has it,
//!   `(19595 R + 38470 G + 7471 B + 32768) / 65536`. 16-bit samples are rounded to 8 bits first;
//!   1-, 2- and 4-bit samples and palettes are expanded to 8 bits. Gamma, colour profiles and
//!   EXIF orientation are not applied.
//! - **alpha** is composited over black, MNIST's background: `(grey * alpha + 127) / 255`. Black
//!   ink on a transparent ground therefore disappears; MNIST's ink is white.
//! - **size**: anything but 28x28 is stretched to it with a triangle filter whose support grows
//!   with the reduction (bilinear with antialiasing, as Pillow's `BILINEAR`).
//! - **an animation** gives its first frame.

mod general;
mod plain;
#[cfg(test)]
mod tests;

pub use self::general::{MAX_PIXELS, MAX_SIDE, decode_general, encode_png};

use super::Image;
use crate::error::Result;

/// Decodes a PNG or JPEG file of any colour type, bit depth and size.
///
/// # Errors
/// [`Error::Malformed`](crate::Error::Malformed) with `what` = "image" for anything that is not a
/// whole picture of at most [`MAX_PIXELS`]; the caller knows its key and adds it.
pub fn decode(bytes: &[u8]) -> Result<Image> {
    plain::decode(bytes).map_or_else(|| decode_general(bytes), Ok)
}
