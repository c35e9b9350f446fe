//! Runs on a machine that slows down by a fifth.

use super::tests::{Notes, at, cells, scheduled};
use super::*;
use crate::config::Sweep;
use crate::measure::median;
use crate::sweep::schedule::Whole;
use crate::sweep::whole::drift_of;

const ROUNDS: usize = 5;

/// What a cell reaches after so many of all measurements: cell 1 is the slowest, each other by a
/// step faster than the one before. The machine slows down by 20% over the run, and every
/// measurement has a deviation of its own of up to half a percent.
fn drifting(cell: &Cell, before: usize, all: usize, step: f64, seed: u64) -> Measurement {
    let speed = 1e6 * (1.0 + step).powi(cell.batch as i32);
    let slowed = 1.0 - 0.2 * before as f64 / (all - 1) as f64;
    // A hash, for a deviation without a pattern.
    let mixed = (seed * 1_000 + before as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let own = 1.0 + 0.01 * (mixed as f64 / (1u64 << 24) as f64 - 0.5);
    at((speed * slowed * own) as u64)
}

fn measured(n: usize, step: f64, seed: u64) -> Vec<CellRecord> {
    let config = Sweep { rounds: ROUNDS, max_rounds: ROUNDS, seed, ..Sweep::default() };
    let cells = cells(n);
    let script =
        |cell: &Cell, _: usize, before: usize| Ok(drifting(cell, before, n * ROUNDS, step, seed));
    let mut whole = Whole::new(&config, &cells);
    let mut journal = Journal::default();
    scheduled(&mut whole, &cells, seed, &mut Notes::default(), &mut journal, script).unwrap().cells
}

/// Whether each cell comes out faster than the one before.
fn right(cells: &[CellRecord], rate: impl Fn(&Round) -> f64) -> bool {
    let medians = cells
        .iter()
        .map(|cell| median(&cell.rounds.iter().map(&rate).collect::<Vec<_>>()).unwrap());
    medians.collect::<Vec<_>>().is_sorted_by(|a, b| a < b)
}

#[test]
fn corrected_for_the_drift_cells_that_differ_by_3_percent_rank_right() {
    for seed in 0..50 {
        let cells = measured(8, 0.03, seed);
        let drift = drift_of(&cells, seed).unwrap();
        assert!((drift.total.median + 0.2).abs() < 0.015, "seed {seed}: {drift:?}");
        assert!(drift.total.low <= -0.2 && -0.2 <= drift.total.high, "seed {seed}: {drift:?}");
        let corrected = |round: &Round| drift.corrected(round.throughput_images_per_s, round.at_s);
        assert!(right(&cells, corrected), "seed {seed}");
    }
}

#[test]
fn shuffled_rounds_alone_rank_cells_that_differ_by_10_percent() {
    for (seed, n) in (0..50).flat_map(|seed| [(seed, 2), (seed, 5)]) {
        let cells = measured(n, 0.1, seed);
        assert!(right(&cells, |round| round.throughput_images_per_s), "seed {seed}, {n} cells");
    }
}

#[test]
fn cells_measured_one_after_the_other_rank_wrong_though_they_differ_by_10_percent() {
    let (n, cells) = (2, cells(2));
    let mut medians = Vec::new();
    for (place, cell) in cells.iter().enumerate() {
        let rate = |round| drifting(cell, place * ROUNDS + round, n * ROUNDS, 0.1, 1).images as f64;
        medians.push(median(&(0..ROUNDS).map(rate).collect::<Vec<_>>()).unwrap());
    }
    assert!(!medians.is_sorted_by(|a, b| a < b), "{medians:?}");
}

#[test]
fn the_run_says_by_how_much_the_machine_slowed_down() {
    let drift = drift_of(&measured(8, 0.03, 1), 1).unwrap();
    let warning = drift.warning().unwrap();
    assert!(warning.starts_with("the machine slowed down by "), "{warning}");
    assert!(warning.contains("let it cool down"), "{warning}");
}
