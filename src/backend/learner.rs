//! The contract between training and whatever computes gradients.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::torch;
use crate::error::Result;
use crate::model::Weights;

/// One replica of the model, with a gradient. It belongs to the thread that made it.
pub trait Learner {
    /// Replaces the replica's weights.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::error::Error::Backend) where the framework refuses.
    fn set_weights(&mut self, weights: &Weights) -> Result<()>;

    /// Runs a share of a batch forward and backward. `gradient` becomes the **sum** over its images
    /// of the gradient of each one's loss (the negative log-likelihood of its label), so that
    /// shares of unequal size add up; whoever wants the mean divides once, at the end.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::error::Error::Backend) where the framework refuses; `gradient` is
    /// then unspecified.
    fn learn(&mut self, share: &Share<'_>, gradient: &mut Weights) -> Result<Tally>;
}

/// One replica's part of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Share<'a> {
    /// `[n, 28, 28]`.
    pub pixels: &'a [u8],
    /// `[n]`, each from 0 to 9.
    pub labels: &'a [u8],
    /// What to drop; nothing where it is `None`.
    pub dropout: Option<Dropout>,
}

/// What a replica says of a share.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// Sum of the images' losses.
    pub loss: f64,
    /// Images whose most probable class was their label.
    pub correct: usize,
}

/// Which channels and features of which image to drop, each with probability one half.
///
/// The choice depends on the batch's seed and the image's place in the batch alone, so it stays
/// the same however the batch is shared out, and no generator is shared between threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropout {
    /// The whole batch's.
    pub seed: u64,
    /// The place in the batch of the share's first image.
    pub first: usize,
}

/// Channels that the second convolution makes, which `dropout2d` drops whole.
pub(super) const DROPPED_CHANNELS: usize = 20;
/// Features that the first linear layer makes, which `dropout` drops one by one.
pub(super) const DROPPED_FEATURES: usize = 50;

impl Dropout {
    /// Factors for the channels `[images, 20]` and the features `[images, 50]`: 0 for what is
    /// dropped and 2 for what stays, so that sums keep their expected size.
    pub(super) fn factors(self, images: usize) -> (Vec<f32>, Vec<f32>) {
        let mut random = Pcg64::seed_from_u64(self.seed);
        // Each image draws two numbers.
        random.advance(2 * self.first as u128);
        let mut channels = Vec::with_capacity(images * DROPPED_CHANNELS);
        let mut features = Vec::with_capacity(images * DROPPED_FEATURES);
        for _ in 0..images {
            channels.extend(bits(random.random(), DROPPED_CHANNELS));
            features.extend(bits(random.random(), DROPPED_FEATURES));
        }
        (channels, features)
    }
}

/// The lowest `count` bits as factors.
fn bits(word: u64, count: usize) -> impl Iterator<Item = f32> {
    (0..count).map(move |bit| if word >> bit & 1 == 1 { 2.0 } else { 0.0 })
}

/// A replica on the calling thread, which may use `threads` threads; all its weights are zero.
///
/// # Errors
/// [`Error::Unavailable`](crate::error::Error::Unavailable) in a build without libtorch, the only
/// one that learns.
pub fn learner(threads: usize) -> Result<Box<dyn Learner>> {
    torch::learner(threads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_does_not_depend_on_how_the_batch_is_shared_out() {
        let (channels, features) = Dropout { seed: 5, first: 0 }.factors(7);
        let (rest_channels, rest_features) = Dropout { seed: 5, first: 3 }.factors(4);
        assert_eq!(channels[3 * DROPPED_CHANNELS..], rest_channels);
        assert_eq!(features[3 * DROPPED_FEATURES..], rest_features);
    }

    #[test]
    fn half_is_dropped_and_the_other_half_doubled() {
        let (channels, features) = Dropout { seed: 1, first: 0 }.factors(2_000);
        for factors in [channels, features] {
            let kept = factors.iter().filter(|&&f| f == 2.0).count() as f64 / factors.len() as f64;
            assert!((kept - 0.5).abs() < 0.01, "{kept} of them stay");
            assert!(factors.iter().all(|&f| f == 0.0 || f == 2.0));
        }
    }
}
