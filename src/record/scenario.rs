//! What is issued, and what counts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::units;

/// What is issued, and what counts. Written as `offline`, `closed:64` or `server:20000`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(with = "String"))]
#[serde(try_from = "String", into = "String")]
pub enum Scenario {
    /// All images are available at once; images completed in the window count.
    #[default]
    Offline,
    /// So many requests of one image are outstanding at any time, over all instances; each counts
    /// from its submission to its result.
    Closed(u64),
    /// So many requests of one image a second, over all instances, at the times of a seeded Poisson
    /// process; each counts from its scheduled time, so that a stalled system cannot hide its queue.
    Server(u64),
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offline => f.write_str("offline"),
            Self::Closed(outstanding) => write!(f, "closed:{outstanding}"),
            Self::Server(rate) => write!(f, "server:{rate}"),
        }
    }
}

impl FromStr for Scenario {
    type Err = Error;

    /// # Errors
    /// [`Error::Invalid`] for anything but the three, with what would be right.
    fn from_str(text: &str) -> Result<Self> {
        let bad = || {
            Error::invalid(
                format!("scenario `{text}`"),
                "not one; write offline, closed:N for N requests outstanding, or server:R for R \
                 requests a second",
            )
        };
        let number = |text: &str| units::parse_count(text).ok().filter(|&n| n > 0).ok_or_else(bad);
        match text.split_once(':') {
            None if text == "offline" => Ok(Self::Offline),
            Some(("closed", n)) => number(n).map(Self::Closed),
            Some(("server", rate)) => number(rate).map(Self::Server),
            _ => Err(bad()),
        }
    }
}

impl From<Scenario> for String {
    fn from(scenario: Scenario) -> Self {
        scenario.to_string()
    }
}

impl TryFrom<String> for Scenario {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_read_as_it_is_written() {
        for (text, scenario) in [
            ("offline", Scenario::Offline),
            ("closed:64", Scenario::Closed(64)),
            ("server:20000", Scenario::Server(20_000)),
        ] {
            assert_eq!(text.parse::<Scenario>().unwrap(), scenario);
            assert_eq!(scenario.to_string(), text);
        }
        assert_eq!("server:20k".parse::<Scenario>().unwrap(), Scenario::Server(20_000));
    }

    #[test]
    fn what_is_no_scenario_is_refused_with_what_would_be() {
        for text in ["", "online", "closed", "closed:", "closed:0", "server:-1", "offline:1"] {
            let error = text.parse::<Scenario>().unwrap_err().to_string();
            assert!(error.contains("write offline, closed:N"), "{text}: {error}");
        }
    }
}
