//! The stream of an object's requests.

use std::io::{self, BufReader, Read};

use super::payload::{Content, Framing, Payload};
use super::source::Source;
use super::{Refused, Rules, line, recordio, tfrecord};
use crate::error::Error;
use crate::transform::terms::{BatchStrategy, SplitType};
use crate::units;

/// A request carries at most so many records, however short they are: what is known of each takes
/// memory too, and a gigabyte of line ends compresses to a megabyte.
pub const MOST_RECORDS: usize = 1 << 20;

/// Cuts one object into requests.
pub struct Splitter<'a> {
    input: Input<'a>,
    rules: Rules,
    size: Option<u64>,
    /// The number of the record that is read next, and where it begins.
    record: u64,
    offset: u64,
    /// The record that did not fit the payload before.
    held: Payload,
    ended: bool,
}

enum Input<'a> {
    Whole(Source<'a>),
    Records(BufReader<Source<'a>>),
}

/// A record that has been read onto a body.
pub(super) struct Frame {
    /// Bytes that it takes of the object.
    pub(super) taken: u64,
    pub(super) content: Content,
}

/// Why there is no record.
pub(super) enum Fault {
    /// Its bytes could not be read.
    Read(io::Error),
    /// They are not as they should be.
    Record(Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

impl<'a> Splitter<'a> {
    /// Begins an object. A slice is read as `Splitter::new(&mut &bytes[..], rules)`.
    pub fn new(bytes: &'a mut dyn Read, rules: &Rules) -> Self {
        let source = Source::new(bytes, rules.compression);
        let input = match rules.split {
            SplitType::None => Input::Whole(source),
            _ => Input::Records(source.buffered()),
        };
        Self {
            input,
            rules: *rules,
            size: None,
            record: 0,
            offset: 0,
            held: Payload::default(),
            ended: false,
        }
    }

    /// Says how many bytes the object has as it is stored, where that is known. One that is too
    /// large as a whole is then refused by its size, before it is read.
    #[must_use]
    pub fn with_size(mut self, size: Option<u64>) -> Self {
        self.size = size;
        self
    }

    /// Puts the next request into `payload`, over what it held; `false` where there is none.
    ///
    /// # Errors
    /// [`Refused`] for a record that is damaged, truncated or larger than the payload limit, and
    /// for an object that cannot be read or decompressed. `payload` is then unspecified, and no
    /// more will come.
    pub fn next(&mut self, payload: &mut Payload) -> Result<bool, Refused> {
        let single = self.rules.strategy == BatchStrategy::SingleRecord;
        let framing = match self.rules.split {
            _ if single => Framing::Bare,
            SplitType::None => Framing::Bare,
            SplitType::Line => Framing::Lines,
            SplitType::RecordIO | SplitType::TFRecord => Framing::Frames,
        };
        payload.restart(self.record - self.held.len() as u64, framing);
        payload.take(&mut self.held);
        let most = if single { 1 } else { MOST_RECORDS };
        let limit = self.limit();
        while !self.ended && payload.len() < most {
            let start = payload.body().len();
            let read = self.read(payload, framing != Framing::Bare, limit);
            self.ended = !matches!(read, Ok(true)) || matches!(self.input, Input::Whole(_));
            read?;
            if payload.size() > limit && payload.len() > 1 {
                payload.move_last(start, &mut self.held);
                break;
            }
        }
        Ok(!payload.is_empty())
    }

    fn limit(&self) -> u64 {
        self.rules.max_payload.unwrap_or(u64::MAX)
    }

    /// Reads one record onto `payload`; `false` at the object's end.
    fn read(&mut self, payload: &mut Payload, framed: bool, limit: u64) -> Result<bool, Refused> {
        let offset = self.offset;
        let (body, joined) = payload.buffers();
        let frame = match &mut self.input {
            Input::Whole(source) => whole(source, body, limit, self.size),
            Input::Records(input) => match self.rules.split {
                SplitType::None | SplitType::Line => line::read(input, body, framed, limit),
                SplitType::RecordIO => recordio::read(input, body, joined, framed, limit, offset),
                SplitType::TFRecord => tfrecord::read(input, body, framed, limit, offset),
            },
        };
        let frame = frame.map_err(|fault| {
            let source = match &self.input {
                Input::Whole(source) => source,
                Input::Records(input) => input.get_ref(),
            };
            let error = match fault {
                Fault::Read(error) => source.explain(error),
                Fault::Record(error) => error,
            };
            Refused::at(self.record, offset, error)
        })?;
        let Some(Frame { taken, content }) = frame else { return Ok(false) };
        payload.push(offset, content);
        self.record += 1;
        self.offset += taken;
        Ok(true)
    }
}

/// The object as one record.
fn whole(
    source: &mut Source<'_>,
    body: &mut Vec<u8>,
    limit: u64,
    size: Option<u64>,
) -> Result<Option<Frame>, Fault> {
    let size = size.filter(|_| source.is_plain());
    let refuse = || Fault::Record(over_limit("the object", size, limit));
    if size.is_some_and(|size| size > limit) {
        return Err(refuse());
    }
    let read = source.append_to(body, limit.saturating_add(1))?;
    if read as u64 > limit {
        return Err(refuse());
    }
    Ok(Some(Frame { taken: read as u64, content: Content::Body(0..read) }))
}

/// What is said of something that is larger than a request may be.
pub(super) fn over_limit(what: &str, size: Option<u64>, limit: u64) -> Error {
    let size = match size {
        Some(size) => format!("{} are", units::bytes(size)),
        None => "it is".to_owned(),
    };
    Error::malformed(
        what,
        format!(
            "{size} more than the payload limit of {}; raise `--max-payload-mb`, or give 0 for any \
             size",
            units::bytes(limit)
        ),
    )
}

/// What is said where an object ends at byte `at`, in the midst of something.
pub(super) fn truncated(format: &str, at: u64, within: &str) -> Fault {
    Fault::Record(Error::malformed(
        format,
        format!("truncated: the object ends at byte {at}, within {within}"),
    ))
}
