//! Probes, then rounds.

use super::field::Field;
use crate::config::Sweep;
use crate::measure::MIN_ROUNDS;
use crate::record::{Cell, Scenario};
use crate::sweep::name;
use crate::sweep::rounds::Shuffle;
use crate::sweep::schedule::{Findings, Schedule, Seen, SoFar};
use crate::units;

/// A grid of fewer cells is measured whole: a quarter of it would be a guess.
const SMALL: usize = 12;
/// The fewest cells that a search may measure.
const LEAST: usize = 3;
/// The answer is to be within this share of the best.
const WITHIN: f64 = 0.05;
/// An optimistic prediction lies so many deviations above the mean: 97.5% of what may be lies below.
const OPTIMISM: f64 = 1.96;
/// No more probes where nothing unmeasured can be faster than the best by more than this.
const ENOUGH: f64 = 0.01;

/// The most cells that a search of a grid of so many measures.
pub(in crate::sweep) fn most(cells: usize) -> usize {
    if cells < SMALL { cells } else { cells / 4 }
}

/// Whether a search may answer with this cell.
pub(in crate::sweep) fn eligible(cell: &Cell) -> bool {
    cell.has_model() && cell.scenario == Scenario::Offline
}

/// Measures a quarter of the cells at most: probes of one round where the prediction is best, then
/// rounds over all probed cells, and more over those that may be the best.
#[derive(Debug)]
pub(in crate::sweep) struct Search {
    cells: Vec<Cell>,
    /// Cells that may be the answer, by index; the field's points in their order.
    eligible: Vec<usize>,
    field: Field,
    rounds: usize,
    max_rounds: usize,
    seed: u64,
    shuffle: Shuffle,
}

impl Search {
    pub(in crate::sweep) fn new(config: &Sweep, cells: &[Cell], cores: usize) -> Self {
        let eligible: Vec<usize> =
            (0..cells.len()).filter(|&index| eligible(&cells[index])).collect();
        let of_field: Vec<&Cell> = eligible.iter().map(|&index| &cells[index]).collect();
        Self {
            field: Field::new(&of_field, cores),
            cells: cells.to_vec(),
            eligible,
            rounds: config.rounds.max(MIN_ROUNDS),
            max_rounds: config.max_rounds,
            seed: config.seed,
            shuffle: Shuffle::new(config.seed),
        }
    }
}

/// A measured cell and its median.
#[derive(Clone, Copy, Debug)]
struct Ranked {
    index: usize,
    median: f64,
}

