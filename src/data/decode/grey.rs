//! From samples of any colour type to grey on black.

use image::ColorType;

use super::picture::malformed;
use crate::error::Result;

/// Samples, 16-bit ones in native order, to grey on black.
pub(super) fn from_samples(samples: Vec<u8>, color: ColorType) -> Result<Vec<u8>> {
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
            return from_samples(narrow, color);
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
