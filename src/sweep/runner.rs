//! Drives a bench through all passes of a schedule.

use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use super::check::{Reference, worst};
use super::journal::{Entry, Journal, Kept};
use super::schedule::{Findings, Schedule, Seen, SoFar};
use super::stages::StageTimes;
use super::tally::Tally;
use super::traffic::Traffic;
use crate::backend::Predictions;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::measure::Recorder;
use crate::record::{Cell, CellRecord, Round, Throttling};
use crate::units::Nanos;

/// Measures one cell once: starts its instances, warms them up, opens the window, and adds up.
pub trait Bench {
    /// Measures a cell that has been measured `nth` times before in this run. The first time, its
    /// predictions are to be asked for.
    ///
    /// # Errors
    /// [`Error::Interrupted`] ends the run; any other error makes this cell INVALID with its text
    /// as the reason, and the run goes on with the others.
    fn measure(&mut self, cell: &Cell, nth: usize) -> Result<Measurement>;
}

/// One round of one cell, all instances together. The journal keeps all of it but the predictions,
/// of which it keeps how they agree with the reference's.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
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
    #[serde(skip)]
    pub predictions: Vec<Predictions>,
    /// Largest resident memory of one instance's process, if the system tells.
    pub peak_rss_bytes: Option<u64>,
    /// What kept the processors from running at full speed.
    pub throttling: Throttling,
}

/// What is to be measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan<'a> {
    /// The cells, each of them once.
    pub(super) cells: &'a [Cell],
    /// Seed of the intervals.
    pub(super) seed: u64,
    /// What predictions are held against.
    pub(super) reference: &'a Reference,
    /// Zero when the run began.
    pub(super) clock: &'a Clock,
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
    /// Measurements in all, as far as it can be said now. It shrinks when a cell fails, for a
    /// failed cell is not tried again, and grows when cells turn out to need more rounds.
    pub total: usize,
}

/// Told of what happens, as it happens.
pub trait Observer {
    /// A measurement begins.
    fn begins(&mut self, _at: Step<'_>) {}

    /// A measurement has ended, with a round or an error. What a journal gives back is told of
    /// again, so that files begun anew hold everything; but for failures, which were warned of.
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
pub(super) struct Outcome {
    /// The cells that were measured, in the grid's order.
    pub(super) cells: Vec<CellRecord>,
    /// Whether the run ended before its schedule did.
    pub(super) interrupted: bool,
    /// What the schedule left out, and what it rests on. Empty after an interruption.
    pub(super) findings: Findings,
}

/// Measures cells, pass after pass, as the schedule says, after what the journal gives back. `stop`
/// is looked at before each measurement; once it is set the run ends and keeps what it has.
///
/// # Errors
/// What the observer or the journal fails with. Cells that fail are in the outcome, INVALID.
pub(super) fn run(
    plan: &Plan<'_>,
    schedule: &mut dyn Schedule,
    bench: &mut dyn Bench,
    journal: &mut Journal,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Outcome> {
    let mut run = Run::new(plan, journal, observer);
    let mut interrupted = false;
    'run: while let Some(order) = schedule.next_pass(&run.so_far()) {
        let before = run.done;
        for (position, index) in order.into_iter().enumerate() {
            if !schedule.goes_on(&run.so_far()) {
                break;
            }
            let total = run.done + schedule.remaining(&run.so_far());
            let turn = Turn { index, position, total };
            let recalled = run.recalled(&turn)?;
            if !recalled && (stop.load(Ordering::Relaxed) || !run.measured(&turn, bench)?) {
                interrupted = true;
                break 'run;
            }
            if schedule.settled(index, &run.seen[index]) {
                run.complete(index)?;
            }
        }
        if run.done == before {
            break;
        }
        run.pass += 1;
    }
    let findings = if interrupted { Findings::default() } else { schedule.findings(&run.so_far()) };
    for index in 0..plan.cells.len() {
        run.complete(index)?;
    }
    Ok(Outcome { cells: run.records.into_iter().flatten().collect(), interrupted, findings })
}

/// A cell's turn in a pass.
struct Turn {
    index: usize,
    position: usize,
    total: usize,
}

/// A run under way.
struct Run<'a> {
    plan: &'a Plan<'a>,
    journal: &'a mut Journal,
    observer: &'a mut dyn Observer,
    /// Taken when the cell is complete.
    tallies: Vec<Option<Tally>>,
    records: Vec<Option<CellRecord>>,
    seen: Vec<Seen>,
    pass: usize,
    done: usize,
    /// Set-up and measurements.
    spent: Nanos,
    measuring: Nanos,
    /// Set-up of a resumed run, which counts once it measures anew.
    setup_again: Option<Nanos>,
}

impl<'a> Run<'a> {
    fn new(plan: &'a Plan<'a>, journal: &'a mut Journal, observer: &'a mut dyn Observer) -> Self {
        let setup = plan.clock.now();
        let (spent, setup_again) = match journal.setup() {
            Some(earlier) => (earlier, Some(setup)),
            None => (setup, None),
        };
        Self {
            plan,
            journal,
            observer,
            tallies: plan.cells.iter().map(|_| Some(Tally::default())).collect(),
            records: plan.cells.iter().map(|_| None).collect(),
            seen: vec![Seen::default(); plan.cells.len()],
            pass: 0,
            done: 0,
            spent,
            measuring: Nanos(0),
            setup_again,
        }
    }