impl Search {
    /// What is known of the eligible cells, in the field's order.
    fn seen<'a>(&self, so_far: &SoFar<'a>) -> Vec<&'a Seen> {
        self.eligible.iter().map(|&index| &so_far.seen[index]).collect()
    }

    fn is_whole(&self) -> bool {
        self.eligible.len() < SMALL
    }

    fn probed(&self, so_far: &SoFar<'_>) -> usize {
        self.seen(so_far).iter().filter(|seen| seen.times() > 0 || seen.failed).count()
    }

    /// The measured cells that did not fail, the fastest first.
    fn ranking(&self, so_far: &SoFar<'_>) -> Vec<Ranked> {
        let of = |&index: &usize| {
            let seen = &so_far.seen[index];
            let median = seen.interval(self.seed).filter(|_| !seen.failed)?.median;
            Some(Ranked { index, median })
        };
        let mut ranking: Vec<Ranked> = self.eligible.iter().filter_map(of).collect();
        ranking.sort_by(|a, b| b.median.total_cmp(&a.median));
        ranking
    }

    /// The unmeasured cell with the best optimistic prediction, and that prediction in images a
    /// second.
    fn hope(&self, so_far: &SoFar<'_>) -> Option<(usize, f64)> {
        let seen = self.seen(so_far);
        let expected = self.field.expect(&seen);
        let open = expected.iter().zip(&self.eligible).zip(&seen);
        open.filter(|(_, seen)| seen.times() == 0 && !seen.failed)
            .map(|((expected, &index), _)| (index, expected.mean + OPTIMISM * expected.deviation))
            // Of equals the first: `max_by` would take the last.
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
            .map(|(index, most)| (index, most.exp()))
    }

    /// The next cell to probe; none where a quarter is measured, or none can be much faster.
    fn probe(&self, so_far: &SoFar<'_>) -> Option<usize> {
        if self.probed(so_far) >= most(self.eligible.len()) {
            return None;
        }
        let (index, hoped) = self.hope(so_far)?;
        let best = self.ranking(so_far).first().map_or(0.0, |best| best.median);
        (self.probed(so_far) < LEAST || hoped > best * (1.0 + ENOUGH)).then_some(index)
    }

    /// How many more rounds a probed cell is to have: the finalists more than the others.
    fn wanted(&self, so_far: &SoFar<'_>, ranked: Ranked, best: Ranked) -> usize {
        let seen = &so_far.seen[ranked.index];
        if !self.is_whole() && ranked.median < best.median * (1.0 - WITHIN) {
            return MIN_ROUNDS.saturating_sub(seen.times());
        }
        let narrow = seen.times() >= self.max_rounds || !seen.wide(self.seed);
        self.rounds.saturating_sub(seen.times()).max(usize::from(!narrow))
    }

    /// Cells that are to be measured again, and how often.
    fn again(&self, so_far: &SoFar<'_>) -> Vec<(usize, usize)> {
        let ranking = self.ranking(so_far);
        let Some(&best) = ranking.first() else { return Vec::new() };
        let wanted = ranking.iter().map(|&cell| (cell.index, self.wanted(so_far, cell, best)));
        wanted.filter(|&(_, times)| times > 0).collect()
    }

    /// What the answer rests on.
    fn evidence(&self, so_far: &SoFar<'_>) -> Vec<String> {
        let (probed, all) = (self.probed(so_far), self.eligible.len());
        let mut evidence = vec![if self.is_whole() {
            format!("All {all} cells were measured: a grid of fewer than {SMALL} is not searched.")
        } else {
            format!("{probed} of {all} cells were measured.")
        }];
        let ranking = self.ranking(so_far);
        let figure = |cell: &Ranked| {
            let name = name(&self.cells[cell.index]);
            format!("{name}, with {} images/s", units::rate(cell.median))
        };
        let Some(best) = ranking.first() else { return evidence };
        let rounds = so_far.seen[best.index].times();
        evidence.push(format!("The best of them is {} over {rounds} rounds.", figure(best)));
        if let Some(second) = ranking.get(1) {
            let less = (1.0 - second.median / best.median) * 100.0;
            evidence.push(format!("The runner-up is {}, {less:.1}% less.", figure(second)));
        }
        if let Some((index, most)) = self.hope(so_far) {
            let than = (most / best.median - 1.0) * 100.0;
            let side = if than > 0.0 { "more" } else { "less" };
            let mut sentence = format!(
                "Of the cells that were not measured the model predicts at most {} images/s \
                 ({}), {:.1}% {side} than the best reached; it is wrong one time in 40.",
                units::rate(most),
                name(&self.cells[index]),
                than.abs()
            );
            if than > WITHIN * 100.0 {
                sentence += " So the best may be further off than 5%: the grid in full would tell.";
            }
            evidence.push(sentence);
        }
        evidence
    }
}

impl Schedule for Search {
    fn next_pass(&mut self, so_far: &SoFar<'_>) -> Option<Vec<usize>> {
        if self.is_whole() && self.probed(so_far) == 0 {
            return Some(self.shuffle.pass(self.eligible.clone()));
        }
        if let Some(index) = self.probe(so_far) {
            return Some(vec![index]);
        }
        let again: Vec<usize> = self.again(so_far).into_iter().map(|(index, _)| index).collect();
        (!again.is_empty()).then(|| self.shuffle.pass(again))
    }

    fn remaining(&self, so_far: &SoFar<'_>) -> usize {
        let again: usize = self.again(so_far).iter().map(|(_, times)| times).sum();
        let probes = most(self.eligible.len()) - self.probed(so_far);
        (again + if self.probe(so_far).is_some() { probes * MIN_ROUNDS } else { 0 }).max(1)
    }

    fn findings(&self, so_far: &SoFar<'_>) -> Findings {
        let reason = |index: usize| {
            let cell = &self.cells[index];
            if !cell.has_model() {
                "a search is for the fastest cell, and this one runs no model"
            } else if cell.scenario != Scenario::Offline {
                "a search is for the highest throughput, which is the offline scenario's"
            } else {
                "the search found other cells likelier to be the fastest"
            }
        };
        let unmeasured = (0..self.cells.len()).filter(|&i| so_far.seen[i] == Seen::default());
        let left_out = unmeasured.map(|index| (index, reason(index).into())).collect();
        Findings { left_out, evidence: self.evidence(so_far) }
    }
}

#[cfg(test)]
mod tests;
