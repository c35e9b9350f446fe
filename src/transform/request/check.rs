//! How the fields of a request go together, and what to know before it is run.

use serde_json::Value;

use super::body::CreateTransformJob;
use super::draft::Draft;
use super::fields::{Fate, Field, Kind, REQUEST};
use super::forms;
use super::walk::{self, Extent, join, wrong};
use crate::error::{Error, Result};
use crate::transform::terms::SplitType;

/// What MaxPayloadInMB is where it is not given.
pub(super) const DEFAULT_PAYLOAD_MB: u64 = 6;

/// What MaxConcurrentTransforms times MaxPayloadInMB may come to at most.
const MAX_IN_FLIGHT_MB: u64 = 100;

/// Families of machines with disks of their own, which SageMaker encrypts by a key of its own.
const LOCAL_DISKS: [&str; 5] = ["g4dn", "g5", "g6", "p3dn", "trn1"];

/// Families of machines that batch transform had when its service model was last looked at, in
/// 2026.
const FAMILIES: [&str; 17] = [
    "m4", "c4", "p2", "p3", "c5", "m5", "m6i", "c6i", "r6i", "m7i", "c7i", "r7i", "g4dn", "g5",
    "g6", "trn1", "inf2",
];

/// The variables by which a container is told of its request; see
/// [`CreateTransformJob::variables`].
pub(super) const CONTRACT: [&str; 4] = [
    "SAGEMAKER_BATCH",
    "SAGEMAKER_MAX_PAYLOAD_IN_MB",
    "SAGEMAKER_BATCH_STRATEGY",
    "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS",
];

impl CreateTransformJob {
    /// Reads the body of a request; every field by itself is as it should be.
    ///
    /// # Errors
    /// As those of [`Draft::parse`] and [`Draft::finish`].
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        Draft::parse(bytes)?.finish()
    }

    /// Checks each field and how they go together. Gives what to know of fields that do not do
    /// here what they do in SageMaker, one line each.
    ///
    /// # Errors
    /// [`Error::Invalid`] that names the first wrong field by its
    /// path, and what would be right.
    pub fn check(&self) -> Result<Vec<String>> {
        let draft = Draft::from(self);
        walk::check(draft.map(), REQUEST, "", Extent::Whole)?;
        self.check_in_flight()?;
        self.check_volume_key()?;
        let mut notes = Vec::new();
        recorded(&Value::Object(draft.map().clone()), REQUEST, "", &mut notes);
        notes.extend(self.note_on_strategy());
        notes.extend(self.note_on_family());
        notes.extend(self.notes_on_variables());
        Ok(notes)
    }

    fn check_in_flight(&self) -> Result<()> {
        let payload = self.max_payload_in_mb.unwrap_or(DEFAULT_PAYLOAD_MB);
        let requests = self.max_concurrent_transforms.unwrap_or(0);
        let product = requests.saturating_mul(payload);
        if product <= MAX_IN_FLIGHT_MB {
            return Ok(());
        }
        let default = if self.max_payload_in_mb.is_none() { " (its default)" } else { "" };
        Err(wrong(
            "MaxConcurrentTransforms",
            format!(
                "{requests} times MaxPayloadInMB, {payload}{default}, is {product}; at most \
                 {MAX_IN_FLIGHT_MB}, so lower one of them"
            ),
        ))
    }

    fn check_volume_key(&self) -> Result<()> {
        let family = family(&self.transform_resources.instance_type);
        let given =
            self.transform_resources.volume_kms_key_id.as_ref().is_some_and(|id| !id.is_empty());
        if !given || !LOCAL_DISKS.contains(&family) {
            return Ok(());
        }
        Err(wrong(
            "TransformResources.VolumeKmsKeyId",
            format!(
                "SageMaker refuses it with {}, which has disks of its own; leave it out",
                self.transform_resources.instance_type
            ),
        ))
    }

    fn note_on_strategy(&self) -> Option<String> {
        let split = self.transform_input.split_type.unwrap_or_default();
        let strategy = self.batch_strategy.filter(|_| split == SplitType::None)?;
        Some(format!(
            "BatchStrategy: {strategy:?} does nothing while SplitType is None: every object is \
             one request"
        ))
    }

    fn note_on_family(&self) -> Option<String> {
        let kind = &self.transform_resources.instance_type;
        (!FAMILIES.contains(&family(kind))).then(|| {
            format!(
                "TransformResources.InstanceType: {kind} is of no family that batch transform is \
                 known to have; SageMaker may refuse it"
            )
        })
    }

    fn notes_on_variables(&self) -> Vec<String> {
        let contract = self.variables();
        let ours = |(name, text): (&String, &String)| {
            contract.get(name.as_str()).filter(|value| *value != text).map(|value| {
                format!("Environment.{name}: it is {value} for the instances, whatever is written")
            })
        };
        self.environment.iter().flatten().filter_map(ours).collect()
    }
}

/// Checks that a text is the name of a job, wherever it comes from.
///
/// # Errors
/// [`Error::Invalid`] that says what a name looks like.
pub(in crate::transform) fn check_job_name(name: &str) -> Result<()> {
    if (1..=63).contains(&name.len()) && (forms::JOB_NAME.holds)(name) {
        return Ok(());
    }
    let asks = forms::JOB_NAME.asks;
    Err(Error::invalid("job name", format!("{name:?} is not allowed; {asks}, at most 63 in all")))
}

/// `c5` of `ml.c5.xlarge`.
fn family(instance_type: &str) -> &str {
    instance_type.split('.').nth(1).unwrap_or_default()
}

/// Notes the fields that are recorded and no more. An empty text is as good as none: it is what
/// DescribeTransformJob gives for a key that was not set.
fn recorded(value: &Value, fields: &[Field], at: &str, notes: &mut Vec<String>) {
    for field in fields {
        let path = join(at, field.name);
        let Some(value) = value.get(field.name).filter(|value| **value != "") else { continue };
        match (field.fate, &field.kind) {
            (Fate::Recorded(_), _) if SILENT.contains(&path.as_str()) => {}
            (Fate::Recorded(why), _) => notes.push(format!("{path}: recorded only: {why}")),
            (_, Kind::Part(fields)) => recorded(value, fields, &path, notes),
            _ => {}
        }
    }
}

/// Fields that every request has, so that a note on each would be read by no one. What ModelName
/// comes to is said by [`Local::note_on_model`](super::Local::note_on_model).
const SILENT: [&str; 2] = ["ModelName", "TransformResources.InstanceType"];
