//! Runs that are interrupted and resumed.

use super::tests::{Notes, at, cells, scheduled};
use super::*;
use crate::config::Sweep;
use crate::measure::host::Facts;
use crate::model;
use crate::sweep::journal::{Header, Parts};
use crate::sweep::schedule::{Budget, Whole};
use crate::sweep::search::Search;

const SECOND: Nanos = Nanos(1_000_000_000);

/// What a run of these cells writes into its journal first.
fn header(config: &Sweep, cells: &[Cell]) -> Header {
    let (weights, source) = model::shipped().unwrap();
    Header::new(Parts {
        config,
        cells,
        facts: &Facts::default(),
        machine_type: None,
        libtorch: None,
        model: (&weights, &source),
        images: (&[], "none"),
    })
}

/// A measurement as the machine would give it whenever it is asked: by cell and number alone. One
/// cell's rounds lie far apart, one's fail.
fn script(cell: &Cell, nth: usize, _: usize) -> Result<Measurement> {
    let wave = [0, 3, 1, 4, 2][nth % 5];
    match cell.batch {
        2 if nth == 1 => Err(Error::backend("native", "out of memory")),
        3 => Ok(at(1_000 + 60 * wave)),
        batch => Ok(at(2_000 + 10 * batch as u64 + wave)),
    }
}

fn as_text(outcome: &Outcome) -> String {
    format!("{} {:?}", serde_json::to_string(&outcome.cells).unwrap(), outcome.findings)
}

/// Interrupts a run after each number of its measurements and resumes it; the outcome has to be that
/// of the run that was never interrupted, and nothing may be measured twice.
fn resumes_as_if_nothing_had_been(
    config: &Sweep,
    of: impl Fn(&Sweep, &[Cell]) -> Box<dyn Schedule>,
) {
    let cells = cells(12);
    let header = header(config, &cells);
    let mut notes = Notes::default();
    let whole = &mut *of(config, &cells);
    let outcome = scheduled(whole, &cells, 1, &mut notes, &mut Journal::default(), script).unwrap();
    let (expected, all) = (as_text(&outcome), notes.measured);
    assert!(all > 20, "{all}");

    for after in 0..all {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(dir.path(), &header).unwrap();
        let mut notes = Notes::default();
        let mut taken = 0;
        let stopping = |cell: &Cell, nth: usize, before: usize| {
            taken += 1;
            if taken > after {
                return Err(Error::Interrupted("Ctrl-C".into()));
            }
            script(cell, nth, before)
        };
        let first = &mut *of(config, &cells);
        let outcome = scheduled(first, &cells, 1, &mut notes, &mut journal, stopping).unwrap();
        assert!(outcome.interrupted);
        drop(journal);

        let mut journal = Journal::resume(dir.path(), &header).unwrap();
        assert_eq!(journal.measurements(), after);
        let mut notes = Notes::default();
        let mut anew = 0;
        let counting = |cell: &Cell, nth: usize, before: usize| {
            anew += 1;
            script(cell, nth, before)
        };
        let second = &mut *of(config, &cells);
        let outcome = scheduled(second, &cells, 1, &mut notes, &mut journal, counting).unwrap();
        assert_eq!((after + anew, as_text(&outcome)), (all, expected.clone()), "after {after}");
        assert_eq!(notes.completed.len(), outcome.cells.len(), "every cell is told of again");
    }
}

#[test]
fn a_grid_goes_on_where_it_was() {
    let config = Sweep { rounds: 3, max_rounds: 6, ..Sweep::default() };
    resumes_as_if_nothing_had_been(&config, |config, cells| Box::new(Whole::new(config, cells)));
}

#[test]
fn a_budget_goes_on_where_it_was() {
    let config = Sweep { budget: Nanos(30 * SECOND.0), ..Sweep::default() };
    resumes_as_if_nothing_had_been(&config, |config, cells| {
        Box::new(Budget::new(config, cells, SECOND))
    });
}

#[test]
fn a_search_goes_on_where_it_was() {
    let config = Sweep { rounds: 9, search: true, ..Sweep::default() };
    resumes_as_if_nothing_had_been(&config, |config, cells| {
        Box::new(Search::new(config, cells, 4))
    });
}

#[test]
fn a_run_resumed_with_more_rounds_measures_those_alone() {
    let (cells, dir) = (cells(3), tempfile::tempdir().unwrap());
    let three = Sweep { rounds: 3, max_rounds: 3, ..Sweep::default() };
    let five = Sweep { rounds: 5, max_rounds: 5, ..Sweep::default() };
    let mut journal = Journal::create(dir.path(), &header(&three, &cells)).unwrap();
    let steady = |_: &Cell, _: usize, _: usize| Ok(at(1000));
    let mut notes = Notes::default();
    scheduled(&mut Whole::new(&three, &cells), &cells, 1, &mut notes, &mut journal, steady)
        .unwrap();
    let mut journal = Journal::resume(dir.path(), &header(&five, &cells)).unwrap();
    let mut anew = Vec::new();
    let noting = |cell: &Cell, nth: usize, _: usize| {
        anew.push((cell.batch, nth));
        Ok(at(1000))
    };
    let mut whole = Whole::new(&five, &cells);
    let outcome =
        scheduled(&mut whole, &cells, 1, &mut Notes::default(), &mut journal, noting).unwrap();
    anew.sort_unstable();
    assert_eq!(anew, [(1, 3), (1, 4), (2, 3), (2, 4), (3, 3), (3, 4)]);
    for record in &outcome.cells {
        let rounds: Vec<usize> = record.rounds.iter().map(|round| round.round).collect();
        assert_eq!(rounds, [0, 1, 2, 3, 4]);
        assert!(record.rounds.is_sorted_by(|a, b| a.at_s < b.at_s), "the pause is left out");
    }
}
