//! Whether the machine became slower or faster while it measured.

use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng, SeedableRng};

use super::Interval;
use super::verdict::MIN_ROUNDS;

/// Resamples of the bootstrap.
const RESAMPLES: usize = 1_000;

/// A smaller change over a whole run than this is not worth a reader's time.
const NOTABLE: f64 = 0.02;

/// One measurement, as far as drift is concerned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Which cell, by any number of its own.
    pub cell: usize,
    /// The round, from 0.
    pub round: usize,
    /// When it began, in seconds since the run did.
    pub at_s: f64,
    /// What it reached, in images a second.
    pub rate: f64,
}

/// How the machine's speed changed over a run, at a constant rate of growth or decay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drift {
    /// Relative change from the first measurement to the last: -0.2 reads as "20% slower".
    pub total: Interval,
    /// Change of the logarithm of the rate in a second.
    per_s: f64,
    /// The middle of the run, in seconds since it began.
    middle_s: f64,
}

/// The drift over all rounds of all cells; absent where there are fewer than three rounds, or none
/// of the cells was measured twice.
///
/// The slope is the median of the slopes between any two measurements of the same cell, on the
/// logarithm of the rate (P. K. Sen, "Estimates of the regression coefficient based on Kendall's
/// tau", Journal of the American Statistical Association 63, 1968). Pairs within a cell alone make
/// it blind to how fast the cells are, as the seasons are kept apart in the seasonal version
/// (R. M. Hirsch, J. R. Slack, R. A. Smith, Water Resources Research 18, 1982), which residuals from
/// each cell's median, in time as random as the order is, would not. The interval is the percentile
/// bootstrap's over rounds: what disturbs a round disturbs all of its cells.
pub fn drift(samples: &[Sample], seed: u64) -> Option<Drift> {
    let samples: Vec<Sample> = samples
        .iter()
        .filter(|sample| sample.rate.is_finite() && sample.rate > 0.0 && sample.at_s.is_finite())
        .copied()
        .collect();
    let first = samples.iter().map(|sample| sample.at_s).fold(f64::INFINITY, f64::min);
    let last = samples.iter().map(|sample| sample.at_s).fold(f64::NEG_INFINITY, f64::max);
    let mut rounds: Vec<usize> = samples.iter().map(|sample| sample.round).collect();
    rounds.sort_unstable();
    rounds.dedup();
    if rounds.len() < MIN_ROUNDS {
        return None;
    }
    let slopes = slopes(samples, &rounds);
    let per_s = weighted_median(&slopes, &vec![1; rounds.len()])?;
    let mut random = Pcg64::seed_from_u64(seed);
    let mut drawn = vec![0u64; rounds.len()];
    let mut resampled: Vec<f64> = (0..RESAMPLES)
        .filter_map(|_| {
            drawn.fill(0);
            for _ in 0..rounds.len() {
                // The remainder's bias is of no account beside 1,000 resamples.
                drawn[(random.next_u64() % rounds.len() as u64) as usize] += 1;
            }
            weighted_median(&slopes, &drawn)
        })
        .collect();
    resampled.sort_unstable_by(f64::total_cmp);
    let change = |slope: f64| (slope * (last - first)).exp_m1();
    let at = |share: f64| resampled.get((share * resampled.len() as f64) as usize).copied();
    // A skewed bootstrap may leave the estimate itself outside; an interval holds its median.
    let low = at(0.025).unwrap_or(per_s).min(per_s);
    let high = at(0.975).unwrap_or(per_s).max(per_s);
    Some(Drift {
        total: Interval { median: change(per_s), low: change(low), high: change(high) },
        per_s,
        middle_s: f64::midpoint(first, last),
    })
}

/// The slope between two measurements of a cell, and which rounds they are of, by their places
/// among all rounds.
struct Slope {
    slope: f64,
    rounds: (usize, usize),
}

/// The slopes of all pairs within a cell, in ascending order.
fn slopes(mut samples: Vec<Sample>, rounds: &[usize]) -> Vec<Slope> {
    samples.sort_by_key(|sample| (sample.cell, sample.round));
    let place = |sample: &Sample| rounds.binary_search(&sample.round).unwrap_or_default();
    let mut slopes = Vec::new();
    for cell in samples.chunk_by(|a, b| a.cell == b.cell) {
        for (i, one) in cell.iter().enumerate() {
            for other in cell[i + 1..].iter().filter(|other| other.at_s != one.at_s) {
                let slope = (other.rate / one.rate).ln() / (other.at_s - one.at_s);
                slopes.push(Slope { slope, rounds: (place(one), place(other)) });
            }
        }
    }
    slopes.sort_unstable_by(|a, b| a.slope.total_cmp(&b.slope));
    slopes
}

/// The median of the slopes where each round was drawn so many times: a pair counts as often as
/// it can be formed. Absent where no pair can.
fn weighted_median(slopes: &[Slope], drawn: &[u64]) -> Option<f64> {
    let weight = |slope: &Slope| drawn[slope.rounds.0] * drawn[slope.rounds.1];
    let total: u64 = slopes.iter().map(weight).sum();
    let mut below = 0;
    let mut present = slopes.iter().filter(|slope| weight(slope) > 0);
    while let Some(slope) = present.next() {
        below += weight(slope);
        if below * 2 == total {
            let next = present.next().map_or(slope.slope, |next| next.slope);
            return Some(f64::midpoint(slope.slope, next));
        }
        if below * 2 > total {
            return Some(slope.slope);
        }
    }
    None
}

impl Drift {
    /// A rate measured at a time as it would have been in the middle of the run.
    pub fn corrected(&self, rate: f64, at_s: f64) -> f64 {
        rate * (self.per_s * (self.middle_s - at_s)).exp()
    }

