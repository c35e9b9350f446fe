//! The request of a job: the body of CreateTransformJob, checked field by field.
//!
//! What becomes of each field:
//!
//! | field | here |
//! | --- | --- |
//! | `TransformJobName` | honoured |
//! | `ModelName` | recorded |
//! | `MaxConcurrentTransforms` | honoured |
//! | `ModelClientConfig.InvocationsTimeoutInSeconds` | honoured |
//! | `ModelClientConfig.InvocationsMaxRetries` | honoured |
//! | `MaxPayloadInMB` | honoured |
//! | `BatchStrategy` | honoured |
//! | `Environment` | honoured |
//! | `TransformInput.DataSource.S3DataSource.S3DataType` | honoured |
//! | `TransformInput.DataSource.S3DataSource.S3Uri` | honoured |
//! | `TransformInput.ContentType` | honoured |
//! | `TransformInput.CompressionType` | honoured |
//! | `TransformInput.SplitType` | honoured |
//! | `TransformOutput.S3OutputPath` | honoured |
//! | `TransformOutput.Accept` | honoured |
//! | `TransformOutput.AssembleWith` | honoured |
//! | `TransformOutput.KmsKeyId` | recorded |
//! | `DataCaptureConfig.DestinationS3Uri` | refused |
//! | `DataCaptureConfig.KmsKeyId` | refused |
//! | `DataCaptureConfig.GenerateInferenceId` | refused |
//! | `TransformResources.InstanceType` | recorded |
//! | `TransformResources.InstanceCount` | honoured |
//! | `TransformResources.VolumeKmsKeyId` | recorded |
//! | `TransformResources.TransformAmiVersion` | recorded |
//! | `DataProcessing.InputFilter` | honoured |
//! | `DataProcessing.OutputFilter` | honoured |
//! | `DataProcessing.JoinSource` | honoured |
//! | `Tags[].Key` | recorded |
//! | `Tags[].Value` | recorded |
//! | `ExperimentConfig.ExperimentName` | recorded |
//! | `ExperimentConfig.TrialName` | recorded |
//! | `ExperimentConfig.TrialComponentDisplayName` | recorded |
//! | `ExperimentConfig.RunName` | recorded |
//!
//! *Honoured*: it does what SageMaker has it do. *Recorded*: it is kept in the job's record, and a
//! note says why it does nothing else; the two that every request has, `ModelName` and
//! `InstanceType`, are noted only where they surprise. *Refused*: a request that has it is not run.
//! `DataCaptureConfig` is refused because a job that asks for it gives copies of its inputs and
//! outputs besides its outputs: running it without them would lose what was asked for. Of
//! `S3DataType`, `AugmentedManifestFile` and `Converse` are refused: the first is not for
//! transforms, the second is for language models. A field that is not in the table is refused by
//! name, and so is `https://` in a place, which the API's pattern lets in.
//!
//! Choices where SageMaker says nothing or two things:
//! - a place is also `gs://`, `az://`, `file://`, `null://` or a path;
//! - a `BatchStrategy` without a `SplitType` is noted and does nothing. The API says that a split
//!   is needed to enable it, and yet runs the many requests for pictures that have the one alone;
//! - MaxConcurrentTransforms times MaxPayloadInMB is held to 100 with the default of 6 as well;
//! - an `InstanceType` must look like one; a family that is not known is noted, for there are new
//!   ones every year;
//! - an `Environment` that sets one of the container contract's own variables is overruled;
//! - null is taken as a field that is not there.

mod body;
mod check;
mod draft;
mod fields;
mod forms;
mod local;
#[cfg(test)]
mod tests;
mod walk;

pub use self::body::{
    CreateTransformJob, DataCaptureConfig, DataProcessing, DataSource, ExperimentConfig,
    ModelClientConfig, S3DataSource, Tag, TransformInput, TransformOutput, TransformResources,
};
pub(in crate::transform) use self::check::check_job_name;
pub use self::draft::Draft;
pub use self::local::{Local, SHIPPED_MODEL, plan};
