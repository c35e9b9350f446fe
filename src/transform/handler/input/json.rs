//! Arrays of JSON.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};

use super::pixels::{SHAPES, Scale, images_in};
use crate::data::Image;
use crate::error::{Error, Result};

/// The most that arrays of images are nested.
const DEEPEST: usize = 4;

/// Appends the images of one array.
///
/// # Errors
/// [`Error::Malformed`] for what is no JSON, or no images.
pub(super) fn decode(bytes: &[u8], images: &mut Vec<Image>) -> Result<()> {
    let mut array = Array::default();
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = Nested { array: &mut array, depth: 0 }.deserialize(&mut json);
    read.and_then(|()| json.end()).map_err(|error| Error::malformed("json", error.to_string()))?;
    images_in("json", &array.shape)?;
    let scale = if array.floats { Scale::Shares } else { Scale::Pixels };
    scale.images("json", array.numbers.into_iter(), images)
}

/// Appends the images of lines that are an array each. Empty lines are passed over, except that a
/// record of nothing else has no image.
///
/// # Errors
/// [`Error::Malformed`] for a line that is no JSON, or no images, with its number from 1.
pub(super) fn decode_lines(bytes: &[u8], images: &mut Vec<Image>) -> Result<()> {
    let mut some = false;
    for (i, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        some = true;
        decode(line, images).map_err(|error| error.within(format_args!("line {}", i + 1)))?;
    }
    if some { Ok(()) } else { Err(Error::malformed("json", "an empty line, and no image")) }
}

/// Numbers in nested arrays, all of one length at each depth.
#[derive(Default)]
struct Array {
    shape: Vec<usize>,
    numbers: Vec<f64>,
    /// Whether one of them is written with a point or an exponent.
    floats: bool,
}

/// What stands at some depth of an array.
struct Nested<'a> {
    array: &'a mut Array,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Nested<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of numbers with the shape {SHAPES}")
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<(), E> {
        self.number(number as f64)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<(), E> {
        self.number(number as f64)
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<(), E> {
        self.array.floats = true;
        self.number(number)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self { array, depth } = self;
        if depth == DEEPEST {
            return Err(A::Error::custom(format!("nested deeper than {SHAPES}")));
        }
        let first = array.shape.len() == depth;
        if first {
            if !array.numbers.is_empty() {
                return Err(A::Error::custom("arrays and numbers side by side"));
            }
            array.shape.push(0);
        }
        let mut length = 0;
        while items.next_element_seed(Nested { array, depth: depth + 1 })?.is_some() {
            length += 1;
        }
        if !first && array.shape[depth] != length {
            let other = array.shape[depth];
            return Err(A::Error::custom(format!("arrays of {other} and {length} side by side")));
        }
        array.shape[depth] = length;
        Ok(())
    }
}

impl Nested<'_> {
    fn number<E: serde::de::Error>(self, number: f64) -> Result<(), E> {
        if self.array.shape.len() != self.depth {
            return Err(E::custom("arrays and numbers side by side"));
        }
        self.array.numbers.push(number);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Vec<Image>> {
        let mut images = Vec::new();
        decode(text.as_bytes(), &mut images).map(|()| images)
    }

    fn refusal(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    /// `[first, 0, 0, ..]` of `n` numbers.
    fn row(first: &str, n: usize) -> String {
        format!("[{first}{}]", ", 0".repeat(n - 1))
    }

    fn rows(first: &str, n: usize, of: usize) -> String {
        format!("[{}{}]", row(first, of), format!(", {}", row("0", of)).repeat(n - 1))
    }

    #[test]
    fn every_shape_of_an_image_is_read() {
        let square = rows("7", 28, 28);
        for (text, images) in [
            (row("7", 784), 1),
            (square.clone(), 1),
            (format!("[{square}]"), 1),
            (format!("[[{square}]]"), 1),
            (rows("7", 3, 784), 3),
            (format!("[{square}, {square}]"), 2),
            (format!("[[{square}], [{square}]]"), 2),
        ] {
            let read = read(&text).unwrap();
            assert_eq!((read.len(), read[0].0[0], read[0].0[1]), (images, 7, 0));
        }
    }

    #[test]
    fn a_number_with_a_point_makes_shares_of_the_array() {
        assert_eq!(read(&row("1", 784)).unwrap()[0].0[0], 1);
        assert_eq!(read(&row("1.0", 784)).unwrap()[0].0[0], 255);
        let two = format!("[{}, {}]", row("1", 784), row("0.5", 784));
        let first: Vec<u8> = read(&two).unwrap().iter().map(|image| image.0[0]).collect();
        assert_eq!(first, [255, 128]);
    }

    #[test]
    fn what_is_no_image_is_refused() {
        for (text, says) in [
            (String::new(), "EOF while parsing"),
            (row("7", 784)[..100].into(), "EOF while parsing"),
            (row("7", 784) + "x", "trailing characters"),
            ("7".into(), "shape [], but"),
            ("[]".into(), "shape [0], but"),
            ("[[]]".into(), "shape [1, 0], but"),
            (row("7", 783), "shape [783], but an image has [784], [28, 28]"),
            (row("\"7\"", 784), "invalid type: string \"7\", expected an array of numbers"),
            (row("null", 784), "invalid type: null, expected an array of numbers"),
            ("{\"a\": 1}".into(), "invalid type: map, expected an array of numbers"),
            (row("256", 784), "pixel 256 is not between 0 and 255"),
            (row("1.5", 784), "1.5 is not between 0 and 1"),
            (row("1e999", 784), "number out of range"),
            (row("NaN", 784), "json: expected value"),
            (row("[7]", 784), "arrays and numbers side by side"),
            (format!("[7, {}]", row("7", 784)), "arrays and numbers side by side"),
            (format!("[{}, {}]", row("7", 784), row("7", 28)), "arrays of 784 and 28 side by side"),
            ("[".repeat(5), "nested deeper than"),
            ("[".repeat(100_000), "nested deeper than"),
        ] {
            let error = refusal(&text);
            assert!(error.starts_with("json: ") && error.contains(says), "{says}: {error}");
        }
    }

    #[test]
    fn lines_are_arrays_each_and_one_that_is_not_is_named() {
        let lines = |text: &str| {
            let mut images = Vec::new();
            decode_lines(text.as_bytes(), &mut images).map(|()| images.len())
        };
        let one = row("7", 784);
        assert_eq!(lines(&one).unwrap(), 1);
        assert_eq!(lines(&format!("{one}\r\n\n{}\n", rows("7", 2, 784))).unwrap(), 3);
        let error = lines(&format!("{one}\n[1]\n")).unwrap_err().to_string();
        assert!(error.starts_with("line 2: json: shape [1], but"), "{error}");
        assert!(lines(" \n").unwrap_err().to_string().contains("no image"));
    }

    proptest! {
        /// For all text of JSON's characters: it is read or refused.
        #[test]
        fn any_text_is_read_or_refused(text in "[\\[\\],0-9.e \\-]{0,200}") {
            let _ = read(&text);
        }
    }
}
