//! A job from its check to its end.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::conserve::{self, Lists};
use super::handler::Handler;
use super::job::{Comparison, Failure, Finding, Pace, Progress, Severity, Summary, Wishes};
use super::outcomes::{Outcomes, Reason};
use super::parent::{Said, Stop, Worked, work};
use super::partition::{Balance, partition};
use super::plan::Plan;
use super::preflight::{self, Ready};
use super::record::{Counts, JobRecord, Jobs, Status};
use super::{compare, resume};
use crate::error::{Error, Result};
use crate::units;

/// How often it is looked whether someone has asked for the job to stop.
const ASKED_EVERY: Duration = Duration::from_secs(1);

/// Runs a job to its end. `program` is the Plimsoll that instances are started from, which must
/// have the same `handler`; `stop` ends the job after what is in flight, and so does the wish that
/// [`Jobs::ask_to_stop`] leaves.
///
/// # Errors
/// Whatever keeps the job from being run: of several causes the last, for the others are
/// [found](Progress::Found) before; [`Error::Instance`] where no instance comes up. Objects that
/// fail and instances that die later are in the summary.
pub fn run(
    record: JobRecord,
    wishes: Wishes,
    handler: &dyn Handler,
    program: &Path,
    stop: &AtomicBool,
    observe: &mut dyn FnMut(Progress),
) -> Result<Summary> {
    let start = Instant::now();
    let mut ready = preflight::check(&record, wishes, handler, observe)?;
    let lists = Lists::of(ready.output.location(), record.name())?;
    let mut outcomes = Outcomes::new(ready.objects())?;
    let reason = preflight::unnameable(&ready.source).to_owned();
    let reason = Reason { reason, ..Reason::default() };
    for object in ready.source.objects.len()..ready.objects() {
        outcomes.failed(object, &reason)?;
    }
    let earlier = ready.earlier.as_ref();
    let done = earlier.map(|_| resume::done(&ready, &lists, &mut outcomes)).transpose()?;
    let done = done.unwrap_or_default();
    let (shares, balance) = share_out(&ready, &done);
    if let Some(text) = balance.words(ready.plan.partition).filter(|_| !shares.is_empty()) {
        let finding = Finding { severity: Severity::Warning, text };
        observe(Progress::Found(finding.clone()));
        ready.findings.push(finding);
    }
    observe(Progress::Planned {
        objects: ready.objects(),
        bytes: ready.bytes(),
        resumed: done.len(),
        balance: balance.clone(),
    });
    let mut summary = Summary::of(&ready, record.name(), done.len(), balance);
    if wishes.dry_run {
        return Ok(summary);
    }
    let name = record.name().to_owned();
    let mut book = Book::begin(record, &ready, &lists)?;
    let asked = AtomicBool::new(false);
    let stop = Stop { user: stop, asked: &asked };
    let job = Job { ready: &ready, program, shares, stop };
    let ran = while_asking(&ready.jobs, &name, &asked, || {
        let worked = job.run(wishes, &mut outcomes, &mut book, observe, &mut summary)?;
        summary.take(worked, start.elapsed());
        Ok(())
    });
    if let Err(error) = ran {
        let status = match error {
            Error::Interrupted(_) => Status::Stopped,
            _ => Status::Failed,
        };
        book.end(status, Some(&error.to_string()), Counts::default());
        return Err(error);
    }
    conclude(&ready, &lists, &mut outcomes, &mut book, &mut summary);
    Ok(summary)
}

/// The shares of the instances that are to be started: every object that is not `done`, which are
/// in order, exactly once.
fn share_out(ready: &Ready, done: &[u32]) -> (Vec<Vec<u32>>, Balance) {
    let objects = &ready.source.objects;
    let mut done = done.iter().copied().peekable();
    let todo: Vec<u32> =
        (0..objects.len() as u32).filter(|&object| done.next_if_eq(&object).is_none()).collect();
    let size = |at: usize| objects.size(todo[at] as usize).unwrap_or(0);
    let known = todo.iter().all(|&object| objects.size(object as usize).is_some());
    let shares = partition(ready.plan.partition, todo.len(), &size, ready.plan.instances);
    let balance = Balance::of(&shares, if known { Some(&size) } else { None });
    // An instance without an object would only be started and stopped.
    let shares = (0..shares.instances())
        .map(|instance| shares.of(instance).map(|at| todo[at as usize]).collect::<Vec<u32>>())
        .filter(|share| !share.is_empty())
        .collect();
    (shares, balance)
}

