//! The parent of a job.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::job::{Failure, InstanceReport, Job, Progress, Summary};
use super::ledger::Ledger;
use super::message::{Down, Up};
use super::partition::Balance;
use super::{INSTANCE_KIND, preflight};
use crate::error::{Error, Result};
use crate::measure::host::own_cores;
use crate::pipeline::{Event, Fleet, place};
use crate::store::{Listing, Output};

/// How often the user's wish to stop is looked at while nothing happens.
const TICK: Duration = Duration::from_millis(50);

/// Runs a job to its end. `program` is the Plimsoll that instances are started from; `stop` ends
/// the job after what is in flight.
///
/// # Errors
/// Whatever the preflight finds; [`Error::Instance`] where no instance comes up. Objects that fail
/// and instances that die later are in the summary.
pub fn run(
    job: &Job,
    program: &Path,
    stop: &AtomicBool,
    observe: &mut dyn FnMut(Progress),
) -> Result<Summary> {
    let start = Instant::now();
    let listing = preflight::check(job)?;
    let unnameable = listing.unnameable();
    let objects = listing.len() + unnameable.len();
    // An instance without an object would only be started and stopped.
    let instances = job.instances.min(listing.len()).max(1);
    observe(Progress::Starting { objects, instances });
    let fleet =
        Fleet::start(program, INSTANCE_KIND, &place(&own_cores(), instances), &Default::default())?;
    let mut parent = Parent {
        fleet,
        listing: &listing,
        ledger: Ledger::new(
            listing.len(),
            super::ledger::in_turn(listing.len(), instances),
            job.max_batch,
        ),
        failures: unnameable.iter().map(|path| not_utf8(path)).collect(),
        deaths: Vec::new(),
        gone: 0,
        reports: Vec::new(),
        model: String::new(),
    };
    parent.make_ready(job, stop)?;
    let startup = start.elapsed();
    observe(Progress::Started);
    let interrupted = parent.work(stop, &mut |left| observe(Progress::Finished(objects - left)));
    let run = start.elapsed() - startup;
    parent.dismiss();
    if !parent.deaths.is_empty() {
        // Parts of the dead lie among the outputs. Any that cannot be removed go with the next run.
        let _ = Output::open(&job.output).sweep_parts();
    }

    let Parent { ledger, mut failures, deaths, reports, model, .. } = parent;
    failures.sort_by(|a, b| a.key.cmp(&b.key));
    let succeeded = objects - failures.len() - ledger.left();
    Ok(Summary {
        name: String::new(),
        started: true,
        findings: Vec::new(),
        balance: Balance { objects: vec![], bytes: None, idle: 0, imbalance: 1.0 },
        bytes: None,
        resumed: 0,
        failure_reason: None,
        unrecorded: None,
        comparison: None,
        objects_per_s: succeeded as f64 / run.as_secs_f64(),
        objects,
        succeeded,
        failed: failures.len(),
        failures,
        unfinished: ledger.left(),
        interrupted,
        deaths,
        startup_s: startup.as_secs_f64(),
        run_s: run.as_secs_f64(),
        images_per_s: succeeded as f64 / run.as_secs_f64(),
        model,
        instances: reports,
    })
}

fn not_utf8(path: &str) -> Failure {
    Failure {
        key: path.to_owned(),
        record: None,
        offset: None,
        reason: "its name is not UTF-8; rename it".to_owned(),
    }
}

struct Parent<'a> {
    fleet: Fleet<Up>,
    listing: &'a Listing,
    ledger: Ledger,
    failures: Vec<Failure>,
    deaths: Vec<(usize, String)>,
    gone: usize,
    reports: Vec<InstanceReport>,
    model: String,
}

impl Parent<'_> {
    /// The barrier: waits until every instance stands ready.
    fn make_ready(&mut self, job: &Job, stop: &AtomicBool) -> Result<()> {
        for index in 0..self.fleet.len() {
            let open = Down::Open {
                plan: Box::new(job.plan()),
                index,
                base: job.input.display().to_string(),
            };
            self.fleet.send(index, &open)?;
        }
        let mut ready = 0;
        while ready < self.fleet.len() {
            if stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted("before the first object".into()));
            }
            match self.fleet.next(TICK) {
                Some((_, Event::Message(Up::Ready { model }))) => {
                    self.model = model;
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

    /// Feeds and watches the instances until all is finished; gives whether the user stopped it.
    fn work(&mut self, stop: &AtomicBool, left: &mut dyn FnMut(usize)) -> bool {
        self.feed_all();
        while self.ledger.left() > 0 && self.ledger.anyone() {
            if stop.load(Ordering::Relaxed) {
                return true;
            }
            if let Some((index, event)) = self.fleet.next(TICK) {
                self.take(index, event);
                left(self.ledger.left());
            }
        }
        false
    }

    /// Lets the instances finish what they have, and hears their last words.
    fn dismiss(&mut self) {
        for index in 0..self.fleet.len() {
            self.fleet.close(index);
        }
        while self.gone < self.fleet.len() {
            let Some((index, event)) = self.fleet.next(Duration::from_secs(30)) else { return };
            self.take(index, event);
        }
    }

    fn take(&mut self, index: usize, event: Event<Up>) {
        match event {
            Event::Message(Up::Finished { done, failed }) => {
                for written in done {
                    self.ledger.finish(index, written.object);
                }
                for (object, cause) in failed {
                    if self.ledger.finish(index, object) {
                        let key = self.listing.key(object as usize).to_owned();
                        self.failures.push(Failure {
                            key,
                            record: None,
                            offset: None,
                            reason: cause.reason,
                        });
                    }
                }
                self.feed(index);
            }
            Event::Message(Up::Report(report)) => {
                self.reports.push(InstanceReport { index, ..report });
            }
            Event::Message(Up::Broken { reason }) => self.deaths.push((index, reason)),
            Event::Message(Up::Ready { .. }) => {}
            Event::Gone(reason) => {
                self.gone += 1;
                // One that said why it breaks off is not dead twice.
                let known = self.deaths.iter().any(|(dead, _)| *dead == index);
                if !reason.is_empty() && !known {
                    self.deaths.push((index, reason));
                }
                self.ledger.bury(index);
                self.feed_all();
            }
        }
    }

    fn feed_all(&mut self) {
        for index in 0..self.fleet.len() {
            self.feed(index);
        }
    }

    fn feed(&mut self, index: usize) {
        let objects = self.ledger.next(index);
        if objects.is_empty() {
            return;
        }
        let key = |&object: &u32| (object, self.listing.key(object as usize).to_owned());
        let keys = Down::Keys(objects.iter().map(key).collect());
        if let Err(error) = self.fleet.send(index, &keys) {
            self.deaths.push((index, error.to_string()));
            self.ledger.bury(index);
        }
    }
}
