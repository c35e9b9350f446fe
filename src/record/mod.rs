//! Results as plain data: what a sweep or a sizing makes and a report reads. No behaviour, no upward arrows.

mod advice;
mod ceilings;
mod cell;
mod host;
mod plan;
mod scenario;
mod timing;
mod waking;

pub use self::advice::{
    ADVICE_VERSION, Advice, Basis, Check, Choice, CpuOrGpu, Estimate, Phases, Price, Question,
    Rejection, Service,
};
pub use self::ceilings::{Ceilings, JobStages};
pub use self::cell::{
    Cell, CellRecord, Latency, Load, NO_MODEL, Round, Stage, StageClock, Stages, Throttling,
    Verdict,
};
pub use self::host::Host;
pub use self::plan::{Mode, PlanRecord};
pub use self::scenario::Scenario;
pub use self::timing::JobTiming;
pub use self::waking::Waking;

use serde::{Deserialize, Serialize};

/// The version of everything in this module as it is written to `results.json`. It grows when a
/// field changes its meaning or goes; a new optional field does not change it.
pub const SCHEMA_VERSION: u32 = 2;

/// One run of a sweep: all rounds over all cells, with what is needed to trust or repeat it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RunRecord {
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// Plimsoll's version.
    pub plimsoll_version: String,
    /// When the run began, RFC 3339, UTC.
    pub started: String,
    /// Seconds from the first to the last measurement, set-up included.
    pub elapsed_s: f64,
    /// The command line.
    pub command: Vec<String>,
    /// Seed of the order of cells and of the intervals.
    pub seed: u64,
    /// The configuration after every override, as TOML.
    pub config_toml: String,
    /// Which images were used, in words: "MNIST test images from /data" or "synthetic digits,
    /// seed 1: not MNIST".
    pub data_source: String,
    /// Whether the images are Plimsoll's own drawings and not MNIST.
    pub synthetic: bool,
    /// Which weights were used, in words.
    pub model_source: String,
    /// The machine.
    pub host: Host,
    /// Cost of the harness for each image: the same pipeline over the null backend, at each batch
    /// size of the grid, as (batch, nanoseconds an image).
    pub own_cost_ns_per_image: Vec<(usize, f64)>,
    /// What the machine reached at best in this run; absent where the run ended before.
    pub ceilings: Option<Ceilings>,
    /// What an object of a job costs besides its inference; absent where the run ended before.
    pub job_stages: Option<JobStages>,
    /// How late the machine wakes its threads; absent where an older version wrote the record.
    #[serde(default)]
    pub waking: Option<Waking>,
    /// How the cells were chosen.
    pub plan: PlanRecord,
    /// Why there are no CUDA cells, if there are none.
    pub no_cuda: Option<String>,
    /// Measured cells, in the grid's order.
    pub cells: Vec<CellRecord>,
    /// Cells that were not measured, with the reason.
    pub skipped: Vec<(Cell, String)>,
    /// What the reader should know before believing the figures.
    pub warnings: Vec<String>,
}
