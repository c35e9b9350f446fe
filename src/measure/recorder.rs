//! Times in a histogram, and percentiles only where there are enough of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::units::Nanos;

/// The longest time that is told apart, one hour; longer ones count as this.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// Significant digits: a percentile is within 0.1% of the true one.
const DIGITS: u8 = 3;

/// Times of one worker, in nanoseconds. Recorders are merged when workers join.
///
/// Its memory (about a quarter of a mebibyte) is allocated at the start, so recording takes no
/// allocation and no lock. For another process, and for a record, it is written as text:
/// HdrHistogram's V2 format, compressed, in base64, as HdrHistogram logs hold it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Recorder(Histogram<u64>);

/// A decade of a curve's axis in about even steps and round figures, with 2 among them, so that a
/// curve holds the 50th and the 95th percentile.
const STEPS: [f64; 6] = [1.0, 1.5, 2.0, 3.0, 5.0, 7.0];

/// Percentiles in nanoseconds. One is absent where there are fewer samples than
/// [`samples_needed`] says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Percentiles {
    /// Times recorded.
    pub samples: u64,
    /// Median; from 7 samples.
    pub p50_ns: Option<u64>,
    /// 90th percentile; from 44 samples.
    pub p90_ns: Option<u64>,
    /// 95th percentile; from 90 samples.
    pub p95_ns: Option<u64>,
    /// 99th percentile; from 459 samples.
    pub p99_ns: Option<u64>,
    /// 99.9th percentile; from 4,603 samples.
    pub p999_ns: Option<u64>,
}

