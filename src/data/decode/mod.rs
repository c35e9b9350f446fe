//! From the bytes of a PNG or JPEG file to an [`Image`](super::Image).
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

//!
//! A 28x28 PNG in 8-bit grey, which nearly every object of a job is, takes about three microseconds.
//! A decoder of our own for this one kind, with an inflater kept from picture to picture, was a
//! quarter faster on small clean digits and slower on noisy ones; it was not worth its lines.
//!
//! PNG chunks are checked by their CRC. The Adler-32 inside, which guards the same bytes again, is
//! not looked at.

mod grey;
mod picture;
#[cfg(test)]
mod tests;

pub use self::picture::{MAX_PIXELS, MAX_SIDE, decode};
