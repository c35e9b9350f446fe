//! A measured distribution of times, to draw from.

use crate::measure::Recorder;
use crate::record::Latency;

/// Marks of the guide through the steps: a quantile is found in about one comparison.
const GUIDE: usize = 1_024;

/// Points that a distribution of which only percentiles are known is drawn with.
const POINTS: usize = 10_000;

/// Times as they were measured: a draw is one of them, so the tail is the measured tail.
#[derive(Clone, Debug)]
pub(super) struct Spread {
    /// Nanoseconds, rising.
    values: Vec<f64>,
    /// Share of all times that are up to the value of the same place; the last is 1.
    upto: Vec<f64>,
    /// Of each mark `i / GUIDE` the first place that may hold it (H. C. Chen and Y. Asau, "On
    /// generating random variates from an empirical distribution", 1974).
    guide: Vec<u32>,
    mean: f64,
    variance: f64,
}

impl Spread {
    /// The times in a recorder's histogram; none without any.
    pub(super) fn of(recorder: &Recorder) -> Option<Self> {
        let histogram = recorder.histogram();
        let steps = histogram.iter_recorded().map(|step| {
            let value = histogram.median_equivalent(step.value_iterated_to());
            (value as f64, step.count_since_last_iteration() as f64)
        });
        Self::steps(steps.collect())
    }

    /// A time that is always the same.
    pub(super) fn constant(nanos: f64) -> Self {
        Self {
            values: vec![nanos],
            upto: vec![1.0],
            guide: vec![0; GUIDE],
            mean: nanos,
            variance: 0.0,
        }
    }

    /// Exponentially distributed times, in fine steps of equal probability.
    #[cfg(test)]
    pub(super) fn exponential(mean: f64) -> Self {
        const STEPS: usize = 100_000;
        let value = |i: usize| -(1.0 - (i as f64 + 0.5) / STEPS as f64).ln() * mean;
        Self::steps((0..STEPS).map(|i| (value(i), 1.0)).collect()).unwrap()
    }

    /// The sum of stages of which only percentiles are known, and each of which is slow when the
    /// others are: straight lines between the percentiles. Below the median all are taken as the
    /// median, and past the last known percentile as that. None where a median is not known.
    pub(super) fn of_percentiles(stages: &[&Latency]) -> Option<Self> {
        let curves: Vec<_> = stages.iter().map(|stage| curve(stage)).collect::<Option<_>>()?;
        let quantile = |point: usize| (point as f64 + 0.5) / POINTS as f64;
        let value = |q: f64| curves.iter().map(|curve| along(curve, q)).sum();
        Self::steps((0..POINTS).map(|point| (value(quantile(point)), 1.0)).collect())
    }

    /// From rising values and how often each came.
    fn steps(steps: Vec<(f64, f64)>) -> Option<Self> {
        let all: f64 = steps.iter().map(|(_, count)| count).sum();
        if all <= 0.0 {
            return None;
        }
        let mean = steps.iter().map(|(value, count)| value * count).sum::<f64>() / all;
        let square = |(value, count): &(f64, f64)| (value - mean).powi(2) * count;
        let variance = steps.iter().map(square).sum::<f64>() / all;
        let mut sum = 0.0;
        let mut upto: Vec<f64> = steps
            .iter()
            .map(|(_, count)| {
                sum += count;
                sum / all
            })
            .collect();
        if let Some(last) = upto.last_mut() {
            *last = 1.0;
        }
        let mark = |i: usize| upto.partition_point(|&share| share <= i as f64 / GUIDE as f64);
        let guide = (0..GUIDE).map(|i| mark(i) as u32).collect();
        let values = steps.into_iter().map(|(value, _)| value).collect();
        Some(Self { values, upto, guide, mean, variance })
    }

