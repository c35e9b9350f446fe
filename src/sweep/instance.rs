//! An instance of a sweep: measures its part of one cell.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::message::{Down, Measured, Order, Up};
use super::window::{Change, Meter};
use crate::backend::{self, Backend, Outputs, Predictions, Session, SessionOptions};
use crate::batching::{Policy, Queue};
use crate::clock::Clock;
use crate::data::{self, Image};
use crate::error::{Error, Result};
use crate::measure::host;
use crate::model::{self, Weights};
use crate::pipeline::{Item, Link, drive};
use crate::staging::Pool;
use crate::units::Nanos;

/// Images that the feeder hands over at once: enough that the queue's lock costs nothing beside
/// copying them.
const FEED: usize = 64;
/// How long an image may wait for a full batch. The feeder never pauses, so no batch should ever
/// close for this reason.
const MAX_DELAY: Nanos = Nanos(1_000_000_000);

/// Measures one cell as the parent on the other end of `link` says.
///
/// The session runs on a thread of its own; meanwhile this one hears the parent, who says `Go` once
/// all instances are warm, or ends the conversation.
///
/// # Errors
/// What keeps the cell from being measured; it has been said to the parent too.
pub fn serve(link: &Link) -> Result<()> {
    let Some(Down::Measure(order)) = link.receive()? else {
        return Err(Error::Bug("the word to go came before a cell to measure".into()));
    };
    let signs = Signs::default();
    thread::scope(|scope| {
        let signs = &signs;
        let session = scope.spawn(move || {
            let measured = Bench::load(link, &order).and_then(|bench| bench.run(&order, signs));
            let peak_rss_bytes = host::peak_resident_bytes();
            let (up, outcome) = match measured {
                Ok(measured) => {
                    (Up::Measured(Box::new(Measured { peak_rss_bytes, ..measured })), Ok(()))
                }
                Err(error) => (Up::Failed { reason: error.to_string() }, Err(error)),
            };
            link.send(&up).and(outcome)
        });
        match link.receive()? {
            Some(Down::Go) => signs.go.store(true, Ordering::Release),
            Some(_) => return Err(Error::Bug("a cell came before the last was over".into())),
            None => signs.abandon.store(true, Ordering::Release),
        }
        session.join().unwrap_or_else(|_| Err(Error::Bug("a session panicked".into())))
    })
}

struct Bench<'a> {
    link: &'a Link,
    weights: Weights,
    images: Vec<Image>,
}

impl<'a> Bench<'a> {
    fn load(link: &'a Link, order: &Order) -> Result<Self> {
        let (weights, _) = match &order.model {
            Some(path) => model::load(path)?,
            None => model::shipped()?,
        };
        let path = &order.images;
        let file = std::fs::File::open(path).map_err(|e| Error::io("open", path, e))?;
        let images = data::idx::read_images(file, path)?.items;
        Ok(Self { link, weights, images })
    }

    /// Opens the session, runs the check set where asked to, warms up, and measures.
    fn run(&self, order: &Order, signs: &Signs) -> Result<Measured> {
        let backend = backend::by_name(&order.backend)?;
        let check = match order.check.min(self.images.len()) {
            0 => None,
            images => Some(self.check(order, &*backend, images)?.into()),
        };
        let (mut session, pool) = self.open(order, &*backend, Outputs::Classes)?;
        let clock = Clock::monotonic();
        let policy = Policy::new(order.batch, MAX_DELAY, Vec::new())?;
        let queue = Queue::new(order.queue * order.batch, policy, clock.clone());
        let mut meter = Meter::new(order.warmup(), Nanos(order.window), clock.now());
        let mut failure = None;
        thread::scope(|scope| {
            scope.spawn(|| feed(&self.images, &queue));
            drive(session.as_mut(), &queue, &pool, &clock, 0, |done| {
                let go = signs.go.load(Ordering::Acquire);
                let outcome = match done.outcome {
                    Err(error) => Err(error),
                    Ok(_) => match meter.batch(done.items.len() as u64, &done.times, go) {
                        Change::Warm => self.link.send(&Up::Warm),
                        Change::Over => return queue.abort(),
                        Change::None => Ok(()),
                    },
                };
                if let Err(error) = outcome {
                    failure = Some(error);
                    queue.abort();
                } else if signs.abandon.load(Ordering::Acquire) {
                    queue.abort();
                }
            });
        });
        match failure {
            Some(error) => Err(error),
            None => Ok(Measured { check, ..meter.measured() }),
        }
    }

    /// A session of the cell's kind, with its slots.
    fn open(
        &self,
        order: &Order,
        backend: &dyn Backend,
        outputs: Outputs,
    ) -> Result<(Box<dyn Session>, Pool)> {
        let options = SessionOptions { max_batch: order.batch, threads: order.threads, outputs };
        let session = backend.open(&self.weights, &options)?;
        let pool = Pool::new(&*backend.host_alloc(), session.in_flight() + 1, order.batch)?;
        Ok((session, pool))
    }

    /// What this cell's session says of the check set, in batches of the cell's size.
    fn check(&self, order: &Order, backend: &dyn Backend, images: usize) -> Result<Predictions> {
        let (mut session, pool) = self.open(order, backend, Outputs::Scores)?;
        predict(session.as_mut(), &pool, &self.images[..images])
    }
}

/// What the parent has said meanwhile.
#[derive(Default)]
struct Signs {
    go: AtomicBool,
    abandon: AtomicBool,
}

/// Runs images through a session, a slot at a time, and gives their predictions in order.
///
/// # Errors
/// The first batch's that fails.
pub(super) fn predict(
    session: &mut dyn Session,
    pool: &Pool,
    images: &[Image],
) -> Result<Predictions> {
    let mut all = Predictions::default();
    let mut some = Predictions::default();
    let mut rest = images;
    while !rest.is_empty() {
        let mut slot = pool.take();
        let (batch, others) = rest.split_at(rest.len().min(slot.capacity()));
        slot.fill(batch);
        let ticket = session.submit(slot)?;
        session.wait(ticket, &mut some)?;
        all.classes.append(&mut some.classes);
        all.scores.append(&mut some.scores);
        rest = others;
    }
    Ok(all)
}

/// Cycles the images into the queue until it is aborted.
fn feed(images: &[Image], queue: &Queue<Item<()>>) {
    let mut items = Vec::with_capacity(FEED);
    for chunk in images.chunks(FEED).cycle() {
        items.extend(chunk.iter().map(|&image| Item { image, tag: () }));
        if queue.push_all(&mut items).is_err() {
            return;
        }
    }
}
