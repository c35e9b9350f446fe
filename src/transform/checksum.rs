//! Checksums as text, and on their way through JSON without a text of their own.

use std::fmt;

use serde::de::Visitor;
use serde::{Deserializer, Serializer};

/// SHA-256.
pub(super) type Sum = [u8; 32];

/// A checksum as text, of ASCII.
fn digits(sum: &Sum) -> [u8; 64] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut digits = [0; 64];
    for (pair, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(sum) {
        *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    }
    digits
}

/// The checksum that a text is, if it is one.
pub(super) fn from_hex(text: &str) -> Option<Sum> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let value = |digit: u8| (digit as char).to_digit(16);
    let mut sum = [0; 32];
    for (byte, pair) in sum.iter_mut().zip(digits.as_chunks::<2>().0) {
        *byte = (value(pair[0])? * 16 + value(pair[1])?) as u8;
    }
    Some(sum)
}

/// Writes a checksum as its text: `#[serde(serialize_with = "..")]`.
pub(super) fn serialize<S: Serializer>(sum: &Sum, to: S) -> Result<S::Ok, S::Error> {
    let digits = digits(sum);
    // Digits are ASCII.
    to.serialize_str(str::from_utf8(&digits).unwrap_or_default())
}

/// Reads what [`serialize`] writes.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Sum, D::Error> {
    struct Text;
    impl Visitor<'_> for Text {
        type Value = Sum;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a checksum of 64 hexadecimal digits")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Sum, E> {
            from_hex(text).ok_or_else(|| E::custom(format_args!("`{text}` is no checksum")))
        }
    }
    from.deserialize_str(Text)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};

    use super::*;

    /// A checksum as text.
    pub(in crate::transform) fn hex(sum: &Sum) -> String {
        digits(sum).iter().map(|&digit| char::from(digit)).collect()
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Line(#[serde(with = "super")] Sum);

    proptest! {
        /// For all checksums, the text of one is read as itself.
        #[test]
        fn a_checksum_is_read_as_it_was_written(sum in any::<Sum>()) {
            prop_assert_eq!(from_hex(&hex(&sum)), Some(sum));
            let json = serde_json::to_string(&Line(sum)).unwrap();
            prop_assert_eq!(&json, &format!("\"{}\"", hex(&sum)));
            prop_assert_eq!(serde_json::from_str::<Line>(&json).unwrap(), Line(sum));
        }

        /// For all texts that are no checksum, none is read.
        #[test]
        fn what_is_no_checksum_is_refused(text in "\\PC{0,70}") {
            let is_one = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
            prop_assert_eq!(from_hex(&text).is_some(), is_one);
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(serde_json::from_str::<Line>(&json).is_ok(), is_one);
        }
    }
}
