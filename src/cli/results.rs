//! Results as they lie: the record or the bundle of a run, and beside it the times of jobs and the
//! history of checks, a line of JSON each.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::output::note;
use crate::error::{Error, Result};
use crate::record::{Check, JobTiming, RunRecord};
use crate::report;
use crate::units::counted;

/// Times of jobs.
const JOBS: &str = "jobs.jsonl";
/// The history of checks.
const CHECKS: &str = "checks.jsonl";
/// The answer.
pub(super) const ADVICE: &str = "advice.json";

/// Results of one place.
#[derive(Debug)]
pub(super) struct Folder {
    /// The folder that they lie in.
    pub(super) place: PathBuf,
    /// The run; absent where there are only times of jobs.
    pub(super) run: Option<RunRecord>,
    /// Times of jobs, the latest last.
    pub(super) jobs: Vec<JobTiming>,
    /// The history of checks, the latest last.
    pub(super) checks: Vec<Check>,
}

impl Folder {
    /// Reads a folder, a record or a bundle, and what lies beside it.
    ///
    /// # Errors
    /// What cannot be read, or is neither a run nor the times of jobs.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let is_folder = path.is_dir();
        let place = match path.parent() {
            _ if is_folder => path.to_owned(),
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let jobs = lines(&place.join(JOBS))?;
        let checks = lines(&place.join(CHECKS))?;
        if !path.exists() {
            return Err(Error::malformed(
                path.display().to_string(),
                "there are no results; plimsoll sweep measures this machine and writes them to \
                 reports/latest",
            ));
        }
        // A folder may hold the times of jobs that were run elsewhere, and no sweep.
        let run = match report::open(path) {
            Ok(run) => Some(run),
            Err(Error::Malformed { .. }) if is_folder && !jobs.is_empty() && bare(path) => None,
            Err(error) => return Err(error),
        };
        Ok(Self { place, run, jobs, checks })
    }

    /// Adds the time of a job, in memory and on the disk.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub(super) fn add_job(&mut self, job: JobTiming) -> Result<()> {
        append(&self.jobs_path(), &job)?;
        self.jobs.push(job);
        Ok(())
    }

    /// Adds a check, in memory and on the disk.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub(super) fn add_check(&mut self, check: Check) -> Result<()> {
        append(&self.checks_path(), &check)?;
        self.checks.push(check);
        Ok(())
    }

    /// Where the times of jobs are kept.
    pub(super) fn jobs_path(&self) -> PathBuf {
        self.place.join(JOBS)
    }

    /// Where the history of checks is kept.
    pub(super) fn checks_path(&self) -> PathBuf {
        self.place.join(CHECKS)
    }
}

/// Whether a folder has no run, not even a damaged one.
fn bare(folder: &Path) -> bool {
    !["results.json", "bundle.tar.gz"].iter().any(|name| folder.join(name).exists())
}

/// The values of a file, one a line; none where it is not there. Empty lines are passed over.
fn lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("read", path, error)),
    };
    let of = |(number, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| {
            Error::malformed(
                format!("{}, line {}", path.display(), number + 1),
                format!("{error}; mend the line or remove it"),
            )
        })
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(of).collect()
}

/// A note that a count of things was kept in a file.
pub(super) fn kept(count: usize, thing: &str, path: &Path) {
    note(format_args!("{} kept in {}", counted(count, thing), path.display()));
}

/// Adds a line to a file, which is made where it is missing.
fn append(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut line = serde_json::to_string(value)
        .map_err(|error| Error::Bug(format!("cannot put a line into JSON: {error}")))?;
    line.push('\n');
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .and_then(|mut file| file.write_all(line.as_bytes()))
        .map_err(|error| Error::io("write", path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(images: u64) -> JobTiming {
        JobTiming {
            images,
            run_s: 1.0,
            machines: 1,
            backend: "native".into(),
            ..JobTiming::default()
        }
    }

    #[test]
    fn what_is_added_is_there_when_it_is_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(JOBS), "\n").unwrap();
        let mut folder =
            Folder { place: dir.path().to_owned(), run: None, jobs: vec![], checks: vec![] };
        folder.add_job(timing(1)).unwrap();
        folder.add_job(timing(2)).unwrap();
        let check = Check {
            at: "2026-11-22T10:00:00Z".into(),
            what: "a job".into(),
            predicted: Default::default(),
            measured: 1.0,
            unit: "s".into(),
        };
        folder.add_check(check.clone()).unwrap();
        let again = Folder::open(dir.path()).unwrap();
        assert!(again.run.is_none());
        assert_eq!((again.jobs, again.checks), (vec![timing(1), timing(2)], vec![check]));
    }

    #[test]
    fn a_damaged_line_is_named_with_its_number() {
        let dir = tempfile::tempdir().unwrap();
        let line = serde_json::to_string(&timing(1)).unwrap();
        fs::write(dir.path().join(JOBS), format!("{line}\n{{\"images\": 3}}\n")).unwrap();
        let error = Folder::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("jobs.jsonl, line 2") && error.contains("mend the line"), "{error}");
    }

    #[test]
    fn a_place_without_results_says_how_to_get_them() {
        let dir = tempfile::tempdir().unwrap();
        let absent = Folder::open(&dir.path().join("absent")).unwrap_err().to_string();
        assert!(absent.contains("there are no results; plimsoll sweep"), "{absent}");
        let empty = Folder::open(dir.path()).unwrap_err().to_string();
        assert!(empty.contains("a folder with neither results.json nor"), "{empty}");
        // A damaged record is not passed over for the sake of the jobs beside it.
        let line = serde_json::to_string(&timing(1)).unwrap();
        fs::write(dir.path().join(JOBS), line).unwrap();
        fs::write(dir.path().join("results.json"), "{").unwrap();
        assert!(Folder::open(dir.path()).is_err());
    }
}
