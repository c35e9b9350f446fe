//! Schedules: when each request is to be issued, counted from the schedule's start.

use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng, SeedableRng};

use crate::error::{Error, Result};
use crate::units::Nanos;

/// Nanoseconds of a second.
const SECOND: f64 = 1e9;

/// Arrivals at equal distances, the first at once.
#[derive(Clone, Debug)]
pub struct Constant {
    gap_ns: f64,
    arrivals: u64,
}

impl Constant {
    /// Arrivals at `rate` requests a second.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a rate that is not a number above 0.
    pub fn new(rate: f64) -> Result<Self> {
        Ok(Self { gap_ns: SECOND / sound(rate)?, arrivals: 0 })
    }
}

impl Iterator for Constant {
    type Item = Nanos;

    /// The next time, rounded to a nanosecond. Multiplied and not added up, so that the rounding
    /// never gathers.
    fn next(&mut self) -> Option<Nanos> {
        let at = self.arrivals as f64 * self.gap_ns;
        self.arrivals += 1;
        Some(Nanos(at.round() as u64))
    }
}

/// Arrivals of a Poisson process: independent of each other, as those of many users are, with
/// exponentially distributed gaps.
///
/// A gap is `-ln(u) / rate` for a uniform `u`, the inversion of the exponential distribution (L.
/// Devroye, "Non-Uniform Random Variate Generation", 1986, II.2), in whole nanoseconds. The same
/// seed gives the same schedule for ever.
#[derive(Clone, Debug)]
pub struct Poisson {
    mean_gap_ns: f64,
    at: Nanos,
    random: Pcg64,
}

impl Poisson {
    /// Arrivals at `rate` requests a second on average.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a rate that is not a number above 0.
    pub fn new(rate: f64, seed: u64) -> Result<Self> {
        let random = Pcg64::seed_from_u64(seed);
        Ok(Self { mean_gap_ns: SECOND / sound(rate)?, at: Nanos(0), random })
    }
}

impl Iterator for Poisson {
    type Item = Nanos;

    fn next(&mut self) -> Option<Nanos> {
        // Above 0 and up to 1 in steps of 2^-53, so that the logarithm is always a number.
        let uniform = ((self.random.next_u64() >> 11) + 1) as f64 / (1u64 << 53) as f64;
        let gap = -uniform.ln() * self.mean_gap_ns;
        self.at = self.at + Nanos(gap.round() as u64);
        Some(self.at)
    }
}

/// The seed of one instance's schedule in one round: each gets a schedule of its own, and a run's
/// seed gives all of them.
pub fn seed(run: u64, round: u64, instance: u64) -> u64 {
    // Neighbouring seeds are hashed by the generator's own seeding, one part after the other.
    let mix = |seed: u64, part: u64| Pcg64::seed_from_u64(seed).next_u64() ^ part;
    mix(mix(run, round), instance)
}

