//! Medians and how far they can be trusted.

use std::cmp::Ordering;

use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// Resamples of the bootstrap: enough that the ends of the interval hold still to a fraction of
/// the spread between rounds.
pub(super) const RESAMPLES: usize = 2_000;

/// A median with the ends of its 95% interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The median.
    pub median: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Half the interval's width over the median: 0.05 reads as "plus or minus 5%". Zero for an
    /// interval without width, infinite for one with a width around zero.
    pub fn relative_half_width(&self) -> f64 {
        let half = (self.high - self.low) / 2.0;
        if half == 0.0 { 0.0 } else { (half / self.median).abs() }
    }

    /// Whether two intervals share a value.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }
}

/// The time in which so many images, in seconds, come to the rate that the parts add up to: windows
/// that ran side by side differ by a batch in length. None where no part has a rate.
pub fn joint_seconds(parts: impl Iterator<Item = (u64, f64)>) -> Option<f64> {
    let (images, rate) = parts.fold((0, 0.0), |(all, rate), (images, seconds)| {
        let own = if seconds > 0.0 { images as f64 / seconds } else { 0.0 };
        (all + images, rate + own)
    });
    (rate > 0.0).then(|| images as f64 / rate)
}

/// The median: of an even number of samples the mean of the middle two. Absent for no samples and
/// where one is not a finite number.
pub fn median(samples: &[f64]) -> Option<f64> {
    sorted(samples).map(|sorted| middle(&sorted))
}

/// The median with its 95% percentile-bootstrap interval (B. Efron, "Bootstrap methods: another
/// look at the jackknife", Annals of Statistics 7, 1979): the samples are drawn anew, with
/// replacement, many times, and the interval holds the middle 95% of the medians of the draws.
/// The same seed gives the same interval. Absent for no samples and where one is not a finite
/// number.
///
/// For up to five samples the interval spans from the smallest to the largest. That holds the true
/// median with probability `1 - 2^(1-n)`: 75% of the time for three samples, 94% for five. Fewer
/// samples cannot say more, so a run that is to be published wants five rounds.
pub fn median_interval(samples: &[f64], seed: u64) -> Option<Interval> {
    let samples = sorted(samples)?;
    let mut random = Pcg64::seed_from_u64(seed);
    let mut draw = vec![0.0; samples.len()];
    let mut medians: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            draw.fill_with(|| samples[below(&mut random, samples.len())]);
            draw.sort_unstable_by(f64::total_cmp);
            middle(&draw)
        })
        .collect();
    medians.sort_unstable_by(f64::total_cmp);
    let (low, high) = (quantile(&medians, 0.025), quantile(&medians, 0.975));
    Some(Interval { median: middle(&samples), low, high })
}

/// The median of `this / base`, with its interval, paired by position: both sides of a pair were
/// measured in the same round, so what slowed that round cancels out. Absent where the lengths
/// differ, there are no pairs, or a quotient is not a finite number.
pub fn ratio_interval(this: &[f64], base: &[f64], seed: u64) -> Option<Interval> {
    if this.len() != base.len() {
        return None;
    }
    let ratios: Vec<f64> = this.iter().zip(base).map(|(this, base)| this / base).collect();
    median_interval(&ratios, seed)
}

/// The ratio of the medians of `this` and `base`, with its interval, where the two cannot be paired:
/// samples of two runs share no rounds. A draw takes samples of both sides, each by itself. The
/// sides swapped give the interval turned over. Absent where a side has no samples or one that is
/// not finite, and where a quotient is not finite.
///
/// The samples of a run tell nothing of what differs from run to run, such as where its memory came
/// to lie; the interval cannot hold that either.
pub fn unpaired_ratio_interval(this: &[f64], base: &[f64], seed: u64) -> Option<Interval> {
    let (this, base) = (sorted(this)?, sorted(base)?);
    // Always the same side below, so that the draws do not depend on which one asks.
    if this.iter().partial_cmp(&base).is_some_and(Ordering::is_lt) {
        let turned = of_medians(&base, &this, seed)?;
        let ratio = Interval {
            median: turned.median.recip(),
            low: turned.high.recip(),
            high: turned.low.recip(),
        };
        return [ratio.low, ratio.high].iter().all(|end| end.is_finite()).then_some(ratio);
    }
    of_medians(&this, &base, seed)
}

