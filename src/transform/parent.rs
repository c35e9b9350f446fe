//! The parent of instances: starts them, feeds them, watches them, and hears what they did.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::INSTANCE_KIND;
use super::job::InstanceReport;
use super::ledger::Ledger;
use super::message::{Down, Failed, Up, Written};
use super::outcomes::{Outcomes, Output, Reason};
use super::plan::Plan;
use super::preflight::Ready;
use super::watch::{Watch, patience};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::measure::host::own_cores;
use crate::pipeline::{Event, Fleet, place};
use crate::units::Nanos;

/// How often the user's wish to stop is looked at while nothing happens.
const TICK: Duration = Duration::from_millis(50);
/// How long an instance may take to leave when it has nothing left to do.
const FAREWELL: Nanos = Nanos(30_000_000_000);

/// Who may end a job before its end.
#[derive(Clone, Copy)]
pub(super) struct Stop<'a> {
    /// The user at the terminal.
    pub(super) user: &'a AtomicBool,
    /// A wish that lies beside the job's record.
    pub(super) asked: &'a AtomicBool,
}

impl Stop<'_> {
    /// Whether one of them wants it.
    pub(super) fn is_wanted(self) -> bool {
        self.user.load(Ordering::Relaxed) || self.asked.load(Ordering::Relaxed)
    }
}

/// What a job says while it runs.
pub(super) enum Said {
    /// All instances stand ready.
    Ready,
    /// So many of the objects that were to be done are finished.
    Finished(usize),
    /// The wish to stop was heard.
    Stopping,
}

/// What came of the objects that were shared out.
#[derive(Debug, Default)]
pub(super) struct Worked {
    /// Objects that nobody finished.
    pub(super) unfinished: usize,
    /// Objects with an output.
    pub(super) outputs: usize,
    /// The records of those.
    pub(super) records: u64,
    /// Whether it was stopped before all was done.
    pub(super) interrupted: bool,
    /// Instances that died, and why.
    pub(super) deaths: Vec<(usize, String)>,
    /// What the others say of themselves.
    pub(super) reports: Vec<InstanceReport>,
    /// Which weights were used, in words.
    pub(super) model: String,
    /// Why a failure's reason could not be kept, where that is so.
    pub(super) lost: Option<Error>,
    /// From the start of the instances until all stood ready.
    pub(super) startup: Duration,
    /// From then until the last object was finished.
    pub(super) run: Duration,
}

/// Starts an instance for each of `shares`, has the objects in them done as `plan` says, and notes
/// what becomes of each.
///
/// # Errors
/// [`Error::Instance`] where one does not come up; [`Error::Interrupted`] where the job is stopped
/// before all have. Instances that die later are in what is given.
pub(super) fn work(
    ready: &Ready,
    plan: &Plan,
    program: &Path,
    shares: Vec<Vec<u32>>,
    outcomes: &mut Outcomes,
    stop: Stop<'_>,
    say: &mut dyn FnMut(Said),
) -> Result<Worked> {
    let start = Instant::now();
    let total: usize = shares.iter().map(Vec::len).sum();
    let placements = place(&own_cores(), shares.len());
    let fleet = Fleet::start(program, INSTANCE_KIND, &placements, &plan.environment)?;
    let clock = Clock::monotonic();
    let mut parent = Parent {
        ready,
        watch: Watch::new(patience(plan), fleet.len(), clock.now()),
        clock,
        gone: vec![false; fleet.len()],
        fleet,
        ledger: Ledger::new(ready.objects(), shares, plan.max_batch),
        outcomes,
        worked: Worked::default(),
    };
    parent.make_ready(plan, stop)?;
    parent.worked.startup = start.elapsed();
    say(Said::Ready);
    let stopped = parent.feed_until_done(stop, &mut |left| say(Said::Finished(total - left)));
    if stopped {
        say(Said::Stopping);
    }
    let all_done = start.elapsed();
    parent.dismiss(&mut |left| say(Said::Finished(total - left)));
    let mut worked = parent.worked;
    // Who was stopped still finished what was in flight.
    let end = if stopped { start.elapsed() } else { all_done };
    worked.run = end - worked.startup;
    worked.unfinished = parent.ledger.left();
    worked.interrupted = stopped && worked.unfinished > 0;
    Ok(worked)
}

struct Parent<'a> {
    ready: &'a Ready,
    fleet: Fleet<Up>,
    ledger: Ledger,
    outcomes: &'a mut Outcomes,
    clock: Clock,
    watch: Watch,
    gone: Vec<bool>,
    worked: Worked,
}

