//! Which MNIST: a folder, the cache, the public mirrors, or none of these.

mod fetch;
mod files;
mod surroundings;

use std::fmt;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

pub use self::fetch::{Fetched, MIRRORS, Progress, fetch};
pub use self::surroundings::{Surroundings, cache_dir};

use super::{Dataset, Split, digits, idx};
use crate::error::{Error, Result};

/// The seed of the synthetic digits where none is named.
pub const DEFAULT_SEED: u64 = 1;

/// Where images come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A folder of IDX files.
    Folder {
        /// The folder.
        dir: PathBuf,
        /// Whether it is Plimsoll's own cache, in which a file that is not MNIST's is damaged.
        cache: bool,
    },
    /// The synthetic digits; see [`digits`].
    Synthetic {
        /// The same seed draws the same digits on every machine.
        seed: u64,
        /// Why these, where nobody asked for them: what was looked for and is not there.
        reason: Option<String>,
    },
}

impl Source {
    /// Looks for MNIST: in `explicit` or else the folder that `PLIMSOLL_MNIST_DIR` names; in the
    /// cache (see [`cache_dir`]); on the public mirrors, unless `offline` is true or
    /// `PLIMSOLL_OFFLINE` is set. With none of these it is the synthetic digits, seed 1. Only the
    /// files of `splits` have to exist, and only they are downloaded.
    ///
    /// # Errors
    /// A named folder that is absent or lacks a file of `splits`: never silently another source.
    pub fn find(explicit: Option<&Path>, splits: &[Split], offline: bool) -> Result<Self> {
        let mut surroundings = Surroundings::of_process();
        surroundings.offline |= offline;
        if let Some(dir) = explicit {
            surroundings.named = Some(dir.to_owned());
        }
        Self::find_in(&surroundings, splits, &mut |_| ())
    }

    /// [`Source::find`] in surroundings of the caller's, telling how a download goes on.
    ///
    /// # Errors
    /// As [`Source::find`].
    pub fn find_in(
        surroundings: &Surroundings,
        splits: &[Split],
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self> {
        if let Some(dir) = &surroundings.named {
            std::fs::read_dir(dir).map_err(|error| Error::io("read the folder", dir, error))?;
            for file in files::of(splits) {
                file.required(dir)?;
            }
            return Ok(Self::Folder { dir: dir.clone(), cache: false });
        }
        let reason = match &surroundings.cache {
            None => "there is no folder to cache MNIST in; set PLIMSOLL_CACHE_DIR".to_owned(),
            Some(dir) if files::of(splits).all(|file| file.within(dir).is_some()) => {
                return Ok(Self::Folder { dir: dir.clone(), cache: true });
            }
            Some(dir) if surroundings.offline => {
                format!("MNIST is not in {}, and nothing is downloaded offline", dir.display())
            }
            Some(dir) => match fetch(dir, splits, &surroundings.mirrors, progress) {
                Ok(_) => return Ok(Self::Folder { dir: dir.clone(), cache: true }),
                Err(error) => error.to_string(),
            },
        };
        Ok(Self::Synthetic { seed: DEFAULT_SEED, reason: Some(reason) })
    }

    /// The synthetic digits, asked for.
    pub fn synthetic(seed: u64) -> Self {
        Self::Synthetic { seed, reason: None }
    }

    /// All images of a split; 10,000 test and 60,000 train images where they are synthetic.
    ///
    /// # Errors
    /// Files that are absent or damaged.
    pub fn load(&self, split: Split) -> Result<Dataset> {
        self.load_at_most(split, usize::MAX)
    }

    /// The first `limit` images of a split, or all where it has fewer.
    ///
    /// # Errors
    /// As [`Source::load`].
    pub fn load_at_most(&self, split: Split, limit: usize) -> Result<Dataset> {
        match self {
            Self::Folder { dir, cache } => load_folder(dir, *cache, split, limit),
            Self::Synthetic { seed, .. } => {
                let count = limit.min(split.size());
                let (images, labels) = (0..count as u64)
                    .into_par_iter()
                    .map(|index| digits::draw(*seed, split, index))
                    .unzip();
                let description = self.to_string();
                Ok(Dataset { images, labels, description, synthetic: true })
            }
        }
    }
}

impl fmt::Display for Source {
    /// A few words for the terminal and for reports.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder { dir, .. } => write!(f, "the folder {}", dir.display()),
            Self::Synthetic { seed, .. } => write!(f, "synthetic digits, seed {seed}: not MNIST"),
        }
    }
}