impl Recorder {
    /// An empty one.
    pub fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_NS, DIGITS)
            .expect("constant bounds suit HdrHistogram; anything else is a bug in Plimsoll");
        Self(histogram)
    }

    /// Records one time. Longer ones than an hour count as an hour.
    pub fn record(&mut self, time: Nanos) {
        self.0.saturating_record(time.0.min(LONGEST_NS));
    }

    /// Adds all times of another recorder.
    pub fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("recorders share their bounds; anything else is a bug");
    }

    /// The times as the histogram that holds them, in nanoseconds.
    pub fn histogram(&self) -> &Histogram<u64> {
        &self.0
    }

    /// Times recorded.
    pub fn samples(&self) -> u64 {
        self.0.len()
    }

    /// The percentiles for which there are enough samples.
    pub fn percentiles(&self) -> Percentiles {
        let samples = self.samples();
        let at = |quantile: f64| {
            (samples >= samples_needed(quantile)).then(|| self.0.value_at_quantile(quantile))
        };
        Percentiles {
            samples,
            p50_ns: at(0.5),
            p90_ns: at(0.9),
            p95_ns: at(0.95),
            p99_ns: at(0.99),
            p999_ns: at(0.999),
        }
    }

    /// The latency at rising quantiles, as (quantile, nanoseconds): six points for each further
    /// nine, from the shortest time, quantile 0, to the last quantile that there are enough samples
    /// for. Empty without samples.
    ///
    /// A quantile `q` lies at `1 / (1 - q)` of a logarithmic axis, so that 90%, 99% and 99.9% are
    /// equally far apart, as HdrHistogram's own plots have it (G. Tene).
    pub fn curve(&self) -> Vec<(f64, u64)> {
        let samples = self.samples();
        // Past what 64 bits count.
        let decades = (0i32..20).map(|decade| 10f64.powi(decade));
        decades
            .flat_map(|decade| STEPS.iter().map(move |step| 1.0 - 1.0 / (step * decade)))
            .take_while(|quantile| samples >= samples_needed(*quantile).max(1))
            .map(|quantile| (quantile, self.0.value_at_quantile(quantile)))
            .collect()
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

/// Samples needed to give a quantile (above 0, below 1) with 99% confidence.
///
/// All of `n` independent samples lie below the true quantile `q` with probability `q^n`, and then
/// they say nothing of what lies above. The smallest `n` that makes this 1% or less is
/// `ln 0.01 / ln q`, rounded up: 7 for the median, 459 for the 99th percentile (Wilks' one-sided
/// tolerance limit: S. S. Wilks, "Determination of sample sizes for setting tolerance limits",
/// Annals of Mathematical Statistics 12, 1941).
pub fn samples_needed(quantile: f64) -> u64 {
    (0.01f64.ln() / quantile.ln()).ceil() as u64
}

impl From<Recorder> for String {
    fn from(recorder: Recorder) -> Self {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(&recorder.0, &mut bytes)
            .expect("a histogram of these bounds fits into memory; anything else is a bug");
        STANDARD.encode(bytes)
    }
}

impl TryFrom<String> for Recorder {
    type Error = Error;

    /// # Errors
    /// [`Error::Malformed`] for text that no [`Recorder`] wrote.
    fn try_from(text: String) -> Result<Self> {
        let bad = |reason: String| Error::malformed("histogram", reason);
        let bytes = STANDARD.decode(&text).map_err(|error| bad(format!("not base64: {error}")))?;
        let histogram: Histogram<u64> = Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|error| bad(format!("not in HdrHistogram's compressed V2 format: {error}")))?;
        // Merging into a histogram of our own bounds keeps the promise that any two merge.
        let mut recorder = Self::new();
        recorder
            .0
            .add(&histogram)
            .map_err(|error| bad(format!("holds times that no recorder records: {error}")))?;
        Ok(recorder)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn recorder(times: impl IntoIterator<Item = u64>) -> Recorder {
        let mut recorder = Recorder::new();
        times.into_iter().for_each(|time| recorder.record(Nanos(time)));
        recorder
    }

    #[test]
    fn the_published_sample_counts_follow_from_the_formula() {
        let needed = [0.5, 0.9, 0.95, 0.99, 0.999].map(samples_needed);
        assert_eq!(needed, [7, 44, 90, 459, 4603]);
        for (quantile, n) in [0.5f64, 0.9, 0.95, 0.99, 0.999].into_iter().zip(needed) {
            assert!(quantile.powi(n as i32) <= 0.01, "{quantile}");
            assert!(quantile.powi(n as i32 - 1) > 0.01, "{quantile}");
        }
    }

    #[test]
    fn a_percentile_is_absent_until_there_are_enough_samples() {
        let before = recorder(1..=458).percentiles();
        assert_eq!((before.p95_ns, before.p99_ns), (Some(436), None));
        let after = recorder(1..=459).percentiles();
        assert_eq!((after.samples, after.p99_ns, after.p999_ns), (459, Some(455), None));
        assert_eq!(recorder([]).percentiles(), Percentiles::default());
    }

    #[test]
    fn a_curve_ends_where_samples_do_and_holds_the_percentiles() {
        let quantiles = |n| recorder(1..=n).curve().into_iter().map(|(q, _)| q).collect::<Vec<_>>();
        assert_eq!(recorder([]).curve(), []);
        assert_eq!(quantiles(1), [0.0]);
        assert_eq!(*quantiles(458).last().unwrap(), 1.0 - 1.0 / 70.0);
        assert_eq!(*quantiles(459).last().unwrap(), 0.99);
        let recorder = recorder(1..=10_000);
        let (curve, percentiles) = (recorder.curve(), recorder.percentiles());
        assert_eq!(curve[0], (0.0, 1));
        for (quantile, ns) in [
            (0.5, percentiles.p50_ns),
            (0.9, percentiles.p90_ns),
            (0.95, percentiles.p95_ns),
            (0.99, percentiles.p99_ns),
            (0.999, percentiles.p999_ns),
        ] {
            assert!(curve.contains(&(quantile, ns.unwrap())), "{quantile}: {curve:?}");
        }
    }

    #[test]
    fn a_time_past_the_longest_counts_as_the_longest() {
        let recorder = recorder([u64::MAX; 7]);
        let p50 = recorder.percentiles().p50_ns.unwrap() as f64;
        assert!((p50 / LONGEST_NS as f64 - 1.0).abs() < 0.002, "{p50}");
    }

    #[test]
    fn text_that_no_recorder_wrote_is_refused() {
        for text in ["", "0", "zz==", "ä0", "HISTFAAAAAA="] {
            let error = Recorder::try_from(text.to_owned()).unwrap_err();
            assert!(error.to_string().starts_with("histogram: "), "{text}: {error}");
        }
    }

    #[test]
    fn the_text_of_a_long_run_is_short() {
        let text = String::from(recorder((0..10_000).map(|i| 1_000_000 + i * 37)));
        assert!(text.len() < 2_000, "{} characters", text.len());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_recorder_survives_the_way_through_json(
            times in prop::collection::vec(0u64..=LONGEST_NS, 0..50),
        ) {
            let before = recorder(times);
            let text = serde_json::to_string(&before).unwrap();
            prop_assert_eq!(serde_json::from_str::<Recorder>(&text).unwrap(), before);
        }

        #[test]
        fn a_curve_rises(times in prop::collection::vec(0u64..=LONGEST_NS, 0..700)) {
            let curve = recorder(times).curve();
            prop_assert!(curve.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1));
        }

        #[test]
        fn merging_equals_recording_in_one_place(
            a in prop::collection::vec(0u64..10_000_000_000, 0..50),
            b in prop::collection::vec(0u64..10_000_000_000, 0..50),
        ) {
            let mut merged = recorder(a.iter().copied());
            merged.merge(&recorder(b.iter().copied()));
            prop_assert_eq!(merged, recorder(a.into_iter().chain(b)));
        }

        #[test]
        fn a_percentile_is_within_a_thousandth_of_the_sorted_one(
            mut times in prop::collection::vec(1u64..=LONGEST_NS, 90..200),
        ) {
            let percentiles = recorder(times.iter().copied()).percentiles();
            times.sort_unstable();
            for (quantile, found) in [(0.5, percentiles.p50_ns), (0.95, percentiles.p95_ns)] {
                let rank = (quantile * times.len() as f64).ceil() as usize;
                let exact = times[rank - 1] as f64;
                let found = found.unwrap() as f64;
                prop_assert!(((found - exact) / exact).abs() <= 0.001, "{} {}", found, exact);
            }
        }

        #[test]
        fn any_text_is_read_or_refused_but_never_panics(text in "[0-9A-Za-z+/]{0,200}") {
            let _ = Recorder::try_from(text);
        }
    }
}