/// Runs `job` while a thread looks, about once a second, whether it was asked to stop.
fn while_asking<T>(
    jobs: &Jobs,
    name: &str,
    asked: &AtomicBool,
    job: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let (end, ended) = crossbeam_channel::bounded::<()>(0);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while ended.recv_timeout(ASKED_EVERY)
                == Err(crossbeam_channel::RecvTimeoutError::Timeout)
            {
                // A store that does not answer now may do so later.
                if jobs.asked_to_stop(name).unwrap_or(false) {
                    asked.store(true, Ordering::Relaxed);
                    return;
                }
            }
        });
        let outcome = job();
        drop(end);
        outcome
    })
}

/// A job that is about to be run.
struct Job<'a> {
    ready: &'a Ready,
    program: &'a Path,
    shares: Vec<Vec<u32>>,
    stop: Stop<'a>,
}

impl Job<'_> {
    /// Runs it, in both ways if they are to be compared.
    fn run(
        &self,
        wishes: Wishes,
        outcomes: &mut Outcomes,
        book: &mut Book<'_>,
        observe: &mut dyn FnMut(Progress),
        summary: &mut Summary,
    ) -> Result<Worked> {
        if self.shares.is_empty() {
            return Ok(Worked::default());
        }
        if !wishes.compare {
            return self.once(&self.ready.plan, outcomes, book, observe);
        }
        let faithful = Plan { coalesce: false, ..self.ready.plan.clone() };
        let mut first = Outcomes::new(outcomes.len())?;
        let worked = self.once(&faithful, &mut first, book, observe)?;
        if worked.unfinished > 0 {
            *outcomes = first;
            return Ok(worked);
        }
        let coalesced = Plan { coalesce: true, ..faithful };
        let again = self.once(&coalesced, outcomes, book, observe)?;
        if again.unfinished == 0 {
            let differing = compare::differing(&first, outcomes);
            summary.comparison = Some(Comparison {
                faithful: pace(&worked),
                coalesced: pace(&again),
                first_differing: differing.first().map(|&at| self.ready.key(at).to_owned()),
                differing: differing.len(),
            });
        }
        let deaths = worked.deaths.into_iter().chain(again.deaths).collect();
        Ok(Worked { deaths, ..again })
    }

    fn once(
        &self,
        plan: &Plan,
        outcomes: &mut Outcomes,
        book: &mut Book<'_>,
        observe: &mut dyn FnMut(Progress),
    ) -> Result<Worked> {
        let objects = self.shares.iter().map(Vec::len).sum();
        observe(Progress::Starting { objects, instances: self.shares.len() });
        let shares = self.shares.clone();
        work(self.ready, plan, self.program, shares, outcomes, self.stop, &mut |said| match said {
            Said::Ready => {
                book.ready();
                observe(Progress::Started);
            }
            Said::Finished(objects) => observe(Progress::Finished(objects)),
            Said::Stopping => {
                book.stopping();
                observe(Progress::Stopping);
            }
        })
    }
}

fn pace(worked: &Worked) -> Pace {
    let run_s = worked.run.as_secs_f64();
    Pace {
        startup_s: worked.startup.as_secs_f64(),
        run_s,
        objects_per_s: per_second(worked.outputs as u64, run_s),
        images_per_s: per_second(worked.records, run_s),
    }
}

fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

/// Holds the outcomes against the store, writes the lists, and ends the record.
fn conclude(
    ready: &Ready,
    lists: &Lists,
    outcomes: &mut Outcomes,
    book: &mut Book<'_>,
    summary: &mut Summary,
) {
    if !summary.deaths.is_empty() || ready.earlier.is_some() {
        // Parts of the dead lie among the outputs, also those of an earlier run's instances that
        // were still dying when this one began. Any that cannot be removed go with the next run.
        let _ = ready.output.sweep();
    }
    let checked = conserve::check(ready, outcomes);
    let (failures, listed) = conserve::write_lists(ready, lists, outcomes);
    summary.failures = failures;
    summary.failed = outcomes.failures();
    summary.succeeded = outcomes.outputs();
    for outcome in [checked, listed] {
        summary.note_unrecorded(outcome);
    }
    let lost = summary.objects - summary.succeeded - summary.failed;
    if lost != summary.unfinished {
        let text = format!("{lost} objects are neither done nor failed nor left over");
        summary.note_unrecorded(Err(Error::Bug(text)));
    }
    summary.failure_reason = summary.why_failed();
    let status = match &summary.failure_reason {
        _ if summary.interrupted => Status::Stopped,
        Some(_) => Status::Failed,
        None => Status::Completed,
    };
    let counts = Counts {
        objects: summary.objects as u64,
        succeeded: summary.succeeded as u64,
        failed: summary.failed as u64,
        resumed: summary.resumed as u64,
    };
    book.end(status, summary.failure_reason.as_deref(), counts);
    summary.note_unrecorded(book.broken.take().map_or(Ok(()), Err));
}

