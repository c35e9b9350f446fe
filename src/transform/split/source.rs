//! An object's bytes, decompressed as they are read.

use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use crate::error::Error;
use crate::transform::terms::CompressionType;

/// What is read of the object at once.
const BUFFER: usize = 64 << 10;

/// An object's bytes as records are cut from them.
pub(super) enum Source<'a> {
    /// As they are stored.
    Plain(&'a mut dyn Read),
    /// Out of one or more gzip members.
    Gzip(Box<MultiGzDecoder<BufReader<Stored<'a>>>>),
}

/// The bytes as they are stored, and whether the store failed to give them.
pub(super) struct Stored<'a> {
    bytes: &'a mut dyn Read,
    failed: bool,
}

impl Read for Stored<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buffer);
        self.failed |= matches!(&read, Err(e) if e.kind() != io::ErrorKind::Interrupted);
        read
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(bytes) => bytes.read(buffer),
            Self::Gzip(gzip) => gzip.read(buffer),
        }
    }
}

impl<'a> Source<'a> {
    pub(super) fn new(bytes: &'a mut dyn Read, compression: CompressionType) -> Self {
        match compression {
            CompressionType::None => Self::Plain(bytes),
            CompressionType::Gzip => {
                let stored = Stored { bytes, failed: false };
                let stored = BufReader::with_capacity(BUFFER, stored);
                Self::Gzip(Box::new(MultiGzDecoder::new(stored)))
            }
        }
    }

    pub(super) fn buffered(self) -> BufReader<Self> {
        BufReader::with_capacity(BUFFER, self)
    }

    /// Appends all there is, `limit` bytes at most. Plain bytes are copied once, straight from the
    /// reader: nearly every object of a job is a picture of some hundred bytes that comes this way.
    pub(super) fn append_to(&mut self, body: &mut Vec<u8>, limit: u64) -> io::Result<usize> {
        match self {
            Self::Plain(bytes) => bytes.take(limit).read_to_end(body),
            Self::Gzip(gzip) => gzip.take(limit).read_to_end(body),
        }
    }

    /// Whether the object's size is that of its bytes as they are stored.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self, Self::Plain(_))
    }

    /// Why reading failed: by the store's own words if it has any, else by what is wrong with the
    /// compressed bytes.
    pub(super) fn explain(&self, error: io::Error) -> Error {
        match self {
            Self::Gzip(gzip) if !gzip.get_ref().get_ref().failed => match error.kind() {
                io::ErrorKind::UnexpectedEof => Error::malformed(
                    "gzip",
                    "truncated: the object ends within its compressed data, or is empty",
                ),
                _ => Error::malformed(
                    "gzip",
                    format!("{error}; an object that is not compressed needs `--compression None`"),
                ),
            },
            _ => error
                .downcast::<Error>()
                .unwrap_or_else(|source| Error::io("read", "the object", source)),
        }
    }
}

/// Fills `buffer` as far as there are bytes, and says how far.
pub(super) fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
