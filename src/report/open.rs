//! A run read back from wherever it lies.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{advice, bundle, files, json};
use crate::error::{Error, Result};
use crate::record::{Advice, RunRecord};

/// A larger file is no run: the largest grid's takes some megabytes.
const LIMIT: u64 = 512 << 20;

/// Reads a run from a bundle, from `results.json`, or from a folder with either in it.
///
/// # Errors
/// [`Error::Io`] naming what cannot be read; [`Error::Malformed`] where it is no run, a damaged
/// one, or one of another schema.
pub fn open(path: &Path) -> Result<RunRecord> {
    found(path).map(|(run, _)| run)
}

/// The same, with the sizing answer that lies beside it: in the bundle, or as `advice.json` in the
/// folder of the record.
///
/// # Errors
/// As [`open()`]; [`Error::Malformed`] too where what lies there is no answer, or of another version.
pub fn open_with_advice(path: &Path) -> Result<(RunRecord, Option<Advice>)> {
    let (run, text) = found(path)?;
    let read = |(place, text): (PathBuf, String)| {
        let bad = |reason| Error::malformed(place.display().to_string(), reason);
        advice::parse(&text).map_err(bad)
    };
    Ok((run, text.map(read).transpose()?))
}

/// The text of an answer, and where it lies. It is not read before it is asked for: a run whose
/// answer is damaged can be asked again.
type Text = (PathBuf, String);

fn found(path: &Path) -> Result<(RunRecord, Option<Text>)> {
    let facts = fs::metadata(path).map_err(|error| Error::io("read", path, error))?;
    if !facts.is_dir() {
        return from_file(path);
    }
    let [record, bundle] = [files::RECORD, files::BUNDLE].map(|name| path.join(name));
    if record.exists() {
        from_file(&record)
    } else if bundle.exists() {
        from_file(&bundle)
    } else {
        Err(Error::malformed(
            path.display().to_string(),
            format!(
                "a folder with neither {} nor {}; plimsoll sweep --out writes both when it ends",
                files::RECORD,
                files::BUNDLE
            ),
        ))
    }
}

fn from_file(path: &Path) -> Result<(RunRecord, Option<Text>)> {
    let bad = |reason: String| Error::malformed(path.display().to_string(), reason);
    let bytes = bytes(path)?;
    if bundle::is_one(&bytes) {
        let (run, text) = bundle::unpack(&bytes).map_err(bad)?;
        return Ok((run, text.map(|text| (path.join(files::ADVICE), text))));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok((json::parse(text).map_err(bad)?, beside(path)?)),
        Err(_) => Err(bad("neither a bundle (tar.gz) nor a record (JSON)".into())),
    }
}

/// The answer in the folder of a record, if there is one.
fn beside(record: &Path) -> Result<Option<Text>> {
    let path = record.with_file_name(files::ADVICE);
    if !path.exists() {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&bytes(&path)?).into_owned();
    Ok(Some((path, text)))
}

fn bytes(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes))
        .map_err(|error| Error::io("read", path, error))?;
    if bytes.len() as u64 > LIMIT {
        let reason = format!("larger than {}, so no run", crate::units::bytes(LIMIT));
        return Err(Error::malformed(path.display().to_string(), reason));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{fixture, write_all};

    #[test]
    fn a_run_is_the_same_from_wherever_it_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let run = fixture::run();
        write_all(dir.path(), &run, None).unwrap();
        let want = json::text(&run).unwrap();
        for place in [dir.path().to_owned(), at(files::RECORD), at(files::BUNDLE)] {
            assert_eq!(json::text(&open(&place).unwrap()).unwrap(), want, "{}", place.display());
        }
        fs::remove_file(at(files::RECORD)).unwrap();
        assert_eq!(json::text(&open(dir.path()).unwrap()).unwrap(), want);
    }

    #[test]
    fn an_answer_travels_with_its_run_until_another_run_takes_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let (run, answer) = (fixture::run(), fixture::advice());
        write_all(dir.path(), &run, Some(&answer)).unwrap();
        let want = advice::text(&answer).unwrap();
        assert_eq!(fs::read_to_string(at(files::ADVICE)).unwrap(), want);
        let page = fs::read_to_string(at(files::PAGE)).unwrap();
        for place in [dir.path().to_owned(), at(files::RECORD), at(files::BUNDLE)] {
            let (run, found) = open_with_advice(&place).unwrap();
            assert_eq!(advice::text(found.as_ref().unwrap()).unwrap(), want);
            let again = tempfile::tempdir().unwrap();
            write_all(again.path(), &run, found.as_ref()).unwrap();
            let same = fs::read_to_string(again.path().join(files::PAGE)).unwrap() == page;
            assert!(same, "another page from {}", place.display());
        }
        write_all(dir.path(), &run, None).unwrap();
        assert!(!at(files::ADVICE).exists());
        assert!(open_with_advice(&at(files::BUNDLE)).unwrap().1.is_none());
    }

    #[test]
    fn an_answer_that_cannot_be_read_is_named_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        write_all(dir.path(), &fixture::run(), Some(&fixture::advice())).unwrap();
        let path = dir.path().join(files::ADVICE);
        for (text, reason) in [
            ("[]", "not an answer"),
            (r#"{"version": 7}"#, "version 7 of an answer"),
            (r#"{"version": 1}"#, "a damaged answer"),
        ] {
            fs::write(&path, text).unwrap();
            assert!(open(dir.path()).is_ok(), "the run can still be asked again");
            let error = open_with_advice(dir.path()).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains(path.to_str().unwrap()), "{error}");
            assert!(error.contains("plimsoll size"), "{error}");
        }
    }

    #[test]
    fn what_is_no_run_is_named_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let (absent, picture) = (dir.path().join("absent"), dir.path().join("picture.png"));
        fs::write(&picture, b"\x89PNG\r\n\x1a\n\xff\xfe").unwrap();
        for (place, reason) in [
            (dir.path(), "a folder with neither results.json nor bundle.tar.gz"),
            (absent.as_path(), "cannot read"),
            (picture.as_path(), "neither a bundle (tar.gz) nor a record (JSON)"),
        ] {
            let error = open(place).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains(place.to_str().unwrap()), "{error}");
        }
    }
}
