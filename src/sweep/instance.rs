//! An instance of a sweep: measures its part of one cell.

use std::thread;

use super::engine::{Engine, open};
use super::message::{Down, Measured, Order, Up};
use super::signs::Signs;
use crate::backend::{self, Backend, Outputs, Predictions, Session};
use crate::clock::Clock;
use crate::data::{self, Image};
use crate::error::{Error, Result};
use crate::measure::host;
use crate::model::{self, Weights};
use crate::pipeline::Link;
use crate::staging::Pool;
use crate::units::Nanos;

/// How long after the word to go the window opens: long enough for every thread to know it.
const LEAD: Nanos = Nanos(2_000_000);

/// Measures one cell as the parent on the other end of `link` says.
///
/// The sessions run on threads of their own; meanwhile this one hears the parent, who says `Go`
/// once all instances are warm, or ends the conversation.
///
/// # Errors
/// What keeps the cell from being measured; it has been said to the parent too.
pub fn serve(link: &Link) -> Result<()> {
    let Some(Down::Measure(order)) = link.receive()? else {
        return Err(Error::Bug("the word to go came before a cell to measure".into()));
    };
    let (signs, clock) = (Signs::default(), Clock::monotonic());
    thread::scope(|scope| {
        let (signs, clock) = (&signs, &clock);
        let engine = scope.spawn(move || {
            let measured = measure(link, &order, signs, clock);
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
            Some(Down::Go) => signs.open(clock.now() + LEAD),
            Some(_) => return Err(Error::Bug("a cell came before the last was over".into())),
            None => signs.finish(),
        }
        engine.join().unwrap_or_else(|_| Err(Error::Bug("an engine panicked".into())))
    })
}

/// Runs the check set where asked to, and measures.
fn measure(link: &Link, order: &Order, signs: &Signs, clock: &Clock) -> Result<Measured> {
    let (weights, _) = match &order.model {
        Some(path) => model::load(path)?,
        None => model::shipped()?,
    };
    let path = &order.images;
    let file = std::fs::File::open(path).map_err(|e| Error::io("open", path, e))?;
    let images = data::idx::read_images(file, path)?.items;
    let backend = &*backend::by_name(&order.backend)?;
    let check = match order.check.min(images.len()) {
        0 => None,
        n => Some(check(order, backend, &weights, &images[..n])?.into()),
    };
    let warm = || link.send(&Up::Warm);
    let (weights, images) = (&weights, &images[..]);
    let engine = Engine { order, backend, weights, images, clock, signs, warm: &warm };
    Ok(Measured { check, ..engine.measure()? })
}

/// What this cell's session says of the check set, in batches of the cell's size.
fn check(
    order: &Order,
    backend: &dyn Backend,
    weights: &Weights,
    images: &[Image],
) -> Result<Predictions> {
    let (mut session, pool) = open(order, backend, weights, Outputs::Scores)?;
    predict(session.as_mut(), &pool, images)
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
