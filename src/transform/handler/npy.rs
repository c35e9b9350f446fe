//! NumPy's `.npy` format, versions 1 to 3.
//!
//! ```text
//! "\x93NUMPY" | u8 major | u8 minor | u16 or (from 2.0) u32 header length | header | values
//! ```
//! The header is a Python dictionary of literals. Source: numpy/lib/format.py. A reader of our own,
//! because the crate for it, npyz, brings a parser of all of Python's literals; ours knows what
//! NumPy itself writes, with any spacing and order.

use crate::error::{Error, Result};

const MAGIC: &[u8] = b"\x93NUMPY";
/// The end of the header is padded to a multiple of this.
const ALIGNMENT: usize = 64;
/// No header is longer. NumPy itself refuses to read one past 10,000.
const LONGEST_HEADER: usize = 10_000;

/// An array whose bytes are all there.
#[derive(Debug, PartialEq)]
pub(super) struct Array<'a> {
    pub(super) kind: Kind,
    pub(super) shape: Vec<usize>,
    /// In C order, `shape` of them.
    pub(super) values: &'a [u8],
}

/// What the values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) number: Number,
    /// Bytes of each.
    pub(super) size: usize,
    pub(super) big_endian: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Unsigned,
    Signed,
    Float,
}

impl<'a> Array<'a> {
    /// Reads an array. Nothing is allocated but its shape.
    ///
    /// # Errors
    /// [`Error::Malformed`] for what is no array, is truncated, or holds what cannot be pixels.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self> {
        let (header, values) = parts(bytes)?;
        let Header { descr, fortran_order, shape } = Header::parse(header)?;
        let kind = Kind::parse(descr)?;
        if fortran_order && shape.len() > 1 {
            return Err(malformed(
                "in Fortran's order; save it with np.save(file, np.ascontiguousarray(array))",
            ));
        }
        let size = shape.iter().try_fold(kind.size, |size, &n| size.checked_mul(n));
        let size = size.ok_or_else(|| malformed(format!("shape {shape:?} is past all memory")))?;
        if values.len() != size {
            return Err(malformed(format!(
                "shape {shape:?} of {descr} takes {size} bytes, but {} follow the header{}",
                values.len(),
                if values.len() < size { "; the file is truncated" } else { "" },
            )));
        }
        Ok(Self { kind, shape, values })
    }
}

/// The header's text and the values' bytes.
fn parts(bytes: &[u8]) -> Result<(&str, &[u8])> {
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| {
        malformed("no array of NumPy's, by its first bytes; write it with np.save")
    })?;
    let short = || malformed("truncated within its header");
    let (&[major, _minor], rest) = rest.split_first_chunk().ok_or_else(short)?;
    let (length, rest) = match major {
        1 => {
            let (length, rest) = rest.split_first_chunk().ok_or_else(short)?;
            (usize::from(u16::from_le_bytes(*length)), rest)
        }
        2 | 3 => {
            let (length, rest) = rest.split_first_chunk().ok_or_else(short)?;
            (u32::from_le_bytes(*length) as usize, rest)
        }
        _ => return Err(malformed(format!("version {major} of the format is not known here"))),
    };
    if length > LONGEST_HEADER {
        return Err(malformed(format!("a header of {length} bytes cannot be one of an image")));
    }
    let (header, values) = rest.split_at_checked(length).ok_or_else(short)?;
    let header = std::str::from_utf8(header).map_err(|_| malformed("its header is not text"))?;
    Ok((header, values))
}

/// What a header says.
#[derive(Debug, PartialEq)]
struct Header<'a> {
    descr: &'a str,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl<'a> Header<'a> {
    fn parse(text: &'a str) -> Result<Self> {
        let fault = || {
            let shown: String = text.trim().chars().take(100).collect();
            malformed(format!(
                "its header is not NumPy's dictionary of descr, fortran_order and shape: `{shown}`"
            ))
        };
        let mut reader = Reader { rest: text };
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        reader.expect("{").ok_or_else(fault)?;
        while reader.expect("}").is_none() {
            let key = reader.string().ok_or_else(fault)?;
            reader.expect(":").ok_or_else(fault)?;
            match key {
                "descr" if reader.starts_with("[") => {
                    return Err(malformed("an array of records; save one of plain numbers"));
                }
                "descr" => descr = Some(reader.string().ok_or_else(fault)?),
                "fortran_order" => fortran_order = Some(reader.boolean().ok_or_else(fault)?),
                "shape" => shape = Some(reader.tuple().ok_or_else(fault)?),
                _ => return Err(fault()),
            }
            if reader.expect(",").is_none() && !reader.starts_with("}") {
                return Err(fault());
            }
        }
        match (descr, fortran_order, shape) {
            (Some(descr), Some(fortran_order), Some(shape)) if reader.is_at_end() => {
                Ok(Self { descr, fortran_order, shape })
            }
            _ => Err(fault()),
        }
    }
}

