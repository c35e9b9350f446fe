//! The grid: `plimsoll sweep` as a bench, whose report is left in `reports/latest`.
//!
//! It takes criterion's flags as far as they mean something here: a filter that is not part of
//! `grid` skips it, `--quick` and `--test` run the smoke configuration, `--list` names it.

#![expect(clippy::print_stdout, reason = "criterion lists its benches there")]

use std::process::{Command, ExitCode};

const NAME: &str = "grid";
const OUT: &str = "reports/latest";
/// Criterion's flags that are followed by a value.
const VALUED: [&str; 13] = [
    "--baseline",
    "--baseline-lenient",
    "--color",
    "--colour",
    "--confidence-level",
    "--load-baseline",
    "--measurement-time",
    "--noise-threshold",
    "--nresamples",
    "--output-format",
    "--plotting-backend",
    "--sample-size",
    "--save-baseline",
];

#[derive(Default)]
struct Asked {
    filters: Vec<String>,
    quick: bool,
    list: bool,
    exact: bool,
}

fn main() -> ExitCode {
    let asked = read(std::env::args().skip(1));
    if !wanted(&asked) {
        return ExitCode::SUCCESS;
    }
    if asked.list {
        println!("{NAME}: benchmark");
        return ExitCode::SUCCESS;
    }
    let config = if asked.quick { "configs/smoke.toml" } else { "configs/default.toml" };
    let root = env!("CARGO_MANIFEST_DIR");
    let swept = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .current_dir(root)
        .args(["sweep", config, "--out", OUT])
        .status();
    match swept {
        // Invalid cells are a finding, not a failure of the bench.
        Ok(status) if matches!(status.code(), Some(0 | 1)) => ExitCode::SUCCESS,
        Ok(status) => {
            eprintln!("grid: plimsoll sweep ended with {status}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("grid: cannot start plimsoll: {error}");
            ExitCode::FAILURE
        }
    }
}

fn read(args: impl Iterator<Item = String>) -> Asked {
    let mut asked = Asked::default();
    let mut args = args.peekable();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--quick" | "--test" => asked.quick = true,
            "--list" => asked.list = true,
            "--exact" => asked.exact = true,
            valued if VALUED.contains(&valued) || valued == "--warm-up-time" || valued == "-n" => {
                args.next();
            }
            flag if flag.starts_with('-') => {}
            _ => asked.filters.push(arg),
        }
    }
    asked
}

fn wanted(asked: &Asked) -> bool {
    let names =
        |filter: &String| if asked.exact { filter == NAME } else { NAME.contains(&**filter) };
    asked.filters.is_empty() || asked.filters.iter().any(names)
}
