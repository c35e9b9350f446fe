//! MXNet's RecordIO framing, which SageMaker calls RecordIO.
//!
//! ```text
//! u32 0xced7230a | u32 part << 29 | length | content | zeros up to a multiple of 4
//! ```
//! All little-endian. A record is one such chunk of part 0. Only where its content holds the magic
//! number at a multiple of 4 is it cut there, and the number left out: then part 1 begins it, parts
//! 2 go on, and part 3 ends it. Source: dmlc-core, include/dmlc/recordio.h and src/recordio.cc.

use std::io::{BufRead, Read};

use super::payload::Content;
use super::source::fill;
use super::splitter::{Fault, Frame, over_limit, truncated};
use crate::error::Error;

pub(super) const MAGIC: [u8; 4] = 0xced7_230a_u32.to_le_bytes();
const HEADER: usize = 8;
const LENGTH_BITS: u32 = 29;

/// What a chunk is of a record.
const WHOLE: u32 = 0;
const FIRST: u32 = 1;
const MIDDLE: u32 = 2;
const LAST: u32 = 3;

/// Reads a record onto `body`, with its framing where `framed` is set; what is kept may have
/// `limit` bytes. The content of one in several parts is then put together in `joined`. `offset`
/// is where the record begins in the object. `None` at the object's end.
pub(super) fn read(
    input: &mut impl BufRead,
    body: &mut Vec<u8>,
    joined: &mut Vec<u8>,
    framed: bool,
    limit: u64,
    offset: u64,
) -> Result<Option<Frame>, Fault> {
    let (start, joined_start) = (body.len(), joined.len());
    let mut taken = 0;
    loop {
        let Some(chunk) = Chunk::read(input, offset + taken, taken == 0)? else { return Ok(None) };
        let before = (body.len() - start) as u64;
        let kept = before + if framed { chunk.framed_size() } else { chunk.length as u64 };
        if kept > limit {
            return Err(Fault::Record(over_limit("a RecordIO record", Some(kept), limit)));
        }
        if framed {
            body.extend_from_slice(&chunk.header);
        }
        let content = body.len();
        taken += HEADER as u64;
        taken += chunk.read_content(input, body, offset + taken)?;
        let content = content..body.len();
        let mut padding = [0; 3];
        let padding = &mut padding[..chunk.padding()];
        let filled = fill(input, padding)?;
        taken += filled as u64;
        if filled < padding.len() {
            return Err(truncated("RecordIO", offset + taken, "the padding of a record"));
        }
        if framed {
            body.extend_from_slice(padding);
        }
        match (chunk.part, framed) {
            (WHOLE, _) => return Ok(Some(Frame { taken, content: Content::Body(content) })),
            (part, true) => {
                joined.extend_from_slice(&body[content]);
                if part == LAST {
                    let content = Content::Joined(joined_start..joined.len());
                    return Ok(Some(Frame { taken, content }));
                }
                joined.extend_from_slice(&MAGIC);
            }
            (LAST, false) => {
                return Ok(Some(Frame { taken, content: Content::Body(start..body.len()) }));
            }
            (_, false) => body.extend_from_slice(&MAGIC),
        }
    }
}

/// The head of a chunk.
struct Chunk {
    header: [u8; HEADER],
    part: u32,
    length: usize,
}

impl Chunk {
    /// Reads a header, which begins at byte `at` of the object. `None` at the object's end.
    fn read(input: &mut impl Read, at: u64, first: bool) -> Result<Option<Self>, Fault> {
        let mut header = [0; HEADER];
        match fill(input, &mut header)? {
            0 if first => return Ok(None),
            HEADER => {}
            read => return Err(truncated("RecordIO", at + read as u64, "a record's header")),
        }
        let [m0, m1, m2, m3, word @ ..] = header;
        if [m0, m1, m2, m3] != MAGIC {
            return Err(malformed(format!(
                "byte {at} holds {:#010x} and not the magic number 0xced7230a; this is no RecordIO \
                 file, or it is damaged here",
                u32::from_le_bytes([m0, m1, m2, m3])
            )));
        }
        let word = u32::from_le_bytes(word);
        let (part, length) = (word >> LENGTH_BITS, word & ((1 << LENGTH_BITS) - 1));
        let wanted = if first { [WHOLE, FIRST] } else { [MIDDLE, LAST] };
        if !wanted.contains(&part) {
            return Err(malformed(format!(
                "part {part} at byte {at} where a {} was to come; the file is damaged here",
                if first { "new record (0 or 1)" } else { "record's next part (2 or 3)" }
            )));
        }
        Ok(Some(Self { header, part, length: length as usize }))
    }

    /// Appends the content, which begins at byte `at` of the object, to `body`.
    fn read_content(
        &self,
        input: &mut impl Read,
        body: &mut Vec<u8>,
        at: u64,
    ) -> Result<u64, Fault> {
        // This grows with what is there and not by what the header says.
        let read = input.take(self.length as u64).read_to_end(body)?;
        if read < self.length {
            let within = format!("a record's part of {} bytes", self.length);
            return Err(truncated("RecordIO", at + read as u64, &within));
        }
        Ok(read as u64)
    }

    fn padding(&self) -> usize {
        self.length.next_multiple_of(4) - self.length
    }

    fn framed_size(&self) -> u64 {
        (HEADER + self.length + self.padding()) as u64
    }
}

fn malformed(reason: String) -> Fault {
    Fault::Record(Error::malformed("RecordIO", reason))
}
