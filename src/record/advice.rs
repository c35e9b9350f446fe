//! The answer to a sizing question: which machine type, how many of them, which batch size.

use serde::{Deserialize, Serialize};

/// The version of [`Advice`] as it is written to `advice.json`.
pub const ADVICE_VERSION: u32 = 1;

/// A figure with the ends of its 95% interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// What was asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Question {
    /// Images of the job; absent for a service.
    pub images: Option<u64>,
    /// Seconds from the request to the last image, at most.
    pub deadline_s: Option<f64>,
    /// USD that the job, or an hour of the service, may cost.
    pub budget_usd: Option<f64>,
    /// What a service has to hold.
    pub service: Option<Service>,
}

/// What a service has to hold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Service {
    /// Requests a second, of one image each.
    pub rate_per_s: f64,
    /// The quantile of their latencies that is held to the limit, 0.99 for p99.
    pub quantile: f64,
    /// The limit in nanoseconds.
    pub limit_ns: u64,
}

/// The answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Advice {
    /// [`ADVICE_VERSION`] of the writer.
    pub version: u32,
    /// When it was given, RFC 3339, UTC.
    pub made: String,
    /// The question.
    pub question: Question,
    /// The answer in plain sentences, the most important first.
    pub sentences: Vec<String>,
    /// Everything that was considered and meets the question, the cheapest first; of each machine
    /// type the counts that are worth a look.
    pub choices: Vec<Choice>,
    /// Of each machine type and way to load it that has no choice, the one that comes nearest to the
    /// question: another deadline, budget or price may let it in, and the report reckons with them.
    #[serde(default)]
    pub others: Vec<Choice>,
    /// Which of [`Advice::choices`] to take; absent where none may be recommended.
    pub best: Option<usize>,
    /// Those that may be as cheap as the best: their cost intervals overlap its own.
    pub ties: Vec<usize>,
    /// The cheapest of another machine type.
    pub runner_up: Option<usize>,
    /// The one that ends first.
    pub fastest: Option<usize>,
    /// Those that no other beats in both time and cost, the fastest first.
    pub pareto: Vec<usize>,
    /// The cheapest of a machine type that was not measured, ranked apart.
    pub best_predicted: Option<usize>,
    /// What does not meet the question, and why.
    pub rejected: Vec<Rejection>,
    /// Whether a GPU pays, where there is a CPU and a GPU to compare.
    pub cpu_or_gpu: Option<CpuOrGpu>,
    /// Predictions that were held against a run, the latest last.
    pub checks: Vec<Check>,
    /// What to know before believing it: old prices, synthetic data, INVALID cells left out.
    pub warnings: Vec<String>,
}

/// A machine type, how many of them, and how to load them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Choice {
    /// The machine type, as the catalogue names it.
    pub machine_type: String,
    /// Machines.
    pub machines: u64,
    /// Backend.
    pub backend: String,
    /// `cpu` or `cuda:N`.
    pub device: String,
    /// Arithmetic: `f32`.
    pub precision: String,
    /// Worker processes on each machine.
    pub instances: usize,
    /// Threads of one forward pass.
    pub threads: usize,
    /// Largest batch, in images.
    pub batch: usize,
    /// Where its rate comes from.
    pub basis: Basis,
    /// Images a second of one machine while it works.
    pub images_per_s: Estimate,
    /// Relative standard deviation of that between rounds, or between machines: s of the tail, which
    /// is the last batch and s * sqrt(2 ln k) of the run on k machines. The report takes the last
    /// batch from both, so that it can say what another count would take.
    #[serde(default)]
    pub spread: f64,
    /// Seconds of a job, phase by phase; absent for a service.
    pub phases: Option<Phases>,
    /// Seconds from the request to the last image; absent for a service.
    pub total_s: Option<Estimate>,
    /// Seconds that each machine is billed for; absent for a service.
    pub billed_s: Option<Estimate>,
    /// Share of the billed time in which images were done, 0 to 1; of a service the share of its
    /// capacity that the asked rate takes.
    pub useful_share: f64,
    /// The quantile of latency that was asked for, in nanoseconds; of a service alone.
    pub latency_ns: Option<Estimate>,
    /// USD of the job, or of an hour of the service.
    pub cost_usd: Estimate,
    /// USD for a million images at that.
    pub usd_per_million: Estimate,
    /// Joules an image, where the machine's power is known.
    pub joules_per_image: Option<f64>,
    /// The price that was reckoned with.
    pub price: Price,
}

/// A price; all empty where none is known, and then no cost is one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Price {
    /// USD an hour of one machine.
    pub usd_per_hour: f64,
    /// Where: `us-east-1`; empty for a machine that is owned.
    pub region: String,
    /// When it was looked up: `2026-11-22`.
    pub date: String,
    /// Where it was looked up.
    pub source: String,
}

impl Price {
    /// Whether there is one. An owned machine has one too, with its source.
    pub fn is_known(&self) -> bool {
        !self.source.is_empty()
    }
}

/// Where a rate comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "basis", rename_all = "lowercase")]
pub enum Basis {
    /// Measured on this machine type, in this way.
    Measured,
    /// Not measured.
    Predicted {
        /// From what, and by which model, in a sentence.
        model: String,
        /// The command that would measure it.
        measure_with: String,
    },
}

/// Seconds of a job, phase by phase, one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Phases {
    /// From the request until the machines are there; not billed.
    pub provision_s: Estimate,
    /// From then until the container runs; billed, as all that follows.
    pub start_s: Estimate,
    /// Processes and model.
    pub load_s: Estimate,
    /// Images, at the machines' own pace.
    pub run_s: Estimate,
    /// Waiting for the last batch and the slowest machine.
    pub tail_s: Estimate,
}

/// What does not meet the question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Rejection {
    /// "ml.c5.xlarge", or one of its cells.
    pub what: String,
    /// Why, with the figure.
    pub reason: String,
}

/// Whether a GPU pays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CpuOrGpu {
    /// The cheapest CPU type, by name.
    pub cpu: String,
    /// The cheapest GPU type, by name.
    pub gpu: String,
    /// Cost of a job over its images for either, as (images, USD on the CPU, USD on the GPU).
    pub curve: Vec<(u64, f64, f64)>,
    /// Images from which the GPU is cheaper; absent where it never is.
    pub cheaper_from_images: Option<u64>,
    /// Batch size from which a second of the GPU does more for a dollar; absent where none does.
    pub cheaper_from_batch: Option<usize>,
    /// Price ratio, GPU over CPU, up to which the GPU pays while both work.
    pub break_even_price_ratio: Estimate,
    /// In a sentence.
    pub sentence: String,
}

/// A prediction that was held against a run that it was not fitted on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Check {
    /// When, RFC 3339, UTC.
    pub at: String,
    /// What was run, in words.
    pub what: String,
    /// Seconds (a job), images a second (a cell), or nanoseconds (a quantile of latency that was
    /// simulated), as predicted.
    pub predicted: Estimate,
    /// As measured.
    pub measured: f64,
    /// `s`, `images/s` or `ns`.
    pub unit: String,
}
