//! Every cell, in every round, and the uncertain ones again.

use super::contract::{Schedule, Seen, SoFar};
use crate::config::Sweep;
use crate::record::Cell;
use crate::sweep::rounds::Shuffle;

/// Measures all cells in `rounds` passes, then those whose interval is too wide in further ones, up
/// to `max_rounds`.
///
/// To go on until the interval is narrow is a sequential rule. Its interval holds the truth as often
/// as it says in the limit of narrow intervals (Y. S. Chow and H. Robbins, "On the asymptotic theory
/// of fixed-width sequential confidence intervals for the mean", Annals of Mathematical Statistics
/// 36, 1965), a little less often before; with `rounds` at least and `max_rounds` at most there are
/// few places for it to stop at by luck.
#[derive(Debug)]
pub(in crate::sweep) struct Whole {
    /// Whether a cell is worth more than `rounds`: one without a model never becomes valid.
    narrowed: Vec<bool>,
    rounds: usize,
    max_rounds: usize,
    seed: u64,
    shuffle: Shuffle,
    passes: usize,
}

impl Whole {
    pub(in crate::sweep) fn new(config: &Sweep, cells: &[Cell]) -> Self {
        Self {
            narrowed: cells.iter().map(|cell| cell.backend != "null").collect(),
            rounds: config.rounds,
            max_rounds: config.max_rounds,
            seed: config.seed,
            shuffle: Shuffle::new(config.seed),
            passes: 0,
        }
    }

    fn done(&self, index: usize, seen: &Seen) -> bool {
        let more = self.narrowed[index] && seen.times() < self.max_rounds && seen.wide(self.seed);
        seen.failed || (seen.times() >= self.rounds && !more)
    }
}

impl Schedule for Whole {
    fn next_pass(&mut self, so_far: &SoFar<'_>) -> Option<Vec<usize>> {
        let mut pass: Vec<usize> = (0..so_far.seen.len()).collect();
        if self.passes < self.rounds {
            // Settled cells are taken out of the shuffled order, so that the others' stays as it is.
            pass = self.shuffle.pass(pass);
        }
        pass.retain(|&index| !self.done(index, &so_far.seen[index]));
        if self.passes >= self.rounds {
            pass = self.shuffle.pass(pass);
        }
        self.passes += 1;
        (!pass.is_empty()).then_some(pass)
    }

    fn settled(&self, index: usize, seen: &Seen) -> bool {
        self.done(index, seen)
    }

    fn remaining(&self, so_far: &SoFar<'_>) -> usize {
        let left = |(index, seen): (usize, &Seen)| {
            if self.done(index, seen) { 0 } else { self.rounds.saturating_sub(seen.times()).max(1) }
        };
        so_far.seen.iter().enumerate().map(left).sum()
    }
}
