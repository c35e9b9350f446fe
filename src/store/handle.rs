//! One handle for every kind of store.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::folder::Folder;
use super::location::{Location, Place};
use super::null::Null;
use super::remote::Remote;
use super::{Access, Listing, Writer};
use crate::error::Result;

/// A place that objects are read from and written to. Cheap to clone, and shared by threads.
#[derive(Clone, Debug)]
pub struct Store {
    location: Arc<Location>,
    kind: Kind,
}

/// What a store does its work with.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Folder(Arc<Folder>),
    Null(Arc<Null>),
    Remote(Arc<Remote>),
}

/// What an object holds.
pub enum Body<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// What would take too much memory as a whole.
    Stream {
        /// The bytes, from the first on. An error of theirs does not name the object.
        bytes: &'a mut dyn Read,
        /// How many there are, where the store says so beforehand.
        size: Option<u64>,
    },
}

impl Store {
    /// Opens a store to read from. A folder must be there; a bucket is asked by what is read.
    ///
    /// # Errors
    /// [`Error::Io`](crate::error::Error::Io) and [`Error::Invalid`](crate::error::Error::Invalid)
    /// for a folder that is none;
    /// [`Error::Unavailable`](crate::error::Error::Unavailable) for a bucket in a build without
    /// them; [`Error::Store`](crate::error::Error::Store) for settings that make no sense.
    pub fn open(location: &Location) -> Result<Self> {
        Self::open_by(location, &Access::from_env())
    }

