//! Drives a bench through all rounds of all cells.

use std::sync::atomic::{AtomicBool, Ordering};

use super::check::Reference;
use super::rounds;
use super::stages::StageTimes;
use super::tally::Tally;
use super::traffic::Traffic;
use crate::backend::Predictions;
use crate::error::{Error, Result};
use crate::measure::Recorder;
use crate::record::{Cell, CellRecord, Round};

/// Measures one cell once: starts its instances, warms them up, opens the window, and adds up.
pub trait Bench {
    /// Measures a cell in a round, counted from 0.
    ///
    /// # Errors
    /// [`Error::Interrupted`] ends the run; any other error makes this cell INVALID with its text
    /// as the reason, and the run goes on with the others.
    fn measure(&mut self, cell: &Cell, round: usize) -> Result<Measurement>;
}

/// One round of one cell, all instances together.
#[derive(Clone, Debug, Default)]
pub struct Measurement {
    /// Images completed in the window.
    pub images: u64,
    /// Length of the window in seconds.
    pub seconds: f64,
    /// Seconds of warm-up before the window.
    pub warmup_s: f64,
    /// Whether the throughput of every instance had settled when the window began.
    pub steady: bool,
    /// Latencies, by the scenario: offline of each batch from its closing to its predictions, in a
    /// closed loop of each request from its submission, in the server scenario from its scheduled
    /// time.
    pub latency: Recorder,
    /// Times of the window's batches in each stage.
    pub stages: StageTimes,
    /// Share of the window in which a session stood idle for want of images, mean over instances.
    pub idle_share: f64,
    /// What the load generator did, all instances together.
    pub traffic: Traffic,
    /// What each instance said of the check set, in its order; empty where it was not asked in
    /// this round. Every cell has to be asked in one round at least.
    pub predictions: Vec<Predictions>,
    /// Largest resident memory of one instance's process, if the system tells.
    pub peak_rss_bytes: Option<u64>,
}

/// What is to be measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// The cells, each of them once.
    pub cells: &'a [Cell],
    /// Passes over all of them.
    pub rounds: usize,
    /// Seed of the order and of the intervals.
    pub seed: u64,
    /// What predictions are held against.
    pub reference: &'a Reference,
}

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step<'a> {
    /// The cell whose turn it is.
    pub cell: &'a Cell,
    /// The round, from 0.
    pub round: usize,
    /// Measurements that have ended before this one.
    pub done: usize,
    /// Measurements in all. It shrinks when a cell fails, for a failed cell is not tried again.
    pub total: usize,
}

/// Told of what happens, as it happens.
pub trait Observer {
    /// A measurement begins.
    fn begins(&mut self, _at: Step<'_>) {}

    /// A measurement has ended, with a round or an error.
    ///
    /// # Errors
    /// As [`Observer::completed`].
    fn measured(&mut self, _at: Step<'_>, _outcome: Result<&Round, &Error>) -> Result<()> {
        Ok(())
    }

    /// A cell is complete: its last round has ended, or one of them failed. After an interruption
    /// every cell that has a round is complete.
    ///
    /// # Errors
    /// Any error ends the run with it: a result that cannot be kept is not worth measuring on.
    fn completed(&mut self, record: &CellRecord) -> Result<()>;
}

/// What a run ended with.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The cells that were measured, in the grid's order. After an interruption those without a
    /// round are not among them.
    pub cells: Vec<CellRecord>,
    /// Whether the run ended before its last round.
    pub interrupted: bool,
}

/// Measures every cell in every round, each round in its own shuffled order. `stop` is looked at
/// before each measurement; once it is set the run ends and keeps what it has.
///
/// # Errors
/// What the observer fails with. Cells that fail are in the outcome, INVALID.
pub fn run(
    plan: &Plan<'_>,
    bench: &mut dyn Bench,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Outcome> {
    let mut tallies: Vec<Option<Tally>> =
        plan.cells.iter().map(|_| Some(Tally::default())).collect();
    let mut records: Vec<Option<CellRecord>> = plan.cells.iter().map(|_| None).collect();
    let mut complete = |index: usize, tally: Tally, observer: &mut dyn Observer| {
        let record = tally.record(&plan.cells[index], plan.reference, plan.seed);
        let told = observer.completed(&record);
        records[index] = Some(record);
        told
    };
    let mut interrupted = false;
    let (mut done, mut total) = (0, plan.cells.len() * plan.rounds);

    'run: for (round, order) in
        rounds::order(plan.cells.len(), plan.rounds, plan.seed).into_iter().enumerate()
    {
        for (position, index) in order.into_iter().enumerate() {
            let Some(mut tally) = tallies[index].take() else { continue };
            let cell = &plan.cells[index];
            let at = Step { cell, round, done, total };
            if stop.load(Ordering::Relaxed) {
                tallies[index] = Some(tally);
                interrupted = true;
                break 'run;
            }
            observer.begins(at);
            match bench.measure(cell, round) {
                Ok(measured) => {
                    let round = tally.add(round, position, &measured, plan.reference);
                    observer.measured(at, Ok(round))?;
                }
                Err(Error::Interrupted(_)) => {
                    tallies[index] = Some(tally);
                    interrupted = true;
                    break 'run;
                }
                Err(error) => {
                    observer.measured(at, Err(&error))?;
                    tally.fail(round, error);
                    total -= plan.rounds - 1 - round;
                }
            }
            done += 1;
            if tally.failed() || round + 1 == plan.rounds {
                complete(index, tally, observer)?;
            } else {
                tallies[index] = Some(tally);
            }
        }
    }
    for (index, tally) in tallies.into_iter().enumerate() {
        if let Some(tally) = tally.filter(|tally| !tally.is_empty()) {
            complete(index, tally, observer)?;
        }
    }
    Ok(Outcome { cells: records.into_iter().flatten().collect(), interrupted })
}

#[cfg(test)]
mod tests;
