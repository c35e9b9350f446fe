//! Bytes as text that may lie in a page: gzip, then 91 printable characters.
//!
//! Base64 makes three bytes four characters. Two of these characters carry 13 bits (91 x 91 is just
//! above 2^13), so that 16 bytes take about 19.7 characters instead of 21.3: 140 kB less for
//! plotly's script. `js/unpack.js` reads it back.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::error::{Error, Result};

/// Bits of a pair of characters.
const PAIR_BITS: u32 = 13;

/// What a single character at the end can carry.
const LAST_BITS: u32 = 6;

/// The printable characters of ASCII but the space and `<`, `>` and `&`, so that the text can
/// neither end the element that holds it nor be read as anything else.
const DIGITS: [u8; 91] = digits();

const fn digits() -> [u8; 91] {
    let (mut digits, mut n, mut c) = ([0; 91], 0, b'!');
    while c <= b'~' {
        if !matches!(c, b'<' | b'>' | b'&') {
            digits[n] = c;
            n += 1;
        }
        c += 1;
    }
    digits
}

/// Bytes, compressed, as text.
pub(super) fn packed(bytes: &[u8]) -> Result<String> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    let small = gzip.write_all(bytes).and_then(|()| gzip.finish());
    let bug = |error| Error::Bug(format!("the page's data cannot be packed: {error}"));
    small.map(|small| text(&small)).map_err(bug)
}

/// Bytes as text: 13 bits a pair of characters, the lower digit first. At the end a single
/// character takes up to six bits; what it or the last pair has to spare is less than a byte.
fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 16 / 13 + 2);
    let mut digit = |value: u32| text.push(char::from(DIGITS[value as usize]));
    let (mut held, mut bits) = (0u32, 0u32);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        if bits >= PAIR_BITS {
            bits -= PAIR_BITS;
            let pair = held >> bits;
            held &= (1 << bits) - 1;
            digit(pair % 91);
            digit(pair / 91);
        }
    }
    if bits > LAST_BITS {
        let pair = held << (PAIR_BITS - bits);
        digit(pair % 91);
        digit(pair / 91);
    } else if bits > 0 {
        digit(held << (LAST_BITS - bits));
    }
    text
}

/// Reads [`packed`] back, as the page's script does.
#[cfg(test)]
pub(super) fn unpacked(text: &str) -> String {
    let mut out = String::new();
    let bytes = bytes(text);
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut out).unwrap();
    out
}

#[cfg(test)]
fn bytes(text: &str) -> Vec<u8> {
    let digit = |c: u8| DIGITS.iter().position(|digit| *digit == c).unwrap() as u32;
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0u32, 0u32);
    for pair in text.as_bytes().chunks(2) {
        let (value, more) = match pair {
            [low, high] => (digit(*low) + 91 * digit(*high), PAIR_BITS),
            _ => (digit(pair[0]), LAST_BITS),
        };
        held = held << more | value;
        bits += more;
        while bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_digits_are_printable_distinct_and_no_markup() {
        let distinct: std::collections::BTreeSet<_> = DIGITS.iter().collect();
        assert_eq!(distinct.len(), 91);
        assert!(DIGITS.iter().all(|c| c.is_ascii_graphic() && !b"<>&".contains(c)));
    }

    #[test]
    fn text_is_shorter_than_base64() {
        let bytes: Vec<u8> = (0..13_000u32).map(|n| n.wrapping_mul(2_654_435_761) as u8).collect();
        assert_eq!(text(&bytes).len(), 16_000);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn bytes_survive_the_way_through_text(before in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(bytes(&text(&before)), before);
        }

        #[test]
        fn what_is_packed_is_unpacked(before in "\\PC{0,300}") {
            prop_assert_eq!(unpacked(&packed(before.as_bytes()).unwrap()), before);
        }
    }
}
