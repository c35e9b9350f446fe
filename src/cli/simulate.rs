//! `plimsoll simulate`.

mod choose;
mod tell;
mod values;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use indicatif::ProgressBar;
use serde::Serialize;

use self::choose::{Like, choose};
use super::output::{note, pretty, say};
use super::results::{Folder, kept};
use super::{exit, progress};
use crate::config::Sweep;
use crate::error::{Error, Result};
use crate::record::{Cell, CellRecord, Estimate, RunRecord};
use crate::report;
use crate::sizing::simulate::{
    BatchTimes, Fleet, Job, JobFigures, Route, SEEDS, Server, Service, ServiceFigures, StartUp,
    Trust, pace_spread, verify,
};
use crate::units::{self, Nanos};

const EXAMPLES: &str = "\
A job of a billion images on a thousand machines like the measured one, of which 1% are half as
fast and one is lost in 100 hours:
  plimsoll simulate reports/latest --images 1b --machines 1000 --start-up 150s..218s..400s \\
    --stragglers 1%:2 --failures 0.01/h

A service, and the highest rate at which it keeps its objective:
  plimsoll simulate reports/latest --rate 5k/s --batch 32 --max-delay 1ms --slo p99=10ms

Whether to believe it: every server cell of a run, simulated from the run's other cells:
  plimsoll sweep --scenario offline,server:5k,server:20k --out verify
  plimsoll simulate --verify verify";

/// What `plimsoll simulate` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The run whose cells drive the simulation: bundle.tar.gz, results.json, or a folder with
    /// either in it.
    #[arg(default_value = "reports/latest")]
    results: PathBuf,

    /// Simulate a job of so many images: 10M, 1b.
    #[arg(long, value_name = "N", value_parser = super::values::count, group = "what")]
    images: Option<usize>,

    /// Simulate a service that gets so many requests a second, of one image each: 5k/s.
    #[arg(long, value_name = "RATE", value_parser = super::values::rate, group = "what")]
    rate: Option<f64>,

    /// Simulate every server cell of the run from its offline and closed-loop cells, and set the
    /// latencies against the measured ones.
    #[arg(long, group = "what")]
    verify: bool,

    /// Which machine of the run: backend=native,instances=2. Keys: backend, device, precision,
    /// staging, instances, sessions, threads, batch. Without it the cell that the report recommends.
    #[arg(long, value_name = "KEY=VALUE,..", conflicts_with = "verify")]
    cell: Option<Like>,

    /// Simulate from INVALID cells too.
    #[arg(long, conflicts_with = "verify")]
    invalid: bool,

    /// Machines.
    #[arg(long, value_name = "N", default_value = "1", value_parser = super::values::count, conflicts_with = "verify")]
    machines: usize,

    /// Largest batch in images; without it that of the cell.
    #[arg(long, value_name = "B", value_parser = super::values::count, conflicts_with = "verify")]
    batch: Option<usize>,

    /// How long a machine takes to be ready, drawn for each: 218s, 150s..400s, or with the most
    /// likely time between the ends, 150s..218s..400s. A job's machines begin with it, and so does
    /// one that replaces a lost one.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = values::start_up, conflicts_with = "verify")]
    start_up: StartUp,

    /// By how much the machines' pace differs: 3%. Without it by what the cell's rate differed from
    /// round to round.
    #[arg(long, value_name = "SHARE", value_parser = super::values::share, conflicts_with = "verify")]
    spread: Option<f64>,

    /// Share of the machines that are slower, and by which factor: 1%:2.
    #[arg(long, value_name = "SHARE:FACTOR", default_value = "0%:1", value_parser = values::stragglers, conflicts_with = "verify")]
    stragglers: (f64, f64),

    /// Losses of a machine an hour: 0.01/h. What a lost one had not done is done elsewhere.
    #[arg(long, value_name = "RATE", default_value = "0/h", value_parser = values::failures, conflicts_with = "verify")]
    failures: f64,

    /// Play every single batch of a job, where else sums of many are drawn: slower, and hardly
    /// different.
    #[arg(long, conflicts_with_all = ["rate", "verify"])]
    exact: bool,

    /// How long a request may wait for its batch to fill; without it as in the run.
    #[arg(long, value_name = "TIME", value_parser = units::parse_span, conflicts_with_all = ["images", "verify"])]
    max_delay: Option<Nanos>,

    /// Requests that may wait at a machine; one that finds as many is rejected.
    #[arg(long, value_name = "N", value_parser = super::values::count, conflicts_with_all = ["images", "verify"])]
    queue_limit: Option<usize>,

    /// How requests are shared out among machines.
    #[arg(long, value_name = "HOW", default_value = "least-outstanding", conflicts_with_all = ["images", "verify"])]
    route: Routing,

    /// Requests of a service that are simulated with each seed.
    #[arg(long, value_name = "N", default_value = "1M", value_parser = super::values::count, conflicts_with_all = ["images", "verify"])]
    requests: usize,

    /// Look for the highest rate at which a percentile of the latencies stays within a limit:
    /// p99=10ms.
    #[arg(long, value_name = "pN=TIME", value_parser = super::values::objective, conflicts_with_all = ["images", "verify"])]
    slo: Option<(f64, Nanos)>,

    /// Seed of all that is drawn.
    #[arg(long, value_name = "SEED", default_value = "1", conflicts_with = "verify")]
    seed: u64,

    /// Print the figures as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Routing {
    RoundRobin,
    LeastOutstanding,
}

