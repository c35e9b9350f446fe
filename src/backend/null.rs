//! A backend that takes no time, or a scripted time, or fails as told.
//!
//! It measures the harness itself and drives the tests of everything above it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::sync::{Forward, Synchronous};
use super::{Backend, Outputs, Predictions, Session, SessionOptions};
use crate::data::IMAGE_PIXELS;
use crate::error::{Error, Result};
use crate::model::{CLASSES, Weights};

/// What the null backend does with its `n`th batch of `images` images: the time it takes, or the
/// reason it fails.
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
        let start = Instant::now();
        if let Some(script) = &self.script {
            let number = self.batch;
            self.batch += 1;
            let took = script(number, images).map_err(|reason| Error::backend("null", reason))?;
            // Sleeping is too coarse for the microseconds that scripts are written in.
            if took > Duration::from_millis(2) {
                std::thread::sleep(took - Duration::from_millis(1));
            }
            while start.elapsed() < took {
                std::hint::spin_loop();
            }
        }
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
        Ok(())
    }
}
