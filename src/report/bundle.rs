//! `bundle.tar.gz`: a run in one file, to be kept, sent, and rendered again.
//!
//! The same record makes the same bytes: entries in a fixed order, with the time of the run's start
//! and no owner. Read back, nothing of it reaches the disk, so that no name in it can do harm.

use std::io::{self, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::Serialize;

use super::{advice, csv, files, hlog, json};
use crate::error::{Error, Result};
use crate::record::{Advice, Ceilings, Host, RunRecord};

/// The folder that a bundle unpacks to.
const FOLDER: &str = "plimsoll-run";

/// What a bundle may unpack to, in bytes: a hundred times the largest grid's.
const LIMIT: u64 = 1 << 30;

const README: &str = "\
A run of `plimsoll sweep`.

config.toml       the configuration, after every override
results.json      the whole record; everything else can be made from it
results.csv       one row a cell
rounds.csv        one row a cell and round
latency.hlog      latencies of each cell, an HdrHistogram log
environment.json  the machine, the versions, the command and the seed
advice.json       what plimsoll size answered, where it was asked

plimsoll report bundle.tar.gz --out DIR     makes the report again, to the same page
plimsoll compare bundle.tar.gz other.tar.gz sets one run against another

The columns are explained in Plimsoll's reports/README.md.
";

/// What the figures depend on, apart from them.
#[derive(Serialize)]
struct Environment<'a> {
    plimsoll_version: &'a str,
    started: &'a str,
    elapsed_s: f64,
    command: &'a [String],
    seed: u64,
    data_source: &'a str,
    model_source: &'a str,
    host: &'a Host,
    ceilings: Option<&'a Ceilings>,
}

/// The bundle of a run, and of the sizing answer where there is one.
///
/// # Errors
/// [`Error::Malformed`] naming a cell whose histogram cannot be read.
pub(super) fn pack(run: &RunRecord, advice: Option<&Advice>) -> Result<Vec<u8>> {
    let environment = Environment {
        plimsoll_version: &run.plimsoll_version,
        started: &run.started,
        elapsed_s: run.elapsed_s,
        command: &run.command,
        seed: run.seed,
        data_source: &run.data_source,
        model_source: &run.model_source,
        host: &run.host,
        ceilings: run.ceilings.as_ref(),
    };
    let bug = |error: &dyn std::fmt::Display| Error::Bug(format!("bundle.tar.gz: {error}"));
    let environment = serde_json::to_string_pretty(&environment).map_err(|error| bug(&error))?;
    let mut entries = vec![
        ("README.txt", README.to_owned()),
        ("config.toml", run.config_toml.clone()),
        ("environment.json", environment + "\n"),
        (files::RECORD, json::text(run)?),
        (files::CELLS, csv::cells(run)),
        (files::ROUNDS, csv::rounds(run)),
        (files::LATENCIES, hlog::log(run)?),
    ];
    if let Some(advice) = advice {
        entries.push((files::ADVICE, advice::text(advice)?));
    }
    let since = hlog::started(run).and_then(|start| start.duration_since(UNIX_EPOCH).ok());
    archive(&entries, since.map_or(0, |since| since.as_secs())).map_err(|error| bug(&error))
}

/// Files in a compressed archive.
fn archive(entries: &[(&str, String)], mtime: u64) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (name, text) in entries {
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(mtime);
        archive.append_data(&mut header, format!("{FOLDER}/{name}"), text.as_bytes())?;
    }
    archive.into_inner()?.finish()
}

