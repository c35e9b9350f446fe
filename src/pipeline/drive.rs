//! One session at work: batches from the queue, into slots, through the model, to a sink.

use std::collections::VecDeque;

use crate::backend::{DeviceTimes, Predictions, Session, Ticket};
use crate::batching::{Arrived, Queue};
use crate::clock::Clock;
use crate::data::Image;
use crate::error::{Error, Result};
use crate::staging::Pool;
use crate::units::Nanos;

/// An image on its way, with what its owner knows it by.
#[derive(Clone, Copy, Debug)]
pub struct Item<T> {
    /// The pixels.
    pub image: Image,
    /// Given back with the prediction.
    pub tag: T,
}

/// A batch that came to its end.
pub struct Done<'a, T> {
    /// The items, oldest first, for the sink to take what it needs of them.
    pub items: &'a mut [Arrived<Item<T>>],
    /// One prediction for each item in the same order, or why there is none.
    pub outcome: Result<&'a Predictions, Error>,
    /// When what happened.
    pub times: BatchTimes,
}

/// Stamps of one batch, all of the pipeline's clock but the device's own.
#[derive(Clone, Copy, Debug, Default)]
pub struct BatchTimes {
    /// For how long the session had nothing to do before the batch closed.
    pub waited: Nanos,
    /// Waiting of all its images together, from arrival to closing.
    pub queued: Nanos,
    /// When the batch closed.
    pub closed: Nanos,
    /// When its slot was filled.
    pub staged: Nanos,
    /// When its predictions were there.
    pub done: Nanos,
    /// Where the device's time went.
    pub device: DeviceTimes,
}

struct InFlight<T> {
    items: Vec<Arrived<Item<T>>>,
    ticket: Ticket,
    times: BatchTimes,
}

/// Runs a session until the queue has ended and is empty, handing every batch to `sink`.
///
/// As many batches are kept in flight as the session allows. A batch that fails is run again
/// image by image, so that a poisoned image fails alone; the sink sees those as batches of one. An
/// image that fails by itself is tried again `retries` times.
pub fn drive<T>(
    session: &mut dyn Session,
    queue: &Queue<Item<T>>,
    pool: &Pool,
    clock: &Clock,
    retries: u32,
    mut sink: impl FnMut(Done<'_, T>),
) {
    let mut predictions = Predictions::default();
    let mut flying: VecDeque<InFlight<T>> = VecDeque::with_capacity(session.in_flight());
    let mut failed: Vec<(Vec<Arrived<Item<T>>>, Error)> = Vec::new();
    let mut spare: Vec<Vec<Arrived<Item<T>>>> = Vec::new();
    loop {
        if flying.is_empty() {
            for (mut items, error) in failed.drain(..) {
                let predictions = &mut predictions;
                let again = Again { session, pool, clock, retries, predictions };
                again.one_by_one(&mut items, error, &mut sink);
                spare.push(items);
            }
        }
        let mut items = spare.pop().unwrap_or_default();
        let mut waited = Nanos(0);
        let closed = if flying.is_empty() {
            let idle = clock.now();
            let Some(closed) = queue.next_batch(&mut items) else { return };
            waited = closed - idle;
            Some(closed)
        } else if failed.is_empty() && flying.len() < session.in_flight() {
            queue.try_next_batch(&mut items)
        } else {
            None
        };
        if let Some(closed) = closed {
            match submit(session, pool, clock, &items, closed) {
                Ok((ticket, times)) => {
                    let times = BatchTimes { waited, ..times };
                    flying.push_back(InFlight { items, ticket, times });
                }
                Err(error) => failed.push((items, error)),
            }
            continue;
        }
        spare.push(items);
        if let Some(InFlight { mut items, ticket, mut times }) = flying.pop_front() {
            match session.wait(ticket, &mut predictions) {
                Ok(device) => {
                    times.done = clock.now();
                    times.device = device;
                    sink(Done { items: &mut items, outcome: Ok(&predictions), times });
                    spare.push(items);
                }
                Err(error) => failed.push((items, error)),
            }
        }
    }
}

/// Fills a slot and submits it.
fn submit<T>(
    session: &mut dyn Session,
    pool: &Pool,
    clock: &Clock,
    items: &[Arrived<Item<T>>],
    closed: Nanos,
) -> Result<(Ticket, BatchTimes)> {
    let mut slot = pool.take();
    slot.fill(items.iter().map(|arrived| &arrived.item.image));
    let times = BatchTimes {
        queued: items.iter().fold(Nanos(0), |sum, arrived| sum + (closed - arrived.at)),
        closed,
        staged: clock.now(),
        ..BatchTimes::default()
    };
    Ok((session.submit(slot)?, times))
}

/// What a failed batch is run again with.
struct Again<'a> {
    session: &'a mut dyn Session,
    pool: &'a Pool,
    clock: &'a Clock,
    retries: u32,
    predictions: &'a mut Predictions,
}

