//! Sessions side by side, what issues their images, and the window over all of them: one
//! instance's part of a cell.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::message::{Measured, Order};
use super::shapes;
use super::signs::Signs;
use super::source::{Cycle, feed, generate};
use super::traffic::Traffic;
use super::window::{Meter, Part, Request, add_up};
use crate::backend::{Backend, Outputs, Session, SessionOptions};
use crate::batching::{Policy, Queue};
use crate::clock::Clock;
use crate::data::Image;
use crate::error::{Error, Result};
use crate::load::{self, Pacer, Poisson};
use crate::measure::{Phase, Warmup};
use crate::model::Weights;
use crate::pipeline::{Done, drive};
use crate::record::Scenario;
use crate::staging::{Heap, Pool};
use crate::units::Nanos;

/// How long an image may wait for a full batch offline. The feeder never pauses, so no batch should
/// ever close for this reason.
const OFFLINE_DELAY: Nanos = Nanos(1_000_000_000);

/// Images that the feeder may be ahead of the model at least: enough of small batches too, that the
/// sessions have work until it has been woken and has run.
const AHEAD: usize = 256;

/// What a cell is measured with.
pub(super) struct Engine<'a> {
    pub(super) order: &'a Order,
    pub(super) backend: &'a dyn Backend,
    pub(super) weights: &'a Weights,
    /// The images that are cycled, one at least.
    pub(super) images: &'a [Image],
    pub(super) clock: &'a Clock,
    pub(super) signs: &'a Signs,
    /// Called once, as soon as the throughput of all sessions together has settled.
    pub(super) warm: &'a (dyn Fn() -> Result<()> + Sync),
}

/// What the threads of one measurement share.
struct Shared<'a> {
    queue: Queue<Request>,
    cycle: Cycle<'a>,
    warmup: Mutex<Warmup>,
    warm: AtomicBool,
    steady: AtomicBool,
    /// Sessions whose window is not over.
    open: AtomicUsize,
}

/// Ends everyone's work when one session leaves, for whatever reason: at the end there is nothing
/// left to do, and after a failure nothing that could be used.
struct Leaving<'a>(&'a Signs, &'a Queue<Request>);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.finish();
        self.1.abort();
    }
}

