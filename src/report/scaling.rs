//! What more instances, and more threads, bring.

use crate::measure::Usl;
use crate::record::RunRecord;

/// One curve over worker counts, all else the same.
#[derive(Clone, Debug)]
pub(super) struct Scaling {
    /// "native on cpu, batch 128, 1 thread".
    pub(super) name: String,
    /// By rising worker count; two or more.
    pub(super) points: Vec<Point>,
    /// The fitted law, where there are enough counts.
    pub(super) fit: Option<Usl>,
    /// How much more workers bring, and where they stop paying.
    pub(super) sentence: String,
}

/// What so many workers reached.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Point {
    /// Instances, or threads of the one instance.
    pub(super) workers: usize,
    /// Median, images a second, all together.
    pub(super) throughput: f64,
    /// Ends of its 95% interval.
    pub(super) ci95: (f64, f64),
    /// Against `workers` times what one reached.
    pub(super) efficiency: f64,
}

/// The curves of a run: over instances for each backend and thread count, then over threads of one
/// instance, at the batch of the group's best cell.
pub(super) fn scaling(_run: &RunRecord) -> Vec<Scaling> {
    Vec::new()
}