    /// The time at a quantile from 0 up to, but without, 1: the smallest that more than this share
    /// of the times does not exceed.
    pub(super) fn at(&self, quantile: f64) -> f64 {
        let mark = (quantile * GUIDE as f64) as usize;
        let mut place = self.guide[mark.min(GUIDE - 1)] as usize;
        while place + 1 < self.upto.len() && self.upto[place] <= quantile {
            place += 1;
        }
        self.values[place]
    }

    /// The same distribution, each time multiplied.
    pub(super) fn scaled(mut self, factor: f64) -> Self {
        self.values.iter_mut().for_each(|value| *value *= factor);
        self.mean *= factor;
        self.variance *= factor * factor;
        self
    }

    /// Mean in nanoseconds.
    pub(super) fn mean(&self) -> f64 {
        self.mean
    }

    /// Variance in square nanoseconds.
    pub(super) fn variance(&self) -> f64 {
        self.variance
    }
}

/// The known percentiles as (quantile, nanoseconds).
fn curve(latency: &Latency) -> Option<Vec<(f64, f64)>> {
    latency.p50_ns?;
    let known = [
        (0.5, latency.p50_ns),
        (0.9, latency.p90_ns),
        (0.95, latency.p95_ns),
        (0.99, latency.p99_ns),
        (0.999, latency.p999_ns),
    ];
    Some(known.into_iter().filter_map(|(q, ns)| Some((q, ns? as f64))).collect())
}

/// The value at a quantile along a curve with a point at least.
fn along(curve: &[(f64, f64)], quantile: f64) -> f64 {
    let after = curve.partition_point(|&(q, _)| q <= quantile);
    if after == 0 || after == curve.len() {
        return curve[after.min(curve.len() - 1)].1;
    }
    let ((q0, v0), (q1, v1)) = (curve[after - 1], curve[after]);
    v0 + (v1 - v0) * (quantile - q0) / (q1 - q0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::units::Nanos;

    fn spread(times: &[u64]) -> Spread {
        let mut recorder = Recorder::new();
        times.iter().for_each(|&time| recorder.record(Nanos(time)));
        Spread::of(&recorder).unwrap()
    }

    #[test]
    fn without_times_there_is_nothing_to_draw_from() {
        assert!(Spread::of(&Recorder::new()).is_none());
        assert!(Spread::of_percentiles(&[&Latency::default()]).is_none());
    }

    #[test]
    fn percentiles_alone_give_a_curve_through_them() {
        let latency = Latency {
            samples: 5_000,
            p50_ns: Some(100),
            p90_ns: Some(200),
            p95_ns: Some(300),
            p99_ns: Some(1_000),
            p999_ns: None,
        };
        let spread = Spread::of_percentiles(&[&latency, &latency]).unwrap();
        for (quantile, value) in [(0.1, 200.0), (0.7, 300.0), (0.9, 400.0), (0.9999, 2_000.0)] {
            let found = spread.at(quantile);
            assert!((found / value - 1.0).abs() < 0.001, "{quantile}: {found} of {value}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Every quantile of the distribution is the one of the sorted times, to the histogram's
        /// three digits; so are mean and deviation.
        #[test]
        fn a_draw_is_one_of_the_measured_times(
            mut times in prop::collection::vec(1_000u64..5_000_000, 1..300),
            quantile in 0.0f64..1.0,
        ) {
            let spread = spread(&times);
            times.sort_unstable();
            let exact = times[(quantile * times.len() as f64) as usize] as f64;
            prop_assert!((spread.at(quantile) / exact - 1.0).abs() < 0.002);
            let n = times.len() as f64;
            let mean = times.iter().sum::<u64>() as f64 / n;
            prop_assert!((spread.mean() / mean - 1.0).abs() < 0.001);
            let square = times.iter().map(|&time| (time as f64 - mean).powi(2)).sum::<f64>() / n;
            prop_assert!((spread.variance().sqrt() - square.sqrt()).abs() < 0.002 * mean);
        }
    }
}
