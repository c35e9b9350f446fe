//! The contract between training and whatever computes gradients.

use rand::{Rng, SeedableRng};
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

/// Which channels and features of which image to drop, each with the same probability.
///
/// The choice depends on the batch's seed and the image's place in the batch alone, so it stays
/// the same however the batch is shared out, and no generator is shared between threads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// The probability, from 0 to below 1.
    pub rate: f32,
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
    /// dropped and 1/(1 - rate) for what stays, so that sums keep their expected size.
    pub fn factors(self, images: usize) -> (Vec<f32>, Vec<f32>) {
        const EACH: usize = DROPPED_CHANNELS + DROPPED_FEATURES;
        let mut random = Pcg64::seed_from_u64(self.seed);
        random.advance((EACH * self.first) as u128);
        let stays = 1.0 / (1.0 - self.rate);
        // The top 24 bits are as fine as an f32 is.
        let mut draw = || (random.next_u64() >> 40) as f32 / (1 << 24) as f32;
        let mut factor = || if draw() < self.rate { 0.0 } else { stays };
        let mut channels = Vec::with_capacity(images * DROPPED_CHANNELS);
        let mut features = Vec::with_capacity(images * DROPPED_FEATURES);
        for _ in 0..images {
            channels.extend((0..DROPPED_CHANNELS).map(|_| factor()));
            features.extend((0..DROPPED_FEATURES).map(|_| factor()));
        }
        (channels, features)
    }
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
        let dropout = Dropout { rate: 0.5, seed: 5, first: 0 };
        let (channels, features) = dropout.factors(7);
        let (rest_channels, rest_features) = Dropout { first: 3, ..dropout }.factors(4);
        assert_eq!(channels[3 * DROPPED_CHANNELS..], rest_channels);
        assert_eq!(features[3 * DROPPED_FEATURES..], rest_features);
    }

    #[test]
    fn the_rate_is_dropped_and_the_rest_makes_up_for_it() {
        for (rate, stays) in [(0.0, 1.0), (0.2, 1.25), (0.5, 2.0)] {
            let (channels, features) = Dropout { rate, seed: 1, first: 0 }.factors(2_000);
            for factors in [channels, features] {
                assert!(factors.iter().all(|&f| f == 0.0 || f == stays), "{rate}");
                let dropped = factors.iter().filter(|&&f| f == 0.0).count();
                let share = dropped as f32 / factors.len() as f32;
                assert!((share - rate).abs() < 0.01, "{share} of them, not {rate}");
            }
        }
    }
}
