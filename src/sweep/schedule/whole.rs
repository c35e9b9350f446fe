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
            narrowed: cells.iter().map(|cell| cell.has_model()).collect(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::schedule::play::{Played, play};
    use crate::sweep::schedule::telling::tests::cells;
    use crate::units::Nanos;

    fn whole(
        rounds: usize,
        max_rounds: usize,
        backends: &[&str],
        rate: impl FnMut(usize, usize) -> Option<f64>,
    ) -> Played {
        let config = Sweep { rounds, max_rounds, seed: 5, ..Sweep::default() };
        let cells = cells(backends, &[1], &[1, 8]);
        play(&mut Whole::new(&config, &cells), cells.len(), Nanos(0), Nanos(1), rate)
    }

    /// A cell whose rounds lie 20% apart, whatever their number.
    fn wild(nth: usize) -> f64 {
        if nth.is_multiple_of(2) { 80.0 } else { 120.0 }
    }

    #[test]
    fn every_cell_has_its_rounds_and_the_wide_ones_more_of_them() {
        let played = whole(5, 9, &["a", "b"], |index, nth| {
            // The third is wide in its first five rounds and narrow with the sixth and seventh.
            Some(match index {
                1 => wild(nth),
                2 => [90.0, 100.0, 101.0, 102.0, 111.0, 101.0, 101.0, 0.0][nth],
                _ => 100.0,
            })
        });
        assert_eq!(played.times(), [5, 9, 7, 5]);
        assert!(played.passes[..5].iter().all(|pass| pass.len() == 4));
        let mut sixth = played.passes[5].clone();
        sixth.sort_unstable();
        assert_eq!((sixth, &played.passes[8]), (vec![1, 2], &vec![1]));
        assert_eq!(played.findings, Default::default());
    }

    #[test]
    fn passes_past_the_rounds_are_for_cells_that_can_become_valid() {
        let played = whole(3, 6, &["null", "a"], |_, nth| Some(wild(nth)));
        assert_eq!(played.times(), [3, 3, 6, 6]);
    }

    #[test]
    fn a_limit_below_the_rounds_adds_no_pass() {
        assert_eq!(whole(4, 1, &["a"], |_, nth| Some(wild(nth))).times(), [4, 4]);
    }

    #[test]
    fn a_failure_leaves_the_order_of_the_others() {
        let all = whole(3, 3, &["a", "b"], |_, _| Some(1.0));
        let one = whole(3, 3, &["a", "b"], |index, nth| (index != 2 || nth < 1).then_some(1.0));
        for (all, one) in all.passes.iter().zip(&one.passes).skip(2) {
            let others: Vec<usize> = all.iter().copied().filter(|&index| index != 2).collect();
            assert_eq!(&others, one);
        }
        assert!(all.passes.iter().any(|pass| !pass.is_sorted()), "no pass was shuffled");
    }
}
