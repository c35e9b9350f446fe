//! Plays a schedule to its end without a bench.

use super::contract::{Findings, Schedule, Seen, SoFar};
use crate::units::Nanos;

/// What came of a schedule.
#[derive(Debug)]
pub(in crate::sweep) struct Played {
    pub(in crate::sweep) passes: Vec<Vec<usize>>,
    pub(in crate::sweep) seen: Vec<Seen>,
    pub(in crate::sweep) spent: Nanos,
    pub(in crate::sweep) findings: Findings,
}

/// Plays a schedule over so many cells after a set-up: each measurement takes `cost` and gives the
/// rate of a cell, by index, the nth time; none is a failure.
pub(in crate::sweep) fn play(
    schedule: &mut dyn Schedule,
    cells: usize,
    setup: Nanos,
    cost: Nanos,
    mut rate: impl FnMut(usize, usize) -> Option<f64>,
) -> Played {
    let mut seen = vec![Seen::default(); cells];
    let (mut spent, mut passes, mut done) = (setup, Vec::new(), 0u64);
    macro_rules! so_far {
        () => {
            SoFar { seen: &seen, spent, mean: (done > 0).then_some(cost) }
        };
    }
    while let Some(order) = schedule.next_pass(&so_far!()) {
        let mut pass = Vec::new();
        for index in order {
            if !schedule.goes_on(&so_far!()) {
                break;
            }
            assert!(!seen[index].failed, "a failed cell was tried again");
            assert!(!pass.contains(&index), "a cell comes twice in a pass");
            match rate(index, seen[index].times()) {
                Some(rate) => seen[index].rates.push(rate),
                None => seen[index].failed = true,
            }
            spent = spent + cost;
            done += 1;
            pass.push(index);
        }
        if pass.is_empty() {
            break;
        }
        passes.push(pass);
        assert!(passes.len() < 10_000, "the schedule never ends");
    }
    let findings = schedule.findings(&so_far!());
    Played { passes, seen, spent, findings }
}

impl Played {
    /// How often each cell was measured.
    pub(in crate::sweep) fn times(&self) -> Vec<usize> {
        self.seen.iter().map(Seen::times).collect()
    }
}
