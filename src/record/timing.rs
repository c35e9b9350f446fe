//! How long a job took.

use serde::{Deserialize, Serialize};

use super::Host;

/// One job that was run, as far as its time and its bill are concerned. A file of them has one a
/// line, as JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobTiming {
    /// The machine type, as the catalogue names it; absent where it was not said.
    pub machine_type: Option<String>,
    /// The machine, where it was looked at.
    #[serde(default)]
    pub host: Host,
    /// Machines that shared the job.
    pub machines: usize,
    /// Worker processes on each of them.
    pub instances: usize,
    /// Threads of one forward pass.
    pub threads: usize,
    /// Backend, by name.
    pub backend: String,
    /// `cpu`, or `cuda:N`.
    pub device: String,
    /// Largest batch, in images.
    pub batch: usize,
    /// Images that were done, by all machines together.
    pub images: u64,
    /// Seconds from the request until the machines were there, which no one is billed for; absent
    /// where nothing had to be provisioned.
    #[serde(default)]
    pub provision_s: Option<f64>,
    /// Seconds from then until every worker stood ready: container, processes, the model.
    pub startup_s: f64,
    /// Seconds from then until the last image was done.
    pub run_s: f64,
    /// Seconds that each machine was billed for, where that is known.
    #[serde(default)]
    pub billed_s: Option<f64>,
}
