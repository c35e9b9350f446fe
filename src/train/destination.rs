//! Where the trained weights go.

use std::path::{Path, PathBuf};

use super::run::{Options, Trained};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::model::{self, Metadata, Weights};
use crate::units;

/// A file that does not exist yet, or that will be replaced, and can be written.
#[derive(Clone, Debug)]
pub struct Destination {
    path: PathBuf,
}

impl Destination {
    /// Makes sure, before any work, that a model of that name can be written there: it writes one
    /// into a folder beside it and removes both. What is at `path` now stays untouched.
    ///
    /// # Errors
    /// [`Error::Io`] where the folder is absent or cannot be written to, [`Error::Invalid`] for a
    /// name that is no model's.
    pub fn check(path: &Path) -> Result<Self> {
        if path.is_dir() {
            let reason = "a folder; name the file, such as model.tar.gz in it";
            return Err(Error::invalid(path.display().to_string(), reason));
        }
        let Some(name) = path.file_name() else {
            let reason = "no file name; write one such as model.tar.gz";
            return Err(Error::invalid(format!("`{}`", path.display()), reason));
        };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let rehearsal = tempfile::Builder::new()
            .prefix(".plimsoll-")
            .tempdir_in(folder)
            .map_err(|e| Error::io("write to", folder, e))?;
        model::save(&rehearsal.path().join(name), &Weights::zeros(), &Metadata::new())?;
        Ok(Self { path: path.to_owned() })
    }

    /// Writes the weights, and beside them what they are and how to make them again.
    ///
    /// # Errors
    /// [`Error::Io`]; what was there before is still there.
    pub fn write(&self, trained: &Trained, options: &Options, test: &Dataset) -> Result<()> {
        model::save(&self.path, &trained.weights, &metadata(trained, options, test))
    }
}

/// Words that hold on every machine: no paths.
fn metadata(trained: &Trained, options: &Options, test: &Dataset) -> Metadata {
    let Options { epochs, batch_size, rate, momentum, dropout, seed, replicas } = options;
    let images = units::count(trained.test.images as u64);
    let what = if test.synthetic {
        "synthetic digits, not MNIST"
    } else if test.description.starts_with("MNIST ") {
        "MNIST test images"
    } else {
        "test images of another set than MNIST"
    };
    Metadata::from([
        ("accuracy".into(), format!("{:.2}% of {images} {what}", 100.0 * trained.test.accuracy())),
        (
            "command".into(),
            format!(
                "plimsoll train --epochs {epochs} --batch-size {batch_size} --lr {rate} \
                 --momentum {momentum} --dropout {dropout} --seed {seed} \
                 --instance-count {replicas}"
            ),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Evaluation;

    fn trained() -> Trained {
        let test = Evaluation { loss: 0.05, correct: 9_861, images: 10_000 };
        Trained { weights: Weights::fresh(1), test }
    }

    fn options() -> Options {
        Options {
            epochs: 6,
            batch_size: 64,
            rate: 0.01,
            momentum: 0.5,
            dropout: 0.5,
            seed: 1,
            replicas: 2,
        }
    }

    fn data(description: &str, synthetic: bool) -> Dataset {
        let description = description.to_owned();
        Dataset { images: Vec::new(), labels: Vec::new(), description, synthetic }
    }

    fn mnist() -> Dataset {
        data("MNIST test images from /data", false)
    }

    #[test]
    fn the_metadata_says_how_good_and_how_to_make_it_again() {
        let got = metadata(&trained(), &options(), &mnist());
        assert_eq!(got["accuracy"], "98.61% of 10,000 MNIST test images");
        assert_eq!(
            got["command"],
            "plimsoll train --epochs 6 --batch-size 64 --lr 0.01 --momentum 0.5 --dropout 0.5 \
             --seed 1 --instance-count 2"
        );
        for (data, want) in [
            (data("synthetic digits", true), "98.61% of 10,000 synthetic digits, not MNIST"),
            (
                data("test images from /data: not MNIST, by their MD5", false),
                "98.61% of 10,000 test images of another set than MNIST",
            ),
        ] {
            assert_eq!(metadata(&trained(), &options(), &data)["accuracy"], want);
        }
    }

    #[test]
    fn checking_leaves_no_trace_and_writing_gives_the_weights_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let destination = Destination::check(&path).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        destination.write(&trained(), &options(), &mnist()).unwrap();
        let (weights, _) = model::load(&path).unwrap();
        assert_eq!(weights, trained().weights);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named_before_any_work() {
        let folder = tempfile::tempdir().unwrap();
        let absent = folder.path().join("absent");
        let error = Destination::check(&absent.join("model.tar.gz")).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot write to {}", absent.display())), "{error}");
        let error = Destination::check(folder.path()).unwrap_err().to_string();
        assert!(error.ends_with("a folder; name the file, such as model.tar.gz in it"), "{error}");
    }
}
