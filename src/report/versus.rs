//! CUDA against the CPU, and CPU backends against one another.

use crate::measure::Interval;
use crate::record::RunRecord;

/// One group of cells set against another, by batch.
#[derive(Clone, Debug)]
pub(super) struct Versus {
    /// What is measured against: "native on cpu".
    pub(super) base: String,
    /// What is set against it: "torch on cuda:0"; among CPU backends, the fastest of them.
    pub(super) cuda: String,
    /// Each batch size that both were measured at, rising, with how many times as fast `cuda` is.
    pub(super) by_batch: Vec<(usize, Interval)>,
    /// Those of them whose figure rests on an INVALID cell, for want of a valid one.
    pub(super) doubtful: Vec<usize>,
    /// The smallest batch from which on every interval lies above 1.
    pub(super) wins_from: Option<usize>,
    /// Up to how many times the price an hour `cuda` is the cheaper: best cell over best cell. Of
    /// one machine's own backends there is none.
    pub(super) price_ratio: Option<Interval>,
    /// All that in plain sentences.
    pub(super) sentence: String,
}

/// Each group of CUDA cells against the fastest CPU group. Empty without CUDA cells.
pub(super) fn versus(_run: &RunRecord) -> Vec<Versus> {
    Vec::new()
}

/// Why there is nothing to compare, and what would be needed. None where there is.
pub(super) fn versus_missing(run: &RunRecord) -> Option<String> {
    run.no_cuda.clone()
}

/// The fastest CPU backend against each other one.
pub(super) fn backends(_run: &RunRecord) -> Vec<Versus> {
    Vec::new()
}