impl Kind {
    /// From NumPy's name for it: `<f4`, `|u1`.
    fn parse(descr: &str) -> Result<Self> {
        let unknown = || {
            let shown: String = descr.chars().take(20).collect();
            malformed(format!(
                "values of type `{shown}`; pixels are integers of 8 to 64 bits or floats of 32 or \
                 64: save the array with .astype(np.uint8)"
            ))
        };
        let (order, rest) = descr.split_at_checked(1).ok_or_else(unknown)?;
        let (number, size) = match rest {
            "u1" | "u2" | "u4" | "u8" => (Number::Unsigned, &rest[1..]),
            "i1" | "i2" | "i4" | "i8" => (Number::Signed, &rest[1..]),
            "f4" | "f8" => (Number::Float, &rest[1..]),
            _ => return Err(unknown()),
        };
        let big_endian = match order {
            ">" => true,
            "<" => false,
            "|" if size == "1" => false,
            "=" => cfg!(target_endian = "big"),
            _ => return Err(unknown()),
        };
        let size = size.parse().map_err(|_| unknown())?;
        Ok(Self { number, size, big_endian })
    }

    /// The value of `bytes`, of which there are [`Kind::size`]. Integers past 2^53 are rounded, and
    /// are still no pixels.
    pub(super) fn value(self, bytes: &[u8]) -> f64 {
        let mut low = [0; 8];
        let low = &mut low[..];
        let bits = {
            let bytes = &bytes[..self.size.min(8)];
            low[..bytes.len()].copy_from_slice(bytes);
            if self.big_endian {
                low[..bytes.len()].reverse();
            }
            low.iter().rev().fold(0u64, |bits, &byte| bits << 8 | u64::from(byte))
        };
        match (self.number, self.size) {
            (Number::Unsigned, _) => bits as f64,
            (Number::Signed, size) => {
                let spare = 64 - 8 * size as u32;
                ((bits << spare) as i64 >> spare) as f64
            }
            (Number::Float, 4) => f64::from(f32::from_bits(bits as u32)),
            (Number::Float, _) => f64::from_bits(bits),
        }
    }
}

/// Reads the few literals that a header is made of. Each gives `None`, and stays where it is, for
/// anything else.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn starts_with(&mut self, text: &str) -> bool {
        self.rest = self.rest.trim_start();
        self.rest.starts_with(text)
    }

    fn expect(&mut self, text: &str) -> Option<()> {
        self.starts_with(text).then(|| self.rest = &self.rest[text.len()..])
    }

    /// A string in quotes of either kind, without escapes: none of the words has any.
    fn string(&mut self) -> Option<&'a str> {
        let quote = ["'", "\""].into_iter().find(|quote| self.starts_with(quote))?;
        let (text, rest) = self.rest[1..].split_once(quote)?;
        self.rest = rest;
        Some(text)
    }

    fn boolean(&mut self) -> Option<bool> {
        match self.expect("True") {
            Some(()) => Some(true),
            None => self.expect("False").map(|()| false),
        }
    }

    fn tuple(&mut self) -> Option<Vec<usize>> {
        self.expect("(")?;
        let mut numbers = Vec::new();
        while self.expect(")").is_none() {
            let digits = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
            numbers.push(self.rest[..digits].parse().ok()?);
            self.rest = &self.rest[digits..];
            // Python 2 wrote a long integer with its L.
            let _ = self.expect("L");
            if self.expect(",").is_none() && !self.starts_with(")") {
                return None;
            }
        }
        Some(numbers)
    }

    fn is_at_end(&self) -> bool {
        self.rest.trim().is_empty()
    }
}

/// Appends the head of a version 1.0 file, as NumPy writes it: what stands before the values is a
/// multiple of 64 bytes.
pub(super) fn write_header(descr: &str, shape: &str, out: &mut Vec<u8>) {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    // The magic, the version, the length, and the newline at the end.
    let unpadded = MAGIC.len() + 2 + 2 + header.len() + 1;
    let padding = unpadded.next_multiple_of(ALIGNMENT) - unpadded;
    let length = (header.len() + padding + 1) as u16;
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&[1, 0]);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(header.as_bytes());
    out.extend(std::iter::repeat_n(b' ', padding));
    out.push(b'\n');
}

fn malformed(reason: impl Into<String>) -> Error {
    Error::malformed("npy", reason)
}
