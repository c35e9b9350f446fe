//! The body of a CreateTransformJob request, field by field as the API has it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::transform::terms::{
    AssembleWith, BatchStrategy, CompressionType, DataType, JoinSource, SplitType,
};

macro_rules! part {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "PascalCase", deny_unknown_fields)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)+ }
    };
}

part! {
    /// The body of a CreateTransformJob request. What was left out of it stays left out, so that
    /// it is written back as it was read; [`plan`](super::plan) puts the defaults in.
    CreateTransformJob {
        /// What the job is called.
        transform_job_name: String,
        /// What the model is called.
        model_name: String,
        /// Requests that an instance has under way at once; 0 leaves it to the container.
        #[serde(skip_serializing_if = "Option::is_none")]
        max_concurrent_transforms: Option<u64>,
        /// How long and how often a request is tried.
        #[serde(skip_serializing_if = "Option::is_none")]
        model_client_config: Option<ModelClientConfig>,
        /// MiB of a request at most; 0 for any size.
        #[serde(rename = "MaxPayloadInMB", skip_serializing_if = "Option::is_none")]
        max_payload_in_mb: Option<u64>,
        /// How many records a request carries.
        #[serde(skip_serializing_if = "Option::is_none")]
        batch_strategy: Option<BatchStrategy>,
        /// Environment variables of the container.
        #[serde(skip_serializing_if = "Option::is_none")]
        environment: Option<BTreeMap<String, String>>,
        /// Where the objects are, and what they are.
        transform_input: TransformInput,
        /// Where outputs go, and what they are.
        transform_output: TransformOutput,
        /// Copies of inputs and outputs; refused.
        #[serde(skip_serializing_if = "Option::is_none")]
        data_capture_config: Option<DataCaptureConfig>,
        /// What it runs on.
        transform_resources: TransformResources,
        /// What of the records goes in and out.
        #[serde(skip_serializing_if = "Option::is_none")]
        data_processing: Option<DataProcessing>,
        /// Names and values that bills are sorted by.
        #[serde(skip_serializing_if = "Option::is_none")]
        tags: Option<Vec<Tag>>,
        /// The experiment that it is a part of.
        #[serde(skip_serializing_if = "Option::is_none")]
        experiment_config: Option<ExperimentConfig>,
    }
}

part! {
    /// How long and how often a request is tried.
    ModelClientConfig {
        /// Seconds until a request has failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        invocations_timeout_in_seconds: Option<u64>,
        /// How often a request that failed is tried again.
        #[serde(skip_serializing_if = "Option::is_none")]
        invocations_max_retries: Option<u64>,
    }
}

part! {
    /// Where the objects are, and what they are.
    TransformInput {
        /// Where the objects are.
        data_source: DataSource,
        /// Their media type.
        #[serde(skip_serializing_if = "Option::is_none")]
        content_type: Option<String>,
        /// How they are compressed.
        #[serde(skip_serializing_if = "Option::is_none")]
        compression_type: Option<CompressionType>,
        /// How they are cut into records.
        #[serde(skip_serializing_if = "Option::is_none")]
        split_type: Option<SplitType>,
    }
}

part! {
    /// Where the objects are.
    DataSource {
        /// The only kind of place that there is.
        s3_data_source: S3DataSource,
    }
}

part! {
    /// A prefix or a manifest, in S3 or in another store.
    S3DataSource {
        /// Which of the two.
        s3_data_type: DataType,
        /// Its URI.
        s3_uri: String,
    }
}

part! {
    /// Where outputs go, and what they are.
    TransformOutput {
        /// The URI that they go below.
        s3_output_path: String,
        /// Their media type.
        #[serde(skip_serializing_if = "Option::is_none")]
        accept: Option<String>,
        /// How responses become an output.
        #[serde(skip_serializing_if = "Option::is_none")]
        assemble_with: Option<AssembleWith>,
        /// The key that they are encrypted with.
        #[serde(skip_serializing_if = "Option::is_none")]
        kms_key_id: Option<String>,
    }
}

part! {
    /// Copies of inputs and outputs.
    DataCaptureConfig {
        /// Where they go.
        destination_s3_uri: String,
        /// The key that they are encrypted with.
        #[serde(skip_serializing_if = "Option::is_none")]
        kms_key_id: Option<String>,
        /// Whether each record gets an id.
        #[serde(skip_serializing_if = "Option::is_none")]
        generate_inference_id: Option<bool>,
    }
}

part! {
    /// What a job runs on.
    TransformResources {
        /// The kind of machine.
        instance_type: String,
        /// How many of them.
        instance_count: u64,
        /// The key that their disks are encrypted with.
        #[serde(skip_serializing_if = "Option::is_none")]
        volume_kms_key_id: Option<String>,
        /// The system image of the machines.
        #[serde(skip_serializing_if = "Option::is_none")]
        transform_ami_version: Option<String>,
    }
}

part! {
    /// What of the records goes in and out.
    DataProcessing {
        /// What of a record the model gets.
        #[serde(skip_serializing_if = "Option::is_none")]
        input_filter: Option<String>,
        /// What of the joined result is written.
        #[serde(skip_serializing_if = "Option::is_none")]
        output_filter: Option<String>,
        /// What a result is joined with.
        #[serde(skip_serializing_if = "Option::is_none")]
        join_source: Option<JoinSource>,
    }
}

part! {
    /// A name and a value that bills are sorted by.
    Tag {
        /// The name.
        key: String,
        /// The value.
        value: String,
    }
}

part! {
    /// The experiment that a job is a part of.
    ExperimentConfig {
        /// The experiment's name.
        #[serde(skip_serializing_if = "Option::is_none")]
        experiment_name: Option<String>,
        /// The trial's name.
        #[serde(skip_serializing_if = "Option::is_none")]
        trial_name: Option<String>,
        /// The component's name on the screen.
        #[serde(skip_serializing_if = "Option::is_none")]
        trial_component_display_name: Option<String>,
        /// The run's name.
        #[serde(skip_serializing_if = "Option::is_none")]
        run_name: Option<String>,
    }
}
