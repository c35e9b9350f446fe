//! A session whose device is the calling thread.

use std::time::Instant;

use super::{DeviceTimes, Predictions, Session, Ticket};
use crate::error::Result;
use crate::staging::Slot;
use crate::units::Nanos;

/// A forward pass that returns when it is done.
pub(super) trait Forward {
    /// Runs the model over `images` images, `pixels` being `[images, 28, 28]`.
    fn forward(&mut self, pixels: &[u8], images: usize, out: &mut Predictions) -> Result<()>;
}

/// Makes a session of a forward pass. The work is done in `wait`: the thread that waits is the
/// device, and nothing would run between the two calls.
pub(super) struct Synchronous<F>(pub(super) F);

impl<F: Forward> Session for Synchronous<F> {
    fn submit(&mut self, slot: Slot) -> Result<Ticket> {
        Ok(Ticket { slot })
    }

    fn wait(&mut self, ticket: Ticket, predictions: &mut Predictions) -> Result<DeviceTimes> {
        let start = Instant::now();
        self.0.forward(ticket.slot.pixels(), ticket.images(), predictions)?;
        Ok(DeviceTimes { compute: Nanos::from(start.elapsed()), ..DeviceTimes::default() })
    }
}
