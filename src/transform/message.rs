//! What the parent and an instance say to each other.

use serde::{Deserialize, Serialize};

use super::checksum::Sum;
use super::job::InstanceReport;
use super::plan::Plan;
use crate::store::Location;

/// From the parent.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Down {
    /// Make ready for this job; the first message.
    Open {
        /// The job.
        plan: Box<Plan>,
        /// The instance's number.
        index: usize,
        /// What the objects' keys lie below.
        base: Location,
    },
    /// Objects to do.
    Keys {
        /// Each with its number in the job.
        objects: Vec<(u32, String)>,
        /// Whether there are no more to send for now.
        last: bool,
    },
}

/// From the instance.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Up {
    /// The model is loaded and warm.
    Ready {
        /// Which weights, in words.
        model: String,
    },
    /// Objects that are finished.
    Finished {
        /// Those with an output.
        done: Vec<Written>,
        /// Those without, and why.
        failed: Vec<(u32, Failed)>,
    },
    /// It cannot go on, by this error and exit code.
    Broken {
        /// The error's text.
        reason: String,
    },
    /// The last message.
    Report(InstanceReport),
}

/// An output that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Written {
    /// The object's number in the job.
    pub(super) object: u32,
    /// Bytes of the output.
    pub(super) bytes: u64,
    /// Records of the object.
    pub(super) records: u64,
    /// SHA-256 of the output, in hexadecimal on its way.
    #[serde(with = "super::checksum")]
    pub(super) sha256: Sum,
}

/// Why an object has no output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failed {
    /// The record that is to blame, counted from 0, where it is one.
    pub(super) record: Option<u64>,
    /// Where that record begins in the object (as it is when decompressed), in bytes.
    pub(super) offset: Option<u64>,
    /// The cause.
    pub(super) reason: String,
}

impl Failed {
    /// A cause that is no single record's.
    pub(super) fn whole(reason: impl ToString) -> Self {
        Self { record: None, offset: None, reason: reason.to_string() }
    }
}
