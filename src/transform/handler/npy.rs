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
        let mut eight = [0; 8];
        let used = &mut eight[..self.size];
        used.copy_from_slice(bytes);
        if self.big_endian {
            used.reverse();
        }
        let bits = u64::from_le_bytes(eight);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An array of version 1.0 with the header as given, and so many bytes of values.
    fn file(header: &str, values: usize) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend((0..values).map(|i| i as u8));
        bytes
    }

    fn refusal(bytes: &[u8]) -> String {
        Array::parse(bytes).unwrap_err().to_string()
    }

    /// What `np.save` of numpy 2.4 writes of `np.zeros((28, 28), np.uint8)`, in versions 1 and 2.
    #[test]
    fn what_numpy_writes_is_read() {
        let head = |version: &[u8], pad: usize| {
            let mut bytes = [&b"\x93NUMPY"[..], version].concat();
            bytes.extend(b"{'descr': '|u1', 'fortran_order': False, 'shape': (28, 28), }");
            bytes.extend(vec![b' '; pad]);
            bytes.push(b'\n');
            assert_eq!(bytes.len(), 128);
            bytes.extend([9; 784]);
            bytes
        };
        for bytes in [head(b"\x01\x00v\x00", 56), head(b"\x02\x00t\x00\x00\x00", 54)] {
            let array = Array::parse(&bytes).unwrap();
            let kind = Kind { number: Number::Unsigned, size: 1, big_endian: false };
            assert_eq!(array, Array { kind, shape: vec![28, 28], values: &[9; 784] });
        }
        let mut written = Vec::new();
        write_header("|u1", "(28, 28)", &mut written);
        assert_eq!(written, head(b"\x01\x00v\x00", 56)[..128]);
    }

    #[test]
    fn headers_are_read_in_any_order_and_spacing() {
        for header in [
            "{'shape': (2, 3), 'fortran_order': False, 'descr': '<i2'}",
            "{\"descr\":\"<i2\",\"fortran_order\":False,\"shape\":(2,3)}",
            "  { 'descr' : '<i2' , 'fortran_order' : False , 'shape' : ( 2L , 3L , ) , }  \n",
        ] {
            assert_eq!(Array::parse(&file(header, 12)).unwrap().shape, [2, 3], "{header}");
        }
        let header = "{'descr': '|u1', 'fortran_order': True, 'shape': (3,), }";
        assert_eq!(Array::parse(&file(header, 3)).unwrap().values, [0, 1, 2], "one dimension");
        let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (), }";
        assert!(Array::parse(&file(header, 1)).unwrap().shape.is_empty());
    }

    #[test]
    fn every_kind_of_number_is_read_in_either_order() {
        for (descr, bytes, value) in [
            ("|u1", &[200][..], 200.0),
            ("|i1", &[200], -56.0),
            ("<u2", &[1, 2], 513.0),
            (">u2", &[1, 2], 258.0),
            ("<i2", &[0xfe, 0xff], -2.0),
            (">i4", &[0xff, 0xff, 0xff, 0xfe], -2.0),
            ("<u4", &[0, 0, 0, 0x80], 2_147_483_648.0),
            ("<i8", &[7, 0, 0, 0, 0, 0, 0, 0], 7.0),
            (">u8", &[0, 0, 0, 0, 0, 0, 1, 0], 256.0),
            ("<f4", &0.25f32.to_le_bytes(), 0.25),
            (">f4", &0.25f32.to_be_bytes(), 0.25),
            ("<f8", &0.1f64.to_le_bytes(), 0.1),
            (">f8", &0.1f64.to_be_bytes(), 0.1),
        ] {
            assert_eq!(Kind::parse(descr).unwrap().value(bytes), value, "{descr}");
        }
    }

    #[test]
    fn what_holds_no_pixels_is_refused_with_the_fix() {
        for (descr, says) in [
            ("'<f2'", "values of type `<f2`"),
            ("'|b1'", ".astype(np.uint8)"),
            ("'<c8'", "values of type `<c8`"),
            ("'|O'", "values of type `|O`"),
            ("''", "values of type ``"),
            ("'\u{fc}u1'", "values of type"),
            ("[('a', '|u1')]", "an array of records"),
        ] {
            let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (4,), }}");
            let text = refusal(&file(&header, 4));
            assert!(text.starts_with("npy: ") && text.contains(says), "{text}");
        }
        let header = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2), }";
        assert!(refusal(&file(header, 4)).contains("np.ascontiguousarray"));
    }

    #[test]
    fn hostile_and_damaged_files_are_refused_by_what_is_wrong() {
        let shape =
            |shape: &str| format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}");
        for (bytes, says) in [
            (b"".to_vec(), "by its first bytes"),
            (b"PK\x03\x04".to_vec(), "by its first bytes"),
            (b"\x93NUMPY\x01".to_vec(), "truncated within its header"),
            (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{".to_vec(), "a header of 4294967295 bytes"),
            (b"\x93NUMPY\x09\x00\x00\x00".to_vec(), "version 9"),
            (file(&shape("(99999999999, 99999999999)"), 8), "past all memory"),
            (file(&shape("(184467440737095516160,)"), 8), "not NumPy's dictionary"),
            (file(&shape("(1099511627776,)"), 8), "takes 8796093022208 bytes, but 8 follow"),
            (file(&shape("(-1,)"), 8), "not NumPy's dictionary"),
            (file(&shape("(1"), 8), "not NumPy's dictionary"),
            (file("{'descr': '<f8'}", 8), "not NumPy's dictionary"),
            (file("{'descr': '<f8', 'descr'", 8), "not NumPy's dictionary"),
            (file("__import__('os')", 8), "not NumPy's dictionary"),
            (file(&shape("(2,)"), 15), "but 15 follow the header; the file is truncated"),
            (file(&shape("(2,)"), 17), "but 17 follow the header"),
        ] {
            let text = refusal(&bytes);
            assert!(text.contains(says), "{says}: {text}");
        }
    }

    proptest! {
        /// For all bytes: they are read or refused; what is read has all its values.
        #[test]
        fn any_bytes_are_read_or_refused(
            header in "[{}()\\[\\]':,<>|uif0-9 a-z_TF]{0,60}", values in 0usize..50, raw: bool,
            bytes in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            let bytes = if raw { [MAGIC, &bytes].concat() } else { file(&header, values) };
            if let Ok(array) = Array::parse(&bytes) {
                let values: usize = array.shape.iter().product();
                prop_assert_eq!(values * array.kind.size, array.values.len());
            }
        }

        /// For all shapes: a header that is written is read as it was meant.
        #[test]
        fn a_written_header_is_read(shape in proptest::collection::vec(0usize..6, 0..4)) {
            let mut words: Vec<String> = shape.iter().map(ToString::to_string).collect();
            if let [one] = &mut words[..] {
                one.push(',');
            }
            let mut bytes = Vec::new();
            write_header(">i2", &format!("({})", words.join(", ")), &mut bytes);
            prop_assert_eq!(bytes.len() % ALIGNMENT, 0);
            bytes.resize(bytes.len() + 2 * shape.iter().product::<usize>(), 7);
            prop_assert_eq!(Array::parse(&bytes).unwrap().shape, shape);
        }
    }
}
