//! As much as fits into a given time.

use super::contract::{Findings, Schedule, Seen, SoFar};
use super::telling::telling;
use crate::config::Sweep;
use crate::measure::{Interval, MIN_ROUNDS, WIDEST};
use crate::record::{Cell, Scenario};
use crate::sweep::rounds::Shuffle;
use crate::units::Nanos;

/// How well the contenders for the best are to be known while there is time: half the width of
/// their interval over the median.
const CONTENDERS: f64 = 0.01;

/// A cell is not measured more often than this, however much time there is.
const MOST_ROUNDS: usize = 101;

/// Room that is kept for measurements that take longer than those before.
const MARGIN: f64 = 1.03;

/// Measures the most telling cells, as many as can have [`MIN_ROUNDS`] rounds in the time, and then
/// narrows their intervals until the time is used up: first of the cells that may be the fastest,
/// the widest first.
#[derive(Debug)]
pub(in crate::sweep) struct Budget {
    telling: Vec<usize>,
    /// Whether a cell can become valid; one without a model cannot.
    candidates: Vec<bool>,
    scenarios: Vec<Scenario>,
    rounds: usize,
    seed: u64,
    budget: Nanos,
    /// What a measurement is expected to take before one was taken.
    expected: Nanos,
    shuffle: Shuffle,
    pass: Pass,
}

/// What a pass is for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Pass {
    /// Cells that were not measured before.
    New,
    /// Cells with too few rounds to be valid.
    Short,
    /// Cells whose interval could be narrower.
    Wide,
}

impl Budget {
    /// The schedule of a configuration with a budget; `expected` is what a measurement is expected
    /// to take.
    pub(in crate::sweep) fn new(config: &Sweep, cells: &[Cell], expected: Nanos) -> Self {
        Self {
            telling: telling(cells),
            candidates: cells.iter().map(|cell| cell.backend != "null").collect(),
            scenarios: cells.iter().map(|cell| cell.scenario).collect(),
            rounds: config.rounds.max(MIN_ROUNDS),
            seed: config.seed,
            budget: config.budget,
            expected,
            shuffle: Shuffle::new(config.seed),
            pass: Pass::New,
        }
    }

    fn cost(&self, so_far: &SoFar<'_>) -> f64 {
        so_far.mean.unwrap_or(self.expected).0.max(1) as f64
    }

    /// Measurements that still fit.
    fn fits(&self, so_far: &SoFar<'_>) -> usize {
        ((self.budget - so_far.spent).0 as f64 / self.cost(so_far)) as usize
    }

    /// Whether there is time for a new cell, after that which the begun ones need.
    fn room(&self, so_far: &SoFar<'_>) -> bool {
        let owed: usize = short(so_far).map(|index| MIN_ROUNDS - so_far.seen[index].times()).sum();
        let first = so_far.seen.iter().all(|seen| seen.times() == 0 && !seen.failed);
        first || ((owed + MIN_ROUNDS) as f64 * MARGIN) as usize <= self.fits(so_far)
    }

    /// The cells not yet measured, the most telling first.
    fn new_cells(&self, so_far: &SoFar<'_>) -> Vec<usize> {
        let new = |&index: &usize| so_far.seen[index] == Seen::default();
        self.telling.iter().copied().filter(new).collect()
    }

    /// Cells that more rounds would serve: contenders first, of both kinds the widest first.
    fn wide(&self, so_far: &SoFar<'_>) -> Vec<usize> {
        let known: Vec<(usize, Interval)> = so_far
            .seen
            .iter()
            .enumerate()
            .filter(|(_, seen)| !seen.failed && seen.times() < MOST_ROUNDS)
            .filter_map(|(index, seen)| Some((index, seen.interval(self.seed)?)))
            .filter(|&(index, _)| self.candidates[index])
            .collect();
        // Throughputs of two scenarios are no contest.
        let contends = |&(index, interval): &(usize, Interval)| {
            let rivals = || {
                known.iter().filter(|&&(other, _)| self.scenarios[other] == self.scenarios[index])
            };
            let best = rivals().max_by(|a, b| a.1.median.total_cmp(&b.1.median));
            best.is_some_and(|(_, best)| {
                interval.overlaps(best) && rivals().filter(|(_, i)| i.overlaps(best)).count() > 1
            })
        };
        let mut wide: Vec<(bool, f64, usize)> = known
            .iter()
            .filter_map(|cell| {
                let (index, interval) = *cell;
                let (contends, width) = (contends(cell), interval.relative_half_width());
                let aim = if contends { CONTENDERS } else { WIDEST };
                let few = so_far.seen[index].times() < self.rounds;
                (few || width > aim).then_some((!contends, -width, index))
            })
            .collect();
        wide.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
        wide.into_iter().map(|(_, _, index)| index).collect()
    }
}

/// Cells that were begun and have too few rounds to be valid.
fn short<'a>(so_far: &SoFar<'a>) -> impl Iterator<Item = usize> + 'a {
    let begun = |seen: &Seen| !seen.failed && (1..MIN_ROUNDS).contains(&seen.times());
    so_far.seen.iter().enumerate().filter(move |(_, seen)| begun(seen)).map(|(index, _)| index)
}

impl Schedule for Budget {
    fn next_pass(&mut self, so_far: &SoFar<'_>) -> Option<Vec<usize>> {
        let short: Vec<usize> = short(so_far).collect();
        let (kind, pass) = if !short.is_empty() {
            (Pass::Short, self.shuffle.pass(short))
        } else {
            let new = self.new_cells(so_far);
            if !new.is_empty() && self.room(so_far) {
                // In the order of what they tell: the pass may end before them all.
                (Pass::New, new)
            } else {
                let mut wide = self.wide(so_far);
                wide.truncate(self.fits(so_far));
                (Pass::Wide, self.shuffle.pass(wide))
            }
        };
        self.pass = kind;
        (!pass.is_empty()).then_some(pass)
    }

    fn goes_on(&self, so_far: &SoFar<'_>) -> bool {
        match self.pass {
            Pass::New => self.room(so_far),
            // The first cell is worth its rounds even where set-up took all the time.
            Pass::Short => {
                self.fits(so_far) > 0 || so_far.seen.iter().filter(|s| s.times() > 0).count() == 1
            }
            Pass::Wide => self.fits(so_far) > 0,
        }
    }

    fn remaining(&self, so_far: &SoFar<'_>) -> usize {
        self.fits(so_far).max(1)
    }

    fn findings(&self, so_far: &SoFar<'_>) -> Findings {
        let left = (self.budget - so_far.spent).seconds();
        let cell = self.cost(so_far) / 1e9 * MIN_ROUNDS as f64 * MARGIN;
        let reason = |nth: usize| {
            let minutes = (((nth + 1) as f64 * cell - left) / 60.0).ceil().max(1.0);
            format!(
                "no time within the budget of {}; {minutes:.0} more minute{} would measure it",
                self.budget,
                if minutes > 1.0 { "s" } else { "" }
            )
        };
        let new = self.new_cells(so_far).into_iter().enumerate();
        let mut left_out: Vec<_> = new.map(|(nth, index)| (index, reason(nth))).collect();
        left_out.sort_unstable_by_key(|(index, _)| *index);
        Findings { left_out, evidence: Vec::new() }
    }
}
