//! Writing an object in pieces.

use std::io;

use super::Store;
use super::folder::Part;
use super::handle::Kind;
use super::remote::Upload;
use crate::error::{Error, Result};

/// An object that is being written. It appears when it is finished, whole; dropped before that, it
/// leaves nothing.
#[derive(Debug)]
pub struct Writer {
    store: Store,
    key: String,
    // What was written and not passed on yet.
    buffer: Vec<u8>,
    large: Option<Large>,
}

/// An object that is too large to be kept until it is written by one call.
#[derive(Debug)]
enum Large {
    Part(Part),
    Upload(Upload),
    Forgotten,
}

/// What is kept in memory of an object for a folder.
const FOLDER_BUFFER: usize = 256 << 10;

/// The parts of an upload to a bucket. S3 wants 5 MiB at least, and takes 10,000 of them: 78 GiB.
const UPLOAD_PART: usize = 8 << 20;

impl Writer {
    pub(super) fn new(store: Store, key: &str) -> Self {
        Self { store, key: key.to_owned(), buffer: Vec::new(), large: None }
    }

    /// Adds bytes. The same can be done through [`io::Write`], whose errors hold these.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let taken = self.take(bytes)?;
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    /// Takes as many bytes as there is room for, and makes room before where there is none.
    fn take(&mut self, bytes: &[u8]) -> Result<usize> {
        let room = self.room();
        if self.buffer.len() >= room {
            self.pass_on()?;
        }
        let taken = bytes.len().min(room - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// Ends the object and makes it appear.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub fn finish(mut self) -> Result<()> {
        if self.large.is_none() {
            return self.store.put(&self.key, &self.buffer);
        }
        self.pass_on()?;
        match self.large {
            Some(Large::Part(part)) => part.finish(),
            Some(Large::Upload(upload)) => upload.finish(),
            Some(Large::Forgotten) | None => Ok(()),
        }
    }

    fn room(&self) -> usize {
        match self.store.kind() {
            Kind::Folder(_) | Kind::Null(_) => FOLDER_BUFFER,
            Kind::Remote(_) => UPLOAD_PART,
        }
    }

    fn pass_on(&mut self) -> Result<()> {
        let large = match &mut self.large {
            Some(large) => large,
            none => none.insert(match self.store.kind() {
                Kind::Folder(folder) => Large::Part(folder.begin(&self.key)?),
                Kind::Remote(remote) => Large::Upload(remote.begin(&self.key)?),
                Kind::Null(_) => Large::Forgotten,
            }),
        };
        match large {
            Large::Part(part) => part.write(&self.buffer)?,
            Large::Upload(upload) => upload.write(std::mem::take(&mut self.buffer))?,
            Large::Forgotten => {}
        }
        self.buffer.clear();
        Ok(())
    }
}

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.take(bytes).map_err(|error| {
            let kind = match &error {
                Error::Io { source, .. } => source.kind(),
                _ => io::ErrorKind::Other,
            };
            io::Error::new(kind, error)
        })?;
        Ok(taken)
    }

    /// Does nothing: an unfinished object is not there at all.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
