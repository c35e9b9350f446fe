//! Reading objects of a folder.

use std::fs::File;
use std::io::{self, ErrorKind, Read};

use rustix::buffer::spare_capacity;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{Errno, read, retry_on_intr};

use super::{Folder, is_missing};
use crate::error::{Error, Result};
use crate::store::Body;

/// What is asked for at first, at least. Most objects are smaller, and less than was asked for is all there
/// is of a file: then one call has read it.
const SMALL: usize = 4096;

impl Folder {
    /// Hands over every object in turn, those of at most `whole` bytes in one buffer.
    pub(in crate::store) fn read_all<K: AsRef<str>>(
        &self,
        keys: &[K],
        whole: u64,
        each: &mut dyn FnMut(usize, Result<Body<'_>>),
    ) {
        let mut buffer = Vec::new();
        for (index, key) in keys.iter().enumerate() {
            let key = key.as_ref();
            let begun = self.check(key).and_then(|()| {
                self.begin_read(key, whole, &mut buffer).map_err(|error| error.of(self, key))
            });
            match begun {
                Ok(None) => each(index, Ok(Body::Whole(&buffer))),
                Ok(Some((rest, size))) => {
                    let mut bytes = buffer.as_slice().chain(rest);
                    each(index, Ok(Body::Stream { bytes: &mut bytes, size }));
                }
                Err(error) => each(index, Err(error)),
            }
        }
    }

    /// An object of at most `limit` bytes; `None` where there is none.
    pub(in crate::store) fn get(&self, key: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        self.check(key)?;
        let mut bytes = Vec::new();
        match self.begin_read(key, limit, &mut bytes) {
            Ok(None) => Ok(Some(bytes)),
            Ok(Some(_)) => Err(crate::store::too_large(key, limit)),
            Err(Fault::Io(error)) if is_missing(error.kind()) => Ok(None),
            Err(error) => Err(error.of(self, key)),
        }
    }

    /// Replaces `bytes` by those of an object. Of one that is larger than `whole` they are its
    /// beginning; then the rest of it comes too, with its whole size where that is known.
    fn begin_read(
        &self,
        key: &str,
        whole: u64,
        bytes: &mut Vec<u8>,
    ) -> Result<Option<(File, Option<u64>)>, Fault> {
        begin(self.open_file(key)?, whole, bytes)
    }

    fn open_file(&self, key: &str) -> io::Result<File> {
        // Who opens or reads a pipe waits for its writer, for ever if there is none, unless told
        // not to.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let open = |at, path: &std::path::Path| {
            retry_on_intr(|| openat(at, path, flags, Mode::empty())).map(File::from)
        };
        match open(self.at()?, key.as_ref()) {
            // The folder may have been moved away and another one put in its place.
            Err(Errno::NOENT) => Ok(open(CWD, &self.root.join(key))?),
            opened => Ok(opened?),
        }
    }
}

/// Why a file was not read.
enum Fault {
    Io(io::Error),
    NotAFile,
}

impl Fault {
    fn of(self, folder: &Folder, key: &str) -> Error {
        match self {
            Self::Io(source) => Error::io("read", folder.root.join(key), source),
            Self::NotAFile => Error::malformed(key, "not a file but a pipe or a device; remove it"),
        }
    }
}

impl From<Errno> for Fault {
    fn from(error: Errno) -> Self {
        io::Error::from(error).into()
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        // What a pipe with a writer says that has written nothing.
        match error.kind() {
            ErrorKind::WouldBlock => Self::NotAFile,
            _ => Self::Io(error),
        }
    }
}

