//! The threads of an instance.

use std::sync::{Arc, PoisonError};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::Engine;
use super::coalesce::{Images, Predicted};
use super::read::Object;
use super::session::Opened;
use super::supply::Supply;
use crate::batching::Policy;
use crate::error::{Error, Result};
use crate::transform::job::InstanceReport;

/// Objects that one thread reads at a time, and that one message to the parent is about.
const CHUNK: usize = 64;

/// Where keys go in.
pub(super) struct Keys<'a> {
    chunks: Sender<Vec<Object>>,
    chunk: usize,
    supply: &'a Supply,
}

impl Keys<'_> {
    /// Passes keys on, in pieces that threads take; waits while they have enough. `last` says that
    /// no more are to be expected for now.
    pub(super) fn send(&self, mut objects: Vec<Object>, last: bool) -> Result<()> {
        self.supply.come(objects.len(), last);
        while !objects.is_empty() {
            let rest = objects.split_off(objects.len().min(self.chunk));
            let gone = |_| Error::Bug("the readers of an instance have gone".into());
            self.chunks.send(std::mem::replace(&mut objects, rest)).map_err(gone)?;
        }
        Ok(())
    }
}

/// Ends the queue when the last reader has left, in order or not.
struct Last(Arc<Images>);

impl Drop for Last {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Engine<'_> {
    /// Works until `hear` returns, which passes keys on and is called when all sessions stand
    /// ready, and until everything it passed on is finished.
    ///
    /// # Errors
    /// Those of `hear`, and what keeps the instance from working at all.
    pub(super) fn run(
        &self,
        hear: impl FnOnce(&Self, Keys<'_>) -> Result<()>,
    ) -> Result<InstanceReport> {
        let outcome = if self.plan.coalesce { self.coalesced(hear) } else { self.faithful(hear) };
        // Where a thread panicked, that is what all else came of.
        let outcome = self.breaker.cause().try_recv().map_or(outcome, Err);
        outcome.map(|()| *self.totals.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn coalesced(&self, hear: impl FnOnce(&Self, Keys<'_>) -> Result<()>) -> Result<()> {
        let cores = self.cores;
        let max_batch = self.plan.max_batch;
        let policy = Policy::new(max_batch, self.plan.max_delay(), self.plan.preferred.clone())?;
        let queue = Arc::new(Images::new((cores + 1) * max_batch, policy, self.clock.clone()));
        let (chunks, keys) = bounded(2 * cores);
        let (predicted_in, predicted) = bounded::<Predicted>(4 * cores);
        let (opened_in, opened) = bounded(cores);
        thread::scope(|scope| {
            // A thread that is lost leaves others waiting for what it would have brought.
            let abort = || queue.abort();
            for _ in 0..cores {
                let (opened_in, predicted_in) = (opened_in.clone(), predicted_in.clone());
                let queue = &queue;
                scope.spawn(move || {
                    let infer = || {
                        if let Some(opened) = self.open_or_say(1, &opened_in) {
                            drop(opened_in);
                            self.infer(opened, queue, &predicted_in);
                        }
                    };
                    self.breaker.watch("a session", infer, abort);
                });
            }
            drop((opened_in, predicted_in));
            for _ in 0..self.output.threads(cores) {
                let predicted = predicted.clone();
                scope.spawn(move || {
                    self.breaker.watch("a writer", || self.gather(&predicted), abort);
                });
            }
            drop(predicted);
            let last = Arc::new(Last(queue.clone()));
            for _ in 0..self.input.threads(cores) {
                let (keys, last, queue) = (keys.clone(), last.clone(), &queue);
                scope.spawn(move || {
                    self.breaker.watch("a reader", || self.feed(&keys, queue), abort);
                    drop(last);
                });
            }
            drop((keys, last));
            let keys = Keys { chunks, chunk: CHUNK, supply: &self.supply };
            let heard = all_open(&opened, cores).and_then(|()| hear(self, keys));
            if heard.is_err() {
                self.breaker.give_up();
                queue.abort();
            }
            heard
        })
    }

    fn faithful(&self, hear: impl FnOnce(&Self, Keys<'_>) -> Result<()>) -> Result<()> {
        let workers = self.plan.max_concurrent_transforms.max(1);
        let threads = (self.cores / workers).max(1);
        let (chunks, keys) = bounded(workers);
        let (opened_in, opened) = bounded(workers);
        thread::scope(|scope| {
            for _ in 0..workers {
                let (opened_in, keys) = (opened_in.clone(), keys.clone());
                scope.spawn(move || {
                    let transform = || {
                        if let Some(opened) = self.open_or_say(threads, &opened_in) {
                            drop(opened_in);
                            self.transform(opened, &keys);
                        }
                    };
                    self.breaker.watch("a transform", transform, || ());
                });
            }
            drop((opened_in, keys));
            let keys = Keys { chunks, chunk: 1, supply: &self.supply };
            let heard = all_open(&opened, workers).and_then(|()| hear(self, keys));
            if heard.is_err() {
                self.breaker.give_up();
            }
            heard
        })
    }

    /// Opens a session and says so, or why not.
    fn open_or_say(&self, threads: usize, said: &Sender<Result<()>>) -> Option<Opened> {
        let (opened, word) = match self.open(threads) {
            Ok(opened) => (Some(opened), Ok(())),
            Err(error) => (None, Err(error)),
        };
        // Nobody listens any more where another session failed first.
        let _ = said.send(word);
        opened
    }
}

/// Waits until every session has said that it is open. One that panicked says nothing.
fn all_open(opened: &Receiver<Result<()>>, sessions: usize) -> Result<()> {
    for _ in 0..sessions {
        opened.recv().unwrap_or_else(|_| Err(Error::Bug("a session died".into())))?;
    }
    Ok(())
}
