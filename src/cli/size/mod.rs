//! `plimsoll size`.

mod asked;
mod checks;
mod jobs;
mod measured;
mod words;

use std::path::PathBuf;
use std::time::SystemTime;

use self::asked::Asked;
use super::catalogue::Files;
use super::output::{pretty, say};
use super::results::{ADVICE, Folder};
use super::{exit, values};
use crate::error::Result;
use crate::record::{Advice, RunRecord};
use crate::report;
use crate::sizing::{self, ImagesFrom, Options};
use crate::transform::handler::Handler;

/// Machines of a job or a service at most.
const MOST_MACHINES: u64 = 1_000;

/// Where the results lie if nothing else is said: where a sweep puts them.
const LATEST: &str = "reports/latest";

/// Seed of the intervals, and of the order of jobs.
const SEED: u64 = 1;

const EXAMPLES: &str = "\
Exit codes: 0 when something meets the question, 1 when nothing does.

From nothing to an answer:
  plimsoll sweep configs/smoke.toml        measures this machine's cells
  plimsoll size --measure-jobs             times small jobs on it, in the same way as its best cell
  plimsoll size --verify                   predicts a large job, runs it, and says how far off it was
  plimsoll size --images 10M --deadline 1h --machine-type ml.c7i.large

A deadline or a budget is met when the upper end of the interval is within it. A machine type that
was not measured is predicted from one that was, ranked apart, with the command that measures it.";

/// What `plimsoll size` takes.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// What was measured: folders, results.json files or bundles of sweeps, on one machine or
    /// several. jobs.jsonl beside them holds the times of jobs [default: reports/latest].
    results: Vec<PathBuf>,

    #[command(flatten)]
    asked: Asked,

    /// Where the job's images come from: picture files, each opened, decoded and answered by a
    /// file of its own, or pixels that lie in memory already.
    #[arg(long, value_name = "WHERE", default_value = "files")]
    from: ImagesFrom,

    #[command(flatten)]
    catalogue: Files,

    /// The machine type that results without a label stand for. It gives them their price.
    #[arg(long, value_name = "NAME")]
    machine_type: Option<String>,

    /// Folder for advice.json and the report with it; without it, that of the first results.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,

    /// Time jobs of about 250, 500 and 1,000 sample pictures on this machine, loaded as in the best cell
    /// of the results, and keep the times in jobs.jsonl beside them. Takes some seconds.
    #[arg(long)]
    measure_jobs: bool,

    /// Rounds of these jobs. More of them tell a large job's time more closely.
    #[arg(long, value_name = "N", default_value = "10", value_parser = values::count)]
    job_rounds: usize,

    /// Predict what was not fitted, then run it: a job of --images sample pictures (100,000 without
    /// it), and every cell from its neighbours. Keeps how far off it was in checks.jsonl, which
    /// every answer shows.
    #[arg(long)]
    verify: bool,
}

/// Answers, or measures what an answer rests on.
pub(super) fn run(args: Args, handler: &dyn Handler) -> Result<u8> {
    let paths = match args.results.as_slice() {
        [] => vec![PathBuf::from(LATEST)],
        given => given.to_vec(),
    };
    let mut folders = paths.iter().map(|path| Folder::open(path)).collect::<Result<Vec<_>>>()?;
    if (args.measure_jobs || args.verify)
        && let Some(first) = folders.first_mut()
    {
        let bench = jobs::Bench::new(first.run.as_ref(), args.machine_type.as_deref(), handler)?;
        if args.measure_jobs {
            measured::measure(&bench, first, args.job_rounds, SEED)?;
        }
        if args.verify {
            checks::verify(&bench, first, args.asked.images, SEED)?;
            return Ok(exit::OK);
        }
        if args.asked.is_nothing() {
            return Ok(exit::OK);
        }
    }
    let question = args.asked.question()?;
    let catalogue = args.catalogue.read()?;
    let options = Options {
        from: args.from,
        machine_type: args.machine_type,
        now: SystemTime::now(),
        checks: folders.iter().flat_map(|folder| folder.checks.clone()).collect(),
        seed: SEED,
        max_machines: MOST_MACHINES,
    };
    let runs: Vec<RunRecord> = folders.iter().filter_map(|folder| folder.run.clone()).collect();
    let timings: Vec<_> = folders.iter().flat_map(|folder| folder.jobs.clone()).collect();
    let advice = sizing::advise(&question, &runs, &timings, &catalogue, &options)?;
    let out = args.out.unwrap_or_else(|| folders[0].place.clone());
    let page = keep(&out, runs.first(), &advice)?;
    if args.json {
        say(pretty(&advice)?)?;
    } else {
        words::tell(&advice)?;
        say(page)?;
    }
    Ok(if advice.choices.is_empty() { exit::PARTIAL } else { exit::OK })
}

/// Writes the answer, with the report that shows it where there is a run to report of; says where.
fn keep(out: &std::path::Path, run: Option<&RunRecord>, advice: &Advice) -> Result<String> {
    match run {
        Some(run) => {
            report::write_all(out, run, Some(advice))?;
            Ok(format!("report: {}", out.join("report.html").display()))
        }
        None => {
            std::fs::create_dir_all(out)
                .map_err(|error| crate::error::Error::io("create", out, error))?;
            let path = out.join(ADVICE);
            report::advice::write(&path, advice)?;
            Ok(format!("answer: {}", path.display()))
        }
    }
}
