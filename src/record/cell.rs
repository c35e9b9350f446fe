//! One point of the grid and what was measured there.

use serde::{Deserialize, Serialize};

/// One point of the grid.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
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
}

/// What was measured in one cell over all rounds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CellRecord {
    /// Which cell.
    pub cell: Cell,
    /// Median over the rounds, images a second, all instances together.
    pub throughput_images_per_s: f64,
    /// Ends of the 95% bootstrap interval of that median.
    pub throughput_ci95: (f64, f64),
    /// Time of a batch from its closing to its predictions, over all rounds and instances.
    pub latency: Latency,
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

/// Percentiles of the time of a batch, in nanoseconds. One is absent where there are too few
/// samples to give it with 99% confidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// Batches measured.
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

/// Nanoseconds an image in each stage, mean, of one instance. Stages overlap where the pipeline
/// lets them, so their sum may exceed the time an image takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stages {
    /// Waiting in the queue for a batch, from arrival to the batch's closing.
    pub queue_ns: f64,
    /// Filling the slot.
    pub stage_ns: f64,
    /// Host to device.
    pub h2d_ns: f64,
    /// The forward pass.
    pub compute_ns: f64,
    /// Device to host.
    pub d2h_ns: f64,
}

/// Whether a cell's figures may be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", content = "reasons", rename_all = "UPPERCASE")]
pub enum Verdict {
    /// They may.
    Valid,
    /// They may not, for these reasons.
    Invalid(Vec<String>),
}

/// One pass over a cell.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
}