    /// What a reader should be told: nothing of a change within 2%, or one that may be none.
    pub fn warning(&self) -> Option<String> {
        let Interval { median, low, high } = self.total;
        if median.abs() <= NOTABLE || (low <= 0.0 && high >= 0.0) {
            return None;
        }
        let percent = |share: f64| format!("{:.1}%", share.abs() * 100.0);
        let (least, most) = if median < 0.0 { (high, low) } else { (low, high) };
        let how = if median < 0.0 { "slowed down" } else { "sped up" };
        Some(format!(
            "the machine {how} by {} over the run ({} to {}): the shuffled rounds spread that over \
             all cells, but figures of other runs may not compare; let it cool down, end what else \
             runs on it, and sweep again",
            percent(median),
            percent(least),
            percent(most)
        ))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand_pcg::rand_core::Rng;

    use super::*;

    /// Rounds over cells of different speeds, a second each in a shuffled order, on a machine whose
    /// speed grows by `growth` over the run; each rate has a deviation of up to `noise`.
    fn run(cells: usize, rounds: usize, growth: f64, noise: f64, seed: u64) -> Vec<Sample> {
        let mut random = Pcg64::seed_from_u64(seed);
        let mut samples = Vec::new();
        let all = (cells * rounds - 1) as f64;
        for round in 0..rounds {
            let mut order: Vec<usize> = (0..cells).collect();
            order.sort_by_cached_key(|_| random.next_u64());
            for cell in order {
                let at_s = samples.len() as f64;
                let unit = random.next_u64() as f64 / u64::MAX as f64;
                let own = 1.0 + noise * (2.0 * unit - 1.0);
                let speed = 1_000.0 * (cell + 1) as f64;
                let rate = speed * (1.0 + growth).powf(at_s / all) * own;
                samples.push(Sample { cell, round, at_s, rate });
            }
        }
        samples
    }

    #[test]
    fn a_steady_change_is_found_as_it_is() {
        for growth in [-0.2, -0.03, 0.1] {
            let drift = drift(&run(6, 5, growth, 0.0, 1), 1).unwrap();
            assert!((drift.total.median - growth).abs() < 1e-9, "{drift:?}");
            assert!((drift.total.high - drift.total.low).abs() < 1e-9, "{drift:?}");
        }
    }

    #[test]
    fn a_rate_is_corrected_to_the_middle_of_the_run() {
        let samples = run(6, 5, -0.2, 0.0, 1);
        let drift = drift(&samples, 1).unwrap();
        for sample in &samples {
            let speed = 1_000.0 * (sample.cell + 1) as f64 * 0.8f64.sqrt();
            assert!((drift.corrected(sample.rate, sample.at_s) / speed - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn a_machine_that_stays_as_it_is_has_an_interval_around_zero_and_no_warning() {
        let (mut around, mut warned) = (0, 0);
        for seed in 0..100 {
            let drift = drift(&run(12, 5, 0.0, 0.03, seed), seed).unwrap();
            around += usize::from(drift.total.low <= 0.0 && drift.total.high >= 0.0);
            warned += usize::from(drift.warning().is_some());
        }
        assert!(around >= 90, "{around} of 100");
        assert!(warned <= 2, "{warned} of 100");
    }

    #[test]
    fn one_wild_cell_moves_nothing() {
        let mut samples = run(12, 5, 0.1, 0.0, 3);
        for sample in samples.iter_mut().filter(|sample| sample.cell == 4) {
            sample.rate *= 1.0 - 0.15 * sample.round as f64;
        }
        let drift = drift(&samples, 1).unwrap();
        assert!((drift.total.median - 0.1).abs() < 1e-6, "{drift:?}");
    }

    #[test]
    fn too_little_says_nothing() {
        assert_eq!(drift(&[], 1), None);
        assert_eq!(drift(&run(6, 2, -0.2, 0.0, 1), 1), None);
        // Three rounds, but never the same cell twice.
        let once: Vec<Sample> =
            run(3, 3, -0.2, 0.0, 1).into_iter().filter(|s| s.cell == s.round).collect();
        assert_eq!(drift(&once, 1), None);
        let zero = run(3, 3, 0.0, 0.0, 1).into_iter().map(|s| Sample { rate: 0.0, ..s });
        assert_eq!(drift(&zero.collect::<Vec<_>>(), 1), None);
    }

    #[test]
    fn a_change_is_told_with_its_interval_where_it_matters_and_is_one() {
        let of = |median, low, high| {
            Drift { total: Interval { median, low, high }, per_s: 0.0, middle_s: 0.0 }.warning()
        };
        let slower = of(-0.12, -0.15, -0.08).unwrap();
        assert!(
            slower.starts_with("the machine slowed down by 12.0% over the run (8.0% to 15.0%): "),
            "{slower}"
        );
        let faster = of(0.05, 0.03, 0.08).unwrap();
        assert!(
            faster.starts_with("the machine sped up by 5.0% over the run (3.0% to 8.0%): "),
            "{faster}"
        );
        assert_eq!(of(-0.02, -0.03, -0.01), None);
        assert_eq!(of(-0.12, -0.3, 0.01), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn how_fast_the_cells_are_does_not_matter(
            growth in -0.5f64..0.5,
            factors in prop::collection::vec(0.01f64..100.0, 5),
            seed in any::<u64>(),
        ) {
            let mut samples = run(5, 4, growth, 0.02, seed);
            let before = drift(&samples, 1).unwrap();
            samples.iter_mut().for_each(|sample| sample.rate *= factors[sample.cell]);
            let after = drift(&samples, 1).unwrap();
            prop_assert!((before.total.median - after.total.median).abs() < 1e-9);
            prop_assert!(before.total.low <= before.total.median);
            prop_assert!(before.total.median <= before.total.high);
        }
    }
}