/// The ratio of the medians of two sorted sides, drawn each by itself.
fn of_medians(this: &[f64], base: &[f64], seed: u64) -> Option<Interval> {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut drawn_median = |samples: &[f64]| {
        let mut draw: Vec<f64> =
            samples.iter().map(|_| samples[below(&mut random, samples.len())]).collect();
        draw.sort_unstable_by(f64::total_cmp);
        middle(&draw)
    };
    let ratios = (0..RESAMPLES).map(|_| drawn_median(this) / drawn_median(base)).collect();
    middle_95(middle(this) / middle(base), ratios)
}

/// An estimate with the middle 95% of what it came to in resamples, which are widened to hold it.
/// Absent for no resamples and where a figure is not finite.
pub(super) fn middle_95(estimate: f64, resamples: Vec<f64>) -> Option<Interval> {
    let resamples = sorted(&resamples).filter(|_| estimate.is_finite())?;
    let (low, high) = (quantile(&resamples, 0.025), quantile(&resamples, 0.975));
    Some(Interval { median: estimate, low: low.min(estimate), high: high.max(estimate) })
}

/// The samples in order, if there are any and all are finite.
fn sorted(samples: &[f64]) -> Option<Vec<f64>> {
    if samples.is_empty() || samples.iter().any(|sample| !sample.is_finite()) {
        return None;
    }
    let mut sorted = samples.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    Some(sorted)
}

/// The median of sorted samples, at least one.
fn middle(sorted: &[f64]) -> f64 {
    let n = sorted.len();
    // Halved before they are added, so that two huge samples do not overflow.
    sorted[(n - 1) / 2] / 2.0 + sorted[n / 2] / 2.0
}

