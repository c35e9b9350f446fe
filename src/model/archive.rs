//! `model.tar.gz`, as SageMaker keeps models: a tar of files, one of which has the weights.
//!
//! Which one: `*.safetensors` before `*.pth` before `*.pt`; among several of a kind the one called
//! `model`, at the top. The folder `code/`, where SageMaker keeps the inference script, is not
//! looked at. Nothing is written to disk, so a path in the archive can lead nowhere.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use flate2::{Compression, GzBuilder};

use super::kind::{self, LARGEST, Parsed};
use super::words;
use super::{checkpoint, file::Metadata, safetensors, weights::Weights};
use crate::error::{Error, Result};
use crate::units;

/// Kinds of files that have weights, the one looked for first in front.
const KINDS: [&str; 3] = ["safetensors", "pth", "pt"];
/// How much is decompressed at most, whatever else is in the archive.
const LARGEST_ARCHIVE: u64 = 512 << 20;
/// Entries that are looked at.
const MOST_ENTRIES: usize = 100_000;

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
    let damaged = |e: std::io::Error| {
        Error::malformed("tar archive", format!("{e}; the file is damaged, cut short or no tar.gz"))
    };
    // One byte more than allowed tells "too much" from "just enough".
    let mut tar = tar::Archive::new(tar.take(LARGEST_ARCHIVE + 1));
    let mut found: Vec<Candidate> = Vec::new();
    let mut left = LARGEST;
    for (index, entry) in tar.entries().map_err(damaged)?.enumerate() {
        let mut entry = entry.map_err(damaged)?;
        if index >= MOST_ENTRIES || entry.raw_file_position() > LARGEST_ARCHIVE {
            return Err(Error::malformed(
                "tar archive",
                format!(
                    "more than {MOST_ENTRIES} entries or {} unpacked; make one with the model \
                     alone",
                    units::bytes(LARGEST_ARCHIVE)
                ),
            ));
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = name.trim_start_matches("./").to_owned();
        if !entry.header().entry_type().is_file() || rank(&name).is_none() {
            continue;
        }
        let mut bytes = Vec::new();
        (&mut entry).take(left + 1).read_to_end(&mut bytes).map_err(damaged)?;
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
    }
    Ok(found)
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
    let bug = |e: std::io::Error| Error::Bug(format!("an archive in memory failed: {e}"));
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
