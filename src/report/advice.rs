//! `advice.json`: the answer to a sizing question, beside the run that it was asked of.

use std::path::Path;

use serde::Deserialize;

use super::files;
use crate::error::{Error, Result};
use crate::record::{ADVICE_VERSION, Advice};

/// Writes an answer, whole or not at all. Where its page is wanted too, [`super::write_all`] writes
/// both.
///
/// # Errors
/// [`Error::Io`] naming the file; [`Error::Bug`] if the answer cannot be put into JSON.
pub fn write(path: &Path, advice: &Advice) -> Result<()> {
    files::atomically(path, text(advice)?.as_bytes())
}

/// All of `advice.json`.
pub(super) fn text(advice: &Advice) -> Result<String> {
    let mut text = serde_json::to_string_pretty(advice)
        .map_err(|error| Error::Bug(format!("the advice does not fit JSON: {error}")))?;
    text.push('\n');
    Ok(text)
}

/// The little that is read of an answer before its version is known.
#[derive(Deserialize)]
struct Head {
    version: u32,
}

/// An answer from its text, or why it is none.
pub(super) fn parse(text: &str) -> Result<Advice, String> {
    let head: Head = serde_json::from_str(text)
        .map_err(|error| format!("not an answer that plimsoll size wrote: {error}"))?;
    if head.version != ADVICE_VERSION {
        return Err(format!(
            "version {} of an answer, and this Plimsoll {} reads version {ADVICE_VERSION}; run \
             plimsoll size again",
            head.version,
            env!("CARGO_PKG_VERSION"),
        ));
    }
    serde_json::from_str(text)
        .map_err(|error| format!("a damaged answer: {error}; run plimsoll size again"))
}
