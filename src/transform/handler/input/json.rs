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
