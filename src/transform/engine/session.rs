//! Sessions: opened and warmed before the first object.

use super::Engine;
use crate::backend::{Outputs, Predictions, Session, SessionOptions};
use crate::data::{IMAGE_PIXELS, Image};
use crate::error::{Error, Result};
use crate::staging::Pool;

/// Images of a warm-up batch at most.
const WARM_IMAGES: usize = 1024;

/// A session with the slots that its batches are staged in.
pub(super) struct Opened {
    pub(super) session: Box<dyn Session>,
    pub(super) pool: Pool,
}

impl Engine<'_> {
    /// Opens a session on the thread that will run it, and warms it.
    pub(super) fn open(&self, threads: usize) -> Result<Opened> {
        let max_batch = self.plan.max_batch;
        let outputs = if self.plan.probabilities { Outputs::Scores } else { Outputs::Classes };
        let options = SessionOptions { max_batch, threads, outputs, precision: Default::default() };
        let mut session = self.backend.open(&self.weights, &options)?;
        let slots = session.in_flight() + 1;
        let pool = Pool::new(&*self.backend.host_alloc(), slots, max_batch)?;
        warm(session.as_mut(), &pool)?;
        Ok(Opened { session, pool })
    }

    /// Does something once, and again as often as the job allows where a backend fails: what is
    /// wrong with an input stays wrong.
    pub(super) fn with_retries<T>(&self, mut work: impl FnMut() -> Result<T>) -> Result<T> {
        let mut outcome = work();
        for _ in 0..self.plan.invocations_max_retries {
            match outcome {
                Err(Error::Backend { .. }) => outcome = work(),
                _ => break,
            }
        }
        outcome
    }
}

/// Runs batches of nothing in particular: first calls allocate, choose kernels and load code. They
/// are full unless that would take long.
fn warm(session: &mut dyn Session, pool: &Pool) -> Result<()> {
    let blank = Image([0; IMAGE_PIXELS]);
    let mut predictions = Predictions::default();
    for _ in 0..3 {
        let mut slot = pool.take();
        let images = slot.capacity().min(WARM_IMAGES);
        slot.fill(std::iter::repeat_n(&blank, images));
        let ticket = session.submit(slot)?;
        session.wait(ticket, &mut predictions)?;
    }
    Ok(())
}
