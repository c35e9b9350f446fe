//! Batches, split over threads.

use std::sync::Arc;

use super::answers::Answers;
use super::kernel::Kernel;
use super::team::{Share, Team};
use crate::backend::sync::Forward;
use crate::backend::{Outputs, Predictions, SessionOptions};
use crate::data::IMAGE_PIXELS;
use crate::error::Result;
use crate::model::CLASSES;

/// A session's model: packed weights, threads, and room for everything between pixels and
/// predictions, so that a batch allocates nothing.
pub(super) struct Engine<K: Kernel> {
    kernel: Arc<K>,
    /// The calling thread's.
    scratch: K::Scratch,
    /// The other threads.
    team: Team,
    outputs: Outputs,
    /// Room that the first batch finds in [`Predictions`] where it brings none.
    max_batch: usize,
}

impl<K: Kernel> Engine<K> {
    /// Starts the threads.
    ///
    /// # Errors
    /// [`crate::error::Error::Backend`] where the system gives no more threads.
    pub(super) fn new(kernel: K, options: &SessionOptions) -> Result<Self> {
        let kernel = Arc::new(kernel);
        Ok(Self {
            scratch: kernel.scratch(),
            team: Team::start(&kernel, options.threads.max(1) - 1)?,
            kernel,
            outputs: options.outputs,
            max_batch: options.max_batch,
        })
    }
}

impl<K: Kernel> Forward for Engine<K> {
    fn forward(&mut self, pixels: &[u8], images: usize, out: &mut Predictions) -> Result<()> {
        let Predictions { classes, scores } = out;
        // Room for the largest batch at once: later ones find it.
        classes.reserve(self.max_batch.saturating_sub(classes.len()));
        classes.resize(images, 0);
        match self.outputs {
            Outputs::Classes => scores.clear(),
            Outputs::Scores => {
                scores.reserve(self.max_batch.saturating_sub(scores.len()));
                scores.resize(images, [0.0; CLASSES]);
            }
        }
        let share = share(images, self.team.threads() + 1, K::LANES);
        let mut shares = shares(&pixels[..images * IMAGE_PIXELS], classes, scores, share);
        let Some(first) = shares.next() else { return Ok(()) };
        let Self { kernel, scratch, team, .. } = self;
        team.run(shares, || kernel.run(scratch, first.pixels, first.answers));
        Ok(())
    }
}

/// Images of each thread's share but the last, which may have fewer: equal shares, over no more
/// threads than there are groups.
fn share(images: usize, threads: usize, lanes: usize) -> usize {
    images.div_ceil(threads.min(images.div_ceil(lanes)).max(1)).max(1)
}

/// Cuts a batch into shares of so many images.
fn shares<'a>(
    pixels: &'a [u8],
    classes: &'a mut [u8],
    scores: &'a mut [[f32; CLASSES]],
    share: usize,
) -> impl Iterator<Item = Share<'a>> {
    // Where only classes are wanted, every share has room for no scores.
    let mut scores = scores.chunks_mut(share);
    pixels.chunks(share * IMAGE_PIXELS).zip(classes.chunks_mut(share)).map(
        move |(pixels, classes)| {
            let scores = scores.next().unwrap_or_default();
            Share { pixels, answers: Answers { classes, scores } }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_equal_and_no_smaller_than_they_need_be() {
        assert_eq!(share(256, 2, 8), 128);
        assert_eq!(share(100, 2, 8), 50);
        assert_eq!(share(101, 2, 8), 51);
        assert_eq!(share(8, 2, 8), 8, "one group is one thread's");
        assert_eq!(share(9, 2, 8), 5, "two shares that are done at the same time");
        assert_eq!(share(17, 8, 8), 6);
        assert_eq!((share(1, 4, 16), share(0, 4, 16)), (1, 1));
    }

    #[test]
    fn every_image_is_in_one_share() {
        for images in 0..40 {
            for threads in 1..6 {
                for scored in [false, true] {
                    let pixels = vec![0; images * IMAGE_PIXELS];
                    let mut classes = vec![0; images];
                    let mut scores = vec![[0.0; CLASSES]; if scored { images } else { 0 }];
                    let size = share(images, threads, 8);
                    let shares: Vec<_> = shares(&pixels, &mut classes, &mut scores, size).collect();
                    assert!(shares.len() <= threads, "{images} over {threads}");
                    let mut total = 0;
                    for Share { pixels, answers } in &shares {
                        total += answers.classes.len();
                        assert_eq!(pixels.len(), answers.classes.len() * IMAGE_PIXELS);
                        let wanted = if scored { answers.classes.len() } else { 0 };
                        assert_eq!(answers.scores.len(), wanted);
                    }
                    assert_eq!(total, images, "{images} over {threads}");
                }
            }
        }
    }
}
