//! Times as the API has them.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::units::Nanos;

/// A time in milliseconds since 1970, UTC. In JSON it is a number of seconds with decimals, as
/// the API's answers have it; as text it is RFC 3339 to the second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(u64);

/// The last millisecond of the year 9999, past which RFC 3339 has no words.
const LAST: u64 = 253_402_300_799_999;

impl Time {
    /// Now, by the machine's clock.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::from_millis(u64::try_from(since.as_millis()).unwrap_or(LAST))
    }

    /// Milliseconds since 1970; those past the year 9999 are cut to it.
    pub fn from_millis(millis: u64) -> Self {
        Self(millis.min(LAST))
    }

    /// The span from an earlier time; nothing where the clock was set back meanwhile.
    pub fn since(self, earlier: Self) -> Nanos {
        Nanos::from(Duration::from_millis(self.0.saturating_sub(earlier.0)))
    }

    /// `20261122-143015`.
    pub fn compact(self) -> String {
        let mut text = self.to_string();
        text.retain(|c| c.is_ascii_digit());
        text.insert(8, '-');
        text
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = UNIX_EPOCH + Duration::from_millis(self.0);
        humantime::format_rfc3339_seconds(time).fmt(f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0 as f64 / 1e3)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Casting cuts what is negative, too large or no number.
        Ok(Self::from_millis((f64::deserialize(deserializer)? * 1e3).round() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_seconds_in_json_and_a_date_in_text() {
        let time = Time::from_millis(1_795_357_815_123);
        assert_eq!(serde_json::to_string(&time).unwrap(), "1795357815.123");
        assert_eq!(serde_json::from_str::<Time>("1795357815.123").unwrap(), time);
        assert_eq!(time.to_string(), "2026-11-22T14:30:15Z");
        assert_eq!(time.compact(), "20261122-143015");
    }

    #[test]
    fn times_that_no_one_can_mean_are_cut_and_not_fatal() {
        for text in ["-1", "1e300", "-1e300", "0.0004"] {
            let time: Time = serde_json::from_str(text).unwrap();
            assert!(time <= Time::from_millis(u64::MAX), "{text}");
            assert_eq!(time.compact().len(), 15, "{text}");
        }
    }

    #[test]
    fn a_clock_that_was_set_back_gives_no_span() {
        let (early, late) = (Time::from_millis(1_000), Time::from_millis(2_500));
        assert_eq!(late.since(early), Nanos(1_500_000_000));
        assert_eq!(early.since(late), Nanos(0));
    }
}
