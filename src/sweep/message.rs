//! What the parent and an instance of a sweep say to each other.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::stages::StageTimes;
use super::traffic::Traffic;
use crate::backend::Predictions;
use crate::measure::{Recorder, WarmupRule};
use crate::model::CLASSES;
use crate::record::Scenario;
use crate::units::Nanos;

/// From the parent.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Down {
    /// Measure a cell: open a session, warm up, say so, and keep running. The first message.
    Measure(Box<Order>),
    /// All instances are warm: the window begins.
    Go,
}

/// How to measure a cell.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    /// The model's file; the shipped weights where there is none.
    pub(super) model: Option<PathBuf>,
    /// An IDX file of the images that are cycled.
    pub(super) images: PathBuf,
    /// How many of them, from the first, are to be run as the check set before.
    pub(super) check: usize,
    /// The backend, by name.
    pub(super) backend: String,
    /// Its arithmetic, by name.
    pub(super) precision: String,
    /// Largest batch, in images.
    pub(super) batch: usize,
    /// Threads of one forward pass.
    pub(super) threads: usize,
    /// Sessions side by side.
    pub(super) sessions: usize,
    /// Memory that batches are staged in: `pageable` or `pinned`.
    pub(super) staging: String,
    /// What is issued, and what counts, over all instances.
    pub(super) scenario: Scenario,
    /// The instance's index, and of how many, for its share of that.
    pub(super) instance: (usize, usize),
    /// The run's seed, and how often the cell has been measured before: for the schedule of
    /// arrivals.
    pub(super) seed: (u64, usize),
    /// Batches a session that may wait between what issues images and the model.
    pub(super) queue: usize,
    /// How long a request may wait for others to share its batch, in nanoseconds. Offline nothing
    /// waits for this.
    pub(super) max_delay: u64,
    /// Shortest and longest warm-up and the length of its windows, in nanoseconds.
    pub(super) warmup: (u64, u64, u64),
    /// Length of the window, in nanoseconds.
    pub(super) window: u64,
}

impl Order {
    pub(super) fn warmup(&self) -> WarmupRule {
        let (min, max, window) = self.warmup;
        WarmupRule { min: Nanos(min), max: Nanos(max), window: Nanos(window) }
    }
}

/// From the instance.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Up {
    /// Warm, and running on.
    Warm,
    /// What the window held.
    Measured(Box<Measured>),
    /// The cell cannot be measured.
    Failed {
        /// The error's text.
        reason: String,
    },
}

/// One instance's window.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Measured {
    pub(super) images: u64,
    pub(super) seconds: f64,
    pub(super) warmup_s: f64,
    pub(super) steady: bool,
    pub(super) latency: Recorder,
    pub(super) stages: StageTimes,
    /// Share of the window in which a session stood idle for want of images, mean over sessions.
    pub(super) idle_share: f64,
    pub(super) traffic: Traffic,
    pub(super) check: Option<Said>,
    pub(super) peak_rss_bytes: Option<u64>,
}

/// Predictions on their way: scores as bits, for JSON knows neither NaN nor infinity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Said {
    classes: Vec<u8>,
    scores: Vec<[u32; CLASSES]>,
}

impl From<Predictions> for Said {
    fn from(predictions: Predictions) -> Self {
        let Predictions { classes, scores } = predictions;
        Self { classes, scores: scores.into_iter().map(|row| row.map(f32::to_bits)).collect() }
    }
}

impl From<Said> for Predictions {
    fn from(said: Said) -> Self {
        let Said { classes, scores } = said;
        Self { classes, scores: scores.into_iter().map(|row| row.map(f32::from_bits)).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_that_are_no_numbers_survive_the_way() {
        let mut row = [0.5; CLASSES];
        row[0] = f32::NEG_INFINITY;
        let predictions = Predictions { classes: vec![1], scores: vec![row] };
        let text = serde_json::to_string(&Said::from(predictions.clone())).unwrap();
        let said: Said = serde_json::from_str(&text).unwrap();
        assert_eq!(Predictions::from(said), predictions);
    }
}
