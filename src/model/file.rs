//! Weights in and out of files, whatever their kind.

use std::collections::BTreeMap;
use std::path::Path;

use super::safetensors;
use super::weights::Weights;
use crate::error::{Error, Result};

/// Words that travel with weights, by key: `accuracy`, `command`. Kept in the safetensors header.
pub type Metadata = BTreeMap<String, String>;

/// The weights that Plimsoll comes with.
const SHIPPED: &[u8] = include_bytes!("weights.safetensors");

/// Reads weights from a file, and says in words where they came from.
///
/// # Errors
/// [`Error::Io`] or [`Error::Malformed`].
pub fn load(path: &Path) -> Result<(Weights, String)> {
    let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
    let (weights, metadata) =
        safetensors::read(&bytes).map_err(|e| e.within(path.display().to_string()))?;
    Ok((weights, format!("{}{}", path.display(), in_words(&metadata))))
}

/// The weights that Plimsoll comes with, and in words what they are.
///
/// # Errors
/// [`Error::Bug`] where the embedded file is not one.
pub fn shipped() -> Result<(Weights, String)> {
    let (weights, metadata) = safetensors::read(SHIPPED)
        .map_err(|e| Error::Bug(format!("the weights shipped with Plimsoll: {e}")))?;
    Ok((weights, format!("the weights shipped with Plimsoll{}", in_words(&metadata))))
}

/// Writes weights to a file of the kind that its name says.
///
/// # Errors
/// [`Error::Io`], [`Error::Invalid`] for another name.
pub fn save(path: &Path, weights: &Weights, metadata: &Metadata) -> Result<()> {
    weights.check_finite()?;
    let bytes = safetensors::write(weights, metadata)?;
    std::fs::write(path, bytes).map_err(|e| Error::io("write", path, e))
}

/// What the metadata says, to stand behind a file's name.
fn in_words(metadata: &Metadata) -> String {
    if metadata.is_empty() {
        return String::new();
    }
    let pairs: Vec<String> = metadata.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    format!(" ({})", pairs.join("; "))
}
