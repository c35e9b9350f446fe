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
        warm(session.as_mut(), &pool, warm_up(self.backend.warms_up(), max_batch))?;
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

/// How many batches of how many images warm a session up: full ones, unless that would take long.
/// Where later batches are as slow as the first, one image finds out that the session works, and a
/// small job is not held up by more than it holds itself.
fn warm_up(warms: bool, max_batch: usize) -> (usize, usize) {
    if warms { (3, max_batch.min(WARM_IMAGES)) } else { (1, 1) }
}

/// Runs batches of nothing in particular.
fn warm(session: &mut dyn Session, pool: &Pool, (batches, images): (usize, usize)) -> Result<()> {
    let blank = Image([0; IMAGE_PIXELS]);
    let mut predictions = Predictions::default();
    for _ in 0..batches {
        let mut slot = pool.take();
        slot.fill(std::iter::repeat_n(&blank, images));
        let ticket = session.submit(slot)?;
        session.wait(ticket, &mut predictions)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_does_not_warm_up_runs_one_image_to_see_that_it_works() {
        assert_eq!(warm_up(true, 256), (3, 256));
        assert_eq!(warm_up(true, 65_536), (3, WARM_IMAGES));
        assert_eq!(warm_up(false, 256), (1, 1));
    }
}
