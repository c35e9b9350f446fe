//! `plimsoll compare`.

use std::path::PathBuf;

use serde::Serialize;

use super::output::{note, pretty, say};
use super::{exit, values};
use crate::error::{Error, Result};
use crate::report;
use crate::report::compare::{self, Change, Comparison, Difference};

const IN_CI: &str = "\
Exit codes: 0 when nothing is worse, 1 when a cell is, 2 when the runs were not compared.

A cell is improved when the whole 95% interval of new/base lies above 1 and the ratio reaches 1 +
threshold; worse, the other way round; of no difference when the whole interval lies within the
threshold; else unsure: more rounds narrow it. INVALID cells are shown and not counted. The
interval comes from the rounds of both runs, drawn anew, each by itself: what differs from run to
run and not from round to round is not in it, so keep the threshold above what two runs of the same
build differ by.

In CI, on one machine, with cargo bench, which writes reports/latest:
  git checkout main && cargo bench --bench grid && cp reports/latest/bundle.tar.gz /tmp/base.tar.gz
  git checkout -     && cargo bench --bench grid
  plimsoll compare /tmp/base.tar.gz reports/latest --threshold 5%";

/// What `plimsoll compare` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = IN_CI)]
pub(crate) struct Args {
    /// The run to compare with: bundle.tar.gz, results.json, or a folder with either in it.
    base: PathBuf,

    /// The run that is judged: the same.
    new: PathBuf,

    /// How large a change must be to count: 3%, 0.03.
    #[arg(long, value_name = "SHARE", default_value = "3%", value_parser = values::share)]
    threshold: f64,

    /// Compare runs from unlike environments too: then it is machines that are compared.
    #[arg(long)]
    unlike: bool,

    /// Print the comparison as JSON.
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Printed<'a> {
    #[serde(flatten)]
    comparison: &'a Comparison,
    /// Conditions in which the environments differ; not empty with --unlike alone.
    unlike: &'a [Difference],
    /// What else differs.
    notes: &'a [String],
}

/// Compares two runs.
pub(super) fn run(args: Args) -> Result<u8> {
    let (base, new) = (report::open(&args.base)?, report::open(&args.new)?);
    let unlike = compare::differences(&base, &new);
    if !unlike.is_empty() && !args.unlike {
        return Err(refusal(&unlike));
    }
    let notes = compare::notes(&base, &new);
    let comparison = compare::compare(&base, &new, args.threshold)?;
    if args.json {
        say(pretty(&Printed { comparison: &comparison, unlike: &unlike, notes: &notes })?)?;
    } else {
        for Difference { what, base, new } in &unlike {
            note(format_args!("warning: {what}: base {base}, new {new}"));
        }
        notes.iter().for_each(|text| note(format_args!("note: {text}")));
        say(compare::render(&comparison))?;
    }
    Ok(if comparison.count(Change::Worse) > 0 { exit::PARTIAL } else { exit::OK })
}

fn refusal(unlike: &[Difference]) -> Error {
    let told: Vec<String> = unlike
        .iter()
        .map(|Difference { what, base, new }| format!("  {what}: base {base}, new {new}"))
        .collect();
    Error::invalid(
        "the environments are unlike",
        format!(
            "the ratio would be one of machines; --unlike compares all the same\n{}",
            told.join("\n")
        ),
    )
}
