//! What the parent and an instance say to each other.

use serde::{Deserialize, Serialize};

use super::job::{InstanceReport, Job};

/// From the parent.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Down {
    /// Make ready for this job; the first message.
    Open {
        /// The job.
        job: Box<Job>,
        /// The instance's number.
        index: usize,
    },
    /// Objects to do, each with its number in the job.
    Keys(Vec<(u32, String)>),
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
        done: Vec<u32>,
        /// Those without, and why.
        failed: Vec<(u32, String)>,
    },
    /// It cannot go on, by this error and exit code.
    Broken {
        /// The error's text.
        reason: String,
    },
    /// The last message.
    Report(InstanceReport),
}
