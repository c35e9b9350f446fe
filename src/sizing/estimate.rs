//! Reckoning with estimates by their corners: whatever grows with each of its parts has the lowest
//! of them at its low end. That is wider than the parts' errors would make it if they were known to
//! be independent, which they are not.

use crate::config::catalogue::Span;
use crate::record::Estimate;

/// A figure that is certain.
pub(super) fn certain(value: f64) -> Estimate {
    Estimate { value, low: value, high: value }
}

/// A figure that may be these shares of itself.
pub(super) fn within(value: f64, low: f64, high: f64) -> Estimate {
    Estimate { value, low: value * low, high: value * high }
}

/// What a catalogue gives.
pub(super) fn of_span(span: &Span) -> Estimate {
    Estimate { value: span.typical, low: span.low, high: span.high }
}

/// The same done to all three.
pub(super) fn each(of: Estimate, with: impl Fn(f64) -> f64) -> Estimate {
    Estimate { value: with(of.value), low: with(of.low), high: with(of.high) }
}

/// `by / of`: its ends change places.
pub(super) fn over(by: f64, of: Estimate) -> Estimate {
    Estimate { value: by / of.value, low: by / of.high, high: by / of.low }
}

/// The sum of all.
pub(super) fn sum<const N: usize>(all: [Estimate; N]) -> Estimate {
    all.into_iter().fold(Estimate::default(), |a, b| Estimate {
        value: a.value + b.value,
        low: a.low + b.low,
        high: a.high + b.high,
    })
}

/// Whether the two may be the same.
pub(super) fn overlap(a: Estimate, b: Estimate) -> bool {
    a.low <= b.high && b.low <= a.high
}

/// The median of what was measured, from the least to the most of it; of fewer than three, at
/// least a fifth to either side. None of nothing.
pub(super) fn of_few(mut measured: Vec<f64>) -> Option<Estimate> {
    measured.retain(|value| value.is_finite());
    measured.sort_unstable_by(f64::total_cmp);
    let (low, high) = (*measured.first()?, *measured.last()?);
    let value = crate::measure::median(&measured)?;
    let share = if measured.len() < 3 { 0.2 } else { 0.0 };
    let (low, high) = (low.min(value * (1.0 - share)), high.max(value * (1.0 + share)));
    Some(Estimate { value, low, high })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn few_figures_are_wide_and_more_speak_for_themselves() {
        assert_eq!(of_few(vec![]), None);
        assert_eq!(of_few(vec![10.0]), Some(Estimate { value: 10.0, low: 8.0, high: 12.0 }));
        assert_eq!(of_few(vec![3.0, 1.0, 2.0]), Some(Estimate { value: 2.0, low: 1.0, high: 3.0 }));
    }

    #[test]
    fn what_touches_overlaps() {
        let of = |low, high| Estimate { value: (low + high) / 2.0, low, high };
        assert!(overlap(of(1.0, 2.0), of(2.0, 3.0)) && overlap(of(0.0, 9.0), of(4.0, 5.0)));
        assert!(!overlap(of(1.0, 2.0), of(2.1, 3.0)) && !overlap(of(2.1, 3.0), of(1.0, 2.0)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_ends_hold_whatever_lies_within_the_parts(
            a in (1.0f64..9.0, 0.0f64..1.0), b in (1.0f64..9.0, 0.0f64..1.0), at in 0.0f64..1.0,
        ) {
            let of = |(value, width): (f64, f64)| within(value, 1.0 - width / 2.0, 1.0 + width);
            let inside = |of: Estimate| of.low + at * (of.high - of.low);
            let (a, b) = (of(a), of(b));
            let holds = |of: Estimate, value: f64| {
                of.low <= value * (1.0 + 1e-12) && value <= of.high * (1.0 + 1e-12)
            };
            prop_assert!(holds(sum([a, b]), inside(a) + inside(b)));
            prop_assert!(holds(over(5.0, a), 5.0 / inside(a)));
            prop_assert!(holds(each(b, |x| 3.0 * x), 3.0 * inside(b)));
        }
    }
}
