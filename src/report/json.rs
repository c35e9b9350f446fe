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
    files::atomically(path, text(run)?.as_bytes())
}

/// All of `results.json`.
pub(super) fn text(run: &RunRecord) -> Result<String> {
    let mut text = serde_json::to_string_pretty(run)
        .map_err(|error| Error::Bug(format!("the record does not fit JSON: {error}")))?;
    text.push('\n');
    Ok(text)
}

/// Reads a record that this version of Plimsoll understands, to the last digit.
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

/// A record from its text, or why it is none.
pub(super) fn parse(text: &str) -> Result<RunRecord, String> {
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
    use proptest::prelude::*;

    use super::*;
    use crate::record::Verdict;
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

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_record_comes_back_to_the_last_digit_and_letter(
            figures in prop::collection::vec(
                prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO
                    | prop::num::f64::NEGATIVE | prop::num::f64::POSITIVE,
                12,
            ),
            counts in prop::collection::vec(any::<u64>(), 4),
            known in any::<[bool; 3]>(),
            words in prop::collection::vec(any::<String>(), 4),
        ) {
            let mut run = RunRecord { cells: vec![fixture::cell("torch", 1, 8)], ..fixture::empty() };
            let given = |place: usize, figure: f64| known[place].then_some(figure);
            (run.elapsed_s, run.seed) = (figures[0], counts[0]);
            (run.host.cgroup_cpus, run.host.load_before) = (given(0, figures[1]), given(1, figures[2]));
            run.own_cost_ns_per_image = vec![(counts[1] as usize, figures[3])];
            run.warnings = words.clone();
            run.config_toml = words.concat();
            run.plan.budget_s = given(2, figures[4]);
            let cell = &mut run.cells[0];
            (cell.throughput_images_per_s, cell.throughput_ci95) = (figures[5], (figures[6], figures[7]));
            (cell.accuracy, cell.latency.p999_ns) = (given(0, figures[8]), known[1].then_some(counts[2]));
            (cell.stages.compute.ns_per_image, cell.agreement) = (figures[9], figures[10]);
            cell.stages.h2d = known[2].then(|| cell.stages.compute.clone());
            (cell.rounds[0].at_s, cell.rounds[0].images) = (figures[11], counts[3]);
            cell.cell.backend = words.concat();
            cell.verdict = if known[0] { Verdict::Valid } else { Verdict::Invalid(words) };
            let written = text(&run).unwrap();
            prop_assert_eq!(text(&parse(&written).unwrap()).unwrap(), written);
        }
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
