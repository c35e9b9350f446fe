//! The flags that say what CreateTransformJob says.

use std::path::PathBuf;

use crate::cli::values;
use crate::error::{Error, Result};
use crate::transform::request::Draft;
use crate::transform::terms::{
    AssembleWith, BatchStrategy, CompressionType, DataType, JoinSource, SplitType,
};

/// A request, as far as flags say it. They win over the file.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "SageMaker request")]
pub(super) struct RequestFlags {
    /// The body of a CreateTransformJob request, as JSON: a job that was written for SageMaker
    /// runs as it is. Flags win over it. Fields that do nothing here are told of.
    #[arg(long, value_name = "FILE")]
    pub(super) job: Option<PathBuf>,

    /// Where the objects are: a folder, or a literal prefix of keys (s3://bucket/digits also takes
    /// s3://bucket/digits-old/1.png). With --data-type ManifestFile, the manifest.
    #[arg(long, value_name = "URI", value_parser = values::uri())]
    #[arg(required_unless_present_any = ["job", "resume"])]
    input: Option<String>,

    /// Where the outputs go: NAME.out for each NAME. A folder is made if missing, and outputs of
    /// an earlier job are replaced. The job's record and lists lie beside it, in URI.plimsoll.
    #[arg(long, value_name = "URI", value_parser = values::uri())]
    #[arg(required_unless_present_any = ["job"])]
    output: Option<String>,

    /// What the job is called; no two jobs of an output have one name. Without it, and without one
    /// in the file, transform-DATE-TIME-XXXX.
    #[arg(long, value_name = "NAME")]
    job_name: Option<String>,

    /// What the model is called in SageMaker. Here --model says which weights run.
    #[arg(long, value_name = "NAME")]
    model_name: Option<String>,

    /// Whether --input is a prefix or a manifest [default: S3Prefix].
    #[arg(long, value_name = "TYPE", ignore_case = true)]
    data_type: Option<DataType>,

    /// Media type of the objects [default: application/x-image, a picture of any kind].
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,

    /// How the objects are compressed [default: None].
    #[arg(long, value_name = "TYPE", ignore_case = true)]
    compression: Option<CompressionType>,

    /// How objects are cut into records [default: None]. One bad record fails its whole object,
    /// for an output holds all records in order or is not written.
    #[arg(long, value_name = "TYPE", ignore_case = true)]
    split_type: Option<SplitType>,

    /// Whether a request carries as many records as --max-payload-mb lets in or one [default:
    /// MultiRecord]. Does nothing without --split-type.
    #[arg(long, value_name = "STRATEGY", ignore_case = true)]
    batch_strategy: Option<BatchStrategy>,

    /// Largest request in MiB, from 0 to 100 [default: 6]. Without --split-type every object is
    /// one request, and larger ones fail instead of being read into memory. 0 is any size.
    #[arg(long, value_name = "N")]
    max_payload_mb: Option<u64>,

    /// Requests that an instance has under way at once [default: 1]; times --max-payload-mb at
    /// most 100. Only counts with --faithful.
    #[arg(long, value_name = "N")]
    max_concurrent_transforms: Option<u64>,

    /// Media type of the outputs [default: application/json, {"predictions": d}].
    #[arg(long, value_name = "TYPE")]
    accept: Option<String>,

    /// Whether a newline follows each record of an output [default: None].
    #[arg(long, value_name = "HOW", ignore_case = true)]
    assemble_with: Option<AssembleWith>,

    /// What of a record the model gets, as a JSONPath [default: $, all of it].
    #[arg(long, value_name = "PATH")]
    input_filter: Option<String>,

    /// Whether a record's result is joined with the record itself [default: None].
    #[arg(long, value_name = "SOURCE", ignore_case = true)]
    join_source: Option<JoinSource>,

    /// What of the joined result is written, as a JSONPath [default: $, all of it].
    #[arg(long, value_name = "PATH")]
    output_filter: Option<String>,

