//! Bytes as text that may lie in a page: gzip, then seven bits a character.
//!
//! Base64 carries six bits a character. All of ASCII could carry seven, but for three characters
//! that a page reads as something else, and that are written as characters of two bytes instead.
//! Plotly's script takes 1.65 MB this way, 1.73 in 91 printable characters, and 1.88 in base64;
//! that is the room that a run of 400 cells needs. `js/unpack.js` reads it back.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::error::{Error, Result};

/// Bits of a character.
const BITS: u32 = 7;

/// What a page takes away (NUL), changes (a carriage return becomes a line feed) or may read as the
/// end of the element. A line feed is kept: where a tool writes it as two characters, the page reads
/// one again.
const UNSAFE: [u8; 3] = [0, b'\r', b'<'];

/// Added to the code of an unsafe character; its lower seven bits stay what they are.
const ELSEWHERE: u32 = 0x100;

/// Bytes, compressed, as text.
pub(super) fn packed(bytes: &[u8]) -> Result<String> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    let small = gzip.write_all(bytes).and_then(|()| gzip.finish());
    let bug = |error| Error::Bug(format!("the page's data cannot be packed: {error}"));
    small.map(|small| text(&small)).map_err(bug)
}

/// A script or a style without its indentation and without the lines that are comments alone. None of
/// ours has a text of several lines.
pub(super) fn lean(code: &str) -> String {
    let lines = code.lines().map(str::trim_start);
    let comment = |line: &&str| {
        line.is_empty()
            || line.starts_with("//")
            || (line.starts_with("/*") && line.ends_with("*/"))
    };
    lines.filter(|line| !comment(line)).flat_map(|line| [line, "\n"]).collect()
}

/// Bytes as text, the higher bits first; what the last character has to spare is less than a byte.
pub(super) fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() / 7 * 8 + bytes.len() / 32);
    let mut put = |value: u32| {
        let plain = value as u8;
        let elsewhere = char::from_u32(ELSEWHERE + value).filter(|_| UNSAFE.contains(&plain));
        text.push(elsewhere.unwrap_or(char::from(plain)));
    };
    let (mut held, mut bits) = (0u32, 0u32);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= BITS {
            bits -= BITS;
            put(held >> bits);
            held &= (1 << bits) - 1;
        }
    }
    if bits > 0 {
        put(held << (BITS - bits));
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
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0u32, 0u32);
    for c in text.chars() {
        held = held << BITS | u32::from(c) & 127;
        bits += BITS;
        if bits >= 8 {
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
    fn no_character_means_anything_to_a_page() {
        let all: Vec<u8> = (0..=255).chain((0..=255).rev()).collect();
        let text = text(&all.repeat(7));
        assert!(!text.contains(['<', '\r', '\0']));
        assert!(text.contains(['\u{100}', '\u{10d}', '\u{13c}']));
    }

    #[test]
    fn text_is_shorter_than_base64() {
        let bytes: Vec<u8> =
            (0..70_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let text = text(&bytes);
        assert_eq!(text.chars().count(), 80_000);
        assert!((80_000..82_500).contains(&text.len()), "{}", text.len());
    }

    #[test]
    fn lean_code_has_its_lines_and_nothing_else() {
        let code = "// why\n\nconst a = 1; // this\n  /* one */\n  f(a);\n";
        assert_eq!(lean(code), "const a = 1; // this\nf(a);\n");
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
