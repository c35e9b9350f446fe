//! A folder of pictures, and the labels beside it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::{Image, Source, Split, digits, encode_png};
use crate::error::{Error, Result};
use crate::units;

/// The name of the file of labels: beside the folder and not in it, for a job reads every file of
/// its input folder.
pub const LABELS: &str = "labels.csv";

/// What is to be written.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where the pictures come from.
    pub source: Source,
    /// Which part of it.
    pub split: Split,
    /// How many, from the first on.
    pub count: u64,
    /// The folder that they go to.
    pub out: PathBuf,
    /// Whether an earlier sample may be overwritten.
    pub force: bool,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The file of labels.
    pub labels: PathBuf,
    /// What the pictures are; see [`Dataset::description`](super::Dataset::description).
    pub description: String,
}

/// Writes `000000.png`, `000001.png` and so on, and then [`LABELS`] beside their folder, whose
/// rows are in the pictures' order. `progress` is called once a picture, on any thread. Synthetic
/// digits are drawn as they are written, so that any number of them needs no memory.
///
/// # Errors
/// [`Error::Invalid`] for a count of 0, for more than the source has, and for a folder or labels
/// that are there already; [`Error::Io`] where something cannot be written. A picture that could
/// not be written whole is removed; there are no labels then.
pub fn write(request: &Request, progress: &(dyn Fn() + Sync)) -> Result<Written> {
    let supply = Supply::open(request)?;
    let out = prepare(&request.out)?;
    let labels_path = out.parent().map(|beside| beside.join(LABELS)).ok_or_else(|| {
        Error::invalid(out.display().to_string(), "there is no place beside it for labels.csv")
    })?;
    let names = Names::for_count(request.count);
    check_vacant(&out, &labels_path, &names, request)?;
    // Found before any work: whether the place beside the folder can be written.
    let labels_file = labels_writer(&labels_path)?;

    let labels = (0..request.count)
        .into_par_iter()
        .map(|index| {
            let (image, label) = supply.get(index);
            put(&out.join(names.of(index)), &encode_png(&image)?)?;
            progress();
            Ok(label)
        })
        .collect::<Result<Vec<u8>>>()?;
    write_labels(labels_file, &labels_path, &names, &labels)?;
    Ok(Written { labels: labels_path, description: supply.description(request) })
}

/// Images one by one.
enum Supply {
    Loaded(super::Dataset),
    Drawn { seed: u64, split: Split },
}

impl Supply {
    fn open(request: &Request) -> Result<Self> {
        if request.count == 0 {
            return Err(Error::invalid("a count of 0", "ask for at least one picture"));
        }
        if let Source::Synthetic { seed, .. } = request.source {
            return Ok(Self::Drawn { seed, split: request.split });
        }
        let data = request.source.load(request.split)?;
        let there = data.images.len() as u64;
        if request.count > there {
            return Err(Error::invalid(
                format!("a count of {}", units::count(request.count)),
                format!(
                    "there are {} {} images in {}; ask for fewer, or for --synthetic ones, of \
                     which there is no end",
                    units::count(there),
                    request.split,
                    request.source
                ),
            ));
        }
        Ok(Self::Loaded(data))
    }

    fn get(&self, index: u64) -> (Image, u8) {
        match self {
            Self::Loaded(data) => (data.images[index as usize], data.labels[index as usize]),
            Self::Drawn { seed, split } => digits::draw(*seed, *split, index),
        }
    }

    fn description(self, request: &Request) -> String {
        match self {
            Self::Loaded(data) => data.description,
            Self::Drawn { .. } => request.source.to_string(),
        }
    }
}

/// File names that sort as their numbers do.
struct Names {
    digits: usize,
    count: u64,
}

impl Names {
    fn for_count(count: u64) -> Self {
        Self { digits: (count - 1).to_string().len().max(6), count }
    }

    fn of(&self, index: u64) -> String {
        format!("{index:0digits$}.png", digits = self.digits)
    }

    fn contain(&self, name: &str) -> bool {
        let index = name.strip_suffix(".png").and_then(|number| number.parse().ok());
        index.is_some_and(|index| index < self.count && self.of(index) == name)
    }
}

/// The folder, made where it is not there, without links and dots in its path.
fn prepare(out: &Path) -> Result<PathBuf> {
    fs::create_dir_all(out).map_err(|error| Error::io("create the folder", out, error))?;
    fs::canonicalize(out).map_err(|error| Error::io("find", out, error))
}

/// Nothing of the user's is overwritten unasked, and no picture may stay that has no label.
fn check_vacant(out: &Path, labels: &Path, names: &Names, request: &Request) -> Result<()> {
    let failed = |error| Error::io("list", out, error);
    for entry in fs::read_dir(out).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let name = name.to_string_lossy();
        if !request.force {
            return Err(Error::invalid(
                out.display().to_string(),
                format!("holds files already ({name}); empty it, choose another, or add --force"),
            ));
        }
        if !names.contain(&name) {
            return Err(Error::invalid(
                out.display().to_string(),
                format!("holds {name}, which this sample would not replace; empty it first"),
            ));
        }
    }
    if labels.exists() && !request.force {
        return Err(Error::invalid(
            labels.display().to_string(),
            "is there already; remove it, choose another folder, or add --force",
        ));
    }
    Ok(())
}

