//! `plimsoll transform`.

use std::path::{Path, PathBuf};

use indicatif::ProgressBar;

use super::output::{note, one_line, say};
use super::{exit, progress, stop, values};
use crate::backend;
use crate::error::{Error, Result};
use crate::transform::{self, Job, Progress, Summary};
use crate::units::{self, Nanos};

/// Failed objects that are shown on the terminal; all of them are in the failures file.
const SHOWN: usize = 20;

/// What `plimsoll transform` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of objects: PNG or JPEG pictures of digits, of any size, at any depth. Pictures that
    /// are not 28x28 greyscale are converted.
    #[arg(long, value_name = "DIR")]
    input: PathBuf,

    /// Folder for the outputs, made if missing: NAME.out for each NAME, holding
    /// `{"predictions": d}`. Outputs of an earlier run are replaced.
    #[arg(long, value_name = "DIR")]
    output: PathBuf,

    /// Worker processes. Each owns an equal share of the cores, as a SageMaker instance owns its
    /// machine; more of them cost memory and start-up time, and only pay with cores to spare.
    #[arg(long, value_name = "N", default_value = "1", value_parser = values::count)]
    instance_count: usize,

    /// Most images that go through the model together. Larger batches use the processor better
    /// until they outgrow its cache.
    #[arg(long, value_name = "B", default_value = "256", value_parser = values::count)]
    max_batch: usize,

    /// How long an image waits for others to fill its batch. Only the last batches and slow
    /// inputs ever wait.
    #[arg(long, value_name = "TIME", default_value = "10ms", value_parser = units::parse_span)]
    max_delay: Nanos,

    /// Batch sizes that close a batch at once, without waiting for a full one.
    #[arg(long, value_name = "B,..", value_delimiter = ',', value_parser = values::count)]
    preferred: Vec<usize>,

    /// What runs the model; `plimsoll doctor` lists those that work here. The default is the
    /// fastest on a CPU.
    #[arg(long, value_name = "NAME", default_value = backend::FASTEST_ON_CPU)]
    backend: String,

    /// The model: model.tar.gz, safetensors, a PyTorch state_dict (.pth) or TorchScript (.pt).
    /// Without it, the weights that come with Plimsoll.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,

    /// Larger objects fail instead of being read into memory, in bytes (6m is SageMaker's limit on
    /// a payload).
    #[arg(long, value_name = "BYTES", default_value = "6m", value_parser = units::parse_count)]
    max_object: u64,

    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the job.
pub(super) fn run(args: Args) -> Result<u8> {
    let job = Job {
        input: args.input,
        output: args.output,
        model: args.model,
        backend: args.backend,
        instances: args.instance_count,
        max_batch: args.max_batch,
        max_delay_ns: args.max_delay.0,
        preferred: args.preferred,
        max_object_bytes: args.max_object,
    };
    let program = super::own_program()?;
    let stop = stop::on_signal()?;
    let mut bar = ProgressBar::hidden();
    let summary = transform::run(&job, &program, stop, &mut |progress| match progress {
        Progress::Starting { objects, instances } => {
            warn_of_crowding(instances);
            bar = progress::bar(objects as u64, "objects");
            bar.set_message(format!("starting {instances} instances"));
        }
        Progress::Started => {
            bar.reset_elapsed();
            bar.set_message("");
        }
        Progress::Finished(objects) => bar.set_position(objects as u64),
        Progress::Found(_) | Progress::Planned { .. } | Progress::Stopping => {}
    });
    bar.finish_and_clear();
    let summary = summary?;
    let list = failures_file(&job.output);
    // What the job came to is said even where the list of failures cannot be written.
    let listed = write_failures(&list, &summary);
    if args.json {
        let text = serde_json::to_string_pretty(&summary);
        say(text.map_err(|e| Error::Bug(format!("cannot print the summary: {e}")))?)?;
    } else {
        tell(&job, &summary)?;
    }
    complain(&summary, listed.is_ok().then_some(&list));
    listed.map(|()| code(&summary))
}

fn warn_of_crowding(instances: usize) {
    let cores = crate::measure::host::own_cores().len();
    if instances > cores {
        note(format_args!(
            "warning: {} share {}; they will be slower than {}",
            plural(instances, "instance"),
            plural(cores, "core"),
            plural(cores, "instance"),
        ));
    }
}

fn tell(job: &Job, summary: &Summary) -> Result<()> {
    let batches: u64 = summary.instances.iter().map(|i| i.batches).sum();
    let images: u64 = summary.instances.iter().map(|i| i.images).sum();
    say(format_args!(
        "{} of {} objects in {} ({} images/s), after {} to start {} on {}",
        units::count(summary.succeeded as u64),
        units::count(summary.objects as u64),
        seconds(summary.run_s),
        units::rate(summary.images_per_s),
        seconds(summary.startup_s),
        plural(summary.instances.len() + summary.deaths.len(), "instance"),
        job.backend,
    ))?;
    if batches > 0 {
        say(format_args!("mean batch {:.1} of {}", images as f64 / batches as f64, job.max_batch))?;
    }
    if let Some(peak) = summary.instances.iter().filter_map(|i| i.peak_rss_bytes).max() {
        say(format_args!("peak memory of an instance {}", units::bytes(peak)))?;
    }
    say(format_args!("model: {}", summary.model))
}

fn complain(summary: &Summary, list: Option<&PathBuf>) {
    for (index, reason) in &summary.deaths {
        let heirs = if summary.unfinished == 0 { "; the others took over" } else { "" };
        note(format_args!("warning: instance {index} died ({reason}){heirs}"));
    }
    for failure in summary.failures.iter().take(SHOWN) {
        note(one_line(format_args!("failed: {}: {}", failure.key, failure.reason)));
    }
    if let (false, Some(list)) = (summary.failures.is_empty(), list) {
        let n = summary.failures.len();
        note(format_args!(
            "{} failed; {} are in {}",
            plural(n, "object"),
            if n > SHOWN { "all of them, with reasons," } else { "they and the reasons" },
            list.display()
        ));
    }
    if summary.unfinished > 0 {
        let why = if summary.interrupted { "interrupted" } else { "no instance is left" };
        note(format_args!(
            "{why}: {} not done; run the same command again",
            plural(summary.unfinished, "object")
        ));
    }
}

fn code(summary: &Summary) -> u8 {
    if summary.interrupted {
        exit::INTERRUPTED
    } else if summary.unfinished > 0 {
        exit::FAILED
    } else if summary.failures.is_empty() {
        exit::OK
    } else {
        exit::PARTIAL
    }
}

/// The list of failed objects: beside the outputs and not among them.
fn failures_file(output: &Path) -> PathBuf {
    let mut name = output.file_name().unwrap_or_default().to_owned();
    name.push(".failures.jsonl");
    output.with_file_name(name)
}

/// Writes a line for each failed object; removes an earlier run's list where none failed.
fn write_failures(path: &Path, summary: &Summary) -> Result<()> {
    if summary.failures.is_empty() {
        return match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("remove", path, error))
            }
            _ => Ok(()),
        };
    }
    let mut lines = String::new();
    for failure in &summary.failures {
        let line = serde_json::to_string(failure);
        lines += &line.map_err(|e| Error::Bug(format!("cannot write a failure: {e}")))?;
        lines.push('\n');
    }
    std::fs::write(path, lines).map_err(|source| Error::io("write", path, source))
}

fn seconds(seconds: f64) -> Nanos {
    Nanos((seconds * 1e9) as u64)
}

fn plural(n: usize, thing: &str) -> String {
    format!("{} {thing}{}", units::count(n as u64), if n == 1 { "" } else { "s" })
}