/// What a simulation is driven by, and what it assumes.
struct Driven<'a> {
    run: &'a RunRecord,
    cell: Cell,
    times: BatchTimes,
    fleet: Fleet,
    batch: usize,
    sessions: usize,
}

/// What `--json` prints of a job or a service.
#[derive(Serialize)]
struct Printed<'a, F> {
    measured: Measured<'a>,
    seeds: u64,
    simulated: F,
    #[serde(skip_serializing_if = "Option::is_none")]
    highest_rate_per_s: Option<Estimate>,
}

/// What was measured.
#[derive(Serialize)]
struct Measured<'a> {
    started: &'a str,
    host: &'a crate::record::Host,
    cell: &'a Cell,
    batch_sizes: Vec<usize>,
}

/// Simulates, and prints what came of it.
pub(super) fn run(args: Args) -> Result<u8> {
    if args.verify {
        return verified(&args.results, args.json);
    }
    let run = report::open(&args.results)?;
    let trust = if args.invalid { Trust::All } else { Trust::Valid };
    let cell = choose(&run, &args.cell.clone().unwrap_or_default(), trust)?;
    let times = BatchTimes::of_run(&run, &cell, trust)?;
    let (stragglers, slower) = args.stragglers;
    let spread = args.spread.unwrap_or_else(|| pace_spread(record(&run, &cell)));
    let fleet = Fleet {
        start_up: args.start_up,
        spread,
        stragglers,
        slower,
        failures_per_hour: args.failures,
    };
    let batch = args.batch.unwrap_or(cell.batch);
    let sessions = cell.instances * cell.sessions;
    let driven = Driven { run: &run, cell, times, fleet, batch, sessions };
    match (args.images, args.rate) {
        (Some(images), _) => job(&args, &driven, images as u64),
        (_, Some(rate)) => service(&args, &driven, rate),
        _ => Err(Error::invalid(
            "nothing to simulate",
            "give --images for a job, --rate for a service, or --verify",
        )),
    }
}

fn job(args: &Args, driven: &Driven<'_>, images: u64) -> Result<u8> {
    let job = Job {
        images,
        machines: args.machines,
        sessions: driven.sessions,
        batch: driven.batch,
        times: driven.times.clone(),
        fleet: driven.fleet,
        exact: args.exact,
    };
    let bar = bar(args, SEEDS * job.batches(), "batches");
    let figures = job.figures(args.seed, &mut |done| bar.set_position(done))?;
    bar.finish_and_clear();
    if args.json {
        return print(driven, figures, None);
    }
    say(tell::measured(driven))?;
    say(tell::job(&job, &figures))?;
    Ok(exit::OK)
}