/// Writes a file whole or not at all, short of a crash.
fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).map_err(|error| {
        // The first error is the one worth telling.
        let _ = fs::remove_file(path);
        Error::io("write", path, error)
    })
}

fn labels_writer(path: &Path) -> Result<tempfile::NamedTempFile> {
    let mut passing = tempfile::Builder::new();
    #[cfg(unix)]
    passing.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let beside = path.parent().unwrap_or(Path::new("/"));
    passing.prefix(".labels-").tempfile_in(beside).map_err(|error| Error::io("write", path, error))
}

fn write_labels(
    mut file: tempfile::NamedTempFile,
    path: &Path,
    names: &Names,
    labels: &[u8],
) -> Result<()> {
    let mut write = || -> csv::Result<()> {
        let mut csv = csv::Writer::from_writer(&mut file);
        csv.write_record(["name", "label"])?;
        for (index, label) in (0..).zip(labels) {
            csv.write_record([names.of(index), label.to_string()])?;
        }
        Ok(csv.flush()?)
    };
    write().map_err(|error| Error::io("write", path, io::Error::from(error)))?;
    file.persist(path).map_err(|error| Error::io("write", path, error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::data::decode;

    fn request(out: PathBuf, count: u64) -> Request {
        let source = Source::synthetic(3);
        Request { source, split: Split::Test, count, out, force: false }
    }

    fn listing(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn pictures_go_into_the_folder_and_labels_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let pictures = dir.path().join("new/pictures");
        let written = AtomicU64::new(0);
        let sample = write(&request(pictures.clone(), 12), &|| {
            written.fetch_add(1, Ordering::Relaxed);
        })
        .unwrap();
        assert_eq!(written.into_inner(), 12);
        assert_eq!(sample.description, "synthetic digits, seed 3: not MNIST");

        assert_eq!(listing(&dir.path().join("new")), ["labels.csv", "pictures"]);
        let names = listing(&pictures);
        assert_eq!(
            (names.len(), names[0].as_str(), names[11].as_str()),
            (12, "000000.png", "000011.png")
        );
        let labels = fs::read_to_string(&sample.labels).unwrap();
        let mut lines = labels.lines();
        assert_eq!(lines.next(), Some("name,label"));
        for (index, (line, name)) in lines.zip(&names).enumerate() {
            let (image, label) = digits::draw(3, Split::Test, index as u64);
            assert_eq!(line, format!("{name},{label}"));
            assert_eq!(decode(&fs::read(pictures.join(name)).unwrap()).unwrap(), image);
        }
    }

    #[test]
    fn what_is_there_already_is_overwritten_only_by_force() {
        let dir = tempfile::tempdir().unwrap();
        let mut request = request(dir.path().join("pictures"), 5);
        let reason = |request: &Request| write(request, &|| ()).unwrap_err().to_string();
        write(&request, &|| ()).unwrap();
        assert!(reason(&request).contains("or add --force"));
        request.force = true;
        write(&request, &|| ()).unwrap();

        // Pictures past the new count would stay without labels.
        request.count = 4;
        assert!(reason(&request).contains("holds 000004.png"), "{}", reason(&request));
        fs::remove_dir_all(&request.out).unwrap();
        request.force = false;
        assert!(reason(&request).contains("labels.csv: is there already"));
    }

    #[test]
    fn counts_that_cannot_be_had_are_refused_before_anything_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("pictures");
        assert!(matches!(write(&request(out.clone(), 0), &|| ()), Err(Error::Invalid { .. })));

        let idx = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: Vec<u8>| fs::write(idx.path().join(name), bytes).unwrap();
        file(
            "t10k-images-idx3-ubyte",
            super::super::idx::write_images(&[digits::draw(1, Split::Test, 0).0]),
        );
        file("t10k-labels-idx1-ubyte", super::super::idx::write_labels(&[1]));
        let mut request = request(out, 2);
        request.source = Source::Folder { dir: idx.path().to_owned(), cache: false };
        let text = write(&request, &|| ()).unwrap_err().to_string();
        assert!(text.starts_with("a count of 2: there are 1 test images in the folder"), "{text}");
        assert_eq!(listing(dir.path()), [""; 0]);
    }

    #[test]
    fn names_sort_as_their_numbers_do() {
        let few = Names::for_count(10);
        assert_eq!(few.of(7), "000007.png");
        assert!(few.contain("000009.png"));
        for other in ["000010.png", "9.png", "0000009.png", "000009.jpg", "+00009.png"] {
            assert!(!few.contain(other), "{other}");
        }
        assert_eq!(Names::for_count(1_000_000).of(999_999), "999999.png");
        assert_eq!(Names::for_count(1_000_001).of(7), "0000007.png");
    }
}
