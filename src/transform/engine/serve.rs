//! The instance's end of the conversation with its parent.

use super::run::Keys;
use super::{Engine, Parts};
use crate::backend;
use crate::error::{Error, Result};
use crate::measure::host::{own_cores, peak_resident_bytes};
use crate::pipeline::{Heard, Link};
use crate::store::Location;
use crate::transform::handler::Handler;
use crate::transform::message::{Down, Up};
use crate::transform::plan::Plan;
use crate::transform::terms::Preprocess;

/// Does a share of a job, as the parent on the other end of `link` says.
///
/// # Errors
/// Whatever keeps the instance from working at all; it has been said to the parent too. Objects
/// that fail are reported one by one.
pub fn serve(link: &Link, handler: &dyn Handler) -> Result<()> {
    let Some(Down::Open { plan, index, base }) = link.receive()? else {
        return Err(Error::Bug("an instance was told to work before it was told on what".into()));
    };
    let done = work(link, handler, &plan, index, &base);
    if let Err(error) = &done {
        // If the parent is gone too, our exit code is all that is left to say.
        let _ = link.send(&Up::Broken { reason: error.to_string() });
    }
    done
}

fn work(
    link: &Link,
    handler: &dyn Handler,
    plan: &Plan,
    index: usize,
    base: &Location,
) -> Result<()> {
    let (weights, model) = handler.model_fn(plan.model_file.as_deref())?;
    let weights = match plan.preprocess {
        Preprocess::Normalise => weights,
        Preprocess::ToTensor => weights.without_normalisation(),
    };
    // A parent that is gone has ended our input too.
    let tell = |up| drop(link.send(&up));
    let backend = backend::by_name(&plan.backend)?;
    let parts = Parts { handler, backend, weights, cores: own_cores().len(), tell: &tell };
    let engine = Engine::new(plan, base, parts)?;
    let mut report = engine.run(|engine, keys| {
        link.send(&Up::Ready { model })?;
        hear(link, engine, &keys)
    })?;
    report.index = index;
    report.peak_rss_bytes = peak_resident_bytes();
    link.send(&Up::Report(report))
}

/// Passes keys on until the parent has no more, or the engine breaks off.
fn hear(link: &Link, engine: &Engine<'_>, keys: &Keys<'_>) -> Result<()> {
    loop {
        match link.receive_or(engine.breaker.cause())? {
            Heard::Message(Down::Keys { objects, last }) => keys.send(objects, last)?,
            Heard::Message(Down::Open { .. }) => {
                return Err(Error::Bug("an instance was opened twice".into()));
            }
            Heard::End => return Ok(()),
            Heard::Other(cause) => return Err(cause),
        }
    }
}
