//! What is asked for, and what came of it.

use serde::{Deserialize, Serialize};

use super::partition::Balance;

/// How a job is to be run, beside what it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Go on with a job of that name that did not complete: objects that have their outputs are
    /// left alone.
    pub resume: bool,
    /// Check the job, say what would be run, and run nothing.
    pub dry_run: bool,
    /// Run it twice, first as SageMaker would and then with batches that carry images of many
    /// objects, and say both rates. The outputs have to be the same.
    pub compare: bool,
}

/// An object without an output, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The object's key.
    pub key: String,
    /// The number of the record that failed, from 0, where it was one.
    #[serde(default)]
    pub record: Option<u64>,
    /// Where that record begins in the (decompressed) object, in bytes.
    #[serde(default)]
    pub offset: Option<u64>,
    /// The cause.
    pub reason: String,
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The job cannot be run.
    Error,
    /// It can, but may not be what was meant.
    Warning,
}

/// What was found before the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How grave it is.
    pub severity: Severity,
    /// What it is about, why, and the fix, as one line.
    pub text: String,
}

/// How far a job has come.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// Something was found before the start. An error is in the result of [`run`](super::run())
    /// instead; where there are several, all but the last are found.
    Found(Finding),
    /// The job was checked; this is what would be run.
    Planned {
        /// Objects of the input.
        objects: usize,
        /// Their bytes, where the store tells them for nothing.
        bytes: Option<u64>,
        /// Objects that have their outputs already, so that they are left alone.
        resumed: usize,
        /// How the others are shared out among instances.
        balance: Balance,
    },
    /// Instances are being started for so many objects.
    Starting {
        /// Objects of the job that are to be done.
        objects: usize,
        /// Instances being started.
        instances: usize,
    },
    /// All instances stand ready; the clock starts.
    Started,
    /// So many objects are finished, failed ones included.
    Finished(usize),
    /// The wish to stop was heard; what is in flight is finished.
    Stopping,
}

/// What a job came to.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The job's name.
    pub name: String,
    /// Whether it was run: a dry run is not.
    pub started: bool,
    /// What was found before the start.
    pub findings: Vec<Finding>,
    /// How the objects were shared out among the instances that were asked for.
    pub balance: Balance,
    /// Objects of the input.
    pub objects: usize,
    /// Their bytes, where the store tells them for nothing.
    pub bytes: Option<u64>,
    /// Objects with an output, resumed ones included.
    pub succeeded: usize,
    /// Objects that had their outputs from an earlier run of the job.
    pub resumed: usize,
    /// Objects that failed.
    pub failed: usize,
    /// The first of them by key; all are in the job's list.
    pub failures: Vec<Failure>,
    /// Objects that were not tried, because the job was stopped or no instance was left.
    pub unfinished: usize,
    /// Whether the user stopped it.
    pub interrupted: bool,
    /// Instances that died, with the reason; their objects were taken over.
    pub deaths: Vec<(usize, String)>,
    /// Why the job as a whole has failed, where it has.
    pub failure_reason: Option<String>,
    /// Why the job's record or one of its lists could not be written, where that is so.
    pub unrecorded: Option<String>,
    /// Seconds from the start until every instance stood ready.
    pub startup_s: f64,
    /// Seconds from then until the last object was finished.
    pub run_s: f64,
    /// Outputs a second in that time, without resumed ones.
    pub objects_per_s: f64,
    /// Records a second that those outputs hold: images, unless a record holds several.
    pub images_per_s: f64,
    /// Where the job's record and its lists of failures and outputs lie.
    pub folder: String,
    /// Which weights were used, in words.
    pub model: String,
    /// What each instance says of itself, of those that left in order.
    pub instances: Vec<InstanceReport>,
    /// Where the job was run in both ways, what came of each.
    pub comparison: Option<Comparison>,
}

/// A job that was run as SageMaker would and again with coalescing batches.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// With batches that keep to one request.
    pub faithful: Pace,
    /// With batches that carry images of many objects.
    pub coalesced: Pace,
    /// Objects whose outputs differ, or that failed in one way alone: none, or it is a fault.
    pub differing: usize,
    /// The first of them by key.
    pub first_differing: Option<String>,
}

/// How fast a job ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Pace {
    /// Seconds from the start until every instance stood ready.
    pub startup_s: f64,
    /// Seconds from then until the last object was finished.
    pub run_s: f64,
    /// Outputs a second in that time.
    pub objects_per_s: f64,
    /// Records a second that those outputs hold.
    pub images_per_s: f64,
}

/// What an instance says of itself at its end.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct InstanceReport {
    /// Its number.
    pub index: usize,
    /// Requests that objects were cut into.
    #[serde(default)]
    pub requests: u64,
    /// Images that went through the model.
    pub images: u64,
    /// Batches that carried them.
    pub batches: u64,
    /// Nanoseconds in the model, all sessions together.
    pub compute_ns: u64,
    /// Nanoseconds of waiting in the queue, all images together.
    pub queued_ns: u64,
    /// Largest resident memory of the process, in bytes, if the system tells.
    pub peak_rss_bytes: Option<u64>,
}
