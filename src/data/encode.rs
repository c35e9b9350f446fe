//! From an [`Image`] to the bytes of a PNG file.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use super::{IMAGE_SIDE, Image};
use crate::error::{Error, Result};

/// Encodes an image as an 8-bit greyscale PNG.
///
/// # Errors
/// [`Error::Bug`]: there is no image that cannot be encoded.
pub fn encode_png(image: &Image) -> Result<Vec<u8>> {
    let side = IMAGE_SIDE as u32;
    let mut bytes = Vec::with_capacity(512);
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive)
        .write_image(&image.0, side, side, ExtendedColorType::L8)
        .map_err(|error| Error::Bug(format!("a 28x28 image became no PNG: {error}")))?;
    Ok(bytes)
}