fn load_folder(dir: &Path, cache: bool, split: Split, limit: usize) -> Result<Dataset> {
    let (image_file, label_file) = (files::images_of(split), files::labels_of(split));
    let (image_path, label_path) = (image_file.required(dir)?, label_file.required(dir)?);
    let images = idx::read_images(files::open(&image_path)?, &image_path)?;
    let labels = idx::read_labels(files::open(&label_path)?, &label_path)?;
    let canonical = images.md5 == image_file.md5 && labels.md5 == label_file.md5;
    if cache && !canonical {
        let damaged = if images.md5 == image_file.md5 { label_path } else { image_path };
        return Err(Error::malformed(
            damaged.display().to_string(),
            "not MNIST's, by its MD5; remove it and run `plimsoll data fetch`",
        ));
    }
    let (mut images, mut labels) = (images.items, labels.items);
    if images.len() != labels.len() {
        return Err(Error::malformed(
            dir.display().to_string(),
            format!("{} {split} images, but {} labels", images.len(), labels.len()),
        ));
    }
    if images.is_empty() {
        return Err(Error::malformed(image_path.display().to_string(), "it holds no images"));
    }
    images.truncate(limit);
    labels.truncate(limit);
    let description = if canonical {
        format!("MNIST {split} images from {}", dir.display())
    } else {
        format!("{split} images from {}: not MNIST, by their MD5", dir.display())
    };
    Ok(Dataset { images, labels, description, synthetic: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{IMAGE_PIXELS, Image};

    /// A folder with a test split of so many images and labels.
    fn folder(images: usize, labels: usize) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let pictures: Vec<_> = (0..images).map(|i| Image([i as u8; IMAGE_PIXELS])).collect();
        let digits: Vec<_> = (0..labels).map(|i| (i % 10) as u8).collect();
        let put =
            |name: &str, bytes: Vec<u8>| std::fs::write(dir.path().join(name), bytes).unwrap();
        put("t10k-images-idx3-ubyte", idx::write_images(&pictures));
        // Named as if it were gzipped, which only its content says.
        put("t10k-labels-idx1-ubyte.gz", idx::write_labels(&digits));
        dir
    }

    fn find(surroundings: &Surroundings, splits: &[Split]) -> Result<Source> {
        Source::find_in(surroundings, splits, &mut |_| ())
    }

    fn named(dir: &Path) -> Surroundings {
        Surroundings { named: Some(dir.to_owned()), ..Surroundings::default() }
    }

    #[test]
    fn a_named_folder_needs_only_the_split_that_is_asked_for() {
        let dir = folder(12, 12);
        let source = find(&named(dir.path()), &[Split::Test]).unwrap();
        let data = source.load(Split::Test).unwrap();
        assert_eq!((data.images.len(), data.labels.len(), data.synthetic), (12, 12, false));
        assert_eq!((data.images[11].0[0], data.labels[11]), (11, 1));
        assert!(data.description.ends_with("not MNIST, by their MD5"), "{}", data.description);
        assert_eq!(source.load_at_most(Split::Test, 3).unwrap().labels, [0, 1, 2]);

        let error = find(&named(dir.path()), &[Split::Test, Split::Train]).unwrap_err();
        assert!(error.to_string().contains("train-images-idx3-ubyte: no such file"), "{error}");
    }

    #[test]
    fn a_named_folder_that_is_absent_or_damaged_is_never_replaced() {
        let absent = find(&named(Path::new("/no/such/folder")), &[Split::Test]).unwrap_err();
        assert!(
            absent.to_string().starts_with("cannot read the folder /no/such/folder"),
            "{absent}"
        );
        let text = |images, labels| {
            let dir = folder(images, labels);
            let source = find(&named(dir.path()), &[Split::Test]).unwrap();
            source.load(Split::Test).unwrap_err().to_string()
        };
        assert!(text(3, 2).ends_with("3 test images, but 2 labels"));
        assert!(text(0, 0).ends_with("it holds no images"));
    }

    #[test]
    fn the_cache_is_used_where_it_holds_the_splits_and_has_to_be_mnist() {
        let dir = folder(3, 3);
        let surroundings = Surroundings {
            cache: Some(dir.path().to_owned()),
            offline: true,
            ..Surroundings::default()
        };
        let source = find(&surroundings, &[Split::Test]).unwrap();
        assert_eq!(source, Source::Folder { dir: dir.path().to_owned(), cache: true });
        let error = source.load(Split::Test).unwrap_err();
        assert!(error.to_string().contains("run `plimsoll data fetch`"), "{error}");

        let fallback = find(&surroundings, &[Split::Train]).unwrap();
        let Source::Synthetic { seed: DEFAULT_SEED, reason: Some(reason) } = fallback else {
            panic!("{fallback:?}");
        };
        assert!(reason.contains("nothing is downloaded offline"), "{reason}");
    }

    #[test]
    fn synthetic_digits_say_that_they_are_not_mnist() {
        let data = Source::synthetic(7).load_at_most(Split::Train, 30).unwrap();
        assert_eq!((data.images.len(), data.labels.len(), data.synthetic), (30, 30, true));
        assert_eq!(data.description, "synthetic digits, seed 7: not MNIST");
        assert_eq!(digits::draw(7, Split::Train, 29), (data.images[29], data.labels[29]));
    }

    #[test]
    fn mnist_itself_is_known_by_its_md5() {
        let Some(dir) = Surroundings::of_process().named else {
            println!("skipped: PLIMSOLL_MNIST_DIR is not set, and this test reads MNIST itself");
            return;
        };
        let source = find(&named(&dir), &[Split::Test, Split::Train]).unwrap();
        for split in [Split::Test, Split::Train] {
            let data = source.load(split).unwrap();
            assert_eq!(data.images.len(), split.size());
            assert_eq!(data.description, format!("MNIST {split} images from {}", dir.display()));
        }
    }
}