/// A quantile of sorted values by the nearest rank.
fn quantile(sorted: &[f64], quantile: f64) -> f64 {
    let rank = (quantile * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

/// A number below `n`. The bias of the remainder, `n` in 2^64, is far below what 2,000 resamples
/// could show.
pub(super) fn below(random: &mut impl Rng, n: usize) -> usize {
    (random.next_u64() % n as u64) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The exact distribution of the bootstrap median: those of all `n^n` draws, in order.
    fn all_medians(samples: &[f64]) -> Vec<f64> {
        let n = samples.len();
        let mut medians: Vec<f64> = (0..n.pow(n as u32))
            .map(|mut draw| {
                let mut drawn: Vec<f64> = (0..n)
                    .map(|_| {
                        let sample = samples[draw % n];
                        draw /= n;
                        sample
                    })
                    .collect();
                drawn.sort_by(f64::total_cmp);
                // Halved before they are added, as the sum of two is rounded.
                drawn[(n - 1) / 2] / 2.0 + drawn[n / 2] / 2.0
            })
            .collect();
        medians.sort_by(f64::total_cmp);
        medians
    }

    fn naive_interval(samples: &[f64]) -> (f64, f64) {
        let medians = all_medians(samples);
        let at = |q: f64| medians[(q * medians.len() as f64) as usize];
        (at(0.025), at(0.975))
    }

    #[test]
    fn rates_of_parts_side_by_side_add_up() {
        // 300 and 200 a second: 400 images take 0.8 s of both.
        assert_eq!(joint_seconds([(300, 1.0), (100, 0.5)].into_iter()), Some(0.8));
        assert_eq!(joint_seconds([(300, 1.0), (0, 0.0)].into_iter()), Some(1.0));
        // What has no rate of its own adds none.
        assert_eq!(joint_seconds([(300, 1.0), (150, 0.0)].into_iter()), Some(1.5));
        assert_eq!(joint_seconds([(0, 1.0)].into_iter()), None);
    }

    #[test]
    fn the_interval_agrees_with_all_draws_enumerated() {
        // Six is the first count whose interval is narrower than the samples' span.
        for samples in [
            vec![10.0, 12.0, 11.0],
            vec![4.0, 1.0, 3.0, 2.0, 5.0],
            vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0],
        ] {
            let interval = median_interval(&samples, 1).unwrap();
            assert_eq!((interval.low, interval.high), naive_interval(&samples), "{samples:?}");
        }
    }

    /// How often the interval of `n` samples holds the true median, here one half of samples that
    /// are spread evenly from 0 to 1; what it is for these it is for all continuous ones.
    fn coverage(n: usize) -> f64 {
        const RUNS: usize = 800;
        let mut random = Pcg64::seed_from_u64(2026);
        let holds = |seed| {
            let samples: Vec<f64> =
                (0..n).map(|_| (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64).collect();
            let interval = median_interval(&samples, seed).unwrap();
            interval.low <= 0.5 && 0.5 <= interval.high
        };
        (0..RUNS as u64).map(holds).filter(|&holds| holds).count() as f64 / RUNS as f64
    }

    /// The order statistics number `i` and `n + 1 - i` hold the median unless fewer than `i` of `n`
    /// samples lie on one side of it (H. A. David and H. N. Nagaraja, "Order Statistics", 7.1).
    fn published_coverage(n: u32, i: u32) -> f64 {
        let choose = |k: u32| (0..k).fold(1.0, |c, j| c * f64::from(n - j) / f64::from(j + 1));
        1.0 - 2.0 * (0..i).map(choose).sum::<f64>() / 2f64.powi(n as i32)
    }

    #[test]
    fn the_interval_holds_the_true_median_as_often_as_published() {
        // From the smallest to the largest, as documented: 1 - 2^(1-n).
        assert_eq!([3, 5].map(|n| published_coverage(n, 1)), [0.75, 0.9375]);
        for n in [3, 5] {
            // A standard deviation of 0.015 and 0.009.
            let (found, published) = (coverage(n), published_coverage(n as u32, 1));
            assert!((found - published).abs() < 0.035, "{n}: {found} of {published}");
        }
        // From the second smallest to the second largest of nine.
        let found = coverage(9);
        assert!((0.90..=published_coverage(9, 2) + 0.02).contains(&found), "{found}");
    }

    #[test]
    fn one_sample_is_an_interval_without_width() {
        let interval = median_interval(&[5.0], 9).unwrap();
        assert_eq!(interval, Interval { median: 5.0, low: 5.0, high: 5.0 });
        assert_eq!(interval.relative_half_width(), 0.0);
    }

    #[test]
    fn equal_samples_are_an_interval_without_width() {
        let interval = median_interval(&[2.5; 8], 9).unwrap();
        assert_eq!(interval, Interval { median: 2.5, low: 2.5, high: 2.5 });
    }

    #[test]
    fn what_is_not_a_number_has_no_median() {
        assert_eq!(median(&[]), None);
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(median(&[1.0, bad]), None);
            assert_eq!(median_interval(&[1.0, bad], 1), None);
        }
        assert_eq!(ratio_interval(&[1.0], &[0.0], 1), None);
        assert_eq!(ratio_interval(&[1.0, 2.0], &[1.0], 1), None);
    }

    #[test]
    fn a_ratio_is_blind_to_what_slowed_a_whole_round() {
        let base = [100.0, 50.0, 80.0, 100.0, 20.0];
        let this = base.map(|rate| rate * 3.0);
        let ratio = ratio_interval(&this, &base, 1).unwrap();
        assert!((ratio.median - 3.0).abs() < 1e-12 && ratio.relative_half_width() < 1e-12);
        assert!(median_interval(&this, 1).unwrap().relative_half_width() > 0.4);
    }

    #[test]
    fn an_unpaired_ratio_spans_all_that_three_samples_a_side_allow() {
        let ratio = unpaired_ratio_interval(&[2.0, 2.2, 2.1], &[1.0, 1.05, 0.95], 1).unwrap();
        assert_eq!(ratio.median, 2.1);
        assert_eq!((ratio.low, ratio.high), (2.0 / 1.05, 2.2 / 0.95));
        for bad in [&[][..], &[0.0], &[f64::NAN]] {
            assert_eq!(unpaired_ratio_interval(&[1.0], bad, 1), None);
        }
    }

    #[test]
    fn a_width_around_zero_is_infinite() {
        let interval = Interval { median: 0.0, low: -1.0, high: 1.0 };
        assert_eq!(interval.relative_half_width(), f64::INFINITY);
    }

    #[test]
    fn intervals_that_touch_overlap() {
        let a = Interval { median: 1.0, low: 0.0, high: 2.0 };
        let b = Interval { median: 3.0, low: 2.0, high: 4.0 };
        let c = Interval { median: 3.0, low: 2.1, high: 4.0 };
        assert!(a.overlaps(&b) && b.overlaps(&a));
        assert!(!a.overlaps(&c) && !c.overlaps(&a));
    }

    /// The median by its meaning: what is left when the smallest and the largest are taken away
    /// again and again.
    fn naive_median(samples: &[f64]) -> f64 {
        let mut left = samples.to_vec();
        while left.len() > 2 {
            for better in [f64::gt, f64::lt] {
                let mut extreme = 0;
                for at in 1..left.len() {
                    if better(&left[at], &left[extreme]) {
                        extreme = at;
                    }
                }
                left.remove(extreme);
            }
        }
        left.iter().sum::<f64>() / left.len() as f64
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn the_median_is_what_is_left_without_the_extremes(
            samples in prop::collection::vec(-1e9f64..1e9, 1..40),
        ) {
            let (found, naive) = (median(&samples).unwrap(), naive_median(&samples));
            prop_assert!((found - naive).abs() <= 1e-9 * naive.abs(), "{} {}", found, naive);
        }

        #[test]
        fn the_ends_of_the_interval_are_those_of_all_draws_but_for_chance(
            samples in prop::collection::vec(1.0f64..1000.0, 1..7),
            seed in any::<u64>(),
        ) {
            // An end's share of 2,000 draws has a standard deviation of 0.0035: six of them.
            let interval = median_interval(&samples, seed).unwrap();
            let draws = all_medians(&samples);
            let between = |low: f64, high: f64, found: f64| {
                let at = |q: f64| draws[((q * draws.len() as f64) as usize).min(draws.len() - 1)];
                at(low) <= found && found <= at(high)
            };
            prop_assert!(between(0.004, 0.046, interval.low), "{:?}", interval);
            prop_assert!(between(0.954, 0.996, interval.high), "{:?}", interval);
        }

        #[test]
        fn a_ratio_is_the_median_of_the_quotients_of_pairs(
            pairs in prop::collection::vec((1.0f64..1e6, 1.0f64..1e6), 1..20),
        ) {
            let (this, base): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
            let quotients: Vec<f64> = pairs.iter().map(|(this, base)| this / base).collect();
            let found = ratio_interval(&this, &base, 3).unwrap();
            prop_assert!((found.median / naive_median(&quotients) - 1.0).abs() < 1e-12);
            prop_assert_eq!(found, median_interval(&quotients, 3).unwrap());
        }

        #[test]
        fn the_interval_holds_the_median_and_lies_within_the_samples(
            samples in prop::collection::vec(0.001f64..1e9, 1..30),
            seed in any::<u64>(),
        ) {
            let interval = median_interval(&samples, seed).unwrap();
            let smallest = samples.iter().copied().fold(f64::MAX, f64::min);
            let largest = samples.iter().copied().fold(f64::MIN, f64::max);
            prop_assert!(smallest <= interval.low && interval.low <= interval.median);
            prop_assert!(interval.median <= interval.high && interval.high <= largest);
        }

        #[test]
        fn the_order_of_samples_does_not_matter_and_the_seed_decides(
            mut samples in prop::collection::vec(0.001f64..1e9, 1..30),
        ) {
            let interval = median_interval(&samples, 7);
            samples.reverse();
            prop_assert_eq!(median_interval(&samples, 7), interval);
        }

        #[test]
        fn an_unpaired_ratio_of_a_side_to_itself_holds_one(
            samples in prop::collection::vec(0.001f64..1e9, 1..12),
            seed in any::<u64>(),
        ) {
            let ratio = unpaired_ratio_interval(&samples, &samples, seed).unwrap();
            prop_assert_eq!(ratio.median, 1.0);
            prop_assert!(ratio.low <= 1.0 && 1.0 <= ratio.high);
        }

        #[test]
        fn an_unpaired_ratio_turns_over_with_its_sides(
            one in prop::collection::vec(0.001f64..1e9, 1..12),
            other in prop::collection::vec(0.001f64..1e9, 1..12),
            seed in any::<u64>(),
        ) {
            let ratio = unpaired_ratio_interval(&one, &other, seed).unwrap();
            let turned = unpaired_ratio_interval(&other, &one, seed).unwrap();
            for (end, other) in
                [(ratio.median, turned.median), (ratio.low, turned.high), (ratio.high, turned.low)]
            {
                prop_assert!((end * other - 1.0).abs() < 1e-12, "{:?} {:?}", ratio, turned);
            }
        }

        #[test]
        fn the_median_splits_the_samples_in_halves(
            samples in prop::collection::vec(-1e9f64..1e9, 1..30),
        ) {
            let middle = median(&samples).unwrap();
            let below = samples.iter().filter(|&&sample| sample < middle).count();
            let above = samples.iter().filter(|&&sample| sample > middle).count();
            prop_assert!(below <= samples.len() / 2 && above <= samples.len() / 2);
        }
    }
}
