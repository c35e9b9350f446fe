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