/// Whether bytes begin as a bundle does.
pub(super) fn is_one(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// The record in a bundle, and the text of the answer beside it, or why they cannot be read. Everything
/// else in it is passed over, whatever it is called.
pub(super) fn unpack(bytes: &[u8]) -> Result<(RunRecord, Option<String>), String> {
    within(bytes, LIMIT)
}

/// The same for a bundle that may unpack to `limit` bytes.
fn within(bytes: &[u8], limit: u64) -> Result<(RunRecord, Option<String>), String> {
    // One byte more than is granted tells what was cut from what ends.
    let mut unpacked = Counted { inner: GzDecoder::new(bytes), left: limit + 1 };
    let found = texts(&mut unpacked, [files::RECORD, files::ADVICE]);
    if unpacked.left == 0 {
        return Err(format!("unpacks to more than {}", crate::units::bytes(limit)));
    }
    match found {
        Ok([Some(run), advice]) => {
            let run = json::parse(&run).map_err(|reason| format!("{}: {reason}", files::RECORD))?;
            Ok((run, advice))
        }
        Ok([None, _]) => Err(format!(
            "a bundle without {FOLDER}/{}; plimsoll sweep writes one with it",
            files::RECORD
        )),
        Err(error) => Err(format!("a damaged bundle: {error}; fetch or copy it again")),
    }
}

/// The text of the first entry of each of the names. The archive is read to its end, so that a
/// checksum that does not fit is found.
fn texts(unpacked: &mut impl Read, names: [&str; 2]) -> io::Result<[Option<String>; 2]> {
    let is = |path: &Path, name: &str| {
        path == Path::new(name)
            || [FOLDER, "."].iter().any(|folder| *path == *Path::new(folder).join(name))
    };
    let mut found = [None, None];
    let mut archive = tar::Archive::new(&mut *unpacked);
    for entry in archive.entries()? {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry.path()?.into_owned();
        let place = names.iter().position(|name| is(&path, name));
        if let Some(place) = place.filter(|place| found[*place].is_none()) {
            let mut text = String::new();
            let size = entry.size();
            entry.read_to_string(&mut text)?;
            if text.len() as u64 != size {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            found[place] = Some(text);
        }
    }
    io::copy(unpacked, &mut io::sink())?;
    Ok(found)
}

/// A reader that ends after so many bytes.
struct Counted<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = into.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.inner.read(&mut into[..most])?;
        self.left -= read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::fixture;

    fn names(bytes: &[u8]) -> Vec<String> {
        let mut archive = tar::Archive::new(GzDecoder::new(bytes));
        let name = |entry: io::Result<tar::Entry<'_, _>>| -> String {
            entry.unwrap().path().unwrap().to_str().unwrap().to_owned()
        };
        archive.entries().unwrap().map(name).collect()
    }

    fn made(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (name, text) in entries {
            // Set by hand: the builder itself refuses a path that leads out.
            let mut header = tar::Header::new_gnu();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(text.len() as u64);
            header.set_entry_type(tar::EntryType::Regular);
            header.set_cksum();
            archive.append(&header, text.as_bytes()).unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap()
    }

    #[test]
    fn a_bundle_holds_what_a_run_needs_and_gives_its_record_back() {
        let run = fixture::run();
        let bytes = pack(&run, None).unwrap();
        let files = [
            "README.txt",
            "config.toml",
            "environment.json",
            "results.json",
            "results.csv",
            "rounds.csv",
            "latency.hlog",
        ];
        assert_eq!(names(&bytes), files.map(|name| format!("plimsoll-run/{name}")));
        let (back, _) = unpack(&bytes).unwrap();
        assert_eq!(json::text(&back).unwrap(), json::text(&run).unwrap());
        assert_eq!(pack(&back, None).unwrap(), bytes, "the same record, other bytes");
    }

    #[test]
    fn a_bundle_that_ends_early_is_damaged() {
        let bytes = pack(&fixture::run(), None).unwrap();
        for length in [2, 30, bytes.len() / 3, bytes.len() / 2, bytes.len() - 9, bytes.len() - 1] {
            let reason = unpack(&bytes[..length]).unwrap_err();
            assert!(reason.starts_with("a damaged bundle: "), "{length}: {reason}");
        }
    }

    #[test]
    fn a_bundle_with_a_flipped_bit_is_damaged_or_whole() {
        let run = fixture::run();
        let bytes = pack(&run, None).unwrap();
        for place in (0..bytes.len()).step_by(bytes.len() / 40) {
            let mut bytes = bytes.clone();
            bytes[place] ^= 4;
            // Parts of gzip's header mean nothing to the contents.
            if let Ok((back, _)) = unpack(&bytes) {
                assert!(place < 10, "{place}");
                assert_eq!(json::text(&back).unwrap(), json::text(&run).unwrap());
            }
        }
    }

    #[test]
    fn an_archive_without_a_record_or_with_another_says_so() {
        let reason = unpack(&made(&[("plimsoll-run/notes.txt", "x")])).unwrap_err();
        assert!(reason.contains("without plimsoll-run/results.json"), "{reason}");
        let other = r#"{"schema_version": 7, "plimsoll_version": "9.1.0"}"#;
        let reason = unpack(&made(&[("plimsoll-run/results.json", other)])).unwrap_err();
        assert!(reason.starts_with("results.json: ") && reason.contains("version 7"), "{reason}");
    }

    #[test]
    fn what_lies_elsewhere_is_no_record() {
        let text = json::text(&fixture::run()).unwrap();
        for name in
            ["../results.json", "/results.json", "plimsoll-run/../results.json", "a/results.json"]
        {
            let reason = unpack(&made(&[(name, &text)])).unwrap_err();
            assert!(reason.contains("without plimsoll-run/results.json"), "{name}: {reason}");
        }
        for name in ["results.json", "./results.json", "plimsoll-run/results.json"] {
            let bytes = made(&[("../../etc/passwd", "x"), (name, &text)]);
            assert!(unpack(&bytes).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_bundle_that_unpacks_without_end_is_refused() {
        let bytes = made(&[("plimsoll-run/zeros", &"0".repeat(100_000))]);
        let reason = within(&bytes, 50_000).unwrap_err();
        assert_eq!(reason, "unpacks to more than 48.8 KiB");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_bytes_are_read_or_refused_but_never_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..400),
        ) {
            prop_assert!(unpack(&bytes).is_err());
            let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
            packed.extend(bytes);
            let _ = unpack(&packed);
        }
    }
}