fn service(args: &Args, driven: &Driven<'_>, rate: f64) -> Result<u8> {
    let max_delay = match args.max_delay {
        Some(delay) => delay,
        None => Sweep::parse(&driven.run.config_toml, "the run's configuration")?.max_delay,
    };
    let service = Service {
        server: Server {
            sessions: driven.sessions,
            max_batch: driven.batch,
            max_delay,
            queue_limit: args.queue_limit,
            times: driven.times.clone(),
        },
        machines: args.machines,
        route: match args.route {
            Routing::RoundRobin => Route::RoundRobin,
            Routing::LeastOutstanding => Route::LeastOutstanding,
        },
        fleet: driven.fleet,
    };
    let requests = args.requests as u64;
    let bar = bar(args, SEEDS * Service::all(requests), "requests");
    let figures = service.figures(rate, requests, args.seed, &mut |came| bar.set_position(came))?;
    bar.finish_and_clear();
    let highest = args.slo.map(|(quantile, limit)| {
        (quantile, limit, service.highest_rate(quantile, limit, args.seed))
    });
    if args.json {
        return print(driven, figures, highest.and_then(|(.., rate)| rate));
    }
    say(tell::measured(driven))?;
    say(tell::service(&service, rate, requests, &figures))?;
    if let Some((quantile, limit, rate)) = highest {
        say(tell::highest(quantile, limit, rate))?;
    }
    Ok(exit::OK)
}

fn verified(results: &Path, json: bool) -> Result<u8> {
    let mut folder = Folder::open(results)?;
    let Some(run) = &folder.run else {
        return Err(Error::invalid(
            results.display().to_string(),
            "it holds times of jobs and no sweep; plimsoll sweep --scenario offline,server:5k",
        ));
    };
    let verification = verify(run)?;
    if verification.cells.is_empty() {
        verification.left_out.iter().for_each(|(cell, reason)| {
            note(format_args!("{}: {reason}", crate::sweep::name(cell)));
        });
        return Err(Error::invalid(
            "no server cell to verify by",
            "measure some beside offline ones: plimsoll sweep --scenario offline,server:5k",
        ));
    }
    say(if json { pretty(&verification)? } else { tell::verification(&verification) })?;
    let checks =
        verification.checks(&humantime::format_rfc3339_seconds(SystemTime::now()).to_string());
    let kept_now = checks.len();
    checks.into_iter().try_for_each(|check| folder.add_check(check))?;
    if kept_now > 0 {
        kept(kept_now, "check", &folder.checks_path());
    }
    let (counted, p50, p99) = verification.tally();
    Ok(if counted > 0 && p50.min(p99) == counted { exit::OK } else { exit::PARTIAL })
}

fn print(
    driven: &Driven<'_>,
    figures: impl Serialize,
    highest_rate_per_s: Option<Estimate>,
) -> Result<u8> {
    let measured = Measured {
        started: &driven.run.started,
        host: &driven.run.host,
        cell: &driven.cell,
        batch_sizes: driven.times.sizes().collect(),
    };
    let printed = Printed { measured, seeds: SEEDS, simulated: figures, highest_rate_per_s };
    say(pretty(&printed)?)?;
    Ok(exit::OK)
}

/// The record of a cell of the run.
fn record<'a>(run: &'a RunRecord, cell: &Cell) -> Option<&'a CellRecord> {
    run.cells.iter().find(|record| record.cell == *cell)
}

/// A bar, or none where only figures are wanted.
fn bar(args: &Args, total: u64, unit: &str) -> ProgressBar {
    if args.json { ProgressBar::hidden() } else { progress::bar(total, unit) }
}
