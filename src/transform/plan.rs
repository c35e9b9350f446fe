//! What the instances of a job are told: a request, checked, and with every default in its place.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::processing::Processing;
use super::terms::{
    AssembleWith, BatchStrategy, CompressionType, DataType, JoinSource, OutputKeys, Partition,
    Preprocess, SplitType,
};
use crate::error::Result;
use crate::units::Nanos;

/// A transform job, ready to be run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The job's name.
    pub name: String,
    /// Whether `input` is a prefix or a manifest.
    pub data_type: DataType,
    /// The URI of the prefix or the manifest.
    pub input: String,
    /// The URI that outputs go below.
    pub output: String,
    /// What outputs are called.
    pub output_keys: OutputKeys,
    /// The model's URI; the shipped weights where there is none.
    pub model: Option<String>,
    /// Where the model lies on this machine, once it has been fetched.
    pub model_file: Option<PathBuf>,
    /// The backend, by name.
    pub backend: String,
    /// Worker processes.
    pub instances: usize,
    /// How objects are shared out among them.
    pub partition: Partition,
    /// Largest batch, in images.
    pub max_batch: usize,
    /// How long an image waits for others to fill its batch.
    pub max_delay_ns: u64,
    /// Sizes that close a batch before it is full, without waiting.
    pub preferred: Vec<usize>,
    /// Whether a batch may carry images of several requests and objects.
    pub coalesce: bool,
    /// Requests that an instance has under way at once, where batches do not coalesce.
    pub max_concurrent_transforms: usize,
    /// Bytes of a request at most; `None` for any size.
    pub max_payload_bytes: Option<u64>,
    /// Seconds that a request may take.
    pub invocations_timeout_s: u64,
    /// How often a request that failed is tried again.
    pub invocations_max_retries: u32,
    /// How many records a request carries.
    pub batch_strategy: BatchStrategy,
    /// The media type of the input.
    pub content_type: String,
    /// The media type of the output.
    pub accept: String,
    /// How objects are compressed.
    pub compression: CompressionType,
    /// How objects are cut into records.
    pub split: SplitType,
    /// How responses become an output.
    pub assemble: AssembleWith,
    /// What of a record the model gets, as a JSONPath; `$` is all of it.
    pub input_filter: String,
    /// What a result is joined with.
    pub join: JoinSource,
    /// What of the joined result is written, as a JSONPath; `$` is all of it.
    pub output_filter: String,
    /// Whether the ten probabilities are written too.
    pub probabilities: bool,
    /// What is done to pixels.
    pub preprocess: Preprocess,
    /// Environment variables of the instances.
    pub environment: BTreeMap<String, String>,
}

impl Plan {
    /// What is done to records before and after the model; `None` where nothing is.
    ///
    /// # Errors
    /// As [`Processing::new`].
    pub(super) fn processing(&self) -> Result<Option<Processing>> {
        Processing::new(
            &self.input_filter,
            self.join,
            &self.output_filter,
            &self.content_type,
            &self.accept,
            self.split,
            self.assemble,
        )
    }

    /// [`Plan::max_delay_ns`] as a span.
    pub fn max_delay(&self) -> Nanos {
        Nanos(self.max_delay_ns)
    }
}
