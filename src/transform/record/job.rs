//! The record of a job, from its creation to its end.

use serde::{Deserialize, Serialize};

use super::time::Time;
use crate::measure::host::ProcessIdentity;
use crate::transform::request::{CreateTransformJob, Local};

/// The version of the record's layout that is written, and the only one that is read.
pub(super) const SCHEMA: u32 = 1;

/// The most characters of a FailureReason.
const MAX_REASON: usize = 1024;

/// What is said of a job whose process has gone without a word.
const GONE: &str = "its process is gone (killed?); resume it with --resume";

/// What a job is doing, in the API's words.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
#[value(rename_all = "verbatim")]
pub enum Status {
    /// It runs.
    InProgress,
    /// Every object has its output.
    Completed,
    /// An object failed, or the job as a whole.
    Failed,
    /// It was asked to stop and finishes what is in flight.
    Stopping,
    /// It was stopped before its end.
    Stopped,
}

impl Status {
    /// Whether nothing more will happen by itself.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Stopped)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // `pad` keeps to a width that is asked for.
        f.pad(match self {
            Self::InProgress => "InProgress",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
        })
    }
}

/// How many objects have become what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Objects of the input.
    pub objects: u64,
    /// Objects with an output, resumed ones included.
    pub succeeded: u64,
    /// Objects that failed.
    pub failed: u64,
    /// Objects that had their outputs from an earlier run of the job.
    pub resumed: u64,
}

/// What is known of a job. It lies beside the job's outputs, as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobRecord {
    /// The version of this layout.
    pub schema: u32,
    /// The Plimsoll that wrote it.
    pub plimsoll: String,
    /// What it is doing.
    pub status: Status,
    /// Why it has failed, where it has: at most 1,024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// When it was asked for.
    pub creation_time: Time,
    /// When its instances stood ready; a resumed job's are those of its last run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// When its last object was finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Time>,
    /// When this was written.
    pub modified_time: Time,
    /// How far it has come.
    #[serde(default)]
    pub counts: Counts,
    /// The process that runs it, or did.
    pub process: ProcessIdentity,
    /// What to know of fields that do not do here what they do in SageMaker.
    #[serde(default)]
    pub notes: Vec<String>,
    /// What was asked for.
    pub request: CreateTransformJob,
    /// What this machine was told beside it.
    pub local: Local,
}

impl JobRecord {
    /// A job that is being started by this process now.
    pub fn new(request: CreateTransformJob, local: Local, notes: Vec<String>) -> Self {
        let now = Time::now();
        Self {
            schema: SCHEMA,
            plimsoll: env!("CARGO_PKG_VERSION").into(),
            status: Status::InProgress,
            failure_reason: None,
            creation_time: now,
            start_time: None,
            end_time: None,
            modified_time: now,
            counts: Counts::default(),
            process: ProcessIdentity::this(),
            notes,
            request,
            local,
        }
    }

    /// The job's name.
    pub fn name(&self) -> &str {
        &self.request.transform_job_name
    }

    /// Takes the job over to this process, which goes on with it. Its creation stays when it was.
    pub fn take_over(&mut self) {
        self.status = Status::InProgress;
        self.failure_reason = None;
        (self.start_time, self.end_time) = (None, None);
        self.process = ProcessIdentity::this();
    }

    /// Notes that the instances stand ready.
    pub fn begin(&mut self) {
        self.start_time = Some(Time::now());
    }

    /// Notes the end, and why it failed where it did; the reason is cut to what the API allows.
    pub fn end(&mut self, status: Status, reason: Option<&str>) {
        self.status = status;
        self.failure_reason = reason.map(clipped);
        self.end_time = Some(Time::now());
    }

    /// The record as it is to be shown here and now: a job whose process is certain to be gone has
    /// failed, whatever it last said of itself.
    #[must_use]
    pub fn as_seen(mut self) -> Self {
        if !self.status.is_final() && self.process.is_gone() {
            self.status = Status::Failed;
            self.failure_reason = Some(GONE.into());
        }
        self
    }
}

/// A reason of at most as many characters as the API allows.
fn clipped(reason: &str) -> String {
    match reason.char_indices().nth(MAX_REASON) {
        None => reason.to_owned(),
        Some(_) => reason.chars().take(MAX_REASON - 3).chain("...".chars()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::record::fixture;

    #[test]
    fn a_reason_has_at_most_1024_characters() {
        for (length, expected) in [(0, 0), (1_024, 1_024), (1_025, 1_024), (5_000, 1_024)] {
            let reason = "é".repeat(length);
            let mut record = fixture::record("a");
            record.end(Status::Failed, Some(&reason));
            let reason = record.failure_reason.unwrap();
            assert_eq!(reason.chars().count(), expected);
            assert_eq!(reason.ends_with("..."), length > 1_024);
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let mut record = fixture::record("a");
        record.begin();
        record.end(Status::Failed, Some("2 objects failed"));
        let text = serde_json::to_vec(&record).unwrap();
        assert_eq!(serde_json::from_slice::<JobRecord>(&text).unwrap(), record);
    }

    #[test]
    fn a_job_whose_process_runs_is_in_progress() {
        let record = fixture::record("a");
        assert_eq!(record.as_seen().status, Status::InProgress);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_job_whose_process_is_gone_has_failed_unless_it_had_ended() {
        for (status, seen) in [
            (Status::InProgress, Status::Failed),
            (Status::Stopping, Status::Failed),
            (Status::Completed, Status::Completed),
            (Status::Stopped, Status::Stopped),
        ] {
            let mut record = fixture::record("a");
            record.status = status;
            // This number belongs to this process, which was started at another time.
            record.process.start_ticks = record.process.start_ticks.map(|ticks| ticks + 1);
            let record = record.as_seen();
            assert_eq!(record.status, seen);
            assert_eq!(record.failure_reason.is_some(), status != seen);
        }
    }

    #[test]
    fn a_job_that_is_taken_over_forgets_its_end_and_keeps_its_creation() {
        let mut record = fixture::record("a");
        record.creation_time = Time::from_millis(1);
        record.process.pid = 0;
        record.begin();
        record.end(Status::Failed, Some("killed"));
        record.take_over();
        assert_eq!(record.status, Status::InProgress);
        assert_eq!((record.start_time, record.end_time), (None, None));
        assert_eq!(record.failure_reason, None);
        assert_eq!(record.creation_time, Time::from_millis(1));
        assert_eq!(record.process.pid, std::process::id());
    }
}
