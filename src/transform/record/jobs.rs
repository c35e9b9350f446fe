//! The jobs of an output: their records, and the wishes that they should stop.

use std::io::ErrorKind;

use super::job::{JobRecord, SCHEMA, Status};
use super::time::Time;
use crate::error::{Error, Result};
use crate::store::{Body, Location, Store};
use crate::transform::request::check_job_name;

/// The name of a record, and of the wish to stop, below a job's folder.
const RECORD: &str = "job.json";
const STOP: &str = "stop";

/// The most bytes of a record. The largest request is a tenth of it.
const MAX_RECORD: u64 = 4 << 20;

/// The jobs whose outputs go below one place. They are kept beside it, in `OUTPUT.plimsoll`.
///
/// Saving is atomic, and whoever runs a job is the only one who saves its record. Two jobs of one
/// name that are created in the same moment on two machines are not told apart: a store has no
/// means for that which all of them know.
#[derive(Clone, Debug)]
pub struct Jobs {
    output: Location,
    store: Store,
}

/// Which jobs are listed.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Those that are doing this; all of them without it.
    pub status: Option<Status>,
    /// Those whose names have this in them.
    pub name_contains: Option<String>,
}

/// By what jobs are put in order, in the API's words. Those that are equal in it are in the order
/// of their creation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum SortBy {
    /// By name.
    Name,
    /// By when they were created.
    #[default]
    CreationTime,
    /// By what they are doing, in the order of a job's life.
    Status,
}

/// Which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum SortOrder {
    /// The first or the oldest one first.
    Ascending,
    /// The last or the newest one first.
    #[default]
    Descending,
}

/// The jobs that were found.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// Their records, [as seen](JobRecord::as_seen) here and now.
    pub jobs: Vec<JobRecord>,
    /// Records that cannot be read, each with the reason.
    pub skipped: Vec<String>,
}

impl Jobs {
    /// Where the jobs of an output are kept.
    pub(in crate::transform) fn beside(output: &Location) -> Location {
        output.beside(".plimsoll")
    }

    /// The jobs of an output. Nothing is made or looked at yet.
    ///
    /// # Errors
    /// As [`Store::attach`].
    pub fn open(output: &Location) -> Result<Self> {
        let store = Store::attach(&Self::beside(output))?;
        Ok(Self { output: output.clone(), store })
    }

    /// Where a job's record and lists lie.
    pub fn folder(&self, name: &str) -> Location {
        self.store.location().child(name)
    }

    /// Keeps the record of a new job, and drops a wish to stop that an earlier one left.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the name is taken; what keeps the record from being written.
    pub fn create(&self, record: &JobRecord) -> Result<()> {
        self.vacant(record.name())?;
        self.withdraw_stop(record.name())?;
        self.save(record)
    }

    /// Checks that no job has a name yet.
    ///
    /// # Errors
    /// [`Error::Invalid`] where it is taken; what keeps that from being found out.
    pub fn vacant(&self, name: &str) -> Result<()> {
        if let Some(other) = self.find(name)? {
            let other = other.as_seen();
            let fix = match other.status {
                Status::InProgress | Status::Stopping | Status::Completed => {
                    "choose another --job-name"
                }
                Status::Failed | Status::Stopped => {
                    "choose another --job-name, or go on with it by --resume"
                }
            };
            return Err(Error::invalid(
                format!("job name {name}"),
                format!("a job of {} has it ({}); {fix}", other.creation_time, other.status),
            ));
        }
        Ok(())
    }

    /// Keeps a record over what was kept of the job before.
    ///
    /// # Errors
    /// What keeps it from being written.
    pub fn save(&self, record: &JobRecord) -> Result<()> {
        let record = JobRecord { modified_time: Time::now(), ..record.clone() };
        let text = serde_json::to_vec_pretty(&record)
            .map_err(|error| Error::Bug(format!("cannot write a job's record: {error}")))?;
        self.store.put(&key(record.name(), RECORD)?, &text)
    }

    /// The record of a job, as it was last saved.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there is no such job; [`Error::Malformed`] for a record that is
    /// none; what keeps it from being read.
    pub fn load(&self, name: &str) -> Result<JobRecord> {
        self.find(name)?.ok_or_else(|| {
            let reason = format!(
                "there is no such job at {}; `plimsoll jobs list {}` shows those that there are",
                self.output, self.output
            );
            Error::invalid(format!("job {name}"), reason)
        })
    }

