//! Records that are lines.
//!
//! A line ends with `\n` or `\r\n`; the last one may have no end. A line of nothing is a record of
//! nothing, so that answers stay with their lines.

use std::io::{BufRead, Read};

use super::payload::Content;
use super::splitter::{Fault, Frame, over_limit};

/// Reads a line of at most `limit` bytes onto `body`, with its end where `framed` is set. `limit`
/// is of what is kept. `None` at the object's end.
pub(super) fn read(
    input: &mut impl BufRead,
    body: &mut Vec<u8>,
    framed: bool,
    limit: u64,
) -> Result<Option<Frame>, Fault> {
    let start = body.len();
    // What is read of a line that is too long is enough to see it: its end may take two bytes.
    let most = limit.saturating_add(if framed { 1 } else { 3 });
    let taken = input.take(most).read_until(b'\n', body)?;
    if taken == 0 {
        return Ok(None);
    }
    let content = content(&body[start..]);
    let kept = if framed { taken } else { content };
    if kept as u64 > limit {
        return Err(Fault::Record(over_limit("a line", None, limit)));
    }
    body.truncate(start + kept);
    let content = Content::Body(start..start + content);
    Ok(Some(Frame { taken: taken as u64, content }))
}

/// The length of a line without its end.
fn content(line: &[u8]) -> usize {
    let line =
        line.strip_suffix(b"\n").map_or(line, |line| line.strip_suffix(b"\r").unwrap_or(line));
    line.len()
}
