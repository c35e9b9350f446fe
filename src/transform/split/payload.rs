//! One request.

use std::ops::Range;

use super::Refused;
use crate::error::{Error, Result};

/// The body of one request, and the records in it. Its buffers are kept from one to the next.
#[derive(Clone, Debug, Default)]
pub struct Payload {
    body: Vec<u8>,
    /// The contents of records that lie in the body in several parts, which only RecordIO has.
    joined: Vec<u8>,
    records: Vec<Record>,
    first: u64,
    framing: Framing,
    /// Where new records are put together; empty but for its memory.
    spare: Vec<u8>,
}

/// Where a record is.
#[derive(Clone, Debug)]
struct Record {
    /// Of the object, decompressed.
    offset: u64,
    content: Content,
}

/// Where a record's content is.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// There in the body.
    Body(Range<usize>),
    /// There in `joined`.
    Joined(Range<usize>),
}

/// What stands around a record in the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Framing {
    /// Nothing.
    #[default]
    Bare,
    /// A line's end.
    Lines,
    /// RecordIO's or TFRecord's lengths and checksums.
    Frames,
}

impl Payload {
    /// The request's body, as SageMaker would POST it: with several records a request, lines keep
    /// their ends and RecordIO and TFRecord their framing.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The records' contents in order, without framing and without line ends.
    pub fn records(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.records.iter().map(|record| self.content(record))
    }

    /// How many records it holds.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The number of its first record within the object, from 0.
    pub fn first_record(&self) -> u64 {
        self.first
    }

    /// Where the record that comes `i`th in this payload begins in the object, decompressed, in
    /// bytes. Framing is counted in: it is where the record's frame begins.
    ///
    /// # Panics
    /// Where there are not so many records.
    pub fn record_offset(&self, i: usize) -> u64 {
        self.records[i].offset
    }

    /// `error`, said of the record that comes `i`th in this payload.
    pub fn refuse(&self, i: usize, error: Error) -> Refused {
        let offset = self.records.get(i).map(|record| record.offset);
        Refused { record: Some(self.first + i as u64), offset, error }
    }

    /// Puts other contents in the place of the records', which keep their numbers and offsets.
    /// `replace` is given each record in turn and appends what is to stand there instead. In the
    /// body each is framed as before: lines that had an end have one.
    ///
    /// # Errors
    /// What `replace` says, with the record that it says it of; the payload is then unspecified.
    /// [`Error::Bug`] for RecordIO and TFRecord, whose frames hold checksums of their contents.
    pub fn replace_records(
        &mut self,
        mut replace: impl FnMut(&[u8], &mut Vec<u8>) -> Result<()>,
    ) -> Result<(), Refused> {
        if self.framing == Framing::Frames {
            return Err(Error::Bug("records were to be replaced within their frames".into()).into());
        }
        let mut body = std::mem::take(&mut self.spare);
        for i in 0..self.records.len() {
            let start = body.len();
            replace(self.content(&self.records[i]), &mut body)
                .map_err(|error| self.refuse(i, error))?;
            // From here on the old content is not looked at again.
            self.records[i].content = Content::Body(start..body.len());
            if self.framing == Framing::Lines {
                body.push(b'\n');
            }
        }
        self.spare = std::mem::replace(&mut self.body, body);
        self.spare.clear();
        self.joined.clear();
        Ok(())
    }

    /// Empties it, for records from number `first` on.
    pub(super) fn restart(&mut self, first: u64, framing: Framing) {
        self.body.clear();
        self.joined.clear();
        self.records.clear();
        self.first = first;
        self.framing = framing;
    }

    /// The buffers that a record is read onto the ends of.
    pub(super) fn buffers(&mut self) -> (&mut Vec<u8>, &mut Vec<u8>) {
        (&mut self.body, &mut self.joined)
    }

    /// Makes a record of what has been read.
    pub(super) fn push(&mut self, offset: u64, content: Content) {
        self.records.push(Record { offset, content });
    }

    /// Bytes of the body.
    pub(super) fn size(&self) -> u64 {
        self.body.len() as u64
    }

    /// Moves the last record, which begins in the body at `start`, to `other`, which is empty.
    pub(super) fn move_last(&mut self, start: usize, other: &mut Self) {
        let Some(Record { offset, content }) = self.records.pop() else { return };
        other.restart(self.first + self.records.len() as u64, self.framing);
        other.body.extend_from_slice(&self.body[start..]);
        self.body.truncate(start);
        let content = match content {
            Content::Body(range) => Content::Body(range.start - start..range.end - start),
            Content::Joined(range) => {
                other.joined.extend_from_slice(&self.joined[range.clone()]);
                self.joined.truncate(range.start);
                Content::Joined(0..range.len())
            }
        };
        other.push(offset, content);
    }

    /// Takes all that `other` holds; this one is empty.
    pub(super) fn take(&mut self, other: &mut Self) {
        self.body.extend_from_slice(&other.body);
        self.joined.extend_from_slice(&other.joined);
        self.records.append(&mut other.records);
        other.body.clear();
        other.joined.clear();
    }

    fn content(&self, record: &Record) -> &[u8] {
        match &record.content {
            Content::Body(range) => &self.body[range.clone()],
            Content::Joined(range) => &self.joined[range.clone()],
        }
    }
}
