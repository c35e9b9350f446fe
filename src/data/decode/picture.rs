//! From a file to samples, through the `image` crate, within limits.

use std::io::Cursor;

use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::{GrayImage, ImageDecoder, ImageError, Limits, imageops};

use super::grey;
use crate::data::{IMAGE_PIXELS, IMAGE_SIDE, Image};
use crate::error::{Error, Result};
use crate::units;

/// The most pixels that a picture may have: 8192 x 4096. Their samples take at most 8 bytes
/// each, 256 MiB in all.
pub const MAX_PIXELS: u64 = 1 << 25;
/// The longest side that a picture may have, in pixels.
pub const MAX_SIDE: u32 = 1 << 14;

const SIDE: u32 = IMAGE_SIDE as u32;

pub(super) fn malformed(reason: impl Into<String>) -> Error {
    Error::malformed("image", reason)
}

/// Decodes a PNG or JPEG file of any colour type, bit depth and size.
///
/// # Errors
/// [`Error::Malformed`] with `what` = "image" for anything that is not a whole picture of at most
/// [`MAX_PIXELS`] and [`MAX_SIDE`]; the caller knows its key and adds it.
pub fn decode(bytes: &[u8]) -> Result<Image> {
    match Format::of(bytes)? {
        Format::Png => {
            if let Some((width, height)) = declared_size(bytes) {
                check_size(width, height)?;
            }
            let mut limits = Limits::no_limits();
            limits.max_alloc = Some(MAX_PIXELS * 8);
            read(PngDecoder::with_limits(Cursor::new(bytes), limits))
        }
        Format::Jpeg => {
            // The decoder fills what is missing with grey, and says nothing.
            if !has_jpeg_end(bytes) {
                return Err(malformed("the JPEG is truncated: it has no end marker"));
            }
            read(JpegDecoder::new(Cursor::new(bytes)))
        }
    }
}

enum Format {
    Png,
    Jpeg,
}

impl Format {
    fn of(bytes: &[u8]) -> Result<Self> {
        match bytes {
            [] => Err(malformed("zero bytes; not a picture")),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Ok(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Ok(Self::Jpeg),
            _ => Err(malformed("neither PNG nor JPEG, by its first bytes")),
        }
    }
}

/// Width and height as a PNG's header declares them, read before anything is allocated.
fn declared_size(png: &[u8]) -> Option<(u32, u32)> {
    let field = |at: usize| png.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
    Some((field(16)?, field(20)?))
}

/// Whether an end-of-image marker follows the last start of a scan. Neither can occur inside the
/// scan itself, and the thumbnail that a camera puts in front has its own pair.
fn has_jpeg_end(jpeg: &[u8]) -> bool {
    let last = |marker: [u8; 2]| jpeg.windows(2).rposition(|pair| pair == marker);
    last([0xff, 0xd9]) > last([0xff, 0xda])
}

fn check_size(width: u32, height: u32) -> Result<()> {
    let pixels = u64::from(width) * u64::from(height);
    if pixels > MAX_PIXELS || width.max(height) > MAX_SIDE {
        return Err(malformed(format!(
            "{width} x {height} pixels are too many: at most {} pixels and {} a side are decoded; \
             shrink it first",
            units::count(MAX_PIXELS),
            units::count(MAX_SIDE.into()),
        )));
    }
    Ok(())
}

/// Everything after the header is known to be sound.
fn read(decoder: image::ImageResult<impl ImageDecoder>) -> Result<Image> {
    let decoder = decoder.map_err(explain)?;
    let (width, height) = decoder.dimensions();
    check_size(width, height)?;
    let color = decoder.color_type();
    let size = usize::try_from(decoder.total_bytes())
        .map_err(|_| malformed("larger than this machine's address space"))?;
    let mut samples = vec![0; size];
    decoder.read_image(&mut samples).map_err(explain)?;
    let grey = grey::from_samples(samples, color)?;
    if (width, height) == (SIDE, SIDE) {
        return image_of(&grey);
    }
    let picture = GrayImage::from_raw(width, height, grey)
        .ok_or_else(|| Error::Bug("a decoder returned too few pixels".into()))?;
    image_of(imageops::resize(&picture, SIDE, SIDE, imageops::FilterType::Triangle).as_raw())
}

fn image_of(grey: &[u8]) -> Result<Image> {
    let pixels: [u8; IMAGE_PIXELS] =
        grey.try_into().map_err(|_| Error::Bug("a decoder returned too few pixels".into()))?;
    Ok(Image(pixels))
}

/// The decoder's error as the cause that a user can act on.
fn explain(error: ImageError) -> Error {
    match error {
        ImageError::IoError(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => {
            malformed("truncated: the file ends before its pixels do")
        }
        ImageError::Limits(_) => malformed(format!(
            "decoding it would take more than {} of memory",
            units::bytes(MAX_PIXELS * 8)
        )),
        // The inner error says what is wrong without "format error decoding" in front.
        other => malformed(match std::error::Error::source(&other) {
            Some(cause) => cause.to_string(),
            None => other.to_string(),
        }),
    }
}
