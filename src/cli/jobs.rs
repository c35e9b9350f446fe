//! `plimsoll jobs`.

use std::thread;
use std::time::{Duration, Instant};

use comfy_table::CellAlignment::{Left, Right};
use serde_json::json;

use super::exit;
use super::output::{note, one_line, pretty, say};
use super::table::table;
use crate::error::{Error, Result};
use crate::store::Location;
use crate::transform::record::{Filter, JobRecord, Jobs, SortBy, SortOrder, Status};
use crate::units::{self, Nanos, count};

/// How often a job that is waited for is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// What `plimsoll jobs` takes.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List the jobs of an output, the newest first.
    List(ListArgs),
    /// Say what is known of a job.
    Describe(DescribeArgs),
    /// Ask a job to stop: it finishes what is in flight and can be gone on with by --resume.
    Stop(Which),
    /// Wait until a job has ended. Exit code 0: Completed; 1: Failed; 130: Stopped; 124: it had
    /// not ended within --timeout.
    Wait(WaitArgs),
}

/// What `plimsoll jobs list` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Where the jobs' outputs go: their --output.
    #[arg(value_parser = Location::parse)]
    output: Location,

    /// Only jobs that are doing this.
    #[arg(long, ignore_case = true)]
    status: Option<Status>,

    /// Only jobs whose names have this in them.
    #[arg(long, value_name = "TEXT")]
    name_contains: Option<String>,

    /// By what they are put in order.
    #[arg(long, value_name = "FIELD", default_value = "creation-time")]
    sort_by: SortBy,

    /// Which way.
    #[arg(long, value_name = "ORDER", default_value = "descending")]
    sort_order: SortOrder,

    /// Print the answer that ListTransformJobs gives.
    #[arg(long)]
    json: bool,
}

/// A job of an output.
#[derive(Debug, clap::Args)]
pub(crate) struct Which {
    /// Where the job's outputs go: its --output.
    #[arg(value_parser = Location::parse)]
    output: Location,

    /// The job's name. Without it, the job that was created last.
    name: Option<String>,
}

/// What `plimsoll jobs describe` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct DescribeArgs {
    #[command(flatten)]
    which: Which,

    /// Print the answer that DescribeTransformJob gives: the request with its defaults filled in,
    /// the status, and times in seconds since 1970.
    #[arg(long)]
    json: bool,
}

/// What `plimsoll jobs wait` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct WaitArgs {
    #[command(flatten)]
    which: Which,

    /// Give up after this time; without it, never.
    #[arg(long, value_name = "TIME", value_parser = units::parse_span)]
    timeout: Option<Nanos>,
}

/// Does what was asked for.
pub(super) fn run(command: Command) -> Result<u8> {
    match command {
        Command::List(args) => list(args),
        Command::Describe(args) => describe(args),
        Command::Stop(which) => stop(which),
        Command::Wait(args) => wait(args),
    }
}

impl Which {
    /// The job as it is now, and those that it is one of.
    fn find(self) -> Result<(Jobs, JobRecord)> {
        let jobs = Jobs::open(&self.output)?;
        let job = match self.name {
            Some(name) => jobs.load(&name)?.as_seen(),
            None => jobs.latest()?,
        };
        Ok((jobs, job))
    }
}

fn list(args: ListArgs) -> Result<u8> {
    let filter = Filter { status: args.status, name_contains: args.name_contains };
    let jobs = Jobs::open(&args.output)?;
    let listed = jobs.list(&filter, args.sort_by, args.sort_order)?;
    for reason in &listed.skipped {
        note(one_line(format_args!("warning: left out: {reason}")));
    }
    if args.json {
        let entries: Vec<_> = listed.jobs.iter().map(JobRecord::entry).collect();
        say(pretty(&json!({ "TransformJobSummaries": entries }))?)?;
    } else if listed.jobs.is_empty() {
        note("no jobs");
    } else {
        say(overview(&listed.jobs))?;
    }
    Ok(exit::OK)
}

