//! An output object on its way to the store.

use std::io::{self, Write};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::store::{Store, Writer};
use crate::transform::message::Written;

/// An output that grows past so many bytes is written in pieces of that size, so that memory stays
/// flat however large it gets.
pub(super) const PIECE: usize = 8 << 20;

/// What there is of an output. Dropped unfinished, it leaves nothing behind.
#[derive(Default)]
pub(super) struct Output {
    /// What has not gone to the store.
    text: Vec<u8>,
    records: u64,
    stream: Option<Box<Stream>>,
}

struct Stream {
    writer: Writer,
    hash: Sha256,
    bytes: u64,
}

/// An output that is whole.
pub(super) enum Whole {
    /// It is to be put by one call.
    Small(Vec<u8>, Written),
    /// It is there.
    Streamed(Written),
}

impl Output {
    /// Appends the response to so many records.
    ///
    /// # Errors
    /// What keeps the store from taking a piece.
    pub(super) fn append(
        &mut self,
        records: u64,
        response: Vec<u8>,
        store: &Store,
        key: impl FnOnce() -> String,
    ) -> Result<()> {
        if self.text.is_empty() {
            self.text = response;
        } else {
            self.text.extend_from_slice(&response);
        }
        self.records += records;
        if self.text.len() >= PIECE { self.send(store, key) } else { Ok(()) }
    }

    /// Sends what there is.
    fn send(&mut self, store: &Store, key: impl FnOnce() -> String) -> Result<()> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let writer = store.writer(&key())?;
                none.insert(Box::new(Stream { writer, hash: Sha256::new(), bytes: 0 }))
            }
        };
        stream.hash.update(&self.text);
        stream.bytes += self.text.len() as u64;
        stream.writer.write_all(&self.text).map_err(of_write)?;
        self.text.clear();
        Ok(())
    }

    /// Ends it.
    ///
    /// # Errors
    /// What keeps the store from taking the rest.
    pub(super) fn finish(mut self, object: u32, store: &Store) -> Result<Whole> {
        let records = self.records;
        if self.stream.is_some() {
            self.send(store, String::new)?;
        }
        let Some(stream) = self.stream else {
            let sha256 = Sha256::digest(&self.text).into();
            let written = Written { object, bytes: self.text.len() as u64, records, sha256 };
            return Ok(Whole::Small(self.text, written));
        };
        let Stream { writer, hash, bytes } = *stream;
        writer.finish()?;
        let sha256 = hash.finalize().into();
        Ok(Whole::Streamed(Written { object, bytes, records, sha256 }))
    }
}

/// What the store said, out of what [`Write`] made of it.
fn of_write(error: io::Error) -> Error {
    error.downcast().unwrap_or_else(|source| Error::io("write", "an output", source))
}
