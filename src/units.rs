//! Nanoseconds, and numbers as people write and read them.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use crate::error::{Error, Result};

/// A span of time, or a reading of a [`Clock`](crate::clock::Clock), in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub u64);

impl Nanos {
    /// The span in seconds.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The span as the standard library has it.
    pub fn duration(self) -> Duration {
        Duration::from_nanos(self.0)
    }
}

impl From<Duration> for Nanos {
    /// Spans past 584 years are cut to that.
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl Add for Nanos {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Nanos {
    type Output = Self;

    /// Never below zero: stamps taken on two threads may cross by some nanoseconds.
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Nanos {
    /// Three significant digits with a unit: `1.23 ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0 as f64;
        let (value, unit) = match self.0 {
            0..1_000 => return write!(f, "{} ns", self.0),
            1_000..1_000_000 => (nanos / 1e3, "us"),
            1_000_000..1_000_000_000 => (nanos / 1e6, "ms"),
            1_000_000_000..120_000_000_000 => (nanos / 1e9, "s"),
            _ => (nanos / 60e9, "min"),
        };
        write!(f, "{} {unit}", significant(value))
    }
}

/// A count with thousands separators: `10,000`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// So many of a thing: "1 instance", "10,000 objects".
pub fn counted(n: usize, thing: &str) -> String {
    format!("{} {thing}{}", count(n as u64), if n == 1 { "" } else { "s" })
}

/// A rate a second with thousands separators, to three significant digits: `12,300`.
pub fn rate(per_second: f64) -> String {
    if !per_second.is_finite() {
        return "-".into();
    }
    if per_second < 1_000.0 {
        return significant(per_second);
    }
    let step = 10f64.powi(per_second.log10().floor() as i32 - 2);
    count(((per_second / step).round() * step) as u64)
}

/// Bytes in binary units: `1.5 MiB`.
pub fn bytes(n: u64) -> String {
    let mut value = n as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            return if unit == "B" {
                format!("{n} B")
            } else {
                format!("{} {unit}", significant(value))
            };
        }
        value /= 1024.0;
    }
    format!("{} TiB", significant(value))
}

/// Three significant digits without an exponent, for values from 0.001 to 999.
fn significant(value: f64) -> String {
    let decimals = if value >= 100.0 || value == 0.0 {
        0
    } else if value >= 10.0 {
        1
    } else if value >= 1.0 {
        2
    } else {
        3
    };
    format!("{value:.decimals$}")
}

/// Reads a count as people write it: `1000`, `10k`, `2.5m`, `1g`.
///
/// # Errors
/// [`Error::Invalid`] for anything else, with examples of what would be right.
pub fn parse_count(text: &str) -> Result<u64> {
    let bad = || Error::invalid(format!("`{text}`"), "not a count; write 1000, 10k, 2.5m or 1g");
    let lower = text.trim().to_ascii_lowercase().replace('_', "");
    let (number, factor) = match lower.chars().last() {
        Some('k') => (&lower[..lower.len() - 1], 1e3),
        Some('m') => (&lower[..lower.len() - 1], 1e6),
        Some('g' | 'b') => (&lower[..lower.len() - 1], 1e9),
        _ => (&lower[..], 1.0),
    };
    if let (Ok(whole), 1.0) = (number.parse::<u64>(), factor) {
        return Ok(whole);
    }
    let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let value = number.parse::<f64>().ok().filter(|_| plain).ok_or_else(bad)? * factor;
    if value.fract() != 0.0 || value > 9e15 {
        return Err(bad());
    }
    Ok(value as u64)
}

/// Reads a span as people write it: `500us`, `2ms`, `1.5s`, `3m`, `1h`, and a bare `0`.
///
/// # Errors
/// [`Error::Invalid`] for anything else: a bare number other than 0 is refused, for its unit
/// would be a guess.
pub fn parse_span(text: &str) -> Result<Nanos> {
    let bad = || {
        Error::invalid(format!("`{text}`"), "not a span of time; write 500us, 2ms, 1.5s, 3m or 1h")
    };
    let trimmed = text.trim();
    let split = trimmed.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(split);
    let number = number.trim();
    let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let value = number.parse::<f64>().ok().filter(|_| plain).ok_or_else(bad)?;
    let factor = match unit {
        "ns" => 1.0,
        "us" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" | "min" => 60e9,
        "h" => 3600e9,
        "" if value == 0.0 => 1.0,
        _ => return Err(bad()),
    };
    let nanos = value * factor;
    if nanos > 9e18 { Err(bad()) } else { Ok(Nanos(nanos.round() as u64)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_as_people_write_them() {
        for (text, value) in [
            ("1000", 1000),
            ("10k", 10_000),
            ("2.5m", 2_500_000),
            ("1G", 1_000_000_000),
            ("1_000", 1000),
        ] {
            assert_eq!(parse_count(text).unwrap(), value, "{text}");
        }
        for text in ["", "k", "-1", "1.5", "1e9", "ten", "1.0005k", "inf", "99999999g"] {
            assert!(parse_count(text).is_err(), "{text}");
        }
    }

    #[test]
    fn spans_are_read_as_people_write_them() {
        for (text, nanos) in [
            ("2ms", 2_000_000),
            ("500us", 500_000),
            ("1.5s", 1_500_000_000),
            ("3m", 180_000_000_000),
            ("0", 0),
            ("7 ns", 7),
        ] {
            assert_eq!(parse_span(text).unwrap(), Nanos(nanos), "{text}");
        }
        for text in ["", "2", "ms", "-2ms", "2 weeks", "1e3s", "99999999999999h"] {
            assert!(parse_span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn figures_have_three_digits_and_a_unit() {
        assert_eq!(Nanos(999).to_string(), "999 ns");
        assert_eq!(Nanos(1_234_567).to_string(), "1.23 ms");
        assert_eq!(Nanos(90_000_000_000).to_string(), "90.0 s");
        assert_eq!(rate(12_345.6), "12,300");
        assert_eq!(rate(999.7), "1000");
        assert_eq!(rate(45.67), "45.7");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(bytes(1_572_864), "1.50 MiB");
    }
}
