//! MNIST's four files.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::data::{Split, idx};
use crate::error::{Error, Result};

/// One of MNIST's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Canonical {
    /// Its name uncompressed; the mirrors add `.gz`.
    pub(super) name: &'static str,
    /// The MD5 of its uncompressed bytes.
    pub(super) md5: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Images,
    Labels,
}

const fn images(name: &'static str, md5: &'static str) -> Canonical {
    Canonical { name, md5, kind: Kind::Images }
}

pub(super) const fn labels(name: &'static str, md5: &'static str) -> Canonical {
    Canonical { name, md5, kind: Kind::Labels }
}

/// The file of a split's images.
pub(super) const fn images_of(split: Split) -> Canonical {
    match split {
        Split::Train => images("train-images-idx3-ubyte", "6bbc9ace898e44ae57da46a324031adb"),
        Split::Test => images("t10k-images-idx3-ubyte", "2646ac647ad5339dbf082846283269ea"),
    }
}

/// The file of a split's labels.
pub(super) const fn labels_of(split: Split) -> Canonical {
    match split {
        Split::Train => labels("train-labels-idx1-ubyte", "a25bea736e30d166cdddb491f175f624"),
        Split::Test => labels("t10k-labels-idx1-ubyte", "27ae3e4e09519cfbb04c329615203637"),
    }
}

/// The files of some splits.
pub(super) fn of(splits: &[Split]) -> impl Iterator<Item = Canonical> {
    splits.iter().flat_map(|&split| [images_of(split), labels_of(split)])
}

impl Canonical {
    /// The name that the mirrors have it under.
    pub(super) fn zipped_name(&self) -> String {
        format!("{}.gz", self.name)
    }

    /// Where it is in a folder, gzipped or not.
    pub(super) fn within(&self, dir: &Path) -> Option<PathBuf> {
        [self.name.to_owned(), self.zipped_name()]
            .map(|name| dir.join(name))
            .into_iter()
            .find(|path| path.is_file())
    }

    /// Where it is in a folder that has to hold it.
    ///
    /// # Errors
    /// [`Error::Io`] where it is not there.
    pub(super) fn required(&self, dir: &Path) -> Result<PathBuf> {
        self.within(dir).ok_or_else(|| {
            let absent = io::Error::new(io::ErrorKind::NotFound, "no such file, gzipped or not");
            Error::io("read", dir.join(self.name), absent)
        })
    }

    /// The MD5 of bytes that have to be a sound file of this kind.
    pub(super) fn md5_of(&self, bytes: impl Read, name: &Path) -> Result<String> {
        match self.kind {
            Kind::Images => idx::read_images(bytes, name).map(|contents| contents.md5),
            Kind::Labels => idx::read_labels(bytes, name).map(|contents| contents.md5),
        }
    }
}

pub(super) fn open(path: &Path) -> Result<io::BufReader<File>> {
    let file = File::open(path).map_err(|error| Error::io("open", path, error))?;
    Ok(io::BufReader::with_capacity(1 << 16, file))
}
