//! A folder as a store.
//!
//! Folders do not go through the stores' client: a small object costs an open, a read and a close
//! here, in a buffer that is used again, and a small output one change to its folder. That is about
//! three times as fast.

mod list;
mod read;
mod sweep;
#[cfg(target_os = "linux")]
mod unnamed;
mod write;

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::RwLock;
use std::sync::atomic::AtomicU64;

use super::key;
use crate::error::{Error, Result};

pub(super) use self::write::Part;

/// Other systems have only renaming.
#[cfg(not(target_os = "linux"))]
mod unnamed {
    pub(super) fn put(
        _: &std::path::Path,
        _: &std::path::Path,
        _: &[u8],
    ) -> Option<std::io::Result<()>> {
        None
    }
}

/// What the name of an unfinished output starts with. Nothing else starts so.
const PART: &str = ".plimsoll-part-";

/// A folder of objects. Shared by threads.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    // Folders below the root that are known to be there.
    made: RwLock<HashSet<PathBuf>>,
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
        Self { root: root.to_owned(), made: RwLock::default(), parts: AtomicU64::new(0) }
    }

    /// The path of an object: strictly below the root, whatever the key.
    fn path(&self, key: &str) -> Result<PathBuf> {
        match key::for_folder(key) {
            Ok(()) => Ok(self.root.join(key)),
            Err(reason) => Err(key::refused(key, reason)),
        }
    }

    /// Checks that a key names a file below the root.
    pub(super) fn check(&self, key: &str) -> Result<()> {
        self.path(key).map(drop)
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
