//! Reading objects.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::error::{Error, Result};

/// A folder of objects.
#[derive(Clone, Debug)]
pub struct Input {
    root: PathBuf,
}

impl Input {
    /// The folder `root`.
    ///
    /// # Errors
    /// [`Error::Io`] where it is not there, [`Error::Invalid`] where it is no folder.
    pub fn open(root: &Path) -> Result<Self> {
        let facts = root.metadata().map_err(|source| Error::io("open", root, source))?;
        if !facts.is_dir() {
            let what = format!("input {}", root.display());
            return Err(Error::invalid(
                what,
                "not a folder; give the folder that holds the objects",
            ));
        }
        Ok(Self { root: root.to_owned() })
    }

    /// Replaces `bytes` by the object's, at most `limit` of them.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be read, [`Error::Malformed`] where it is larger.
    pub fn read(&self, key: &str, limit: u64, bytes: &mut Vec<u8>) -> Result<()> {
        bytes.clear();
        let path = self.root.join(key);
        let fail = |source: io::Error| match source.kind() {
            ErrorKind::WouldBlock => not_a_file(key),
            _ => Error::io("read", &path, source),
        };
        // Who opens or reads a pipe waits for its writer, for ever if there is none, unless told
        // not to.
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let mut file =
            OpenOptions::new().read(true).custom_flags(flags).open(&path).map_err(fail)?;
        // A small object is read by one call: less than was asked for is all there is of a file.
        // Anything else (a large object, a file that the system makes up) takes the general way.
        const SMALL: usize = 4096;
        bytes.resize(SMALL, 0);
        let first = file.read(bytes).map_err(fail)?;
        let mut whole = first < SMALL;
        if first == 0 {
            let facts = file.metadata().map_err(fail)?;
            if !facts.is_file() {
                return Err(not_a_file(key));
            }
            whole = facts.len() == 0;
        }
        bytes.truncate(first);
        if !whole {
            file.by_ref()
                .take(limit.saturating_add(1) - (first as u64).min(limit))
                .read_to_end(bytes)
                .map_err(fail)?;
        }
        if bytes.len() as u64 > limit {
            return Err(Error::malformed(key, format!("larger than the limit of {limit} bytes")));
        }
        Ok(())
    }
}

fn not_a_file(key: &str) -> Error {
    Error::malformed(key, "not a file but a pipe or a device; remove it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_every_size_come_whole_up_to_the_limit() {
        let root = tempfile::tempdir().unwrap();
        let input = Input::open(root.path()).unwrap();
        let mut bytes = vec![9; 3];
        for size in [0usize, 1, 4095, 4096, 4097, 10_000] {
            let object: Vec<u8> = (0..size).map(|i| i as u8).collect();
            std::fs::write(root.path().join("o"), &object).unwrap();
            input.read("o", 10_000, &mut bytes).unwrap();
            assert_eq!(bytes, object);
        }
        let error = input.read("o", 9_999, &mut bytes).unwrap_err().to_string();
        assert_eq!(error, "o: larger than the limit of 9999 bytes");
    }

    #[test]
    fn a_file_is_no_folder_of_objects() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Input::open(file.path()).unwrap_err().to_string();
        assert!(error.contains("not a folder"), "{error}");
    }
}
