//! Values of `plimsoll simulate`'s flags, as people write them.

use crate::cli::values;
use crate::error::{Error, Result};
use crate::sizing::simulate::StartUp;
use crate::units::{self, Nanos};

/// A start-up: `218s`, or from its shortest to its longest, `150s..400s`, with the most likely
/// between them, `150s..218s..400s`.
pub(super) fn start_up(text: &str) -> Result<StartUp> {
    let bad = |why: &str| Error::invalid(format!("`{text}`"), why);
    let seconds = |part: &str| units::parse_span(part).map(Nanos::seconds);
    let parts: Vec<f64> = text.split("..").map(seconds).collect::<Result<_>>()?;
    let start_up = match parts[..] {
        [always] => StartUp::always(always),
        [low, high] => StartUp { typical: (low + high) / 2.0, low, high },
        [low, typical, high] => StartUp { typical, low, high },
        _ => return Err(bad("not a start-up; write 218s, 150s..400s or 150s..218s..400s")),
    };
    if start_up.low <= start_up.typical && start_up.typical <= start_up.high {
        Ok(start_up)
    } else {
        Err(bad("its times do not rise; write 150s..218s..400s"))
    }
}

/// Stragglers, as (share, factor): `1%:2`.
pub(super) fn stragglers(text: &str) -> Result<(f64, f64)> {
    let bad = || {
        Error::invalid(
            format!("`{text}`"),
            "not stragglers; write 1%:2 for one machine in a hundred that takes twice as long",
        )
    };
    let (share, factor) = text.split_once(':').ok_or_else(bad)?;
    let factor = factor.parse::<f64>().ok().filter(|f| (1.0..=1e3).contains(f)).ok_or_else(bad)?;
    Ok((values::share(share).map_err(|_| bad())?, factor))
}

/// Losses of a machine an hour: `0.01/h`.
pub(super) fn failures(text: &str) -> Result<f64> {
    let rate = text.strip_suffix("/h").and_then(|text| text.parse::<f64>().ok());
    rate.filter(|rate| (0.0..=1e6).contains(rate)).ok_or_else(|| {
        Error::invalid(
            format!("`{text}`"),
            "not a rate of failures; write 0.01/h for one in 100 hours of a machine",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_people_write_them() {
        assert_eq!(start_up("218s").unwrap(), StartUp::always(218.0));
        let between = StartUp { typical: 275.0, low: 150.0, high: 400.0 };
        assert_eq!(start_up("150s..400s").unwrap(), between);
        assert_eq!(start_up("2m..3m..1h").unwrap().typical, 180.0);
        assert_eq!(stragglers("1%:2").unwrap(), (0.01, 2.0));
        assert_eq!(failures("0.01/h").unwrap(), 0.01);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_would() {
        let says = |error: Error, what: &str| assert!(error.to_string().contains(what), "{error}");
        for text in ["", "1%", "1%:0.5", "2:1%"] {
            says(stragglers(text).unwrap_err(), "1%:2");
        }
        for text in ["", "0.01", "-1/h", "x/h"] {
            says(failures(text).unwrap_err(), "0.01/h");
        }
    }
}
