//! What the two forward passes share: threads, chunks, results.

use tch::{TchError, Tensor};

use super::{tensors, threads};
use crate::backend::sync::{Forward, Synchronous};
use crate::backend::{Outputs, Predictions, Session, SessionOptions, argmax, check_precision};
use crate::data::IMAGE_PIXELS;
use crate::error::Result;
use crate::model::{CLASSES, Weights};

/// The Net, from pixels to logits.
pub(super) trait Net: Sized + 'static {
    /// The backend's name.
    const NAME: &'static str;

    /// Loads the weights, for passes of `images` images.
    fn load(weights: &Weights, images: usize) -> Result<Self>;

    /// Logits `[n, 10]` of pixels `[n, 1, 28, 28]`, bytes.
    fn logits(&self, pixels: &Tensor) -> Result<Tensor, TchError>;

    /// How many images of a batch go through the model together.
    fn chunk(options: &SessionOptions) -> usize;
}

/// Opens a session on the calling thread.
pub(super) fn open<N: Net>(
    weights: &Weights,
    options: &SessionOptions,
) -> Result<Box<dyn Session>> {
    check_precision(N::NAME, options)?;
    threads::set(N::NAME, options.threads)?;
    let chunk = N::chunk(options).clamp(1, options.max_batch.max(1));
    let net = {
        let _no_gradients = tch::no_grad_guard();
        N::load(weights, chunk)?
    };
    Ok(Box::new(Synchronous(Pass { net, chunk, outputs: options.outputs, rows: Vec::new() })))
}

struct Pass<N> {
    net: N,
    chunk: usize,
    outputs: Outputs,
    // Kept between batches: its size is the same for most of them.
    rows: Vec<[f32; CLASSES]>,
}

impl<N: Net> Forward for Pass<N> {
    fn forward(&mut self, pixels: &[u8], images: usize, out: &mut Predictions) -> Result<()> {
        // A guard a pass, not one a session: a learner may live on the same thread.
        let _no_gradients = tch::no_grad_guard();
        self.rows.resize(images, [0.0; CLASSES]);
        let chunk = even(images, self.chunk);
        let chunks = pixels[..images * IMAGE_PIXELS].chunks(chunk * IMAGE_PIXELS);
        for (pixels, rows) in chunks.zip(self.rows.chunks_mut(chunk)) {
            let wanted = self.outputs;
            tensors::with_pixels(pixels, |pixels| {
                let logits = self.net.logits(pixels)?;
                let scores = match wanted {
                    Outputs::Scores => logits.f_log_softmax(1, None)?,
                    // The largest logit is the largest score: the softmax would change nothing.
                    Outputs::Classes => logits,
                };
                let numbers = rows.as_flattened_mut();
                scores.f_copy_data(numbers, numbers.len())
            })
            .map_err(tensors::error(N::NAME))?;
        }
        answer(&self.rows, self.outputs, out);
        Ok(())
    }
}

/// Replaces the predictions by those of rows of log-probabilities (or logits, whose order is the
/// same), keeping the scores where they are wanted.
fn answer(rows: &[[f32; CLASSES]], outputs: Outputs, out: &mut Predictions) {
    out.classes.clear();
    out.scores.clear();
    out.classes.extend(rows.iter().map(argmax));
    if outputs == Outputs::Scores {
        out.scores.extend_from_slice(rows);
    }
}

/// The size of chunks that are as even as can be, each of at most `chunk` images: a last one of a
/// single image would pay all the calls for itself.
fn even(images: usize, chunk: usize) -> usize {
    images.div_ceil(images.div_ceil(chunk).max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_even() {
        for (images, want) in [(0, 1), (1, 1), (64, 64), (65, 33), (128, 64), (129, 43)] {
            assert_eq!(even(images, 64), want, "{images}");
        }
    }
}