    /// The record of a job, where there is such a job.
    ///
    /// # Errors
    /// As [`Jobs::load`], for others reasons than that there is none.
    pub fn find(&self, name: &str) -> Result<Option<JobRecord>> {
        let key = key(name, RECORD)?;
        let bytes = self.store.get(&key, MAX_RECORD)?;
        bytes
            .map(|bytes| read(&bytes, name).map_err(|e| e.within(self.store.location())))
            .transpose()
    }

    /// The jobs that a filter lets through. Records that cannot be read are told of and left out.
    ///
    /// # Errors
    /// What keeps the jobs from being listed.
    pub fn list(&self, filter: &Filter, by: SortBy, order: SortOrder) -> Result<Listed> {
        let mut listed = self.all()?;
        listed.jobs.retain(|job| filter.lets_through(job));
        // The keys come sorted by name, so that equals keep to names at last.
        listed.jobs.sort_by_key(|job| job.creation_time);
        match by {
            SortBy::Name => listed.jobs.sort_by(|a, b| a.name().cmp(b.name())),
            SortBy::CreationTime => {}
            SortBy::Status => listed.jobs.sort_by_key(|job| job.status),
        }
        if order == SortOrder::Descending {
            listed.jobs.reverse();
        }
        Ok(listed)
    }

    /// The job that was created last.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there is no job at all; what keeps the jobs from being listed.
    pub fn latest(&self) -> Result<JobRecord> {
        let listed = self.list(&Filter::default(), SortBy::default(), SortOrder::default())?;
        listed.jobs.into_iter().next().ok_or_else(|| {
            Error::invalid(
                format!("output {}", self.output),
                "no job has its outputs there; give the --output of the jobs",
            )
        })
    }

    /// The job that is to be gone on with: the one of that name, or else the one that was created
    /// last of those that have not completed.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there is none; what keeps the jobs from being listed.
    pub fn to_resume(&self, name: Option<&str>) -> Result<JobRecord> {
        if let Some(name) = name {
            return Ok(self.load(name)?.as_seen());
        }
        let listed = self.list(&Filter::default(), SortBy::default(), SortOrder::default())?;
        let open = |job: &JobRecord| job.status != Status::Completed;
        listed.jobs.into_iter().find(open).ok_or_else(|| {
            Error::invalid(
                format!("output {}", self.output),
                "no job there can be gone on with: none was begun, or all have completed; leave \
                 --resume out",
            )
        })
    }

    /// Says that a job should stop. Whoever runs it finishes what is in flight and then ends.
    ///
    /// # Errors
    /// What keeps the wish from being written.
    pub fn ask_to_stop(&self, name: &str) -> Result<()> {
        self.store.put(&key(name, STOP)?, b"")
    }

    /// Whether a job should stop.
    ///
    /// # Errors
    /// What keeps the store from being asked.
    pub fn asked_to_stop(&self, name: &str) -> Result<bool> {
        let sizes = self.store.sizes_of(&[&key(name, STOP)?]);
        Ok(sizes.into_iter().next().transpose()?.flatten().is_some())
    }

    /// Drops the wish that a job should stop: one that is gone on with has been stopped.
    ///
    /// # Errors
    /// What keeps the wish from being removed.
    pub fn withdraw_stop(&self, name: &str) -> Result<()> {
        self.store.remove(&key(name, STOP)?)
    }

    /// Every record, by name.
    fn all(&self) -> Result<Listed> {
        let keys = match self.store.list("", false) {
            Ok(keys) => keys,
            // Nothing was ever kept there.
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
                return Ok(Listed::default());
            }
            Err(error) => return Err(error),
        };
        let names: Vec<&str> = (0..keys.len())
            .filter_map(|i| keys.key(i).strip_suffix(RECORD)?.strip_suffix('/'))
            .filter(|name| !name.contains('/'))
            .collect();
        let records: Vec<String> = names.iter().map(|name| format!("{name}/{RECORD}")).collect();
        let mut found: Vec<Option<Result<JobRecord>>> = names.iter().map(|_| None).collect();
        self.store.read_all(&records, MAX_RECORD, &mut |i, body| {
            found[i] = Some(match body {
                Ok(Body::Whole(bytes)) => read(bytes, names[i]),
                Ok(Body::Stream { .. }) => Err(too_long(names[i])),
                Err(error) => Err(error),
            });
        });
        let mut listed = Listed::default();
        for (name, found) in names.iter().zip(found) {
            match found {
                Some(Ok(record)) => listed.jobs.push(record.as_seen()),
                Some(Err(error)) => listed.skipped.push(error.to_string()),
                None => listed.skipped.push(format!("{name}/{RECORD}: it was not read")),
            }
        }
        Ok(listed)
    }
}

