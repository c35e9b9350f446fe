//! The files of a report, each written whole or not at all.

use std::io::{self, Write};
use std::path::Path;

use super::{advice, bundle, csv, hlog, html, json, markdown};
use crate::error::{Error, Result};
use crate::record::{Advice, RunRecord};

/// One row a cell.
pub(super) const CELLS: &str = "results.csv";
/// One row a cell and round.
pub(super) const ROUNDS: &str = "rounds.csv";
/// The whole record.
pub(super) const RECORD: &str = "results.json";
/// The answer to a sizing question, where one was asked of the run.
pub(super) const ADVICE: &str = "advice.json";
/// The latencies.
pub(super) const LATENCIES: &str = "latency.hlog";
/// What is pasted into an issue.
pub(super) const MARKDOWN: &str = "report.md";
/// The page.
pub(super) const PAGE: &str = "report.html";
/// All of it but the page, to be sent.
pub(super) const BUNDLE: &str = "bundle.tar.gz";

/// What is written when a run is over, and not before.
pub(super) const AT_THE_END: [&str; 6] = [RECORD, ADVICE, LATENCIES, MARKDOWN, PAGE, BUNDLE];

/// Writes every file of a report into a folder, which is made where it is missing. Each is there
/// whole or is left as it was; the record and the advice, from which the others can be made again,
/// come first. The same record and advice make the same files; without advice, one of an earlier
/// question is removed.
///
/// # Errors
/// [`Error::Io`] naming the folder or the file; [`Error::Malformed`] naming a cell whose histogram
/// cannot be read.
pub fn write_all(dir: &Path, run: &RunRecord, advice: Option<&Advice>) -> Result<()> {
    std::fs::create_dir_all(dir).map_err(|error| Error::io("create", dir, error))?;
    json::write(&dir.join(RECORD), run)?;
    match advice {
        Some(advice) => advice::write(&dir.join(ADVICE), advice)?,
        None => remove(&dir.join(ADVICE))?,
    }
    atomically(&dir.join(CELLS), csv::cells(run).as_bytes())?;
    atomically(&dir.join(ROUNDS), csv::rounds(run).as_bytes())?;
    atomically(&dir.join(PAGE), html::render(run, advice)?.as_bytes())?;
    atomically(&dir.join(MARKDOWN), markdown::render(run, advice).as_bytes())?;
    atomically(&dir.join(LATENCIES), hlog::log(run)?.as_bytes())?;
    atomically(&dir.join(BUNDLE), &bundle::pack(run, advice)?)
}

/// Writes a file beside its place and moves it there.
pub(super) fn atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |error| Error::io("write", path, error);
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".plimsoll-");
    // tempfile's own default keeps others from reading; a report is to be shown around.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(dir).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Removes a file that need not be there.
pub(super) fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("remove", path, error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn all_seven_files_are_written_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("new/folder");
        write_all(&out, &fixture::run(), None).unwrap();
        let mut names: Vec<_> =
            std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [BUNDLE, LATENCIES, PAGE, MARKDOWN, CELLS, RECORD, ROUNDS]);
    }

    #[test]
    fn a_file_that_cannot_take_its_place_leaves_no_scrap() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(CELLS);
        std::fs::create_dir(&path).unwrap();
        let error = atomically(&path, b"x").unwrap_err().to_string();
        assert!(error.contains("results.csv"), "{error}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_a_report_as_far_as_the_umask_lets_them() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (plain, ours) = (dir.path().join("plain"), dir.path().join("ours"));
        std::fs::write(&plain, "x").unwrap();
        atomically(&ours, b"x").unwrap();
        let mode = |path| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }
}
