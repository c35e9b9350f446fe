//! What the API has no word for, and the plan that a request comes to with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::body::CreateTransformJob;
use super::check::{CONTRACT, DEFAULT_PAYLOAD_MB};
use crate::backend;
use crate::error::{Error, Result};
use crate::transform::plan::Plan;
use crate::transform::terms::{BatchStrategy, OutputKeys, Partition, Preprocess};

/// The ModelName of the weights that come with Plimsoll.
pub const SHIPPED_MODEL: &str = "plimsoll-mnist";

/// Bytes of what the API calls a megabyte.
const MEGABYTE: u64 = 1 << 20;

/// What this machine is told beside the request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Local {
    /// The backend, by name.
    pub backend: String,
    /// The URI of the model that the request's ModelName means; the shipped weights without it.
    pub model: Option<String>,
    /// How objects are shared out among instances.
    pub partition: Partition,
    /// What outputs are called.
    pub output_keys: OutputKeys,
    /// Whether a batch may carry images of several requests and objects.
    pub coalesce: bool,
    /// Largest batch, in images.
    pub max_batch: usize,
    /// How long an image waits for others to fill its batch.
    pub max_delay_ns: u64,
    /// Sizes that close a batch before it is full, without waiting.
    pub preferred: Vec<usize>,
    /// Whether the ten probabilities are written too.
    pub probabilities: bool,
    /// What is done to pixels.
    pub preprocess: Preprocess,
}

impl Default for Local {
    fn default() -> Self {
        Self {
            backend: backend::FASTEST_ON_CPU.into(),
            model: None,
            partition: Partition::default(),
            output_keys: OutputKeys::default(),
            coalesce: true,
            max_batch: 256,
            max_delay_ns: 10_000_000,
            preferred: Vec::new(),
            probabilities: false,
            preprocess: Preprocess::default(),
        }
    }
}

impl Local {
    /// What to know where the request names a model that no file was given for.
    pub fn note_on_model(&self, request: &CreateTransformJob) -> Option<String> {
        let name = &request.model_name;
        (self.model.is_none() && name != SHIPPED_MODEL).then(|| {
            format!(
                "ModelName: {name} is not known here, so the weights that come with Plimsoll run; \
                 give --model to run others"
            )
        })
    }
}

/// The plan that a request comes to on this machine, with every default in its place.
///
/// Defaults of the request: ContentType `application/x-image`; Accept, also for `*/*`, the
/// request's variable SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT or else `application/json`, as
/// SageMaker's serving toolkit has it; MaxPayloadInMB 6, and 0 is any size;
/// MaxConcurrentTransforms 1, also for 0, as a container that gives no /execution-parameters gets
/// (it counts only where batches do not coalesce: else images of as many objects are under way as
/// fill batches).
///
/// # Errors
/// As those of [`CreateTransformJob::check`].
pub fn plan(request: &CreateTransformJob, local: &Local) -> Result<Plan> {
    request.check()?;
    let input = &request.transform_input;
    let output = &request.transform_output;
    let client = request.model_client_config.as_ref();
    let processing = request.data_processing.as_ref();
    let filter = |filter: Option<&String>| filter.cloned().unwrap_or_else(|| "$".into());
    let payload = request.max_payload_in_mb.unwrap_or(DEFAULT_PAYLOAD_MB);
    Ok(Plan {
        name: request.transform_job_name.clone(),
        data_type: input.data_source.s3_data_source.s3_data_type,
        input: input.data_source.s3_data_source.s3_uri.clone(),
        output: output.s3_output_path.clone(),
        output_keys: local.output_keys,
        model: local.model.clone(),
        model_file: None,
        backend: local.backend.clone(),
        instances: number("InstanceCount", request.transform_resources.instance_count)?,
        partition: local.partition,
        max_batch: local.max_batch,
        max_delay_ns: local.max_delay_ns,
        preferred: local.preferred.clone(),
        coalesce: local.coalesce,
        max_concurrent_transforms: number(
            "MaxConcurrentTransforms",
            request.max_concurrent_transforms.unwrap_or(0).max(1),
        )?,
        max_payload_bytes: (payload > 0).then_some(payload * MEGABYTE),
        invocations_timeout_s: client.and_then(|c| c.invocations_timeout_in_seconds).unwrap_or(600),
        invocations_max_retries: number(
            "InvocationsMaxRetries",
            client.and_then(|c| c.invocations_max_retries).unwrap_or(3),
        )?,
        batch_strategy: request.batch_strategy.unwrap_or_default(),
        content_type: given(input.content_type.as_deref())
            .unwrap_or("application/x-image")
            .to_owned(),
        accept: accept(request).to_owned(),
        compression: input.compression_type.unwrap_or_default(),
        split: input.split_type.unwrap_or_default(),
        assemble: output.assemble_with.unwrap_or_default(),
        input_filter: filter(processing.and_then(|p| p.input_filter.as_ref())),
        join: processing.and_then(|p| p.join_source).unwrap_or_default(),
        output_filter: filter(processing.and_then(|p| p.output_filter.as_ref())),
        probabilities: local.probabilities,
        preprocess: local.preprocess,
        environment: request.environment(),
    })
}

fn number<T: TryFrom<u64>>(field: &str, value: u64) -> Result<T> {
    T::try_from(value).map_err(|_| Error::Bug(format!("{field} {value} was let through")))
}

/// A media type that is there and says something.
fn given(media_type: Option<&str>) -> Option<&str> {
    media_type.filter(|text| !text.trim().is_empty())
}

fn accept(request: &CreateTransformJob) -> &str {
    let asked =
        given(request.transform_output.accept.as_deref()).filter(|text| text.trim() != "*/*");
    let usual = || request.environment.as_ref()?.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT");
    asked.or_else(|| given(usual().map(String::as_str))).unwrap_or("application/json")
}

impl CreateTransformJob {
    /// The variables by which a container is told of its request: SAGEMAKER_BATCH always, the
    /// others where the request has them. Source: the developer guide, "Use Your Own Inference
    /// Code with Batch Transform".
    pub(super) fn variables(&self) -> BTreeMap<&'static str, String> {
        let strategy = self.batch_strategy.map(|strategy| match strategy {
            BatchStrategy::MultiRecord => "MULTI_RECORD".to_owned(),
            BatchStrategy::SingleRecord => "SINGLE_RECORD".to_owned(),
        });
        let values = [
            Some("true".to_owned()),
            self.max_payload_in_mb.map(|n| n.to_string()),
            strategy,
            self.max_concurrent_transforms.map(|n| n.to_string()),
        ];
        CONTRACT.into_iter().zip(values).filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// The variables of instances: the request's Environment and, over it, those of
    /// [`CreateTransformJob::variables`], which must be true.
    fn environment(&self) -> BTreeMap<String, String> {
        let mut all = self.environment.clone().unwrap_or_default();
        all.extend(self.variables().into_iter().map(|(name, value)| (name.to_owned(), value)));
        all
    }
}
