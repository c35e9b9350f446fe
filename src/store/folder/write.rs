//! Writing objects to a folder, whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::{Folder, PART, unnamed};
use crate::error::{Error, Result};

impl Folder {
    /// Writes an object over what may be there.
    pub(in crate::store) fn put(&self, key: &str, bytes: &[u8]) -> Result<()> {
        self.check(key)?;
        let folder = self.make_for(key)?;
        let within = if folder.is_empty() { "." } else { folder };
        let unnamed = self.at().ok().and_then(|at| unnamed::put(at, within, key, bytes));
        let written = unnamed.unwrap_or_else(|| self.put_by_renaming(folder, key, bytes));
        written.map_err(|source| Error::io("write", self.root.join(key), source))
    }

    /// Writes a part beside the object and renames it.
    fn put_by_renaming(&self, folder: &str, key: &str, bytes: &[u8]) -> io::Result<()> {
        let mut part = Unfinished::begin(self.part_in(folder))?;
        part.file.write_all(bytes)?;
        part.finish(&self.root.join(key))
    }

    /// Begins an object that is written in pieces.
    pub(in crate::store) fn begin(&self, key: &str) -> Result<Part> {
        let path = self.path(key)?;
        let folder = self.make_for(key)?;
        match Unfinished::begin(self.part_in(folder)) {
            Ok(unfinished) => Ok(Part { unfinished, path }),
            Err(source) => Err(Error::io("write", &path, source)),
        }
    }

    /// Finds out whether anything can be written.
    pub(super) fn try_out(&self) -> Result<()> {
        let trial = self.part_in("");
        let tried = File::create(&trial).and_then(|mut file| file.write_all(b"trial"));
        let removed = fs::remove_file(&trial);
        tried.and(removed).map_err(|source| Error::io("write to", &self.root, source))
    }

    /// Makes the folder that an object lies in, and gives its key; that of the root is empty.
    fn make_for<'a>(&self, key: &'a str) -> Result<&'a str> {
        let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder);
        if !folder.is_empty()
            && !self.made.read().unwrap_or_else(PoisonError::into_inner).contains(folder)
        {
            let path = self.root.join(folder);
            fs::create_dir_all(&path).map_err(|source| Error::io("create", path, source))?;
            let mut made = self.made.write().unwrap_or_else(PoisonError::into_inner);
            made.insert(folder.to_owned());
        }
        Ok(folder)
    }

    fn part_in(&self, folder: &str) -> PathBuf {
        let number = self.parts.fetch_add(1, Ordering::Relaxed);
        self.root.join(folder).join(format!("{PART}{}-{number}", std::process::id()))
    }
}

/// An object that is being written in pieces. Dropped, it leaves nothing.
#[derive(Debug)]
pub(in crate::store) struct Part {
    unfinished: Unfinished,
    path: PathBuf,
}

impl Part {
    /// Adds a piece.
    pub(in crate::store) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.unfinished.file.write_all(bytes);
        written.map_err(|source| Error::io("write", &self.path, source))
    }

    /// Gives the object its name.
    pub(in crate::store) fn finish(self) -> Result<()> {
        let finished = self.unfinished.finish(&self.path);
        finished.map_err(|source| Error::io("write", &self.path, source))
    }
}

/// A file that is removed unless it is finished.
#[derive(Debug)]
struct Unfinished {
    file: File,
    // Empty once it has its name.
    part: PathBuf,
}

impl Unfinished {
    fn begin(part: PathBuf) -> io::Result<Self> {
        Ok(Self { file: File::create_new(&part)?, part })
    }

    fn finish(mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.part, path)?;
        self.part = PathBuf::new();
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.part.as_os_str().is_empty() {
            // What went wrong before is what matters.
            let _ = fs::remove_file(&self.part);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn outputs_are_written_over_and_folders_made() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::create(&root.path().join("new/out")).unwrap();
        for text in ["first", "second"] {
            folder.put("a/b.out", text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(root.path().join("new/out/a/b.out")).unwrap(), text);
        }
        let left: Vec<_> = fs::read_dir(root.path().join("new/out/a")).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn a_failed_output_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::create(root.path()).unwrap();
        // A folder stands where the output should go.
        fs::create_dir(root.path().join("x.out")).unwrap();
        let error = folder.put("x.out", b"1").unwrap_err().to_string();
        assert!(error.contains("x.out"), "{error}");
        let mut part = folder.begin("x.out").unwrap();
        part.write(b"1").unwrap();
        part.finish().unwrap_err();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_in_the_way_of_the_folder_is_found_at_once() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Folder::create(file.path()).unwrap_err();
        assert!(matches!(error, Error::Io { action: "create", .. }), "{error}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn whatever_the_key_nothing_is_written_outside_the_folder(
            key in r"(\.|\.\.|/|//|\x00|a|\.\./|[^/]{1,4}|é{120,130}){0,6}",
        ) {
            let root = tempfile::tempdir().unwrap();
            let inside = root.path().join("out");
            let folder = Folder::create(&inside).unwrap();
            let put = folder.put(&key, b"1");
            let begun = folder.begin(&key).and_then(Part::finish);
            prop_assert_eq!(put.is_ok(), begun.is_ok());
            let outside: Vec<_> = fs::read_dir(root.path()).unwrap().collect();
            prop_assert_eq!(outside.len(), 1);
            let listing = folder.list("", false).unwrap();
            if put.is_ok() {
                prop_assert_eq!(listing.len(), 1);
                prop_assert_eq!(listing.key(0), key);
            } else {
                prop_assert_eq!(listing.len(), 0);
            }
        }
    }
}
