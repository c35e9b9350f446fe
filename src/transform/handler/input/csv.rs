//! Lines of numbers.

use super::pixels::Scale;
use crate::data::{IMAGE_PIXELS, IMAGE_SIDE, Image};
use crate::error::{Error, Result};

/// Appends the images of a record: one a line of 784 numbers, or one for 28 lines of 28.
///
/// # Errors
/// [`Error::Malformed`] for lines that are no such thing, with their number from 1.
pub(super) fn decode(bytes: &[u8], images: &mut Vec<Image>) -> Result<()> {
    let before = images.len();
    if plain(bytes, images).is_none() {
        images.truncate(before);
        general(bytes, images)?;
    }
    if images.len() == before {
        return Err(malformed("an empty line, and no image"));
    }
    Ok(())
}

/// Reads lines of 784 whole numbers from 0 to 255 with nothing but commas between them, which is
/// what nearly all are. `None` for anything else.
fn plain(bytes: &[u8], images: &mut Vec<Image>) -> Option<()> {
    let mut image = Image([0; IMAGE_PIXELS]);
    let mut rest = bytes;
    while !rest.is_empty() {
        for (i, pixel) in image.0.iter_mut().enumerate() {
            let digits = rest.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
            let value = rest[..digits].iter().fold(0, |n, digit| n * 10 + u16::from(digit - b'0'));
            if digits == 0 || digits > 3 {
                return None;
            }
            *pixel = u8::try_from(value).ok()?;
            rest = &rest[digits..];
            rest = if i + 1 < IMAGE_PIXELS { rest.strip_prefix(b",")? } else { end_of_line(rest)? };
        }
        images.push(image);
    }
    Some(())
}

/// What follows a line's end, if there is one here.
fn end_of_line(rest: &[u8]) -> Option<&[u8]> {
    match rest {
        [] => Some(rest),
        [b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..] => Some(rest),
        _ => None,
    }
}

/// Reads whatever else CSV may be, after RFC 4180: quoted numbers, spaces, floats, lines of 28.
fn general(bytes: &[u8], images: &mut Vec<Image>) -> Result<()> {
    let mut lines = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let mut fields = csv::ByteRecord::new();
    let mut image = Pending::default();
    loop {
        match lines.read_byte_record(&mut fields) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => return Err(malformed(error.to_string())),
        }
        let number = fields.position().map_or(0, csv::Position::line);
        image.line(&fields, images).map_err(|error| error.within(format_args!("line {number}")))?;
    }
    if !image.numbers.is_empty() {
        let rows = image.numbers.len() / IMAGE_SIDE;
        return Err(malformed(format!("{rows} lines of 28 numbers, but an image has 28 of them")));
    }
    Ok(())
}

/// An image of which not all lines have come.
#[derive(Default)]
struct Pending {
    numbers: Vec<f64>,
    floats: bool,
}

impl Pending {
    fn line(&mut self, fields: &csv::ByteRecord, images: &mut Vec<Image>) -> Result<()> {
        let fits = match fields.len() {
            IMAGE_PIXELS => self.numbers.is_empty(),
            IMAGE_SIDE => true,
            _ => false,
        };
        if !fits {
            return Err(malformed(wrong_length(fields.len())));
        }
        for field in fields {
            let number = std::str::from_utf8(field).ok().and_then(|text| text.parse::<f64>().ok());
            let number = number.ok_or_else(|| {
                let shown: String = String::from_utf8_lossy(field).chars().take(40).collect();
                malformed(format!("`{shown}` is no number; a header line is not wanted"))
            })?;
            self.floats |= field.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E'));
            self.numbers.push(number);
        }
        if self.numbers.len() == IMAGE_PIXELS {
            let scale = if self.floats { Scale::Shares } else { Scale::Pixels };
            scale.images("csv", self.numbers.drain(..), images)?;
            self.floats = false;
        }
        Ok(())
    }
}

fn wrong_length(numbers: usize) -> String {
    let hint = if numbers == IMAGE_PIXELS + 1 {
        "; take a label in front away with `--input-filter '$[1:]'`"
    } else {
        ""
    };
    format!("{numbers} numbers, but a line has 784 for an image, or 28 for one of its rows{hint}")
}

fn malformed(reason: impl Into<String>) -> Error {
    Error::malformed("csv", reason)
}
