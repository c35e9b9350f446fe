//! Random figures, the same for a seed for ever.

use std::f64::consts::TAU;

use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// A stream of random figures.
#[derive(Clone, Debug)]
pub(super) struct Chance(Pcg64);

impl Chance {
    /// The stream of one part of a simulation: another `part` of the same seed is another stream,
    /// so that what one part draws does not move what another one does.
    pub(super) fn new(seed: u64, part: u64) -> Self {
        Self(Pcg64::seed_from_u64(crate::load::seed(seed, part, 0)))
    }

    /// From 0 up to, but without, 1.
    pub(super) fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Exponentially distributed with this mean, by inversion (L. Devroye, "Non-Uniform Random
    /// Variate Generation", 1986, II.2).
    pub(super) fn exponential(&mut self, mean: f64) -> f64 {
        -(1.0 - self.uniform()).ln() * mean
    }

    /// Normally distributed around 0 with a deviation of 1 (G. E. P. Box and M. E. Muller, "A note
    /// on the generation of random normal deviates", 1958; one of the pair is enough here).
    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (TAU * self.uniform()).cos()
    }

    /// A factor above 0 with a mean of 1 and this relative deviation, log-normal. 1 without one.
    pub(super) fn factor(&mut self, deviation: f64) -> f64 {
        if deviation <= 0.0 {
            return 1.0;
        }
        let variance = (1.0 + deviation * deviation).ln();
        (variance.sqrt() * self.normal() - variance / 2.0).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_and_deviation(draws: impl Iterator<Item = f64>) -> (f64, f64) {
        let draws: Vec<f64> = draws.collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let square = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        (mean, square.sqrt())
    }

    #[test]
    fn figures_are_distributed_as_they_say() {
        const N: usize = 40_000;
        let mut chance = Chance::new(1, 0);
        let near = |(mean, deviation): (f64, f64), want: (f64, f64)| {
            assert!((mean - want.0).abs() < 0.03, "{mean} of {}", want.0);
            assert!((deviation - want.1).abs() < 0.03, "{deviation} of {}", want.1);
        };
        let mut draws = |draw: &mut dyn FnMut(&mut Chance) -> f64| {
            mean_and_deviation((0..N).map(|_| draw(&mut chance)))
        };
        near(draws(&mut Chance::uniform), (0.5, (1.0f64 / 12.0).sqrt()));
        near(draws(&mut |chance| chance.exponential(1.0)), (1.0, 1.0));
        near(draws(&mut Chance::normal), (0.0, 1.0));
        near(draws(&mut |chance| chance.factor(0.2)), (1.0, 0.2));
        near(draws(&mut |chance| chance.factor(0.0)), (1.0, 0.0));
    }

    #[test]
    fn a_part_of_a_seed_has_a_stream_of_its_own() {
        let draw = |seed, part| Chance::new(seed, part).uniform();
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }
}
