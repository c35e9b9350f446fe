//! One session at work: opened, run through its shapes, and measured.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use super::Engine;
use crate::backend::{Backend, Outputs, Session, SessionOptions};
use crate::batching::Queue;
use crate::error::{Error, Result};
use crate::measure::{Phase, Warmup};
use crate::model::Weights;
use crate::pipeline::{Done, drive};
use crate::record::Scenario;
use crate::staging::{Heap, HostAlloc, Pool};
use crate::sweep::message::Order;
use crate::sweep::shapes;
use crate::sweep::signs::Signs;
use crate::sweep::source::Cycle;
use crate::sweep::window::{Meter, Part, Request};
use crate::units::Nanos;

/// What the threads of one measurement share.
pub(super) struct Shared<'a> {
    pub(super) queue: Queue<Request>,
    pub(super) cycle: Cycle<'a>,
    pub(super) warmup: Mutex<Warmup>,
    pub(super) warm: AtomicBool,
    pub(super) steady: AtomicBool,
    /// Sessions whose window is not over.
    pub(super) open: AtomicUsize,
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
    /// One session, from its opening to the end of everyone's windows.
    pub(super) fn session(&self, shared: &Shared<'_>, ready: Sender<()>) -> Result<Part> {
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
}

/// A session of the cell's kind, with its slots.
///
/// # Errors
/// Those of the backend, and [`Error::Unavailable`] where it has no memory of the kind that batches
/// are to be staged in.
pub(in crate::sweep) fn open(
    order: &Order,
    backend: &dyn Backend,
    weights: &Weights,
    outputs: Outputs,
) -> Result<(Box<dyn Session>, Pool)> {
    let options = SessionOptions {
        max_batch: order.batch,
        threads: order.threads,
        outputs,
        precision: order.precision.parse()?,
    };
    let session = backend.open(weights, &options)?;
    let pageable: Arc<dyn HostAlloc> = Arc::new(Heap);
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