impl Summary {
    /// What is known before the start.
    fn of(ready: &Ready, name: &str, resumed: usize, balance: Balance) -> Self {
        Self {
            name: name.to_owned(),
            started: false,
            findings: ready.findings.clone(),
            balance,
            objects: ready.objects(),
            bytes: ready.bytes(),
            succeeded: resumed,
            resumed,
            failed: 0,
            failures: Vec::new(),
            unfinished: 0,
            interrupted: false,
            deaths: Vec::new(),
            failure_reason: None,
            unrecorded: None,
            startup_s: 0.0,
            run_s: 0.0,
            objects_per_s: 0.0,
            images_per_s: 0.0,
            folder: ready.jobs.folder(name).to_string(),
            model: String::new(),
            instances: Vec::new(),
            comparison: None,
        }
    }

    /// Adds what came of the work, which took so long with all that was before it.
    fn take(&mut self, worked: Worked, elapsed: Duration) {
        let Pace { run_s, objects_per_s, images_per_s, .. } = pace(&worked);
        self.started = true;
        let first =
            self.comparison.as_ref().map_or(0.0, |c| c.faithful.startup_s + c.faithful.run_s);
        self.startup_s = (elapsed.as_secs_f64() - first - run_s).max(0.0);
        (self.run_s, self.objects_per_s, self.images_per_s) = (run_s, objects_per_s, images_per_s);
        self.unfinished = worked.unfinished;
        self.interrupted = worked.interrupted;
        self.deaths = worked.deaths;
        self.model = worked.model;
        self.instances = worked.reports;
        self.note_unrecorded(worked.lost.map_or(Ok(()), Err));
    }

    /// Keeps the first cause.
    fn note_unrecorded(&mut self, outcome: Result<()>) {
        if let Err(error) = outcome {
            self.unrecorded.get_or_insert(error.to_string());
        }
    }

    /// Why the job has failed as a whole, where it has.
    fn why_failed(&self) -> Option<String> {
        if let (1.., Some(Failure { key, reason, .. })) = (self.failed, self.failures.first()) {
            return Some(format!(
                "{} of {} objects failed; the first: {key}: {reason}",
                units::count(self.failed as u64),
                units::count(self.objects as u64),
            ));
        }
        if self.unfinished > 0 && !self.interrupted {
            let left = units::count(self.unfinished as u64);
            return Some(format!("no instance is left: {left} objects are not done"));
        }
        let different = self.comparison.as_ref().filter(|comparison| comparison.differing > 0)?;
        Some(format!(
            "{} outputs differ between --faithful and --coalesce; the first: {}",
            units::count(different.differing as u64),
            different.first_differing.as_deref().unwrap_or_default(),
        ))
    }
}

/// The job's record, as it is kept up.
struct Book<'a> {
    record: JobRecord,
    jobs: &'a Jobs,
    broken: Option<Error>,
}

impl<'a> Book<'a> {
    /// Begins a job, or goes on with one.
    fn begin(record: JobRecord, ready: &'a Ready, lists: &Lists) -> Result<Self> {
        let jobs = &ready.jobs;
        let record = match &ready.earlier {
            Some(earlier) => {
                let mut own = JobRecord { creation_time: earlier.creation_time, ..record };
                own.take_over();
                jobs.withdraw_stop(own.name())?;
                jobs.save(&own)?;
                own
            }
            None => {
                // Before the record, so that a job that is there always has it.
                resume::note_before(ready, lists)?;
                jobs.create(&record)?;
                record
            }
        };
        Ok(Self { record, jobs, broken: None })
    }

    fn ready(&mut self) {
        self.record.begin();
        self.save();
    }

    fn stopping(&mut self) {
        self.record.status = Status::Stopping;
        self.save();
    }

    fn end(&mut self, status: Status, reason: Option<&str>, counts: Counts) {
        self.record.counts = counts;
        self.record.end(status, reason);
        self.save();
    }

    /// Work is not thrown away over a record: the first cause is kept for the end.
    fn save(&mut self) {
        if let Err(error) = self.jobs.save(&self.record) {
            self.broken.get_or_insert(error);
        }
    }
}
