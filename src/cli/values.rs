//! Values of flags as people write them.

use clap::builder::{OsStringValueParser, TypedValueParser};

use crate::error::{Error, Result};
use crate::units::{self, Nanos};

/// A URI or a path. Instances are told it, and records keep it, as text.
pub(super) fn uri() -> impl TypedValueParser<Value = String> {
    OsStringValueParser::new().try_map(|text| {
        text.into_string().map_err(|text| {
            Error::invalid(
                text.to_string_lossy(),
                "the path is not UTF-8, so that instances cannot be told it; rename it",
            )
        })
    })
}

/// A count of at least 1: `256`, `10k`.
pub(super) fn count(text: &str) -> Result<usize> {
    match usize::try_from(units::parse_count(text)?) {
        Ok(n @ 1..) => Ok(n),
        _ => Err(Error::invalid(format!("`{text}`"), "give at least 1")),
    }
}

/// A machine's name: a short text of one line.
pub(super) fn label(text: &str) -> Result<String> {
    let name = text.trim();
    if name.is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
        let reason = "not a machine type's name; write ml.g5.xlarge, or what you call the machine";
        return Err(Error::invalid(format!("`{text}`"), reason));
    }
    Ok(name.to_owned())
}

/// A share from 0 up to, but without, 1: `3%`, `0.03`.
pub(super) fn share(text: &str) -> Result<f64> {
    let (number, per) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    match number.trim().parse::<f64>() {
        Ok(value) if (0.0..per).contains(&value) => Ok(value / per),
        _ => Err(Error::invalid(format!("`{text}`"), "not a share; write 3% or 0.03, below 100%")),
    }
}

/// USD above 0: `50usd`, `$50`, `0.5`, `1.5k`.
pub(super) fn usd(text: &str) -> Result<f64> {
    let bad = || Error::invalid(format!("`{text}`"), "not an amount of USD; write 50usd or $50");
    let lower = text.trim().to_ascii_lowercase();
    let bare = lower.strip_prefix('$').or_else(|| lower.strip_suffix("usd")).unwrap_or(&lower);
    number(bare).filter(|&amount| amount > 0.0).ok_or_else(bad)
}

/// A rate a second, above 0: `5k/s`, `5000`, `2.5`.
pub(super) fn rate(text: &str) -> Result<f64> {
    let bad = || Error::invalid(format!("`{text}`"), "not a rate; write 5k/s or 5000");
    let lower = text.trim().to_ascii_lowercase();
    number(lower.strip_suffix("/s").unwrap_or(&lower)).filter(|&rate| rate > 0.0).ok_or_else(bad)
}

/// What a quantile of the latencies may be at most, as (quantile from 0 to 1, limit): `p99=20ms`.
pub(super) fn objective(text: &str) -> Result<(f64, Nanos)> {
    let bad =
        || Error::invalid(format!("`{text}`"), "not an objective; write p99=20ms or p99.9=1s");
    let (percentile, limit) =
        text.trim().strip_prefix('p').and_then(|text| text.split_once('=')).ok_or_else(bad)?;
    let percent = number(percentile).ok_or_else(bad)?;
    let limit = units::parse_span(limit)?;
    // p999 is how p99.9 is often written.
    let quantile = if percent > 100.0 { percent / 1_000.0 } else { percent / 100.0 };
    if quantile > 0.0 && quantile < 1.0 && limit.0 > 0 { Ok((quantile, limit)) } else { Err(bad()) }
}

/// A number as people write it: as a count, or with a fraction.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match units::parse_count(text) {
        Ok(count) => Some(count as f64),
        Err(_) => text.parse().ok().filter(|_| plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_a_short_line() {
        assert_eq!(label(" ml.g5.xlarge ").unwrap(), "ml.g5.xlarge");
        assert_eq!(label("the box under the desk").unwrap(), "the box under the desk");
        for text in ["", "  ", "a\nb", "a\u{1b}[2J", &"a".repeat(101)] {
            assert!(label(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn shares_are_read_as_people_write_them() {
        for (text, value) in [("3%", 0.03), ("0.03", 0.03), ("2.5 %", 0.025), ("0", 0.0)] {
            assert_eq!(share(text).unwrap(), value, "{text}");
        }
        for text in ["", "3", "1", "100%", "-1%", "NaN", "inf%", "three", "%"] {
            assert!(share(text).is_err(), "{text}");
        }
    }

    #[test]
    fn objectives_are_read_as_people_write_them() {
        for (text, quantile) in [("p50=1s", 0.5), ("p99.9=2ms", 0.999), ("p999=2ms", 0.999)] {
            assert!((objective(text).unwrap().0 - quantile).abs() < 1e-12, "{text}");
        }
        assert_eq!(objective("p99=10ms").unwrap().1, Nanos(10_000_000));
        for text in ["", "p99", "99=20ms", "p0=1ms", "p100=1ms", "p99=0", "p99=20", "pNaN=1ms"] {
            assert!(objective(text).is_err(), "{text}");
        }
    }

    #[test]
    fn money_and_rates_are_read_as_people_write_them() {
        for (text, value) in [("50usd", 50.0), ("$50", 50.0), ("0.5 USD", 0.5), ("1.5k", 1_500.0)] {
            assert_eq!(usd(text).unwrap(), value, "{text}");
        }
        for text in ["", "usd", "$", "-5usd", "50eur", "NaN", "inf", "0", "1e3", "$5usd"] {
            assert!(usd(text).is_err(), "{text}");
        }
        for (text, value) in [("5k/s", 5_000.0), ("5000", 5_000.0), ("2.5/s", 2.5)] {
            assert_eq!(rate(text).unwrap(), value, "{text}");
        }
        for text in ["", "/s", "5k/min", "-1/s", "0/s", "ten"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