fn sound(rate: f64) -> Result<f64> {
    if rate.is_finite() && rate > 0.0 {
        Ok(rate)
    } else {
        Err(Error::invalid(
            format!("a rate of {rate} requests a second"),
            "no schedule has it; give a number above 0",
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn poisson(rate: f64, seed: u64, arrivals: usize) -> Vec<Nanos> {
        Poisson::new(rate, seed).unwrap().take(arrivals).collect()
    }

    /// Gaps in units of the mean gap.
    fn gaps(rate: f64, seed: u64, arrivals: usize) -> Vec<f64> {
        let times = poisson(rate, seed, arrivals);
        let before = std::iter::once(&Nanos(0)).chain(&times);
        before.zip(&times).map(|(a, b)| (*b - *a).0 as f64 * rate / SECOND).collect()
    }

    #[test]
    fn a_seed_gives_the_same_schedule_for_ever() {
        // If these change, the seeds in published reports no longer give their runs' arrivals.
        let times: Vec<u64> = poisson(1_000.0, 1, 6).iter().map(|at| at.0).collect();
        assert_eq!(times, [174_504, 4_231_629, 6_404_048, 6_421_178, 6_539_516, 7_282_168]);
        assert_eq!(poisson(20_000.0, 7, 100_000)[99_999].0, 4_982_201_727);
        assert_eq!(seed(1, 2, 3), 8_700_063_244_078_303_550);
    }

    #[test]
    fn a_constant_schedule_never_drifts() {
        let times: Vec<u64> = Constant::new(3.0).unwrap().take(4).map(|at| at.0).collect();
        assert_eq!(times, [0, 333_333_333, 666_666_667, 1_000_000_000]);
        let last = Constant::new(30_000.0).unwrap().nth(30_000 * 3_600).unwrap();
        assert_eq!(last, Nanos(3_600_000_000_000), "after an hour");
    }

    #[test]
    fn every_round_and_instance_has_a_schedule_of_its_own() {
        let mut seeds = BTreeSet::new();
        for run in 0..10 {
            for round in 0..10 {
                for instance in 0..10 {
                    seeds.insert(seed(run, round, instance));
                }
            }
        }
        assert_eq!(seeds.len(), 1_000);
    }

    #[test]
    fn a_rate_that_is_none_is_refused() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Poisson::new(rate, 1).is_err(), "{rate}");
            let error = Constant::new(rate).unwrap_err().to_string();
            assert!(error.contains("give a number above 0"), "{error}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// The distance of Kolmogorov and Smirnov between n gaps and the exponential distribution
        /// is below 1.95/sqrt(n) in all but one of a thousand schedules; 2.5 leaves one of 10^5.
        #[test]
        fn gaps_are_exponentially_distributed(rate in 1.0f64..100_000.0, seed in any::<u64>()) {
            let mut gaps = gaps(rate, seed, 4_000);
            gaps.sort_unstable_by(f64::total_cmp);
            let n = gaps.len() as f64;
            let distance = gaps.iter().enumerate().map(|(i, gap)| {
                let expected = 1.0 - (-gap).exp();
                (expected - i as f64 / n).abs().max((expected - (i + 1) as f64 / n).abs())
            });
            let distance = distance.fold(0.0, f64::max);
            prop_assert!(distance < 2.5 / n.sqrt(), "{}", distance);
        }

        /// The mean of n exponential gaps is normal with a deviation of 1/sqrt(n).
        #[test]
        fn the_mean_rate_is_the_one_asked_for(rate in 1.0f64..1_000_000.0, seed in any::<u64>()) {
            let n = 10_000;
            let last = poisson(rate, seed, n)[n - 1];
            let found = n as f64 / last.seconds();
            prop_assert!((found / rate - 1.0).abs() < 5.0 / (n as f64).sqrt(), "{}", found);
        }

        /// A gap says nothing of the next: their correlation is within 5 deviations of 0.
        #[test]
        fn gaps_are_independent(seed in any::<u64>()) {
            let gaps = gaps(1_000.0, seed, 4_000);
            let products = gaps.windows(2).map(|pair| (pair[0] - 1.0) * (pair[1] - 1.0));
            let correlation = products.sum::<f64>() / gaps.len() as f64;
            prop_assert!(correlation.abs() < 5.0 / (gaps.len() as f64).sqrt(), "{}", correlation);
        }

        #[test]
        fn times_never_go_back(rate in 0.001f64..10_000_000.0, seed in any::<u64>()) {
            prop_assert!(poisson(rate, seed, 200).is_sorted());
            prop_assert!(Constant::new(rate).unwrap().take(200).is_sorted());
        }

        #[test]
        fn another_seed_gives_another_schedule(a in any::<u64>(), b in any::<u64>()) {
            prop_assume!(a != b);
            prop_assert_ne!(poisson(1_000.0, a, 20), poisson(1_000.0, b, 20));
        }
    }
}