impl Again<'_> {
    /// Runs each image by itself. One that was by itself already has used up its first try.
    fn one_by_one<T>(
        mut self,
        items: &mut [Arrived<Item<T>>],
        error: Error,
        sink: &mut impl FnMut(Done<'_, T>),
    ) {
        let alone = items.len() == 1;
        let mut first = alone.then_some(error);
        for items in items.chunks_mut(1) {
            let tries = self.retries + u32::from(!alone);
            match self.up_to(tries, items, first.take()) {
                Ok(times) => sink(Done { items, outcome: Ok(self.predictions), times }),
                Err(error) => {
                    let now = self.clock.now();
                    let times = BatchTimes { closed: now, done: now, ..BatchTimes::default() };
                    sink(Done { items, outcome: Err(error), times });
                }
            }
        }
    }

    /// Runs a batch up to so many times, until it goes well; the error is the last try's.
    fn up_to<T>(
        &mut self,
        tries: u32,
        items: &[Arrived<Item<T>>],
        before: Option<Error>,
    ) -> Result<BatchTimes> {
        let mut outcome = Err(before.unwrap_or_else(|| Error::Bug("a batch was not run".into())));
        for _ in 0..tries {
            outcome = self.once(items);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    fn once<T>(&mut self, items: &[Arrived<Item<T>>]) -> Result<BatchTimes> {
        let (ticket, times) = submit(self.session, self.pool, self.clock, items, self.clock.now())?;
        let device = self.session.wait(ticket, self.predictions)?;
        Ok(BatchTimes { done: self.clock.now(), device, ..times })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::backend::{Backend, Null, Outputs, SessionOptions};
    use crate::batching::Policy;
    use crate::data::IMAGE_PIXELS;
    use crate::model::Weights;
    use crate::staging::Heap;

    fn items(n: usize) -> Vec<Item<usize>> {
        (0..n).map(|tag| Item { image: Image([tag as u8; IMAGE_PIXELS]), tag }).collect()
    }

    /// Runs `n` images through a scripted null backend; gives (tag, class or reason) in order.
    fn run(
        null: &Null,
        n: usize,
        max_batch: usize,
        retries: u32,
    ) -> Vec<(usize, Result<u8, String>)> {
        let options = SessionOptions {
            max_batch,
            threads: 1,
            outputs: Outputs::Classes,
            precision: Default::default(),
        };
        let mut session = null.open(&Weights::zeros(), &options).unwrap();
        let clock = Clock::monotonic();
        let policy = Policy::new(max_batch, Nanos(1_000_000), vec![]).unwrap();
        let queue = Queue::new(n.max(1), policy, clock.clone());
        let pool = Pool::new(&Heap, session.in_flight() + 1, max_batch).unwrap();
        queue.push_all(&mut items(n)).unwrap();
        queue.end();
        let mut out = Vec::new();
        drive(session.as_mut(), &queue, &pool, &clock, retries, |done| {
            for (i, arrived) in done.items.iter().enumerate() {
                let class =
                    done.outcome.as_ref().map(|p| p.classes[i]).map_err(ToString::to_string);
                out.push((arrived.item.tag, class));
            }
        });
        assert_eq!(pool.free(), session.in_flight() + 1, "every slot came back");
        out
    }

    #[test]
    fn every_image_gets_its_own_prediction() {
        for n in [0, 1, 7, 8, 9, 100] {
            let out = run(&Null::default(), n, 8, 0);
            assert_eq!(out, (0..n).map(|i| (i, Ok((i % 10) as u8))).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_session_says_how_long_it_stood_idle() {
        let (idle, busy) = (Duration::from_millis(30), Duration::from_millis(60));
        let null = Null::scripted(Arc::new(move |_, _| Ok(busy)));
        let options = SessionOptions {
            max_batch: 1,
            threads: 1,
            outputs: Outputs::Classes,
            precision: Default::default(),
        };
        let mut session = null.open(&Weights::zeros(), &options).unwrap();
        let clock = Clock::monotonic();
        let queue = Queue::new(4, Policy::new(1, Nanos(0), vec![]).unwrap(), clock.clone());
        let pool = Pool::new(&Heap, 2, 1).unwrap();
        let mut waits = Vec::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(idle);
                // The second is there while the first runs.
                queue.push_all(&mut items(2)).unwrap();
                queue.end();
            });
            let sink = |done: Done<'_, usize>| waits.push(done.times.waited);
            drive(session.as_mut(), &queue, &pool, &clock, 0, sink);
        });
        assert_eq!(waits.len(), 2);
        assert!(waits[0] >= Nanos(20_000_000), "{waits:?}");
        assert!(waits[1] < Nanos(10_000_000), "{waits:?}");
    }

    #[test]
    fn a_batch_that_fails_is_run_again_image_by_image() {
        // Only the first call fails: it holds images 0 to 7.
        let null = Null::scripted(Arc::new(|batch, _| {
            if batch == 0 { Err("scripted".into()) } else { Ok(Duration::ZERO) }
        }));
        let out = run(&null, 10, 8, 0);
        assert_eq!(out, (0..10).map(|i| (i, Ok(i as u8))).collect::<Vec<_>>());
    }

    #[test]
    fn an_image_that_fails_alone_too_is_reported_and_the_others_go_on() {
        // Batches of more than one fail, and the third single does.
        let null = Null::scripted(Arc::new(|batch, images| {
            if images > 1 || batch == 3 { Err("scripted".into()) } else { Ok(Duration::ZERO) }
        }));
        let out = run(&null, 4, 4, 0);
        let failed: Vec<usize> = out.iter().filter(|(_, c)| c.is_err()).map(|(t, _)| *t).collect();
        assert_eq!(failed, [2]);
        assert_eq!(out[2].1, Err("backend null: scripted".into()));
        assert_eq!(out.len(), 4);
    }

    #[test]
    fn an_image_that_fails_alone_is_tried_again_so_often_and_not_more() {
        // The batch fails, then the single of image 0 three times, of which two are retries.
        let null = Null::scripted(Arc::new(|batch, _| {
            if batch <= 3 { Err(format!("try {batch}")) } else { Ok(Duration::ZERO) }
        }));
        let twice = run(&null, 2, 2, 2);
        assert_eq!(twice[0], (0, Err("backend null: try 3".into())));
        assert_eq!(twice[1], (1, Ok(1)));
        assert_eq!(run(&null, 2, 2, 3), [(0, Ok(0)), (1, Ok(1))]);
    }

    #[test]
    fn a_batch_of_one_that_fails_has_had_its_first_try() {
        let null = Null::scripted(Arc::new(|batch, _| {
            if batch < 2 { Err(format!("try {batch}")) } else { Ok(Duration::ZERO) }
        }));
        assert_eq!(run(&null, 1, 1, 0), [(0, Err("backend null: try 0".into()))]);
        assert_eq!(run(&null, 1, 1, 1), [(0, Err("backend null: try 1".into()))]);
        assert_eq!(run(&null, 1, 1, 2), [(0, Ok(0))]);
    }
}
