//! `model.tar.gz`, as SageMaker keeps models: a tar of files, one of which has the weights.
//!
//! Which one: `*.safetensors` before `*.pth` before `*.pt`; among several of a kind the one called
//! `model`, at the top. The folder `code/`, where SageMaker keeps the inference script, is not
//! looked at. Nothing is written to disk, so a path in the archive can lead nowhere.

use std::io::{self, ErrorKind, Read};

use flate2::read::MultiGzDecoder;
use flate2::{Compression, GzBuilder};

use super::kind::{self, LARGEST, Parsed};
use super::words;
use super::{checkpoint, file::Metadata, safetensors, weights::Weights};
use crate::error::{Error, Result};
use crate::units;

/// Kinds of files that have weights, the one looked for first in front.
const KINDS: [&str; 3] = ["safetensors", "pth", "pt"];
/// How much is unpacked at most, whatever else is in the archive.
const LARGEST_ARCHIVE: u64 = 128 << 20;
/// Files that may have the weights.
const MOST_CANDIDATES: usize = 100;

/// A file in the archive that may have the weights.
struct Candidate {
    name: String,
    bytes: Vec<u8>,
}

/// Reads the weights out of a tar file, compressed or not. Gives the entry's name, too.
///
/// # Errors
/// [`Error::Malformed`], naming the entry.
pub(super) fn read(file: impl Read, compressed: bool) -> Result<(String, Parsed)> {
    let candidates =
        if compressed { candidates(MultiGzDecoder::new(file))? } else { candidates(file)? };
    let candidate = choose(candidates)?;
    let parsed =
        kind::read(&candidate.bytes).map_err(|e| e.within(words::clipped(&candidate.name)))?;
    Ok((candidate.name, parsed))
}

/// Every file that may have the weights, in the archive's order.
fn candidates(tar: impl Read) -> Result<Vec<Candidate>> {
    let mut tar = tar::Archive::new(Bounded { inner: tar, left: LARGEST_ARCHIVE });
    let mut found: Vec<Candidate> = Vec::new();
    let mut left = LARGEST;
    for entry in tar.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = name.trim_start_matches("./").to_owned();
        if !entry.header().entry_type().is_file() || rank(&name).is_none() {
            continue;
        }
        let mut bytes = Vec::new();
        (&mut entry).take(left + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        left = left.checked_sub(bytes.len() as u64).ok_or_else(|| {
            Error::malformed(
                words::clipped(&name),
                format!(
                    "it and the models before it in the archive have more than {}; weights of the \
                     MNIST CNN have about 100 KiB",
                    units::bytes(LARGEST)
                ),
            )
        })?;
        // A later entry replaces an earlier one of the same name, as tar itself has it.
        found.retain(|earlier| earlier.name != name);
        found.push(Candidate { name, bytes });
        if found.len() > MOST_CANDIDATES {
            let reason = format!("more than {MOST_CANDIDATES} files that could be the model");
            return Err(Error::malformed("tar archive", reason));
        }
    }
    Ok(found)
}

fn unreadable(error: io::Error) -> Error {
    Error::malformed(
        "tar archive",
        match error.kind() {
            ErrorKind::FileTooLarge => format!(
                "unpacks to more than {}; make one with the model alone",
                units::bytes(LARGEST_ARCHIVE)
            ),
            _ => format!("{error}; the file is damaged, cut short or no tar.gz"),
        },
    )
}

/// A reader that refuses to go on past a size: a few bytes of gzip can unpack to very many.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or(ErrorKind::FileTooLarge)?;
        Ok(count)
    }
}

/// How soon a file is looked for, by its name: the kind, then whether it is the kind's `model`.
fn rank(name: &str) -> Option<(usize, bool)> {
    let (stem, extension) = name.rsplit_once('.')?;
    // macOS adds a file `._NAME` with attributes beside each file.
    let hidden =
        stem.rsplit('/').next().is_some_and(|base| base.is_empty() || base.starts_with("._"));
    if hidden || name.starts_with("code/") {
        return None;
    }
    let kind = KINDS.iter().position(|kind| *kind == extension)?;
    Some((kind, stem != "model"))
}

/// The one that the rule names.
fn choose(mut found: Vec<Candidate>) -> Result<Candidate> {
    found.sort_by_key(|candidate| rank(&candidate.name));
    let best = found.first().map(|first| rank(&first.name));
    let rivals: Vec<&str> = found
        .iter()
        .filter(|candidate| Some(rank(&candidate.name)) == best)
        .map(|candidate| candidate.name.as_str())
        .collect();
    if rivals.len() > 1 {
        return Err(Error::malformed(
            "tar archive",
            format!(
                "{} could each be the model; keep one, or call it model.{}",
                words::list(&rivals),
                rivals[0].rsplit('.').next().unwrap_or_default()
            ),
        ));
    }
    found.into_iter().next().ok_or_else(|| {
        Error::malformed("tar archive", "no *.safetensors, *.pth or *.pt in it (code/ aside)")
    })
}

