//! Spans of time in a configuration, written as people write them: `window = "250ms"`.

use serde::{Deserialize, Deserializer, Serializer, de};

use crate::units::{self, Nanos};

/// For serde's `with`.
pub(super) fn serialize<S: Serializer>(span: &Nanos, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&write(*span))
}

/// For serde's `with`.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Nanos, D::Error> {
    let text = String::deserialize(deserializer)?;
    units::parse_span(&text).map_err(de::Error::custom)
}

/// The span in the largest unit that leaves a whole number, so that reading it gives it back.
pub(super) fn write(Nanos(nanos): Nanos) -> String {
    for (unit, name) in
        [(60_000_000_000, "m"), (1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")]
    {
        if nanos >= unit && nanos.is_multiple_of(unit) {
            return format!("{}{name}", nanos / unit);
        }
    }
    format!("{nanos}ns")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_span_is_written_in_its_largest_whole_unit() {
        for (nanos, text) in [
            (0, "0ns"),
            (999, "999ns"),
            (1_500, "1500ns"),
            (250_000_000, "250ms"),
            (1_000_000_000, "1s"),
            (90_000_000_000, "90s"),
            (120_000_000_000, "2m"),
        ] {
            assert_eq!(write(Nanos(nanos)), text);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_written_span_is_read_back(number in 0u64..1_000_000, zeros in 0u32..9) {
            let span = Nanos(number * 10u64.pow(zeros));
            prop_assert_eq!(units::parse_span(&write(span)).unwrap(), span);
        }
    }
}
