//! A backend that takes no time, or a scripted time, or fails as told.
//!
//! It measures the harness itself and drives the tests of everything above it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::sync::{Forward, Synchronous};
use super::{Backend, Outputs, Predictions, Session, SessionOptions, check_precision};
use crate::data::IMAGE_PIXELS;
use crate::error::{Error, Result};
use crate::model::{CLASSES, Weights};

/// What a session does with its `n`th batch, counted from 0, of `images` images: the time that the
/// batch takes, or the reason it fails at once. Sessions of one backend share the script and count
/// each for itself.
pub type Script = Arc<dyn Fn(u64, usize) -> Result<Duration, String> + Send + Sync>;

/// The backend without a model. An image's class is its first pixel modulo 10, so that tests can
/// tell whether the right answer went to the right image.
#[derive(Clone, Default)]
pub struct Null {
    script: Option<Script>,
}

impl Null {
    /// One that follows a script.
    pub fn scripted(script: Script) -> Self {
        Self { script: Some(script) }
    }
}

impl Backend for Null {
    fn name(&self) -> &'static str {
        "null"
    }

    fn open(&self, _: &Weights, options: &SessionOptions) -> Result<Box<dyn Session>> {
        check_precision(self.name(), options)?;
        let pass = Pass { script: self.script.clone(), batch: 0, outputs: options.outputs };
        Ok(Box::new(Synchronous(pass)))
    }
}

struct Pass {
    script: Option<Script>,
    batch: u64,
    outputs: Outputs,
}

impl Forward for Pass {
    fn forward(&mut self, pixels: &[u8], images: usize, out: &mut Predictions) -> Result<()> {
        let pause = match &self.script {
            Some(script) => {
                let (start, number) = (Instant::now(), self.batch);
                self.batch += 1;
                let took = script(number, images).map_err(|why| Error::backend("null", why))?;
                Some((start, took))
            }
            None => None,
        };
        out.classes.clear();
        out.scores.clear();
        out.classes.extend(pixels.chunks_exact(IMAGE_PIXELS).map(|image| image[0] % 10));
        if self.outputs == Outputs::Scores {
            out.scores.extend(out.classes.iter().map(|&class| {
                let mut row = [f32::NEG_INFINITY; CLASSES];
                row[usize::from(class)] = 0.0;
                row
            }));
        }
        if let Some((start, took)) = pause {
            pause_until(start, took);
        }
        Ok(())
    }
}

/// Returns when `took` has passed since `start`, late by microseconds at most on an idle core.
/// Sleep alone is late by a scheduler's tick, so the last of it is spent spinning.
fn pause_until(start: Instant, took: Duration) {
    const SPIN: Duration = Duration::from_millis(1);
    if let Some(sleep) = took.checked_sub(start.elapsed() + SPIN) {
        std::thread::sleep(sleep);
    }
    while start.elapsed() < took {
        std::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::super::conformance::{images, protocol};
    use super::*;
    use crate::staging::{Heap, Pool};
    use crate::units::Nanos;

    fn open(null: &Null) -> Box<dyn Session> {
        let options = SessionOptions {
            max_batch: 8,
            threads: 1,
            outputs: Outputs::Classes,
            precision: Default::default(),
        };
        null.open(&Weights::zeros(), &options).unwrap()
    }

    #[test]
    fn null_keeps_the_contract_of_a_session() {
        protocol(&Null::default(), 0.0);
    }

    #[test]
    fn the_class_is_the_first_pixel_modulo_ten() {
        let pool = Pool::new(&Heap, 1, 8).unwrap();
        let mut images = images(1, 8);
        images.iter_mut().zip([0, 9, 10, 37, 250, 255, 1, 2]).for_each(|(i, p)| i.0[0] = p);
        let mut slot = pool.take();
        slot.fill(&images);
        let mut session = open(&Null::default());
        let mut predictions = Predictions::default();
        let ticket = session.submit(slot).unwrap();
        session.wait(ticket, &mut predictions).unwrap();
        assert_eq!(predictions.classes, [0, 9, 0, 7, 0, 5, 1, 2]);
    }

    #[test]
    fn a_batch_takes_the_time_that_its_script_says() {
        let script = |batch, images| Ok(Duration::from_micros(100 * (batch + 1) * images as u64));
        let mut session = open(&Null::scripted(Arc::new(script)));
        let pool = Pool::new(&Heap, 1, 8).unwrap();
        for (images, batch) in [(4, 1), (8, 2), (8, 3)].map(|(n, batch)| (images(1, n), batch)) {
            let mut slot = pool.take();
            slot.fill(&images);
            let ticket = session.submit(slot).unwrap();
            let took = session.wait(ticket, &mut Predictions::default()).unwrap().compute;
            let least = Nanos(100_000 * batch * images.len() as u64);
            // No upper bound that a busy machine could break; the lower one is exact.
            assert!(took >= least, "{took} of {least}");
        }
    }

    #[test]
    fn a_failed_batch_gives_its_slot_back_and_the_session_goes_on() {
        let script = |batch, _| if batch == 1 { Err("as told".into()) } else { Ok(Duration::ZERO) };
        let mut session = open(&Null::scripted(Arc::new(script)));
        let pool = Pool::new(&Heap, 1, 8).unwrap();
        let images = images(1, 3);
        let outcomes = [(); 3].map(|()| {
            let mut slot = pool.take();
            slot.fill(&images);
            let ticket = session.submit(slot).unwrap();
            let mut predictions = Predictions::default();
            let outcome = session.wait(ticket, &mut predictions);
            assert_eq!(pool.free(), 1, "the slot is kept");
            outcome.map(|_| predictions.classes.len()).map_err(|error| error.to_string())
        });
        assert_eq!(outcomes, [Ok(3), Err("backend null: as told".into()), Ok(3)]);
    }

    #[test]
    fn each_session_counts_its_own_batches() {
        let script = |batch, _| if batch == 0 { Err("first".into()) } else { Ok(Duration::ZERO) };
        let null = Null::scripted(Arc::new(script));
        let pool = Pool::new(&Heap, 1, 8).unwrap();
        for mut session in [open(&null), open(&null)] {
            let ticket = session.submit(pool.take()).unwrap();
            assert!(session.wait(ticket, &mut Predictions::default()).is_err());
            let ticket = session.submit(pool.take()).unwrap();
            assert!(session.wait(ticket, &mut Predictions::default()).is_ok());
        }
    }
}
