//! Sessions side by side, what issues their images, and the window over all of them: one
//! instance's part of a cell.

mod demand;
mod session;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use self::demand::Demand;
use self::session::Shared;
pub(super) use self::session::open;
use super::message::{Measured, Order};
use super::signs::Signs;
use super::source::{Cycle, feed, generate};
use super::traffic::Traffic;
use super::window::{Part, add_up};
use crate::backend::Backend;
use crate::batching::{Policy, Queue};
use crate::clock::Clock;
use crate::data::Image;
use crate::error::{Error, Result};
use crate::load::Pacer;
use crate::measure::Warmup;
use crate::model::Weights;
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

/// What the threads of one measurement left.
struct Ran {
    /// When the first image was issued: the schedule and the warm-up count from then.
    base: Nanos,
    parts: Vec<Part>,
    traffic: Traffic,
    steady: bool,
}

impl Engine<'_> {
    /// Opens the sessions, runs the shapes, warms up, and measures the window that the signs open.
    ///
    /// # Errors
    /// The first session's that fails, and [`Error::Invalid`] where this instance has no share of
    /// the requests.
    pub(super) fn measure(&self) -> Result<Measured> {
        let demand = Demand::of(self.order)?;
        let Ran { base, parts, mut traffic, steady } = self.run(&demand)?;
        let Some(opens) = self.signs.opens() else { return Ok(Measured::default()) };
        let length = Nanos(self.order.window);
        let (mut all, idle_share) = add_up(&parts, self.order.scenario, length);
        match demand {
            Demand::Feed => {}
            // Each result brings the next request.
            Demand::Outstanding(_) => traffic.issued = all.images,
            Demand::Arrivals(schedule) => {
                let due = schedule.map(|at| base + at).skip_while(|&at| at < opens);
                let due: Vec<Nanos> = due.take_while(|&at| at < opens + length).collect();
                traffic.offered = due.len() as u64;
                // Those that were given up, the last, have waited until now.
                let now = self.clock.now();
                let completed = all.latency.samples() as usize;
                due.iter().skip(completed).for_each(|&at| all.latency.record(now - at));
            }
        }
        Ok(Measured {
            images: all.images,
            seconds: all.seconds,
            warmup_s: (opens - base).seconds(),
            steady,
            latency: all.latency,
            stages: all.stages,
            idle_share,
            traffic,
            ..Measured::default()
        })
    }

    /// Runs the sessions, and what supplies them, until the window is over.
    fn run(&self, demand: &Demand) -> Result<Ran> {
        let Order { sessions, batch, queue, .. } = *self.order;
        let (delay, least) = match demand {
            Demand::Feed => (OFFLINE_DELAY, AHEAD),
            // All of them fit, so that no session waits for itself.
            Demand::Outstanding(requests) => (Nanos(self.order.max_delay), *requests),
            Demand::Arrivals(_) => (Nanos(self.order.max_delay), 0),
        };
        let capacity = (queue * batch * sessions).max(least);
        let policy = Policy::new(batch, delay, Vec::new())?;
        let shared = Shared {
            queue: Queue::new(capacity, policy, self.clock.clone()),
            cycle: Cycle::new(self.images),
            warmup: Mutex::new(self.warmup(demand)),
            warm: AtomicBool::new(false),
            steady: AtomicBool::new(false),
            open: AtomicUsize::new(sessions),
        };
        thread::scope(|scope| {
            let (ready, readies) = mpsc::channel();
            let start = || {
                let (ready, shared) = (ready.clone(), &shared);
                scope.spawn(move || self.session(shared, ready))
            };
            let threads: Vec<_> = std::iter::repeat_with(start).take(sessions).collect();
            drop(ready);
            // Fewer come where a session failed; its thread says why.
            let all_ready = readies.iter().take(sessions).count() == sessions;
            // Opening them is no warm-up.
            *shared.warmup.lock().unwrap_or_else(PoisonError::into_inner) = self.warmup(demand);
            let base = self.clock.now();
            let traffic =
                if all_ready { self.issue(&shared, demand, base) } else { Traffic::default() };
            let gone = |_| Err(Error::Bug("a session panicked".into()));
            let parts: Result<Vec<Part>> =
                threads.into_iter().map(|thread| thread.join().unwrap_or_else(gone)).collect();
            let steady = shared.steady.load(Ordering::Acquire);
            Ok(Ran { base, parts: parts?, traffic, steady })
        })
    }

    /// A warm-up that begins now.
    fn warmup(&self, demand: &Demand) -> Warmup {
        let warmup = Warmup::new(self.order.warmup(), self.clock.now());
        match demand {
            Demand::Arrivals(_) => warmup.of_random_arrivals(),
            Demand::Feed | Demand::Outstanding(_) => warmup,
        }
    }

    /// Issues images until the queue is closed, or, in a closed loop, those that are outstanding
    /// from then on. The schedule's times count from `base`.
    fn issue(&self, shared: &Shared<'_>, demand: &Demand, base: Nanos) -> Traffic {
        let Shared { cycle, queue, .. } = shared;
        match demand {
            Demand::Feed => feed(cycle, queue),
            Demand::Outstanding(outstanding) => {
                let mut requests = Vec::with_capacity(*outstanding);
                cycle.extend(&mut requests, vec![base; *outstanding].into_iter());
                // Closed already: a session has failed, and says so.
                let _ = queue.push_all(&mut requests);
            }
            Demand::Arrivals(arrivals) => {
                let pacer = Pacer::new(arrivals.clone(), base);
                let length = Nanos(self.order.window);
                let traffic = generate(pacer, cycle, queue, self.clock, self.signs, length);
                // Sessions that wait for an arrival learn that none will come.
                queue.abort();
                return traffic;
            }
        }
        Traffic::default()
    }
}

#[cfg(test)]
mod tests;