/// A line for each job.
fn overview(jobs: &[JobRecord]) -> String {
    let header = [
        ("name", Left),
        ("status", Left),
        ("created", Left),
        ("took", Right),
        ("objects", Right),
        ("succeeded", Right),
        ("failed", Right),
    ];
    let row = |job: &JobRecord| {
        vec![
            job.name().to_owned(),
            job.status.to_string(),
            job.creation_time.to_string(),
            took(job).unwrap_or_else(|| "-".into()),
            count(job.counts.objects),
            count(job.counts.succeeded),
            count(job.counts.failed),
        ]
    };
    table(&header, &jobs.iter().map(row).collect::<Vec<_>>())
}

/// How long a job that has ended took from its start on.
fn took(job: &JobRecord) -> Option<String> {
    Some(job.end_time?.since(job.start_time?).to_string())
}

fn describe(args: DescribeArgs) -> Result<u8> {
    let (jobs, job) = args.which.find()?;
    if args.json {
        say(pretty(&job.describe())?)?;
        return Ok(exit::OK);
    }
    for (name, text) in facts(&jobs, &job) {
        say(one_line(format_args!("{name:<10} {text}")))?;
    }
    Ok(exit::OK)
}

/// What is known of a job, in words.
fn facts(jobs: &Jobs, job: &JobRecord) -> Vec<(&'static str, String)> {
    let request = &job.request;
    let input = &request.transform_input.data_source.s3_data_source;
    let counts = &job.counts;
    let mut facts = vec![("job", job.name().to_owned()), ("status", job.status.to_string())];
    let mut add = |name, text: Option<String>| facts.extend(text.map(|text| (name, text)));
    add("reason", job.failure_reason.clone());
    add("input", Some(format!("{} ({:?})", input.s3_uri, input.s3_data_type)));
    add("output", Some(request.transform_output.s3_output_path.clone()));
    add("model", Some(job.local.model.clone().unwrap_or_else(|| "the weights shipped".into())));
    add("instances", Some(request.transform_resources.instance_count.to_string()));
    add("backend", Some(job.local.backend.clone()));
    add("created", Some(job.creation_time.to_string()));
    add("started", job.start_time.map(|time| time.to_string()));
    let took = took(job).map_or_else(String::new, |took| format!(", after {took}"));
    add("ended", job.end_time.map(|time| format!("{time}{took}")));
    add(
        "objects",
        Some(format!(
            "{}: {} succeeded ({} of them in an earlier run), {} failed",
            count(counts.objects),
            count(counts.succeeded),
            count(counts.resumed),
            count(counts.failed),
        )),
    );
    add("process", Some(format!("{} on {}", job.process.pid, job.process.host)));
    add("lists", Some(jobs.folder(job.name()).to_string()));
    facts.extend(job.notes.iter().map(|note| ("note", note.clone())));
    facts
}

fn stop(which: Which) -> Result<u8> {
    let output = which.output.clone();
    let (jobs, job) = which.find()?;
    let name = job.name();
    if job.status.is_final() {
        let reason = format!("it has ended ({}); there is nothing to stop", job.status);
        return Err(Error::invalid(format!("job {name}"), reason));
    }
    jobs.ask_to_stop(name)?;
    say(one_line(format_args!(
        "{name} was asked to stop; `plimsoll jobs wait {output} {name}` waits until it has"
    )))?;
    Ok(exit::OK)
}

fn wait(args: WaitArgs) -> Result<u8> {
    let begun = Instant::now();
    let (jobs, mut job) = args.which.find()?;
    while !job.status.is_final() {
        let left = match args.timeout {
            Some(timeout) => timeout.duration().saturating_sub(begun.elapsed()),
            None => EVERY,
        };
        if left.is_zero() {
            say(one_line(format_args!("{}: still {}", job.name(), job.status)))?;
            return Ok(exit::TIMEOUT);
        }
        thread::sleep(left.min(EVERY));
        job = jobs.load(job.name())?.as_seen();
    }
    let reason = job.failure_reason.as_ref().map_or_else(String::new, |text| format!(": {text}"));
    say(one_line(format_args!("{}: {}{reason}", job.name(), job.status)))?;
    Ok(match job.status {
        Status::Completed => exit::OK,
        Status::Stopped => exit::INTERRUPTED,
        _ => exit::PARTIAL,
    })
}