    /// [`Store::open`] by other settings than the environment's.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_by(location: &Location, access: &Access) -> Result<Self> {
        Self::with(location, access, Folder::open)
    }

    /// Opens a store to write to. A folder is made where it is missing. An object is written and
    /// removed, so that an output that cannot be written is found before any work is done.
    ///
    /// # Errors
    /// As [`Store::open`], and what keeps the trial from being written.
    pub fn create(location: &Location) -> Result<Self> {
        Self::create_by(location, &Access::from_env())
    }

    /// [`Store::create`] by other settings than the environment's.
    ///
    /// # Errors
    /// As [`Store::create`].
    pub fn create_by(location: &Location, access: &Access) -> Result<Self> {
        let store = Self::with(location, access, Folder::create)?;
        if let Kind::Remote(remote) = &store.kind {
            remote.try_out()?;
        }
        Ok(store)
    }

    /// Opens a store that someone else has [created](Store::create).
    ///
    /// # Errors
    /// As [`Store::open`], but nothing is asked of a folder.
    pub fn attach(location: &Location) -> Result<Self> {
        Self::with(location, &Access::from_env(), |path| Ok(Folder::attach(path)))
    }

    fn with(
        location: &Location,
        access: &Access,
        folder: impl FnOnce(&Path) -> Result<Folder>,
    ) -> Result<Self> {
        let kind = match &location.0 {
            Place::Folder(path) => Kind::Folder(Arc::new(folder(path)?)),
            Place::Bucket { .. } => Kind::Remote(Arc::new(Remote::open(location, access)?)),
            Place::Null(objects) => Kind::Null(Arc::new(Null::new(*objects))),
        };
        Ok(Self { location: Arc::new(location.clone()), kind })
    }

    pub(super) fn kind(&self) -> &Kind {
        &self.kind
    }

    /// What it was opened as.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Whether what is written is only counted, so that it cannot be read or listed again.
    pub fn counts_only(&self) -> bool {
        matches!(self.kind, Kind::Null(_))
    }

    /// How many threads should call [`Store::read_all`] and [`Store::put_all`] at once to keep it
    /// busy, on so many cores. A bucket is waited for, so that a second thread works meanwhile.
    pub fn threads(&self, cores: usize) -> usize {
        match self.kind {
            Kind::Folder(_) | Kind::Null(_) => cores.max(1),
            Kind::Remote(_) => cores.max(1) * 2,
        }
    }

    /// All keys that begin with `start`, literally, in order. A folder is asked for `sizes` only
    /// where they are wanted, since each costs a call; others say them anyway.
    ///
    /// # Errors
    /// What keeps the store from being listed, by its name; past four gigabytes of names
    /// [`Error::Invalid`](crate::error::Error::Invalid).
    pub fn list(&self, start: &str, sizes: bool) -> Result<Listing> {
        match &self.kind {
            Kind::Folder(folder) => folder.list(start, sizes),
            Kind::Null(null) => null.list(start),
            Kind::Remote(remote) => remote.list(start),
        }
    }

    /// Reads objects: `each` is called on this thread exactly once for each key, with its number,
    /// in any order. Objects of at most `whole` bytes come whole. Each fails by itself.
    ///
    /// A folder is read in turn through one buffer; of a bucket many objects are under way at once.
    pub fn read_all<K: AsRef<str>>(
        &self,
        keys: &[K],
        whole: u64,
        each: &mut dyn FnMut(usize, Result<Body<'_>>),
    ) {
        match &self.kind {
            Kind::Folder(folder) => folder.read_all(keys, whole, each),
            Kind::Null(null) => null.read_all(keys, whole, each),
            Kind::Remote(remote) => remote.read_all(keys, whole, each),
        }
    }

    /// Reads an object of at most `limit` bytes; `None` where there is none of that key.
    ///
    /// # Errors
    /// What keeps it from being read; [`Error::Malformed`](crate::error::Error::Malformed) where it
    /// is larger.
    pub fn get(&self, key: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        match &self.kind {
            Kind::Folder(folder) => folder.get(key, limit),
            Kind::Null(null) => null.get(key, limit),
            Kind::Remote(remote) => remote.get(key, limit),
        }
    }

    /// Writes an object over what may be there. It appears whole or not at all, also where the
    /// process is killed meanwhile.
    ///
    /// # Errors
    /// What keeps it from being written, by its name;
    /// [`Error::Malformed`](crate::error::Error::Malformed) for a key that the store cannot hold.
    pub fn put(&self, key: &str, bytes: &[u8]) -> Result<()> {
        match &self.kind {
            Kind::Folder(folder) => folder.put(key, bytes),
            Kind::Null(_) => Ok(()),
            Kind::Remote(remote) => remote.put(key, bytes),
        }
    }

    /// Writes objects, each as [`Store::put`] does, and gives what became of each.
    pub fn put_all(&self, outputs: &[(String, Vec<u8>)]) -> Vec<Result<()>> {
        match &self.kind {
            Kind::Folder(folder) => {
                outputs.iter().map(|(key, bytes)| folder.put(key, bytes)).collect()
            }
            Kind::Null(_) => outputs.iter().map(|_| Ok(())).collect(),
            Kind::Remote(remote) => remote.put_all(outputs),
        }
    }

    /// Begins an object that is written in pieces, over what may be there.
    ///
    /// # Errors
    /// As [`Store::put`]; most come with the pieces.
    pub fn writer(&self, key: &str) -> Result<Writer> {
        match &self.kind {
            Kind::Folder(folder) => folder.check(key)?,
            Kind::Null(_) => {}
            Kind::Remote(remote) => remote.check(key)?,
        }
        Ok(Writer::new(self.clone(), key))
    }

    /// The sizes of objects in bytes; `None` where there is none of that key.
    pub fn sizes_of(&self, keys: &[&str]) -> Vec<Result<Option<u64>>> {
        match &self.kind {
            Kind::Folder(folder) => keys.iter().map(|key| folder.size_of(key)).collect(),
            Kind::Null(null) => keys.iter().map(|key| Ok(null.size_of(key))).collect(),
            Kind::Remote(remote) => remote.sizes_of(keys),
        }
    }

    /// Removes an object, which may be missing.
    ///
    /// # Errors
    /// What keeps it from being removed, by its name.
    pub fn remove(&self, key: &str) -> Result<()> {
        match &self.kind {
            Kind::Folder(folder) => folder.remove(key),
            Kind::Null(_) => Ok(()),
            Kind::Remote(remote) => remote.remove(key),
        }
    }

    /// Removes unfinished objects that killed processes left, and gives how many there were. In a
    /// bucket those are uploads, which its lifecycle rule (`AbortIncompleteMultipartUpload`) ends:
    /// whose they are cannot be told.
    ///
    /// # Errors
    /// [`Error::Io`](crate::error::Error::Io) where a folder cannot be listed or changed.
    pub fn sweep(&self) -> Result<usize> {
        match &self.kind {
            Kind::Folder(folder) => folder.sweep(),
            Kind::Null(_) | Kind::Remote(_) => Ok(0),
        }
    }
}
