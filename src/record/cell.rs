//! One point of the grid and what was measured there.

use serde::{Deserialize, Serialize};

use super::Scenario;

/// One point of the grid.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Cell {
    /// Backend, by name.
    pub backend: String,
    /// `cpu`, or `cuda:N`.
    pub device: String,
    /// Worker processes, each with an equal share of the cores.
    pub instances: usize,
    /// Largest batch, in images.
    pub batch: usize,
    /// Threads of one forward pass, an instance.
    pub threads: usize,
    /// Arithmetic: `f32`.
    pub precision: String,
    /// Sessions on each device of an instance, side by side.
    pub sessions: usize,
    /// Memory that batches are staged in: `pageable`, or `pinned` for a CUDA device.
    pub staging: String,
    /// What is issued, and what counts.
    pub scenario: Scenario,
}

/// The backend that runs no model; it measures the harness, and recommending it would be absurd.
pub const NO_MODEL: &str = "null";

impl Cell {
    /// Whether a model runs in it.
    pub fn has_model(&self) -> bool {
        self.backend != NO_MODEL
    }

    /// The usual cell of a backend on the CPU: f32, one session an instance, offline.
    pub fn on_cpu(backend: &str, instances: usize, batch: usize, threads: usize) -> Self {
        Self {
            backend: backend.into(),
            device: "cpu".into(),
            instances,
            batch,
            threads,
            precision: "f32".into(),
            sessions: 1,
            staging: "pageable".into(),
            scenario: Scenario::Offline,
        }
    }
}

/// What was measured in one cell over all rounds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CellRecord {
    /// Which cell.
    pub cell: Cell,
    /// Median over the rounds, images a second, all instances together.
    pub throughput_images_per_s: f64,
    /// Ends of the 95% bootstrap interval of that median.
    pub throughput_ci95: (f64, f64),
    /// Over all rounds and instances: of a batch from its closing to its predictions (offline), of
    /// a request from its submission (closed loop), or of each request that was due in the windows
    /// from its scheduled time (server). One of those that was given up counts with the time that
    /// it had waited by then.
    pub latency: Latency,
    /// The histogram behind `latency`: HdrHistogram's V2 format, compressed, in base64, as
    /// HdrHistogram logs hold it.
    pub latency_histogram: String,
    /// What the load generator did, over all rounds; absent offline, where it is the feeder.
    pub load: Option<Load>,
    /// Where an image's time went, mean over all rounds, of one instance.
    pub stages: Stages,
    /// Share of predictions on the check set equal to the reference's, 0 to 1.
    pub agreement: f64,
    /// Largest absolute difference of a log-probability from the reference's, if compared.
    pub max_score_difference: Option<f64>,
    /// Share of check images classified right, where labels are known.
    pub accuracy: Option<f64>,
    /// Largest resident memory of one instance's process, in bytes, if the system tells.
    pub peak_rss_bytes: Option<u64>,
    /// Whether the figures may be used.
    pub verdict: Verdict,
    /// Every round, in the order measured.
    pub rounds: Vec<Round>,
}

/// Percentiles of times, in nanoseconds. One is absent where there are too few samples to give it
/// with 99% confidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Latency {
    /// Times measured: of batches, or of requests.
    pub samples: u64,
    /// Median; from 7 samples.
    pub p50_ns: Option<u64>,
    /// 90th percentile; from 44 samples.
    pub p90_ns: Option<u64>,
    /// 95th percentile; from 90 samples.
    pub p95_ns: Option<u64>,
    /// 99th percentile; from 459 samples.
    pub p99_ns: Option<u64>,
    /// 99.9th percentile; from 4,603 samples.
    pub p999_ns: Option<u64>,
}

/// Where the time went between an image's arrival and its prediction, of one instance. Stages
/// overlap where the pipeline lets them, so their sum may exceed the time an image takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Stages {
    /// Waiting in the queue for a batch, from arrival to the batch's closing. Its percentiles are
    /// of the mean wait of a batch's images.
    pub queue: Stage,
    /// Filling the slot.
    pub stage: Stage,
    /// Host to device; absent on a CPU.
    pub h2d: Option<Stage>,
    /// The forward pass.
    pub compute: Stage,
    /// Device to host; absent on a CPU.
    pub d2h: Option<Stage>,
}

/// One stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Stage {
    /// Whose clock it was timed by.
    pub clock: StageClock,
    /// Nanoseconds an image, mean over all rounds.
    pub ns_per_image: f64,
    /// Nanoseconds a batch (for the stages of a job: an object), over all rounds.
    pub batch: Latency,
}

/// Who timed a stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum StageClock {
    /// The host's monotonic clock.
    #[default]
    Host,
    /// Events on the device.
    Device,
}

/// What the load generator did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Load {
    /// Requests a second that the schedule had in the windows; absent in a closed loop.
    pub offered_per_s: Option<f64>,
    /// Requests a second that were issued.
    pub issued_per_s: f64,
    /// How late requests were issued, 99th percentile, nanoseconds, without the time for which a
    /// full queue held them back; absent in a closed loop, or where there were too few.
    pub lateness_p99_ns: Option<u64>,
}

/// What kept the processors from running at full speed during a window. A field is absent where
/// the system does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Throttling {
    /// Share of the processors' time in the window for which the quota of a control group held
    /// threads back.
    pub quota_share: Option<f64>,
    /// Share of a processor's time that the hypervisor gave to others, of the one that lost most.
    pub stolen_share: Option<f64>,
    /// Times that a core was slowed down for its heat.
    pub thermal_events: Option<u64>,
}

/// Whether a cell's figures may be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "verdict", content = "reasons", rename_all = "UPPERCASE")]
pub enum Verdict {
    /// They may.
    Valid,
    /// They may not, for these reasons.
    Invalid(Vec<String>),
}

/// One pass over a cell.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Round {
    /// Its number, from 0.
    pub round: usize,
    /// When in the round this cell's turn came, from 0.
    pub position: usize,
    /// Images completed in the window, all instances together.
    pub images: u64,
    /// Length of the window in seconds.
    pub seconds: f64,
    /// Images a second in the window.
    pub throughput_images_per_s: f64,
    /// Seconds of warm-up before the window.
    pub warmup_s: f64,
    /// Whether the throughput had settled (last three warm-up windows within 10%) when the window
    /// began.
    pub steady: bool,
    /// When the measurement began, in seconds since the run did.
    pub at_s: f64,
    /// Share of the window in which a session stood idle for want of images, mean over instances.
    pub idle_share: f64,
    /// What kept the processors from running at full speed.
    pub throttling: Throttling,
}
