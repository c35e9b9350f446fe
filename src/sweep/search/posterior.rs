//! What measurements say of cells that were not measured.

/// What is expected of a cell, as the logarithm of its rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Expected {
    pub(super) mean: f64,
    pub(super) deviation: f64,
}

/// A measurement: at which point, the logarithm of its rate, and the variance of its noise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Observed {
    pub(super) point: usize,
    pub(super) value: f64,
    pub(super) noise: f64,
}

/// A Gaussian process given measurements, at each of `points` points (C. E. Rasmussen and
/// C. K. I. Williams, "Gaussian Processes for Machine Learning", MIT Press, 2006, algorithm 2.1).
/// The covariance must be that of some distribution; noise above zero keeps it regular.
pub(super) fn posterior(
    points: usize,
    mean: impl Fn(usize) -> f64,
    covariance: impl Fn(usize, usize) -> f64,
    observed: &[Observed],
) -> Vec<Expected> {
    let n = observed.len();
    let mut lower = vec![vec![0.0; n]; n];
    for i in 0..n {
        for j in 0..=i {
            let mut sum = covariance(observed[i].point, observed[j].point);
            if i == j {
                sum += observed[i].noise;
            }
            sum -= (0..j).map(|k| lower[i][k] * lower[j][k]).sum::<f64>();
            // Rounding alone could take a pivot below zero.
            lower[i][j] = if i == j { sum.max(1e-12).sqrt() } else { sum / lower[j][j] };
        }
    }
    let residuals: Vec<f64> = observed.iter().map(|one| one.value - mean(one.point)).collect();
    let residuals = forward(&lower, &residuals);
    (0..points)
        .map(|point| {
            let with: Vec<f64> = observed.iter().map(|one| covariance(point, one.point)).collect();
            let with = forward(&lower, &with);
            let shift: f64 = with.iter().zip(&residuals).map(|(a, b)| a * b).sum();
            let known: f64 = with.iter().map(|a| a * a).sum();
            let variance = (covariance(point, point) - known).max(0.0);
            Expected { mean: mean(point) + shift, deviation: variance.sqrt() }
        })
        .collect()
}

/// Solves `lower x = right`.
fn forward(lower: &[Vec<f64>], right: &[f64]) -> Vec<f64> {
    let mut solved: Vec<f64> = Vec::with_capacity(right.len());
    for (row, &value) in lower.iter().zip(right) {
        let known: f64 = row.iter().zip(&solved).map(|(a, b)| a * b).sum();
        solved.push((value - known) / row[solved.len()]);
    }
    solved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_measurement_moves_what_goes_together_with_it() {
        // Two points of variance 4 that go together by half, a third of its own; noise 1.
        let covariance = |a: usize, b: usize| match (a, b) {
            (a, b) if a == b => 4.0,
            (0 | 1, 0 | 1) => 2.0,
            _ => 0.0,
        };
        let observed = [Observed { point: 0, value: 15.0, noise: 1.0 }];
        let expected = posterior(3, |_| 10.0, covariance, &observed);
        // By hand: 10 + 4/5 * 5, variance 4 - 16/5; 10 + 2/5 * 5, variance 4 - 4/5; untouched.
        let by_hand = [(14.0, 0.8f64), (12.0, 3.2), (10.0, 4.0)];
        for (expected, (mean, variance)) in expected.iter().zip(by_hand) {
            assert!((expected.mean - mean).abs() < 1e-12, "{expected:?}");
            assert!((expected.deviation - variance.sqrt()).abs() < 1e-12, "{expected:?}");
        }
    }

    #[test]
    fn two_measurements_of_a_point_are_as_good_as_one_of_half_the_noise() {
        let covariance = |a: usize, b: usize| if a == b { 1.0 } else { 0.5 };
        let at = |value, noise| Observed { point: 0, value, noise };
        let twice = posterior(2, |_| 0.0, covariance, &[at(1.0, 0.2), at(2.0, 0.2)]);
        let once = posterior(2, |_| 0.0, covariance, &[at(1.5, 0.1)]);
        for (twice, once) in twice.iter().zip(&once) {
            assert!((twice.mean - once.mean).abs() < 1e-9);
            assert!((twice.deviation - once.deviation).abs() < 1e-9);
        }
    }

    #[test]
    fn nothing_measured_leaves_what_was_believed() {
        let expected = posterior(2, |point| point as f64, |_, _| 9.0, &[]);
        assert_eq!(expected[1], Expected { mean: 1.0, deviation: 3.0 });
    }
}