    fn so_far(&self) -> SoFar<'_> {
        let mean = (self.done > 0).then(|| Nanos(self.measuring.0 / self.done as u64));
        SoFar { seen: &self.seen, spent: self.spent, mean }
    }

    /// Takes a cell's next measurement from the journal, if one is left there.
    fn recalled(&mut self, turn: &Turn) -> Result<bool> {
        let Some(entry) = self.journal.recall(turn.index) else { return Ok(false) };
        self.take(turn, &entry)?;
        Ok(true)
    }

    /// Measures a cell and keeps what comes of it; false where the measurement was interrupted.
    fn measured(&mut self, turn: &Turn, bench: &mut dyn Bench) -> Result<bool> {
        self.spent = self.spent + self.setup_again.take().unwrap_or_default();
        let cell = &self.plan.cells[turn.index];
        self.observer.begins(self.step(turn));
        let begin = self.plan.clock.now();
        let outcome = match bench.measure(cell, self.seen[turn.index].times()) {
            Ok(measured) => {
                let agreement = worst(self.plan.reference, &measured.predictions);
                Ok(Kept::Measured { measured: Box::new(measured), agreement })
            }
            Err(Error::Interrupted(_)) => return Ok(false),
            Err(error) => Err(error),
        };
        let kept = match outcome {
            Ok(kept) => kept,
            Err(error) => {
                self.observer.measured(self.step(turn), Err(&error))?;
                Kept::Failed { reason: error.to_string() }
            }
        };
        let entry = Entry {
            cell: turn.index,
            at_ns: (self.journal.before() + begin).0,
            took_ns: (self.plan.clock.now() - begin).0,
            kept,
        };
        self.journal.keep(&entry)?;
        self.take(turn, &entry)?;
        Ok(true)
    }

    /// Adds a measurement to what is known.
    fn take(&mut self, turn: &Turn, entry: &Entry) -> Result<()> {
        let step = self.step(turn);
        let Some(tally) = self.tallies[turn.index].as_mut() else {
            return Err(Error::Bug("a complete cell was measured again".into()));
        };
        let seen = &mut self.seen[turn.index];
        match &entry.kept {
            Kept::Measured { measured, agreement } => {
                let at_s = Nanos(entry.at_ns).seconds();
                let round = tally.add((self.pass, turn.position), at_s, measured, *agreement);
                seen.rates.push(round.throughput_images_per_s);
                self.observer.measured(step, Ok(round))?;
            }
            Kept::Failed { reason } => {
                tally.fail(self.pass, reason);
                seen.failed = true;
            }
        }
        self.done += 1;
        self.spent = self.spent + Nanos(entry.took_ns);
        self.measuring = self.measuring + Nanos(entry.took_ns);
        if self.seen[turn.index].failed {
            self.complete(turn.index)?;
        }
        Ok(())
    }

    /// Makes a cell's record, if it has anything to tell and was not told of before.
    fn complete(&mut self, index: usize) -> Result<()> {
        if let Some(tally) = self.tallies[index].take_if(|tally| !tally.is_empty()) {
            let Plan { cells, reference, seed, .. } = *self.plan;
            let record = tally.record(&cells[index], reference, seed);
            self.observer.completed(&record)?;
            self.records[index] = Some(record);
        }
        Ok(())
    }

    fn step(&self, turn: &Turn) -> Step<'a> {
        let cell = &self.plan.cells[turn.index];
        Step { cell, round: self.pass, done: self.done, total: turn.total }
    }
}

#[cfg(test)]
mod drifting;
#[cfg(test)]
mod resuming;
#[cfg(test)]
mod tests;
