//! Values of flags as people write them.

use crate::error::{Error, Result};
use crate::units;

/// A count of at least 1: `256`, `10k`.
pub(super) fn count(text: &str) -> Result<usize> {
    match usize::try_from(units::parse_count(text)?) {
        Ok(n @ 1..) => Ok(n),
        _ => Err(Error::invalid(format!("`{text}`"), "give at least 1")),
    }
}
