//! `plimsoll report`.

use std::path::{Path, PathBuf};

use super::exit;
use super::output::say;
use crate::error::Result;
use crate::report;

/// What `plimsoll report` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The run: bundle.tar.gz, results.json, or a folder with either in it.
    #[arg(value_name = "BUNDLE|DIR|results.json")]
    run: PathBuf,

    /// Folder for the report. Without it, the folder of the run; for a bundle, a folder beside it
    /// that is called as it is without .tar.gz. Files of a report that are in it are replaced.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Renders a run again: the same record makes the same files.
pub(super) fn run(args: Args) -> Result<u8> {
    let (run, advice) = report::open_with_advice(&args.run)?;
    let out = args.out.unwrap_or_else(|| place(&args.run));
    report::write_all(&out, &run, advice.as_ref())?;
    say(format_args!("report: {}", out.join("report.html").display()))?;
    Ok(exit::OK)
}

/// Where the report of a run goes.
fn place(run: &Path) -> PathBuf {
    if run.is_dir() {
        return run.to_owned();
    }
    let name = run.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let bare = name.strip_suffix(".tar.gz").or_else(|| name.strip_suffix(".tgz"));
    match bare.filter(|bare| !bare.is_empty()) {
        Some(bare) => run.with_file_name(bare),
        None => match run.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_goes_where_its_run_lies_and_a_bundles_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(place(folder.path()), folder.path());
        for (run, out) in [
            ("a/results.json", "a"),
            ("results.json", "."),
            ("a/bundle.tar.gz", "a/bundle"),
            ("b.tgz", "b"),
            ("a/.tar.gz", "a"),
        ] {
            assert_eq!(place(Path::new(run)), Path::new(out), "{run}");
        }
    }
}
