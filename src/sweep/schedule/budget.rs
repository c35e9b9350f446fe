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
            candidates: cells.iter().map(|cell| cell.has_model()).collect(),
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
        first || ((owed + MIN_ROUNDS) as f64 * MARGIN).ceil() as usize <= self.fits(so_far)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sweep::schedule::play::{Played, play};
    use crate::sweep::schedule::telling::tests::cells;

    const SECOND: u64 = 1_000_000_000;

    /// Plays a budget of so many seconds over 2 backends x 2 instances x 6 batches, each measurement
    /// of a second; one was expected to take `expected` seconds.
    fn played(budget: u64, expected: f64, rate: impl FnMut(usize, usize) -> Option<f64>) -> Played {
        let config = Sweep { budget: Nanos(budget * SECOND), ..Sweep::default() };
        let cells = cells(&["a", "b"], &[1, 2], &[1, 8, 32, 128, 256, 512]);
        let expected = Nanos((expected * SECOND as f64) as u64);
        let mut schedule = Budget::new(&config, &cells, expected);
        play(&mut schedule, cells.len(), Nanos(0), Nanos(SECOND), rate)
    }

    /// Cells of increasing speed whose rounds lie 2% around it.
    fn steady(index: usize, nth: usize) -> Option<f64> {
        Some((100.0 + index as f64) * [1.0, 0.98, 1.02, 0.99, 1.01][nth % 5])
    }

    #[test]
    fn the_most_telling_cells_have_all_the_rounds_that_a_verdict_takes() {
        let played = played(38, 1.0, steady);
        // The largest batches of the four groups, the smallest, the middle ones, and one between.
        let first = [5, 11, 17, 23, 0, 6, 12, 18, 2, 8, 14, 20];
        assert_eq!(played.passes[0], first);
        assert!(first.iter().all(|&index| played.seen[index].times() >= MIN_ROUNDS));
        assert_eq!(played.times().iter().filter(|&&times| times > 0).count(), first.len());
        assert_eq!(played.spent, Nanos(38 * SECOND));
        assert!(!played.passes[1].is_sorted_by_key(|i| first.iter().position(|f| f == i)));
    }

    #[test]
    fn cells_that_the_time_does_not_reach_are_told_with_what_they_would_take() {
        let Findings { left_out, evidence } = played(38, 1.0, steady).findings;
        assert_eq!((left_out.len(), evidence.len()), (12, 0));
        assert!(left_out.is_sorted_by_key(|(index, _)| *index));
        let minute = "no time within the budget of 38.0 s; 1 more minute would measure it";
        assert!(left_out.iter().all(|(_, reason)| reason == minute), "{left_out:?}");
        // Of 21 cells left out, the least telling has to wait for all the others.
        let shorter = played(10, 1.0, steady).findings.left_out;
        let of = |index| &shorter.iter().find(|(i, _)| *i == index).unwrap().1;
        assert!(of(23).contains("; 1 more minute would"), "{}", of(23));
        assert!(of(22).contains("; 2 more minutes would"), "{}", of(22));
    }

    #[test]
    fn measurements_that_take_longer_than_expected_are_noticed_in_the_first_pass() {
        // By what was expected, all 24 cells would fit.
        let played = played(40, 0.25, steady);
        let measured: Vec<usize> = played.times().into_iter().filter(|&times| times > 0).collect();
        assert!((10..=13).contains(&measured.len()), "{measured:?}");
        assert!(measured.iter().all(|&times| times >= MIN_ROUNDS), "{measured:?}");
    }

    #[test]
    fn what_time_is_left_goes_to_the_contenders_for_the_best() {
        // Two cells are the fastest, 0.5% apart; the others are far off and steady.
        let times = played(240, 1.0, |index, nth| match index {
            5 => Some(1000.0 + [0.0, 30.0, -30.0, 20.0, -20.0][nth % 5]),
            11 => Some(1005.0 + [0.0, -30.0, 30.0, 20.0, -20.0][nth % 5]),
            _ => Some(100.0),
        })
        .times();
        assert!(times[5] > 20 && times[11] > 20, "{times:?}");
        assert!(
            times.iter().enumerate().all(|(i, &n)| [5, 11].contains(&i) || n == 5),
            "{times:?}"
        );
    }

    #[test]
    fn a_budget_that_is_not_needed_is_not_used_up() {
        let played = played(86_400, 1.0, steady);
        assert!(played.spent < Nanos(86_400 * SECOND));
        assert!(played.times().iter().all(|&times| times >= 5));
        assert_eq!(played.findings, Findings::default());
    }

    #[test]
    fn the_first_cell_is_measured_even_where_set_up_took_all_the_time() {
        let config = Sweep { budget: Nanos(SECOND), ..Sweep::default() };
        let cells = cells(&["a"], &[1], &[1, 8]);
        let mut schedule = Budget::new(&config, &cells, Nanos(SECOND));
        let played = play(&mut schedule, 2, Nanos(9 * SECOND), Nanos(SECOND), steady);
        assert_eq!(played.times(), [0, 3]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_budget_is_overrun_and_no_cell_is_left_with_too_few_rounds(
            budget in 3u64..400,
            setup in 0u64..20,
            noise in 0.0f64..0.2,
            failing in 0usize..24,
        ) {
            let config = Sweep { budget: Nanos((setup + budget) * SECOND), ..Sweep::default() };
            let cells = cells(&["a", "b"], &[1, 2], &[1, 8, 32, 128, 256, 512]);
            let mut schedule = Budget::new(&config, &cells, Nanos(SECOND));
            let setup = Nanos(setup * SECOND);
            let played = play(&mut schedule, 24, setup, Nanos(SECOND), |index, nth| {
                let wave = noise * (index * 7 + nth * 3) as f64;
                (index != failing || nth < 2).then_some(100.0 + index as f64 + wave.sin())
            });
            prop_assert!(played.spent <= config.budget, "{:?}", played.spent);
            for (index, seen) in played.seen.iter().enumerate() {
                let left_out = played.findings.left_out.iter().any(|(left, _)| *left == index);
                prop_assert_eq!(left_out, *seen == Seen::default());
                prop_assert!(left_out || seen.failed || seen.times() >= MIN_ROUNDS);
            }
        }
    }
}
