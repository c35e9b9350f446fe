//! Every field of a request: its type, its limits, and what becomes of it here. Checks, errors and
//! notes are all drawn from this one table.
//!
//! Source: the SageMaker API reference, `CreateTransformJob`, and its service model.

use super::forms::{self, Form};

/// A field of a request, or a part of it with fields of its own.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) need: Need,
    pub(super) kind: Kind,
    pub(super) fate: Fate,
}

/// Whether a request must have it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Optional,
    /// With the flag that sets it too, where there is one.
    Required(Option<&'static str>),
}

/// What a field holds.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// A text of so many characters.
    Text { least: usize, most: usize, form: Option<Form> },
    /// A whole number within bounds.
    Whole { least: u64, most: u64 },
    /// True or false.
    Truth,
    /// One of these words; others are known too, and refused for a reason.
    Word { known: &'static [&'static str], refused: &'static [(&'static str, &'static str)] },
    /// Names and texts: a variable's name, and what it is set to.
    Environment,
    /// At most so many parts alike.
    List { most: usize, fields: &'static [Field] },
    /// A part with fields.
    Part(&'static [Field]),
}

/// What becomes of a field.
#[derive(Clone, Copy)]
pub(super) enum Fate {
    /// It does what SageMaker has it do.
    Honoured,
    /// It is kept in the job's record and does nothing else, for this reason.
    Recorded(&'static str),
    /// A request that has it is refused, for this reason and with this fix.
    Refused(&'static str),
}

use Fate::{Honoured, Recorded, Refused};
use Need::{Optional, Required};

const NEEDED: Need = Required(None);

const fn field(name: &'static str, need: Need, kind: Kind, fate: Fate) -> Field {
    Field { name, need, kind, fate }
}

const fn text(least: usize, most: usize) -> Kind {
    Kind::Text { least, most, form: None }
}

const fn formed(least: usize, most: usize, form: Form) -> Kind {
    Kind::Text { least, most, form: Some(form) }
}

const fn whole(least: u64, most: u64) -> Kind {
    Kind::Whole { least, most }
}

const fn word(known: &'static [&'static str]) -> Kind {
    Kind::Word { known, refused: &[] }
}

/// No limit of the API's; what a count can hold.
const UNLIMITED: u64 = u32::MAX as u64;

/// The most instances of a job: the API reference's text has it, its service model does not.
const MAX_INSTANCES: u64 = 100;

/// Variables, and the lengths of their names and texts.
pub(super) const MAX_VARIABLES: usize = 16;
pub(super) const VARIABLE_NAME: Kind = formed(1, 1024, forms::VARIABLE);
pub(super) const VARIABLE_TEXT: Kind = text(0, 10_240);

const KMS: &str = "outputs are encrypted as their store does it by itself, not with this key";
const AUGMENTED: &str = "batch transform does not take it; write a ManifestFile of the objects";
const CONVERSE: &str = "it is for language models on Bedrock; write S3Prefix or ManifestFile";
const CAPTURE: &str = "copies of inputs and outputs are not written here, and leaving them out \
    unsaid would lose what the job should give; leave it out (inputs stay where they are, and \
    outputs.jsonl beside the job's record names each with its output)";

/// The fields of CreateTransformJob, in the API's order.
pub(super) const REQUEST: &[Field] = &[
    field(
        "TransformJobName",
        Required(Some("--job-name")),
        formed(1, 63, forms::JOB_NAME),
        Honoured,
    ),
    field(
        "ModelName",
        Required(Some("--model-name")),
        formed(1, 63, forms::MODEL_NAME),
        Recorded("there is no registry of models here; --model says which weights run"),
    ),
    field("MaxConcurrentTransforms", Optional, whole(0, UNLIMITED), Honoured),
    field("ModelClientConfig", Optional, Kind::Part(MODEL_CLIENT_CONFIG), Honoured),
    field("MaxPayloadInMB", Optional, whole(0, 100), Honoured),
    field("BatchStrategy", Optional, word(&["MultiRecord", "SingleRecord"]), Honoured),
    field("Environment", Optional, Kind::Environment, Honoured),
    field("TransformInput", NEEDED, Kind::Part(TRANSFORM_INPUT), Honoured),
    field("TransformOutput", NEEDED, Kind::Part(TRANSFORM_OUTPUT), Honoured),
    field("DataCaptureConfig", Optional, Kind::Part(DATA_CAPTURE_CONFIG), Refused(CAPTURE)),
    field("TransformResources", NEEDED, Kind::Part(TRANSFORM_RESOURCES), Honoured),
    field("DataProcessing", Optional, Kind::Part(DATA_PROCESSING), Honoured),
    field(
        "Tags",
        Optional,
        Kind::List { most: 50, fields: TAG },
        Recorded("nothing is billed here that they could sort"),
    ),
    field(
        "ExperimentConfig",
        Optional,
        Kind::Part(EXPERIMENT_CONFIG),
        Recorded("there are no experiments here to put the job into"),
    ),
];

const MODEL_CLIENT_CONFIG: &[Field] = &[
    field("InvocationsTimeoutInSeconds", Optional, whole(1, 3600), Honoured),
    field("InvocationsMaxRetries", Optional, whole(0, 3), Honoured),
];

const TRANSFORM_INPUT: &[Field] = &[
    field("DataSource", NEEDED, Kind::Part(DATA_SOURCE), Honoured),
    field("ContentType", Optional, text(0, 256), Honoured),
    field("CompressionType", Optional, word(&["None", "Gzip"]), Honoured),
    field("SplitType", Optional, word(&["None", "Line", "RecordIO", "TFRecord"]), Honoured),
];

const DATA_SOURCE: &[Field] =
    &[field("S3DataSource", NEEDED, Kind::Part(S3_DATA_SOURCE), Honoured)];

const S3_DATA_SOURCE: &[Field] = &[
    field(
        "S3DataType",
        Required(Some("--data-type")),
        Kind::Word {
            known: &["S3Prefix", "ManifestFile"],
            refused: &[("AugmentedManifestFile", AUGMENTED), ("Converse", CONVERSE)],
        },
        Honoured,
    ),
    field("S3Uri", Required(Some("--input")), formed(1, 1024, forms::URI), Honoured),
];

const TRANSFORM_OUTPUT: &[Field] = &[
    field("S3OutputPath", Required(Some("--output")), formed(1, 1024, forms::URI), Honoured),
    field("Accept", Optional, text(0, 256), Honoured),
    field("AssembleWith", Optional, word(&["None", "Line"]), Honoured),
    field("KmsKeyId", Optional, text(0, 2048), Recorded(KMS)),
];

const DATA_CAPTURE_CONFIG: &[Field] = &[
    field("DestinationS3Uri", NEEDED, formed(1, 512, forms::ANY_URI), Refused(CAPTURE)),
    field("KmsKeyId", Optional, text(0, 2048), Refused(CAPTURE)),
    field("GenerateInferenceId", Optional, Kind::Truth, Refused(CAPTURE)),
];

const TRANSFORM_RESOURCES: &[Field] = &[
    field(
        "InstanceType",
        Required(Some("--instance-type")),
        formed(1, 64, forms::INSTANCE_TYPE),
        Recorded("instances are processes that share this machine"),
    ),
    field("InstanceCount", Required(Some("--instance-count")), whole(1, MAX_INSTANCES), Honoured),
    field(
        "VolumeKmsKeyId",
        Optional,
        text(0, 2048),
        Recorded("no disk is attached to instances that this key could encrypt"),
    ),
    field(
        "TransformAmiVersion",
        Optional,
        formed(1, 63, forms::AMI),
        Recorded("instances run on this machine's own system"),
    ),
];

const DATA_PROCESSING: &[Field] = &[
    field("InputFilter", Optional, text(0, 63), Honoured),
    field("OutputFilter", Optional, text(0, 63), Honoured),
    field("JoinSource", Optional, word(&["Input", "None"]), Honoured),
];

const TAG: &[Field] =
    &[field("Key", NEEDED, text(1, 128), Honoured), field("Value", NEEDED, text(0, 256), Honoured)];

const EXPERIMENT_CONFIG: &[Field] = &[
    field("ExperimentName", Optional, text(1, 120), Honoured),
    field("TrialName", Optional, text(1, 120), Honoured),
    field("TrialComponentDisplayName", Optional, text(1, 120), Honoured),
    field("RunName", Optional, text(1, 120), Honoured),
];
