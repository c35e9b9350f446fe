//! Amounts, spans and the question in words.

use crate::record::{Estimate, Question};
use crate::report::words::UNKNOWN;
use crate::units::{Nanos, count, rate};

/// An amount of money: `$1,234`, `$1.23`, `$0.204`, `$0.00562`.
pub(in crate::report) fn usd(amount: f64) -> String {
    match amount {
        _ if !amount.is_finite() => UNKNOWN.into(),
        1_000.0.. => format!("${}", count(amount.round() as u64)),
        1.0.. => format!("${amount:.2}"),
        _ if amount > 0.0 => {
            let decimals = (2.0 - amount.log10().floor()).clamp(2.0, 12.0) as usize;
            format!("${amount:.decimals$}")
        }
        _ => "$0".into(),
    }
}

/// A span of seconds in three digits: `12.0 ms`, `90.0 s`, `45.0 min`, `10.0 h`.
pub(in crate::report) fn span(seconds: f64) -> String {
    let (unit, name) = unit(seconds);
    format!("{} {name}", rate(seconds / unit))
}

/// The unit that a span is best told in, in seconds, and its name.
fn unit(seconds: f64) -> (f64, &'static str) {
    match seconds {
        ..1.0 => (1e-3, "ms"),
        ..120.0 => (1.0, "s"),
        ..7_200.0 => (60.0, "min"),
        _ => (3_600.0, "h"),
    }
}

/// The interval of a span, in the unit of its value: "11.0 to 14.0 min".
pub(super) fn span_interval(of: &Estimate) -> String {
    let (unit, name) = unit(of.value);
    interval(of, |end| rate(end / unit), &format!(" {name}"))
}

/// An interval in words, with what follows it; empty where it has no width.
pub(super) fn interval(of: &Estimate, told: impl Fn(f64) -> String, after: &str) -> String {
    if of.low == of.high {
        return String::new();
    }
    format!("{} to {}{after}", told(of.low), told(of.high))
}

/// The question: "10,000,000 images within 60.0 min for $5.00 at most".
pub(in crate::report) fn asked(question: &Question) -> String {
    let mut text = match (&question.images, &question.service) {
        (_, Some(service)) => format!(
            "{} requests/s, {} within {}",
            rate(service.rate_per_s),
            quantile(service.quantile),
            Nanos(service.limit_ns)
        ),
        (Some(images), None) => {
            format!("{} image{}", count(*images), if *images == 1 { "" } else { "s" })
        }
        (None, None) => "A job".into(),
    };
    if let Some(deadline) = question.deadline_s {
        text.push_str(&format!(" within {}", span(deadline)));
    }
    if let Some(budget) = question.budget_usd {
        let each = if question.service.is_some() { " an hour" } else { "" };
        text.push_str(&format!(" for {}{each} at most", usd(budget)));
    }
    text
}

/// `p99` of 0.99, `p99.9` of 0.999.
pub(in crate::report) fn quantile(of: f64) -> String {
    // Without the noise of binary fractions.
    format!("p{}", (of * 1e6).round() / 1e4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Service;

    #[test]
    fn amounts_have_cents_or_three_digits() {
        for (amount, text) in [
            (0.0, "$0"),
            (0.000_056_2, "$0.0000562"),
            (0.005_62, "$0.00562"),
            (0.204, "$0.204"),
            (1.0, "$1.00"),
            (12.345, "$12.35"),
            (1_234.5, "$1,235"),
            (f64::INFINITY, "-"),
        ] {
            assert_eq!(usd(amount), text);
        }
    }

    #[test]
    fn spans_are_told_in_the_unit_of_their_size() {
        for (seconds, text) in
            [(0.0123, "12.3 ms"), (90.0, "90.0 s"), (2_700.0, "45.0 min"), (36_000.0, "10.0 h")]
        {
            assert_eq!(span(seconds), text);
        }
        let of = Estimate { value: 130.0, low: 119.0, high: 200.0 };
        assert_eq!(span_interval(&of), "1.98 to 3.33 min");
        assert_eq!(span_interval(&Estimate { value: 1.0, low: 1.0, high: 1.0 }), "");
    }

    #[test]
    fn a_question_is_told_with_what_it_asks_for() {
        let job = Question { images: Some(10_000_000), ..Question::default() };
        assert_eq!(asked(&job), "10,000,000 images");
        let job = Question { deadline_s: Some(3_600.0), budget_usd: Some(5.0), ..job };
        assert_eq!(asked(&job), "10,000,000 images within 60.0 min for $5.00 at most");
        let service = Service { rate_per_s: 5_000.0, quantile: 0.999, limit_ns: 20_000_000 };
        let service = Question { service: Some(service), budget_usd: Some(2.5), ..<_>::default() };
        let text = "5,000 requests/s, p99.9 within 20.0 ms for $2.50 an hour at most";
        assert_eq!(asked(&service), text);
    }
}