/// What [`Folder::begin_read`] does once the file is open.
fn begin(
    mut file: File,
    whole: u64,
    bytes: &mut Vec<u8>,
) -> Result<Option<(File, Option<u64>)>, Fault> {
    bytes.clear();
    bytes.reserve(SMALL);
    // Into memory that is not set to zero first, and all of it that there is.
    let asked = bytes.capacity();
    let first = retry_on_intr(|| read(&file, spare_capacity(bytes)))?;
    if first == 0 {
        return if file.metadata()?.is_file() { Ok(None) } else { Err(Fault::NotAFile) };
    }
    if first == asked {
        let first = first as u64;
        // A file that the system makes up says that it has no bytes.
        let size = Some(file.metadata()?.len()).filter(|&size| size >= first);
        if size.is_some_and(|size| size > whole) {
            return Ok(Some((file, size)));
        }
        bytes.reserve(size.map_or(0, |size| (size - first) as usize + 1));
        let left = whole.saturating_add(1).saturating_sub(first);
        file.by_ref().take(left).read_to_end(bytes)?;
    }
    Ok((bytes.len() as u64 > whole).then_some((file, None)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_stands_in_the_folders_place_now_is_read() {
        let root = tempfile::tempdir().unwrap();
        let place = root.path().join("in");
        std::fs::create_dir(&place).unwrap();
        std::fs::write(place.join("old"), "1").unwrap();
        let folder = Folder::open(&place).unwrap();
        assert_eq!(folder.get("old", 1).unwrap().unwrap(), b"1");
        std::fs::rename(&place, root.path().join("away")).unwrap();
        std::fs::create_dir(&place).unwrap();
        std::fs::write(place.join("new"), "2").unwrap();
        assert_eq!(folder.get("new", 1).unwrap().unwrap(), b"2");
    }

    fn body_of(folder: &Folder, key: &str, whole: u64) -> Result<(Vec<u8>, Option<Option<u64>>)> {
        let mut got = None;
        folder.read_all(&[key], whole, &mut |index, body| {
            assert_eq!(index, 0);
            got = Some(body.map(|body| match body {
                Body::Whole(bytes) => (bytes.to_vec(), None),
                Body::Stream { bytes, size } => {
                    let mut all = Vec::new();
                    bytes.read_to_end(&mut all).unwrap();
                    (all, Some(size))
                }
            }));
        });
        got.unwrap()
    }

    #[test]
    fn objects_come_whole_up_to_the_limit_and_as_a_stream_past_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(root.path()).unwrap();
        for size in [0usize, 1, 4095, 4096, 4097, 10_000] {
            let object: Vec<u8> = (0..size).map(|i| i as u8).collect();
            std::fs::write(root.path().join("o"), &object).unwrap();
            for whole in [0, 1, 4095, 4096, 9_999, 10_000, u64::MAX] {
                let (bytes, stream) = body_of(&folder, "o", whole).unwrap();
                assert_eq!(bytes, object);
                assert_eq!(stream.is_some(), size as u64 > whole, "{size} of {whole}");
                // A small object is not asked for its size.
                if size >= SMALL && stream.is_some() {
                    assert_eq!(stream, Some(Some(size as u64)));
                }
            }
            assert_eq!(folder.get("o", size as u64).unwrap().unwrap(), object);
        }
        let error = folder.get("o", 9_999).unwrap_err().to_string();
        assert_eq!(error, "o: larger than the limit of 9999 bytes");
    }

    #[test]
    fn what_is_not_there_is_none_or_named() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("file"), "1").unwrap();
        let folder = Folder::open(root.path()).unwrap();
        for key in ["missing", "file/below"] {
            assert_eq!(folder.get(key, 1).unwrap(), None);
            assert_eq!(folder.size_of(key).unwrap(), None);
            folder.remove(key).unwrap();
            let error = body_of(&folder, key, 1).unwrap_err().to_string();
            assert!(error.starts_with("cannot read ") && error.contains(key), "{error}");
        }
    }

    #[test]
    fn a_file_that_the_system_makes_up_is_read_to_its_end() {
        // It says that it has no bytes.
        let folder = Folder::attach(Path::new("/proc/self"));
        let (bytes, stream) = body_of(&folder, "status", u64::MAX).unwrap();
        assert!(bytes.starts_with(b"Name:") && stream.is_none());
        let (bytes, stream) = body_of(&folder, "status", 10).unwrap();
        assert!(bytes.starts_with(b"Name:") && stream.is_some());
    }

    #[test]
    fn a_file_is_no_folder_of_objects() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Folder::open(file.path()).unwrap_err().to_string();
        assert!(error.contains("not a folder"), "{error}");
    }
}