/// A `model.tar.gz` with `model.pth` and `model.safetensors`: the same bytes for the same weights
/// and metadata, always.
pub(super) fn write(weights: &Weights, metadata: &Metadata) -> Result<Vec<u8>> {
    let bug = |e: io::Error| Error::Bug(format!("an archive in memory failed: {e}"));
    let gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
    let mut tar = tar::Builder::new(gzip);
    for (name, bytes) in [
        ("model.pth", checkpoint::write(weights)?),
        ("model.safetensors", safetensors::write(weights, metadata)?),
    ] {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        tar.append_data(&mut header, name, &*bytes).map_err(bug)?;
    }
    tar.into_inner().and_then(|gzip| gzip.finish()).map_err(bug)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tar of these files, in this order.
    fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, bytes) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            // Not set_path, which refuses the paths that a hostile archive would have.
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            tar.append(&header, *bytes).unwrap();
        }
        tar.into_inner().unwrap()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = Vec::new();
        flate2::read::GzEncoder::new(bytes, Compression::best()).read_to_end(&mut gzip).unwrap();
        gzip
    }

    fn pth(seed: u64) -> Vec<u8> {
        checkpoint::write(&Weights::fresh(seed)).unwrap()
    }

    fn chosen(files: &[(&str, &[u8])]) -> Result<(String, Weights)> {
        read(&*tar(files), false).map(|(name, (weights, ..))| (name, weights))
    }

    #[test]
    fn what_is_written_is_read_back_with_its_metadata() {
        let metadata = Metadata::from([("accuracy".into(), "98.9%".into())]);
        let bytes = write(&Weights::fresh(3), &metadata).unwrap();
        assert_eq!(bytes, write(&Weights::fresh(3), &metadata).unwrap());
        let (entry, (weights, read_metadata, kind)) = read(&*bytes, true).unwrap();
        assert_eq!((entry.as_str(), kind), ("model.safetensors", "safetensors"));
        assert_eq!((weights, read_metadata), (Weights::fresh(3), metadata));
    }

    #[test]
    fn the_rule_says_which_file_is_the_model() {
        let safetensors = safetensors::write(&Weights::fresh(1), &Metadata::new()).unwrap();
        let (two, three) = (pth(2), pth(3));
        for (files, want) in [
            (&[("b.pth", &two[..]), ("a.safetensors", &safetensors)][..], "a.safetensors"),
            (&[("a.pt", &two), ("b.pth", &three)], "b.pth"),
            (&[("./best.pth", &two), ("./model.pth", &three)], "model.pth"),
            (&[("epochs/model.pth", &two), ("model.pth", &three)], "model.pth"),
            (&[("deep/in/it.pth", &two), ("code/model.pth", b"not looked at")], "deep/in/it.pth"),
            (&[("._model.pth", b"resource fork"), ("model.pth", &two)], "model.pth"),
        ] {
            assert_eq!(chosen(files).unwrap().0, want);
        }
    }

    #[test]
    fn two_that_could_be_it_are_both_named() {
        let model = pth(1);
        let error = chosen(&[("a.pth", &model), ("b.pth", &model)]).unwrap_err().to_string();
        assert_eq!(
            error,
            "tar archive: a.pth, b.pth could each be the model; keep one, or call it model.pth"
        );
    }

    #[test]
    fn of_two_entries_with_one_name_the_later_counts() {
        let (_, weights) = chosen(&[("model.pth", &pth(1)), ("model.pth", &pth(2))]).unwrap();
        assert_eq!(weights, Weights::fresh(2));
    }

    #[test]
    fn an_archive_without_a_model_says_what_was_looked_for() {
        let error = chosen(&[("code/inference.py", b"pass")]).unwrap_err().to_string();
        assert!(error.ends_with("no *.safetensors, *.pth or *.pt in it (code/ aside)"), "{error}");
    }

    #[test]
    fn paths_that_lead_out_are_only_names() {
        let model = pth(4);
        for name in ["../../etc/model.pth", "/etc/model.pth"] {
            assert_eq!(chosen(&[(name, &model)]).unwrap(), (name.to_owned(), Weights::fresh(4)));
        }
    }

    #[test]
    fn a_fault_within_names_the_entry() {
        let error = chosen(&[("old.pt", b"\x1f\x8b")]).unwrap_err().to_string();
        assert!(error.starts_with("old.pt: archive within an archive"), "{error}");
    }

    #[test]
    fn little_gzip_cannot_become_much_memory() {
        // 20 MiB of zeros called a model, then 150 MiB called something else.
        let large = vec![0; 20 << 20];
        let error = read(&*gzip(&tar(&[("model.pth", &large)])), true).unwrap_err().to_string();
        assert!(error.starts_with("model.pth: it and the models before it"), "{error}");
        let many = tar(&[("data.bin", &large[..]); 8]);
        let error = read(&*gzip(&many), true).unwrap_err().to_string();
        assert!(error.contains("unpacks to more than 128 MiB"), "{error}");
    }

    #[test]
    fn a_file_that_was_cut_short_is_refused() {
        let bytes = write(&Weights::fresh(1), &Metadata::new()).unwrap();
        for length in [10, 1000, bytes.len() / 2] {
            let error = read(&bytes[..length], true).unwrap_err().to_string();
            assert!(error.contains("damaged, cut short"), "{error}");
        }
    }
}
