//! What is wrong with a file of TOML, in a sentence that names the place.

use crate::error::Error;

/// The parser's or serde's error about `text`, with the line of the file, which is called `name`.
pub(super) fn refusal(error: &toml::de::Error, text: &str, name: &str) -> Error {
    let what = match error.span() {
        Some(span) => {
            let line = 1 + text.bytes().take(span.start).filter(|&b| b == b'\n').count();
            format!("{name}, line {line}")
        }
        None => name.to_owned(),
    };
    Error::invalid(what, error.message())
}
