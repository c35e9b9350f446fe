//! Histograms, medians with intervals, steady state, verdicts, and facts about the machine.
//!
//! Everything here but [`host`] is pure: times and samples are handed in, nothing reads a clock.

mod drift;
pub mod host;
mod modes;
mod recorder;
mod stats;
mod steady;
mod supply;
mod throttle;
mod usl;
mod verdict;

pub use self::drift::{Drift, Sample, drift};
pub use self::recorder::{Percentiles, Recorder, samples_needed};
pub use self::stats::{
    Interval, joint_seconds, median, median_interval, ratio_interval, unpaired_ratio_interval,
};
pub use self::steady::{Phase, Warmup, WarmupRule};
pub use self::supply::Supply;
pub use self::usl::{Usl, usl};
pub use self::verdict::{Evidence, Guard, MIN_BATCHES, MIN_ROUNDS, WIDEST, reasons};