impl Filter {
    fn lets_through(&self, job: &JobRecord) -> bool {
        self.status.is_none_or(|status| status == job.status)
            && self.name_contains.as_ref().is_none_or(|part| job.name().contains(part.as_str()))
    }
}

/// The key of a job's object. A name that is none of a job's leads nowhere.
fn key(name: &str, object: &str) -> Result<String> {
    check_job_name(name)?;
    Ok(format!("{name}/{object}"))
}

/// Reads the record of the job called `name`.
fn read(bytes: &[u8], name: &str) -> Result<JobRecord> {
    let what = format!("{name}/{RECORD}");
    let wrong = |reason: String| Error::malformed(what.clone(), reason);
    // The layout's version first: records of another one need not be understood any further.
    #[derive(serde::Deserialize)]
    struct Versioned {
        schema: u32,
    }
    let Versioned { schema } = serde_json::from_slice(bytes)
        .map_err(|error| wrong(format!("no record of a job: {error}")))?;
    if schema != SCHEMA {
        return Err(wrong(format!(
            "another Plimsoll wrote it, with layout {schema}; this one reads layout {SCHEMA}"
        )));
    }
    let record: JobRecord = serde_json::from_slice(bytes)
        .map_err(|error| wrong(format!("no record of a job: {error}")))?;
    if record.name() != name {
        return Err(wrong(format!("it is the record of another job, {:?}", record.name())));
    }
    Ok(record)
}