impl Parent<'_> {
    /// The barrier: waits until every instance stands ready.
    fn make_ready(&mut self, plan: &Plan, stop: Stop<'_>) -> Result<()> {
        for index in 0..self.fleet.len() {
            let plan = Box::new(plan.clone());
            let base = self.ready.source.base.clone();
            self.fleet.send(index, &Down::Open { plan, index, base })?;
        }
        let mut ready = 0;
        while ready < self.fleet.len() {
            if stop.is_wanted() {
                return Err(Error::Interrupted("before the first object".into()));
            }
            match self.fleet.next(TICK) {
                Some((_, Event::Message(Up::Ready { model }))) => {
                    self.worked.model = model;
                    ready += 1;
                }
                Some((index, Event::Message(Up::Broken { reason }) | Event::Gone(reason))) => {
                    return Err(Error::Instance { index, reason });
                }
                Some((index, Event::Message(Up::Finished { .. } | Up::Report(_)))) => {
                    let reason = "it spoke of objects before it was given any".to_owned();
                    return Err(Error::Instance { index, reason });
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Feeds and watches the instances until all is finished; gives whether it was stopped.
    fn feed_until_done(&mut self, stop: Stop<'_>, left: &mut dyn FnMut(usize)) -> bool {
        let now = self.clock.now();
        (0..self.fleet.len()).for_each(|index| self.watch.heard(index, now));
        self.feed_all();
        while self.ledger.left() > 0 && self.ledger.anyone() {
            if stop.is_wanted() {
                return true;
            }
            self.listen(left);
        }
        false
    }

    /// Lets the instances finish what they have, and hears their last words. One that neither works
    /// nor leaves is ended.
    fn dismiss(&mut self, left: &mut dyn FnMut(usize)) {
        for index in 0..self.fleet.len() {
            self.fleet.close(index);
        }
        let mut idle = vec![self.clock.now(); self.fleet.len()];
        while self.gone.contains(&false) {
            self.listen(left);
            let now = self.clock.now();
            for (index, since) in idle.iter_mut().enumerate() {
                if self.gone[index] || self.ledger.busy(index) {
                    *since = now;
                } else if now - *since > FAREWELL {
                    self.fleet.kill(index);
                    *since = now;
                }
            }
        }
    }

    /// Takes the next event, if one comes, and gives up on who is silent.
    fn listen(&mut self, left: &mut dyn FnMut(usize)) {
        if let Some((index, event)) = self.fleet.next(TICK) {
            self.watch.heard(index, self.clock.now());
            self.take(index, event);
            left(self.ledger.left());
        }
        let now = self.clock.now();
        for index in self.watch.silent(now, |index| self.ledger.busy(index)) {
            self.worked.deaths.push((index, self.watch.obituary()));
            self.fleet.kill(index);
            // It is dead by this, and buried when it has gone.
            self.watch.heard(index, now);
        }
    }

    fn take(&mut self, index: usize, event: Event<Up>) {
        match event {
            Event::Message(Up::Finished { done, failed }) => {
                for written in done {
                    if self.ledger.finish(index, written.object) {
                        self.note_output(&written);
                    }
                }
                for (object, cause) in failed {
                    if self.ledger.finish(index, object) {
                        let Failed { record, offset, reason } = cause;
                        self.note_failure(object, &Reason { record, offset, reason });
                    }
                }
                self.feed(index);
            }
            Event::Message(Up::Report(report)) => {
                self.worked.reports.push(InstanceReport { index, ..report });
            }
            Event::Message(Up::Broken { reason }) => self.worked.deaths.push((index, reason)),
            Event::Message(Up::Ready { .. }) => {}
            Event::Gone(reason) => {
                self.gone[index] = true;
                // One that said why it breaks off is not dead twice.
                let known = self.worked.deaths.iter().any(|(dead, _)| *dead == index);
                if !reason.is_empty() && !known {
                    self.worked.deaths.push((index, reason));
                }
                self.ledger.bury(index);
                self.feed_all();
            }
        }
    }

    fn note_output(&mut self, written: &Written) {
        let Written { object, bytes, records, sha256 } = *written;
        self.worked.outputs += 1;
        self.worked.records += records;
        self.outcomes.done(object as usize, Output { bytes, records: Some(records), sha256 });
    }

    fn note_failure(&mut self, object: u32, reason: &Reason) {
        if let Err(error) = self.outcomes.failed(object as usize, reason) {
            self.worked.lost.get_or_insert(error);
        }
    }

    fn feed_all(&mut self) {
        for index in 0..self.fleet.len() {
            self.feed(index);
        }
    }

    fn feed(&mut self, index: usize) {
        let idle = !self.ledger.busy(index);
        let objects = self.ledger.next(index);
        if objects.is_empty() {
            return;
        }
        if idle {
            self.watch.heard(index, self.clock.now());
        }
        let key = |&object: &u32| (object, self.ready.key(object as usize).to_owned());
        let objects = objects.iter().map(key).collect();
        let keys = Down::Keys { objects, last: self.ledger.is_sent(index) };
        if let Err(error) = self.fleet.send(index, &keys) {
            self.worked.deaths.push((index, error.to_string()));
            self.ledger.bury(index);
        }
    }
}
