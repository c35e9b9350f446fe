//! TensorFlow's TFRecord framing.
//!
//! ```text
//! u64 length | u32 masked CRC-32C of the length | content | u32 masked CRC-32C of the content
//! ```
//! All little-endian. Source: tensorflow/core/lib/io/record_writer.h; the mask is from
//! tensorflow/core/lib/hash/crc32c.h.

use std::io::{BufRead, Read};

use super::payload::Content;
use super::source::fill;
use super::splitter::{Fault, Frame, over_limit, truncated};
use crate::error::Error;

const HEADER: usize = 12;
const FOOTER: usize = 4;

/// Reads a record onto `body`, with its frame where `framed` is set; what is kept may have `limit`
/// bytes. `offset` is where it begins in the object. `None` at the object's end.
pub(super) fn read(
    input: &mut impl BufRead,
    body: &mut Vec<u8>,
    framed: bool,
    limit: u64,
    offset: u64,
) -> Result<Option<Frame>, Fault> {
    let mut header = [0; HEADER];
    match fill(input, &mut header)? {
        0 => return Ok(None),
        HEADER => {}
        read => return Err(truncated("TFRecord", offset + read as u64, "the record's header")),
    }
    let [length @ .., c0, c1, c2, c3] = header;
    if masked_crc(&length) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return Err(malformed(
            "the checksum of the record's length does not match; this is no TFRecord file, or it \
             is damaged here",
        ));
    }
    let length = u64::from_le_bytes(length);
    let overhead = if framed { (HEADER + FOOTER) as u64 } else { 0 };
    let kept = length.saturating_add(overhead);
    if kept > limit {
        return Err(Fault::Record(over_limit("a TFRecord record", Some(kept), limit)));
    }
    if framed {
        body.extend_from_slice(&header);
    }
    let start = body.len();
    // This grows with what is there and not by what the header says.
    let read = input.take(length).read_to_end(body)?;
    let end = offset + (HEADER + read) as u64;
    if (read as u64) < length {
        return Err(truncated("TFRecord", end, &format!("a record of {length} bytes")));
    }
    let mut footer = [0; FOOTER];
    let filled = fill(input, &mut footer)?;
    if filled < FOOTER {
        return Err(truncated("TFRecord", end + filled as u64, "the record's checksum"));
    }
    if masked_crc(&body[start..]) != u32::from_le_bytes(footer) {
        return Err(malformed(
            "the checksum of the record's content does not match: it is damaged",
        ));
    }
    let content = Content::Body(start..body.len());
    if framed {
        body.extend_from_slice(&footer);
    }
    Ok(Some(Frame { taken: (HEADER + read + FOOTER) as u64, content }))
}

fn malformed(reason: &str) -> Fault {
    Fault::Record(Error::malformed("TFRecord", reason))
}

/// A checksum as it is stored: one of bytes that hold checksums themselves would be weak, so it is
/// rotated and moved.
pub(super) fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}