fn too_long(name: &str) -> Error {
    Error::malformed(format!("{name}/{RECORD}"), "too large for the record of a job")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::transform::record::fixture;

    /// An output folder that is not there yet, and its jobs.
    fn jobs() -> (tempfile::TempDir, Jobs) {
        let root = tempfile::tempdir().unwrap();
        let output = Location::parse(root.path().join("out").to_str().unwrap()).unwrap();
        (root, Jobs::open(&output).unwrap())
    }

    fn names(jobs: &Jobs, filter: &Filter, by: SortBy, order: SortOrder) -> Vec<String> {
        let listed = jobs.list(filter, by, order).unwrap();
        assert_eq!(listed.skipped, Vec::<String>::new());
        listed.jobs.iter().map(|job| job.name().to_owned()).collect()
    }

    #[test]
    fn an_output_without_jobs_has_none_and_nothing_is_made() {
        let (root, jobs) = jobs();
        assert!(
            jobs.list(&Filter::default(), SortBy::Name, SortOrder::Ascending)
                .unwrap()
                .jobs
                .is_empty()
        );
        assert!(jobs.find("a").unwrap().is_none());
        assert!(!jobs.asked_to_stop("a").unwrap());
        jobs.withdraw_stop("a").unwrap();
        assert!(jobs.latest().unwrap_err().to_string().contains("no job has its outputs there"));
        assert!(jobs.load("a").unwrap_err().to_string().contains("no such job"));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_record_lies_beside_the_output_and_is_read_as_it_was_saved() {
        let (root, jobs) = jobs();
        let mut record = fixture::record("a");
        jobs.create(&record).unwrap();
        assert!(root.path().join("out.plimsoll/a/job.json").is_file());
        assert_eq!(jobs.folder("a").folder().unwrap(), root.path().join("out.plimsoll/a"));
        record.counts.objects = 7;
        jobs.save(&record).unwrap();
        let loaded = jobs.load("a").unwrap();
        assert!(loaded.modified_time >= record.modified_time);
        assert_eq!(JobRecord { modified_time: record.modified_time, ..loaded }, record);
    }

    #[test]
    fn a_name_that_is_taken_is_refused() {
        let (_root, jobs) = jobs();
        let mut record = fixture::record("a");
        jobs.create(&record).unwrap();
        let says = |jobs: &Jobs, record: &JobRecord| jobs.create(record).unwrap_err().to_string();
        assert!(says(&jobs, &record).contains("(InProgress); choose another --job-name"));
        record.end(Status::Stopped, None);
        jobs.save(&record).unwrap();
        assert!(says(&jobs, &record).contains("--resume"));
    }

    #[test]
    fn a_name_that_is_no_jobs_leads_nowhere() {
        let (_root, jobs) = jobs();
        for name in ["", "..", "../a", "a/b", "a\0", ".", "-a", &"a".repeat(64)] {
            assert!(jobs.load(name).unwrap_err().to_string().contains("job name"), "{name:?}");
            assert!(jobs.ask_to_stop(name).is_err(), "{name:?}");
            assert!(jobs.asked_to_stop(name).is_err(), "{name:?}");
            assert!(jobs.withdraw_stop(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn jobs_are_filtered_and_put_in_order() {
        let (_root, jobs) = jobs();
        for (name, created, status) in [
            ("b-one", 1_000, Status::Completed),
            ("a-two", 3_000, Status::InProgress),
            ("c-two", 2_000, Status::Completed),
        ] {
            let mut record = fixture::record(name);
            record.creation_time = Time::from_millis(created);
            record.status = status;
            jobs.create(&record).unwrap();
        }
        use SortBy::{CreationTime, Name};
        use SortOrder::{Ascending, Descending};
        let all = Filter::default();
        assert_eq!(names(&jobs, &all, CreationTime, Descending), ["a-two", "c-two", "b-one"]);
        assert_eq!(names(&jobs, &all, Name, Ascending), ["a-two", "b-one", "c-two"]);
        assert_eq!(names(&jobs, &all, SortBy::Status, Ascending), ["a-two", "b-one", "c-two"]);
        assert_eq!(names(&jobs, &all, SortBy::Status, Descending), ["c-two", "b-one", "a-two"]);
        let two = Filter { name_contains: Some("two".into()), ..all.clone() };
        assert_eq!(names(&jobs, &two, Name, Descending), ["c-two", "a-two"]);
        let done = Filter { status: Some(Status::Completed), ..two };
        assert_eq!(names(&jobs, &done, Name, Descending), ["c-two"]);
        assert_eq!(jobs.latest().unwrap().name(), "a-two");
    }

    #[test]
    fn a_record_that_is_none_is_told_of_and_left_out() {
        let (root, jobs) = jobs();
        jobs.create(&fixture::record("good")).unwrap();
        let folder = root.path().join("out.plimsoll");
        let foreign = fs::read(folder.join("good/job.json")).unwrap();
        let newer = String::from_utf8_lossy(&foreign).replacen("\"schema\": 1", "\"schema\": 2", 1);
        for (name, bytes) in [
            ("broken", &b"{\"schema\": 1, "[..]),
            ("empty", b""),
            ("foreign", &foreign),
            ("newer", newer.as_bytes()),
            ("other", b"{\"schema\": 1}"),
            ("text", b"\xff\xfe"),
        ] {
            fs::create_dir(folder.join(name)).unwrap();
            fs::write(folder.join(name).join("job.json"), bytes).unwrap();
        }
        // Neither is a record.
        fs::write(folder.join("job.json"), "x").unwrap();
        fs::write(folder.join("good/notes.txt"), "x").unwrap();
        let listed = jobs.list(&Filter::default(), SortBy::Name, SortOrder::Ascending).unwrap();
        assert_eq!(listed.jobs.len(), 1);
        assert_eq!(listed.skipped.len(), 6, "{:?}", listed.skipped);
        for (text, says) in listed.skipped.iter().zip([
            "broken/job.json: no record of a job",
            "empty/job.json: no record of a job",
            "foreign/job.json: it is the record of another job, \"good\"",
            "newer/job.json: another Plimsoll wrote it, with layout 2",
            "other/job.json: no record of a job: missing field",
            "text/job.json: no record of a job",
        ]) {
            assert!(text.contains(says), "{text}");
        }
        assert!(jobs.load("newer").unwrap_err().to_string().contains("layout 2"));
    }

    #[test]
    fn a_wish_to_stop_is_seen_until_it_is_withdrawn_and_is_not_the_next_jobs() {
        let (_root, jobs) = jobs();
        jobs.create(&fixture::record("a")).unwrap();
        assert!(!jobs.asked_to_stop("a").unwrap());
        jobs.ask_to_stop("a").unwrap();
        jobs.ask_to_stop("a").unwrap();
        assert!(jobs.asked_to_stop("a").unwrap());
        assert!(!jobs.asked_to_stop("b").unwrap());
        jobs.withdraw_stop("a").unwrap();
        assert!(!jobs.asked_to_stop("a").unwrap());
        jobs.ask_to_stop("b").unwrap();
        jobs.create(&fixture::record("b")).unwrap();
        assert!(!jobs.asked_to_stop("b").unwrap());
    }
}