    /// Worker processes [default: 1]. Each owns an equal share of the cores, as a SageMaker
    /// instance owns its machine; more of them cost memory and start-up time, and only pay with
    /// cores to spare.
    #[arg(long, value_name = "N", value_parser = values::count)]
    instance_count: Option<usize>,

    /// The kind of machine in SageMaker [default: ml.c5.xlarge]. Kept in the job's record;
    /// instances share this machine, whatever it says.
    #[arg(long, value_name = "TYPE")]
    instance_type: Option<String>,

    /// A variable of the instances, up to 16 of them; may be given again.
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    environment: Vec<(String, String)>,

    /// Seconds that a request may take, from 1 to 3600 [default: 600].
    #[arg(long, value_name = "SECONDS")]
    invocations_timeout: Option<u64>,

    /// How often a request that failed is tried again, from 0 to 3 [default: 3].
    #[arg(long, value_name = "N")]
    invocations_max_retries: Option<u64>,

    /// Print the body of CreateTransformJob that the file and the flags come to, and run nothing:
    /// SageMaker takes it as it is, where the places are S3's.
    #[arg(long)]
    pub(super) print_request: bool,
}

/// Where the request has the job's name and the outputs' place.
pub(super) const NAME: &str = "TransformJobName";
pub(super) const OUTPUT: &str = "TransformOutput.S3OutputPath";

impl RequestFlags {
    /// The name that the flags give the job.
    pub(super) fn name(&self) -> Option<&str> {
        self.job_name.as_deref()
    }

    /// The place of outputs that the flags give.
    pub(super) fn output(&self) -> Option<&str> {
        self.output.as_deref()
    }

    /// Sets what the flags say, over what a draft may have.
    pub(super) fn apply(&self, draft: &mut Draft) {
        let texts = [
            (NAME, &self.job_name),
            ("ModelName", &self.model_name),
            ("TransformInput.DataSource.S3DataSource.S3Uri", &self.input),
            ("TransformInput.ContentType", &self.content_type),
            (OUTPUT, &self.output),
            ("TransformOutput.Accept", &self.accept),
            ("TransformResources.InstanceType", &self.instance_type),
            ("DataProcessing.InputFilter", &self.input_filter),
            ("DataProcessing.OutputFilter", &self.output_filter),
        ];
        for (path, text) in texts {
            if let Some(text) = text {
                draft.set(path, text.as_str());
            }
        }
        let words = [
            ("TransformInput.DataSource.S3DataSource.S3DataType", word(self.data_type)),
            ("TransformInput.CompressionType", word(self.compression)),
            ("TransformInput.SplitType", word(self.split_type)),
            ("BatchStrategy", word(self.batch_strategy)),
            ("TransformOutput.AssembleWith", word(self.assemble_with)),
            ("DataProcessing.JoinSource", word(self.join_source)),
        ];
        for (path, word) in words {
            if let Some(word) = word {
                draft.set(path, word);
            }
        }
        let numbers = [
            ("MaxPayloadInMB", self.max_payload_mb),
            ("MaxConcurrentTransforms", self.max_concurrent_transforms),
            ("TransformResources.InstanceCount", self.instance_count.map(|n| n as u64)),
            ("ModelClientConfig.InvocationsTimeoutInSeconds", self.invocations_timeout),
            ("ModelClientConfig.InvocationsMaxRetries", self.invocations_max_retries),
        ];
        for (path, number) in numbers {
            if let Some(number) = number {
                draft.set(path, number);
            }
        }
        for (name, value) in &self.environment {
            draft.set_variable(name, value);
        }
    }
}

/// A term as the API spells it.
fn word<T: clap::ValueEnum>(term: Option<T>) -> Option<String> {
    Some(term?.to_possible_value()?.get_name().to_owned())
}

fn variable(text: &str) -> Result<(String, String)> {
    match text.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err(Error::invalid(format!("`{text}`"), "no variable; write NAME=VALUE")),
    }
}