impl Engine<'_> {
    /// Opens the sessions, runs the shapes, warms up, and measures the window that the signs open.
    ///
    /// # Errors
    /// The first session's that fails, and [`Error::Invalid`] where this instance has no share of
    /// the requests.
    pub(super) fn measure(&self) -> Result<Measured> {
        let Order { scenario, sessions, batch, .. } = *self.order;
        let start = self.clock.now();
        let outstanding = self.outstanding()?;
        let arrivals = self.arrivals()?;
        let delay = match scenario {
            Scenario::Offline => OFFLINE_DELAY,
            _ => Nanos(self.order.max_delay),
        };
        // All that a closed loop has outstanding fits, so that no session waits for itself.
        let least = if scenario == Scenario::Offline { AHEAD } else { outstanding };
        let capacity = (self.order.queue * batch * sessions).max(least);
        let policy = Policy::new(batch, delay, Vec::new())?;
        let warmup = Warmup::new(self.order.warmup(), start);
        let shared = Shared {
            queue: Queue::new(capacity, policy, self.clock.clone()),
            cycle: Cycle::new(self.images),
            warmup: Mutex::new(match scenario {
                Scenario::Server(_) => warmup.of_random_arrivals(),
                _ => warmup,
            }),
            warm: AtomicBool::new(false),
            steady: AtomicBool::new(false),
            open: AtomicUsize::new(sessions),
        };
        let (parts, mut traffic, base) = thread::scope(|scope| {
            let (ready, readies) = mpsc::channel();
            let threads: Vec<_> = (0..sessions)
                .map(|_| {
                    let (ready, shared) = (ready.clone(), &shared);
                    scope.spawn(move || self.session(shared, ready))
                })
                .collect();
            drop(ready);
            // Fewer come where a session failed; its thread says why.
            let all_ready = readies.iter().take(sessions).count() == sessions;
            let mut traffic = Traffic::default();
            let base = self.clock.now();
            if all_ready {
                traffic = self.issue(&shared, outstanding, arrivals.clone(), base);
            }
            let gone = |_| Err(Error::Bug("a session panicked".into()));
            let parts: Result<Vec<Part>> =
                threads.into_iter().map(|thread| thread.join().unwrap_or_else(gone)).collect();
            parts.map(|parts| (parts, traffic, base))
        })?;
        let Some(opens) = self.signs.opens() else { return Ok(Measured::default()) };
        let length = Nanos(self.order.window);
        let (mut all, idle_share) = add_up(&parts, scenario, length);
        match (scenario, arrivals) {
            (Scenario::Closed(_), _) => traffic.issued = all.images,
            (_, Some(schedule)) => {
                let scheduled = schedule.map(|at| base + at).skip_while(|&at| at < opens);
                let offered: Vec<Nanos> = scheduled.take_while(|&at| at < opens + length).collect();
                traffic.offered = offered.len() as u64;
                // Those that were given up at last have waited so long and longer.
                let now = self.clock.now();
                let completed = all.latency.samples() as usize;
                offered.iter().skip(completed).for_each(|&at| all.latency.record(now - at));
            }
            _ => {}
        }
        Ok(Measured {
            images: all.images,
            seconds: all.seconds,
            warmup_s: (opens - start).seconds(),
            steady: shared.steady.into_inner(),
            latency: all.latency,
            stages: all.stages,
            idle_share,
            traffic,
            ..Measured::default()
        })
    }

    /// One session, from its opening to the end of everyone's windows.
    fn session(&self, shared: &Shared<'_>, ready: Sender<()>) -> Result<Part> {
        let leaving = Leaving(self.signs, &shared.queue);
        let Order { scenario, batch, window, .. } = *self.order;
        let (mut session, pool) = open(self.order, self.backend, self.weights, Outputs::Classes)?;
        shapes::warm(session.as_mut(), &pool, scenario, batch, self.images)?;
        // The other end is gone where another session has failed: there will be no images then.
        let _ = ready.send(());
        drop(ready);
        let mut meter = Meter::new(scenario, Nanos(window));
        let mut again = Vec::new();
        let mut over = false;
        let mut failure = None;
        drive(session.as_mut(), &shared.queue, &pool, self.clock, 0, |done| {
            let Done { items, outcome, times } = done;
            let outcome = outcome.and_then(|_| self.warming(shared, items.len(), times.done));
            if let Err(error) = outcome {
                failure.get_or_insert(error);
                shared.queue.abort();
                return;
            }
            let ended = meter.batch(items, &times, self.signs.opens());
            if ended && !over {
                over = true;
                // Offline each session has a window of its own, and goes on until the last one's is
                // over, so that all are measured beside all others.
                if shared.open.fetch_sub(1, Ordering::AcqRel) == 1 || scenario != Scenario::Offline
                {
                    self.signs.finish();
                }
            }
            if self.signs.finished() {
                shared.queue.abort();
            } else if matches!(scenario, Scenario::Closed(_)) {
                let now = self.clock.now();
                shared.cycle.extend(&mut again, items.iter().map(|_| now));
                // Closed by another session meanwhile: nothing more is wanted.
                let _ = shared.queue.push_all(&mut again);
            }
        });
        drop(leaving);
        failure.map_or(Ok(meter.part), Err)
    }

    /// Adds a batch to the warm-up, if that is not yet over.
    fn warming(&self, shared: &Shared<'_>, images: usize, done: Nanos) -> Result<()> {
        if shared.warm.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut warmup = shared.warmup.lock().unwrap_or_else(PoisonError::into_inner);
        let phase = warmup.completed(done, images as u64);
        if phase == Phase::Warming || shared.warm.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        shared.steady.store(phase == Phase::Steady, Ordering::Release);
        (self.warm)()
    }

    /// Issues images until the queue is closed, or, in a closed loop, those that are outstanding
    /// from then on. The schedule's times count from `base`.
    fn issue(
        &self,
        shared: &Shared<'_>,
        outstanding: usize,
        arrivals: Option<Poisson>,
        base: Nanos,
    ) -> Traffic {
        let Shared { cycle, queue, .. } = shared;
        if let Some(arrivals) = arrivals {
            let (pacer, length) = (Pacer::new(arrivals, base), Nanos(self.order.window));
            let traffic = generate(pacer, cycle, queue, self.clock, self.signs, length);
            // Sessions that wait for an arrival learn that none will come.
            queue.abort();
            return traffic;
        }
        if outstanding == 0 {
            feed(cycle, queue);
        } else {
            let mut requests = Vec::with_capacity(outstanding);
            cycle.extend(&mut requests, vec![self.clock.now(); outstanding].into_iter());
            // Closed already: a session has failed, and says so.
            let _ = queue.push_all(&mut requests);
        }
        Traffic::default()
    }

    /// How many requests this instance keeps outstanding; 0 but in a closed loop.
    fn outstanding(&self) -> Result<usize> {
        let (index, instances) = self.order.instance;
        match self.order.scenario {
            Scenario::Closed(all) => match load::share(all, instances, index) {
                0 => Err(Error::invalid(
                    format!("scenario `{}`", self.order.scenario),
                    format!("{instances} instances need at least one request each"),
                )),
                share => Ok(share as usize),
            },
            _ => Ok(0),
        }
    }

    /// This instance's share of the arrivals: Poisson processes of equal rates add up to one.
    fn arrivals(&self) -> Result<Option<Poisson>> {
        let Scenario::Server(rate) = self.order.scenario else { return Ok(None) };
        let (index, instances) = self.order.instance;
        let (seed, round) = self.order.seed;
        let seed = load::seed(seed, round as u64, index as u64);
        Poisson::new(rate as f64 / instances as f64, seed).map(Some)
    }
}

/// A session of the cell's kind, with its slots.
///
/// # Errors
/// Those of the backend, and [`Error::Unavailable`] where it has no memory of the kind that batches
/// are to be staged in.
pub(super) fn open(
    order: &Order,
    backend: &dyn Backend,
    weights: &Weights,
    outputs: Outputs,
) -> Result<(Box<dyn Session>, Pool)> {
    let options = SessionOptions { max_batch: order.batch, threads: order.threads, outputs };
    let session = backend.open(weights, &options)?;
    let pageable: Arc<dyn crate::staging::HostAlloc> = Arc::new(Heap);
    let alloc = if order.staging == pageable.kind() { pageable } else { backend.host_alloc() };
    if alloc.kind() != order.staging {
        return Err(Error::unavailable(
            format!("{} memory to stage batches in", order.staging),
            format!("the {} backend has {} memory alone", order.backend, alloc.kind()),
        ));
    }
    let pool = Pool::new(&*alloc, session.in_flight() + 1, order.batch)?;
    Ok((session, pool))
}

#[cfg(test)]
mod tests;
