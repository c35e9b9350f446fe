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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Vec<Image>> {
        let mut images = vec![Image([1; IMAGE_PIXELS])];
        decode(text.as_bytes(), &mut images)?;
        assert_eq!(images.remove(0), Image([1; IMAGE_PIXELS]), "what was there stays");
        Ok(images)
    }

    fn refusal(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    fn line(first: &str, n: usize) -> String {
        format!("{first}{}", ",0".repeat(n - 1))
    }

    #[test]
    fn a_line_of_784_is_an_image_with_any_line_end() {
        for text in ["\n", "\r\n", ""].map(|end| format!("{}{end}", line("7", 784))) {
            let images = read(&text).unwrap();
            assert_eq!((images.len(), images[0].0[0], images[0].0[783]), (1, 7, 0));
        }
        let two = format!("{}\n\n{}\n", line("7", 784), line("8", 784));
        let first: Vec<u8> = read(&two).unwrap().iter().map(|image| image.0[0]).collect();
        assert_eq!(first, [7, 8], "an empty line between two images is passed over");
    }

    #[test]
    fn twenty_eight_lines_of_28_are_an_image() {
        let picture = format!("{}\n", line("9", 28)).repeat(28);
        let images = read(&picture.repeat(2)).unwrap();
        assert_eq!(images.len(), 2);
        assert!(images[1].0.chunks(28).all(|row| row[0] == 9 && row[1] == 0));
        assert!(refusal(&picture[..picture.len() / 2]).contains("14 lines of 28 numbers"));
    }

    #[test]
    fn a_number_with_a_point_makes_shares_of_its_image() {
        let text = format!("{}\n{}\n", line("1.0", 784), line("1", 784));
        let first: Vec<u8> = read(&text).unwrap().iter().map(|image| image.0[0]).collect();
        assert_eq!(first, [255, 1]);
        assert_eq!(read(&line("2.5e-1", 784)).unwrap()[0].0[0], 64);
    }

    #[test]
    fn what_is_no_image_is_refused_with_its_line() {
        for (text, says) in [
            (String::new(), "csv: an empty line, and no image"),
            ("\n".into(), "csv: an empty line, and no image"),
            (line("7", 783), "line 1: csv: 783 numbers, but a line has 784"),
            (line("7", 785), "take a label in front away with `--input-filter '$[1:]'`"),
            (line("7", 28 * 27), "756 numbers"),
            (format!("{}\n{}", line("7", 784), line("x", 784)), "line 2: csv: `x` is no number"),
            (line("pixel0", 784), "a header line is not wanted"),
            (line("", 784), "`` is no number"),
            (line("256", 784), "pixel 256 is not between 0 and 255"),
            (line("-1", 784), "pixel -1 is not between 0 and 255"),
            (line("254.5", 784), "254.5 is not between 0 and 1"),
            (line("NaN", 784), "pixel NaN is not"),
            (line("inf", 784), "pixel inf is not"),
            (format!("{}\n{}", line("7", 28), line("7", 784)), "line 2: csv: 784 numbers"),
        ] {
            let text = refusal(&text);
            assert!(text.contains(says), "{says}: {text}");
        }
    }

    proptest! {
        /// For all pictures: the quick way and the general one read the same, and spaces or quotes
        /// around the numbers make no difference.
        #[test]
        fn both_ways_read_the_same(pixels in proptest::collection::vec(any::<u8>(), 784)) {
            let words: Vec<String> = pixels.iter().map(ToString::to_string).collect();
            let text = words.join(",") + "\n";
            let (mut quick, mut slow) = (Vec::new(), Vec::new());
            prop_assert!(plain(text.as_bytes(), &mut quick).is_some());
            general(text.as_bytes(), &mut slow).unwrap();
            prop_assert_eq!(&quick, &slow);
            prop_assert_eq!(&quick[0].0[..], &pixels[..]);
            prop_assert_eq!(read(&words.join(", ")).unwrap(), slow.clone());
            prop_assert_eq!(read(&format!("\"{}\"", words.join("\",\""))).unwrap(), slow);
        }

        /// For all text: it is read or refused.
        #[test]
        fn any_text_is_read_or_refused(text in "[0-9,.\"e \n\r-]{0,200}") {
            let _ = read(&text);
        }
    }
}
