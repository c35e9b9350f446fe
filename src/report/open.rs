//! A run read back from wherever it lies.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::{advice, bundle, files, json};
use crate::error::{Error, Result};
use crate::record::{Advice, RunRecord};

/// A larger file is no run: the largest grid's takes some megabytes.
const LIMIT: u64 = 512 << 20;

/// Reads a run from a bundle, from `results.json`, or from a folder with either in it, whatever
/// answer lies beside it: an old one is no reason not to ask again.
///
/// # Errors
/// [`Error::Io`] naming what cannot be read; [`Error::Malformed`] where it is no run, a damaged
/// one, or one of another schema.
pub fn open(path: &Path) -> Result<RunRecord> {
    read(path).map(|(run, _)| run)
}

/// The same, with the sizing answer that lies beside it: in the bundle, or as `advice.json` in the
/// folder of the record.
///
/// # Errors
/// As [`open`]; [`Error::Malformed`] too where what lies there is no answer, or of another version.
pub fn open_with_advice(path: &Path) -> Result<(RunRecord, Option<Advice>)> {
    let (run, advice) = read(path)?;
    Ok((run, advice?))
}

/// A run, and the answer beside it or what is wrong with that.
fn read(path: &Path) -> Result<(RunRecord, Result<Option<Advice>>)> {
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

fn from_file(path: &Path) -> Result<(RunRecord, Result<Option<Advice>>)> {
    let bad = |reason: String| Error::malformed(path.display().to_string(), reason);
    let bytes = bytes(path)?;
    if bundle::is_one(&bytes) {
        return bundle::unpack(&bytes).map(|(run, advice)| (run, Ok(advice))).map_err(bad);
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok((json::parse(text).map_err(bad)?, beside(path))),
        Err(_) => Err(bad("neither a bundle (tar.gz) nor a record (JSON)".into())),
    }
}

/// The answer in the folder of a record, if there is one.
fn beside(record: &Path) -> Result<Option<Advice>> {
    let path = record.with_file_name(files::ADVICE);
    if !path.exists() {
        return Ok(None);
    }
    let bad = |reason: String| Error::malformed(path.display().to_string(), reason);
    let text = String::from_utf8(bytes(&path)?).map_err(|_| bad("not a text".into()))?;
    advice::parse(&text).map(Some).map_err(bad)
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
    fn a_damaged_answer_is_no_reason_not_to_read_the_run() {
        let dir = tempfile::tempdir().unwrap();
        write_all(dir.path(), &fixture::run(), None).unwrap();
        fs::write(dir.path().join(files::ADVICE), "{\"version\": 0}").unwrap();
        open(dir.path()).unwrap();
        assert!(open_with_advice(dir.path()).is_err());
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
