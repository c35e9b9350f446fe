//! Values of flags as people write them.

use clap::builder::{OsStringValueParser, TypedValueParser};

use crate::error::{Error, Result};
use crate::units;

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
}
