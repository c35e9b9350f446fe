//! A folder as a store.
//!
//! Folders do not go through the stores' client: a small object costs an open, a read and a close
//! here, in a buffer that is used again, and a small output one change to its folder. That is about
//! three times as fast. Both are named from the open folder on, so that the system does not walk the
//! whole path for each.

mod list;
mod read;
mod sweep;
#[cfg(target_os = "linux")]
mod unnamed;
mod write;

use std::collections::HashSet;
use std::fs;
use std::io;
use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{OnceLock, RwLock};

use rustix::fs::{Mode, OFlags};

use super::key;
use crate::error::{Error, Result};

pub(super) use self::write::Part;

/// Other systems have only renaming.
#[cfg(not(target_os = "linux"))]
mod unnamed {
    pub(super) fn put(
        _: std::os::fd::BorrowedFd<'_>,
        _: &str,
        _: &str,
        _: &[u8],
    ) -> Option<std::io::Result<()>> {
        None
    }
}

/// What the name of an unfinished output starts with. Nothing else starts so.
const PART: &str = ".plimsoll-part-";

/// How the root is opened: only to name what lies below it, which needs no right to list it.
#[cfg(target_os = "linux")]
const NAMED_FROM: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const NAMED_FROM: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC);

/// A folder of objects. Shared by threads.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    // The root, once something was read or written.
    opened: OnceLock<OwnedFd>,
    // Folders below the root that are known to be there, by their keys.
    made: RwLock<HashSet<String>>,
    // How many parts this process has begun in it.
    parts: AtomicU64,
}

impl Folder {
    /// A folder that is there, to read from.
    pub(super) fn open(root: &Path) -> Result<Self> {
        let facts = root.metadata().map_err(|source| Error::io("open", root, source))?;
        if !facts.is_dir() {
            let what = format!("input {}", root.display());
            return Err(Error::invalid(
                what,
                "not a folder; give the folder that holds the objects",
            ));
        }
        Ok(Self::attach(root))
    }

    /// A folder to write to, made where it is missing, and tried.
    pub(super) fn create(root: &Path) -> Result<Self> {
        fs::create_dir_all(root).map_err(|source| Error::io("create", root, source))?;
        let folder = Self::attach(root);
        folder.try_out()?;
        Ok(folder)
    }

    /// A folder that someone else has seen to.
    pub(super) fn attach(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            opened: OnceLock::new(),
            made: RwLock::default(),
            parts: AtomicU64::new(0),
        }
    }

    /// The open root.
    fn at(&self) -> io::Result<BorrowedFd<'_>> {
        if let Some(root) = self.opened.get() {
            return Ok(root.as_fd());
        }
        let root = rustix::fs::open(&self.root, NAMED_FROM, Mode::empty())?;
        Ok(self.opened.get_or_init(|| root).as_fd())
    }

    /// The path of an object: strictly below the root, whatever the key.
    fn path(&self, key: &str) -> Result<PathBuf> {
        self.check(key).map(|()| self.root.join(key))
    }

    /// Checks that a key names a file strictly below the root.
    pub(super) fn check(&self, key: &str) -> Result<()> {
        key::for_folder(key).map_err(|reason| key::refused(key, reason))
    }

    /// The size of an object; `None` where there is none.
    pub(super) fn size_of(&self, key: &str) -> Result<Option<u64>> {
        let path = self.path(key)?;
        match path.metadata() {
            Ok(facts) => Ok(facts.is_file().then_some(facts.len())),
            Err(error) if is_missing(error.kind()) => Ok(None),
            Err(source) => Err(Error::io("read", &path, source)),
        }
    }

    /// Removes an object, which may be missing.
    pub(super) fn remove(&self, key: &str) -> Result<()> {
        let path = self.path(key)?;
        match fs::remove_file(&path) {
            Err(error) if !is_missing(error.kind()) => Err(Error::io("remove", &path, error)),
            _ => Ok(()),
        }
    }
}

/// Whether nothing is there. A key below a file names nothing either.
fn is_missing(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory)
}
