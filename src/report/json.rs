//! `results.json`: the record as it is.

use std::path::Path;

use serde::Deserialize;

use super::files;
use crate::error::{Error, Result};
use crate::record::{RunRecord, SCHEMA_VERSION};

/// Writes a record, whole or not at all.
///
/// # Errors
/// [`Error::Io`] naming the file; [`Error::Bug`] if the record cannot be put into JSON.
pub fn write(path: &Path, run: &RunRecord) -> Result<()> {
    let mut text = serde_json::to_string_pretty(run)
        .map_err(|error| Error::Bug(format!("the record does not fit JSON: {error}")))?;
    text.push('\n');
    files::atomically(path, text.as_bytes())
}

/// Reads a record that this version of Plimsoll understands. A figure may differ from the one
/// written in its seventeenth digit.
///
/// # Errors
/// [`Error::Io`] where the file cannot be read; [`Error::Malformed`] where it is no record, or one
/// of another schema.
pub fn read(path: &Path) -> Result<RunRecord> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::io("read", path, error))?;
    parse(&text).map_err(|reason| Error::malformed(path.display().to_string(), reason))
}

/// The little that is read of a record before its version is known.
#[derive(Deserialize)]
struct Head {
    schema_version: u32,
    plimsoll_version: Option<String>,
}

fn parse(text: &str) -> Result<RunRecord, String> {
    let head: Head = serde_json::from_str(text)
        .map_err(|error| format!("not a record that Plimsoll wrote: {error}"))?;
    if head.schema_version != SCHEMA_VERSION {
        let writer = head.plimsoll_version.unwrap_or_else(|| "of unknown version".into());
        return Err(format!(
            "schema version {} was written by Plimsoll {writer}, and this Plimsoll {} reads \
             version {SCHEMA_VERSION}; read it with the Plimsoll that wrote it",
            head.schema_version,
            env!("CARGO_PKG_VERSION"),
        ));
    }
    serde_json::from_str(text).map_err(|error| format!("a damaged record: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_record_comes_back_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("results.json");
        let run = fixture::run();
        write(&path, &run).unwrap();
        let back = read(&path).unwrap();
        assert_eq!(format!("{run:?}"), format!("{back:?}"));
    }

    #[test]
    fn a_record_of_another_schema_is_refused_with_its_writer() {
        let text = r#"{"schema_version": 7, "plimsoll_version": "9.1.0", "cells": {}}"#;
        let reason = parse(text).unwrap_err();
        assert!(reason.contains("version 7") && reason.contains("9.1.0"), "{reason}");
    }

    #[test]
    fn what_is_no_record_is_told_from_a_damaged_one() {
        for text in ["", "[]", "{}", "PNG"] {
            assert!(parse(text).unwrap_err().contains("not a record"), "{text}");
        }
        let cut = r#"{"schema_version": 2, "plimsoll_version": "0.1.0"}"#;
        assert!(parse(cut).unwrap_err().contains("damaged"));
    }
}
