//! What is asked for, and what came of it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::plan::Plan;
use super::terms::{
    AssembleWith, BatchStrategy, CompressionType, DataType, JoinSource, OutputKeys, Partition,
    Preprocess, SplitType,
};
use crate::units::Nanos;

/// A transform job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// The folder of objects.
    pub input: PathBuf,
    /// The folder for the outputs.
    pub output: PathBuf,
    /// The model's file; the shipped weights where there is none.
    pub model: Option<PathBuf>,
    /// The backend, by name.
    pub backend: String,
    /// Worker processes.
    pub instances: usize,
    /// Largest batch, in images.
    pub max_batch: usize,
    /// How long an image waits for others to fill its batch.
    pub max_delay_ns: u64,
    /// Sizes that close a batch before it is full, without waiting.
    pub preferred: Vec<usize>,
    /// Objects larger than this fail, in bytes.
    pub max_object_bytes: u64,
}

impl Job {
    /// The job in the words that instances understand.
    pub(super) fn plan(&self) -> Plan {
        Plan {
            name: String::new(),
            data_type: DataType::default(),
            input: self.input.display().to_string(),
            output: self.output.display().to_string(),
            output_keys: OutputKeys::default(),
            model: None,
            model_file: self.model.clone(),
            backend: self.backend.clone(),
            instances: self.instances,
            partition: Partition::default(),
            max_batch: self.max_batch,
            max_delay_ns: self.max_delay_ns,
            preferred: self.preferred.clone(),
            coalesce: true,
            max_concurrent_transforms: 1,
            max_payload_bytes: Some(self.max_object_bytes),
            invocations_timeout_s: 600,
            invocations_max_retries: 0,
            batch_strategy: BatchStrategy::default(),
            content_type: "application/x-image".into(),
            accept: "application/json".into(),
            compression: CompressionType::default(),
            split: SplitType::default(),
            assemble: AssembleWith::default(),
            input_filter: "$".into(),
            join: JoinSource::default(),
            output_filter: "$".into(),
            probabilities: false,
            preprocess: Preprocess::default(),
            environment: BTreeMap::new(),
        }
    }

    /// [`Job::max_delay_ns`] as a span.
    pub fn max_delay(&self) -> Nanos {
        Nanos(self.max_delay_ns)
    }
}

/// An object without an output, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The object's key.
    pub key: String,
    /// The cause.
    pub reason: String,
}

/// How far a job has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Instances are being started for so many objects.
    Starting {
        /// Objects of the job.
        objects: usize,
        /// Instances being started.
        instances: usize,
    },
    /// All instances stand ready; the clock starts.
    Started,
    /// So many objects are finished, failed ones included.
    Finished(usize),
}

/// What a job came to.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Objects of the input.
    pub objects: usize,
    /// Objects with an output.
    pub succeeded: usize,
    /// Objects without one, by key.
    pub failures: Vec<Failure>,
    /// Objects that were not tried, because the job was interrupted or no instance was left.
    pub unfinished: usize,
    /// Whether the user stopped it.
    pub interrupted: bool,
    /// Instances that died, with the reason; their objects were taken over.
    pub deaths: Vec<(usize, String)>,
    /// Seconds from the start until every instance stood ready.
    pub startup_s: f64,
    /// Seconds from then until the last object was finished.
    pub run_s: f64,
    /// Outputs a second in that time.
    pub images_per_s: f64,
    /// Which weights were used, in words.
    pub model: String,
    /// What each instance says of itself, of those that left in order.
    pub instances: Vec<InstanceReport>,
}

/// What an instance says of itself at its end.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct InstanceReport {
    /// Its number.
    pub index: usize,
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
