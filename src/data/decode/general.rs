//! Any PNG or JPEG, through the `image` crate.

use std::io::Cursor;

use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::{CompressionType, FilterType, PngDecoder, PngEncoder};
use image::{
    ColorType, ExtendedColorType, GrayImage, ImageDecoder, ImageEncoder, ImageError, Limits,
    imageops,
};

use crate::data::{IMAGE_PIXELS, IMAGE_SIDE, Image};
use crate::error::{Error, Result};
use crate::units;

/// The most pixels that a picture may have: 8192 x 4096. Decoding one takes at most 8 bytes a
/// pixel, 256 MiB.
pub const MAX_PIXELS: u64 = 1 << 25;
/// The longest side that a picture may have, in pixels.
pub const MAX_SIDE: u32 = 1 << 14;

const SIDE: u32 = IMAGE_SIDE as u32;

fn malformed(reason: impl Into<String>) -> Error {
    Error::malformed("image", reason)
}

/// [`decode`](super::decode) without its short cut for plain pictures, which is tested against it.
///
/// # Errors
/// As [`decode`](super::decode).
pub fn decode_general(bytes: &[u8]) -> Result<Image> {
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

/// Encodes an image as an 8-bit greyscale PNG.
///
/// # Errors
/// [`Error::Bug`]: there is no image that cannot be encoded.
pub fn encode_png(image: &Image) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(512);
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive)
        .write_image(&image.0, SIDE, SIDE, ExtendedColorType::L8)
        .map_err(|error| Error::Bug(format!("a 28x28 image became no PNG: {error}")))?;
    Ok(bytes)
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
    let grey = grey(samples, color)?;
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

/// Samples, 16-bit ones in native order, to grey on black.
fn grey(samples: Vec<u8>, color: ColorType) -> Result<Vec<u8>> {
    Ok(match color {
        ColorType::L8 => samples,
        ColorType::La8 => map(&samples, |[grey, alpha]: [u8; 2]| over_black(grey, alpha)),
        ColorType::Rgb8 => map(&samples, luma),
        ColorType::Rgba8 => {
            map(&samples, |[red, green, blue, alpha]| over_black(luma([red, green, blue]), alpha))
        }
        ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16 => {
            let narrow = map(&samples, |pair: [u8; 2]| to_8_bits(u16::from_ne_bytes(pair)));
            let color = match color {
                ColorType::L16 => ColorType::L8,
                ColorType::La16 => ColorType::La8,
                ColorType::Rgb16 => ColorType::Rgb8,
                _ => ColorType::Rgba8,
            };
            return grey(narrow, color);
        }
        other => return Err(malformed(format!("its colour type {other:?} is not known here"))),
    })
}

fn map<const N: usize>(samples: &[u8], f: impl Fn([u8; N]) -> u8) -> Vec<u8> {
    samples.as_chunks().0.iter().map(|&pixel| f(pixel)).collect()
}

/// ITU-R BT.601 in 16-bit fixed point, as Pillow has it.
fn luma([red, green, blue]: [u8; 3]) -> u8 {
    let sum = 19_595 * u32::from(red) + 38_470 * u32::from(green) + 7_471 * u32::from(blue);
    ((sum + 32_768) >> 16) as u8
}

fn over_black(grey: u8, alpha: u8) -> u8 {
    ((u32::from(grey) * u32::from(alpha) + 127) / 255) as u8
}

fn to_8_bits(sample: u16) -> u8 {
    ((u32::from(sample) + 128) / 257) as u8
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
