//! What every schedule is asked, and told.

use crate::measure::{Interval, WIDEST, median_interval};
use crate::units::Nanos;

/// Decides which cells are measured next.
pub(in crate::sweep) trait Schedule {
    /// The cells of the next pass, by index, in the order that they are to be measured in; each at
    /// most once, and none that has failed or [settled](Schedule::settled). None when there is
    /// nothing left to do.
    fn next_pass(&mut self, so_far: &SoFar<'_>) -> Option<Vec<usize>>;

    /// Whether a pass goes on, asked before each of its measurements. A pass that ends with its
    /// first is the run's last.
    fn goes_on(&self, _so_far: &SoFar<'_>) -> bool {
        true
    }

    /// Whether a cell will not be measured again, so that its record can be written.
    fn settled(&self, _index: usize, _seen: &Seen) -> bool {
        false
    }

    /// About how many measurements are still to come.
    fn remaining(&self, so_far: &SoFar<'_>) -> usize;

    /// What was left out, and what the result rests on, when all is over.
    fn findings(&self, _so_far: &SoFar<'_>) -> Findings {
        Findings::default()
    }
}

/// What is known in the middle of a run.
#[derive(Clone, Copy, Debug)]
pub(in crate::sweep) struct SoFar<'a> {
    /// Of each cell of the grid.
    pub(in crate::sweep) seen: &'a [Seen],
    /// Time that set-up and measurements have taken.
    pub(in crate::sweep) spent: Nanos,
    /// Mean time of a measurement, once there is one.
    pub(in crate::sweep) mean: Option<Nanos>,
}

/// What is known of a cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::sweep) struct Seen {
    /// Images a second of each measurement, in their order.
    pub(in crate::sweep) rates: Vec<f64>,
    /// Whether a measurement has failed, after which there are no more.
    pub(in crate::sweep) failed: bool,
}

impl Seen {
    /// How often the cell was measured.
    pub(in crate::sweep) fn times(&self) -> usize {
        self.rates.len()
    }

    /// The throughput with its interval, as the cell's record will have it.
    pub(in crate::sweep) fn interval(&self, seed: u64) -> Option<Interval> {
        median_interval(&self.rates, seed)
    }

    /// Whether the interval is too wide for the cell to be valid.
    pub(in crate::sweep) fn wide(&self, seed: u64) -> bool {
        self.interval(seed).is_some_and(|interval| interval.relative_half_width() > WIDEST)
    }
}

/// What a schedule has to say when all is over.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::sweep) struct Findings {
    /// Cells that were not measured, by index, with the reason.
    pub(in crate::sweep) left_out: Vec<(usize, String)>,
    /// What the result rests on, a sentence each.
    pub(in crate::sweep) evidence: Vec<String>,
}
