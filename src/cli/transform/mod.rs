//! `plimsoll transform`.

mod machine;
mod request;
#[cfg(test)]
mod tests;
mod words;

use std::path::Path;

use indicatif::ProgressBar;

use self::machine::{MachineFlags, OutputFlags};
use self::request::{NAME, OUTPUT, RequestFlags};
use super::output::{note, one_line, pretty, say};
use super::{progress, stop};
use crate::error::{Error, Result};
use crate::store::Location;
use crate::transform::record::{JobRecord, Jobs, new_job_name};
use crate::transform::request::{CreateTransformJob, Draft, Local, SHIPPED_MODEL, plan};
use crate::transform::{self, Progress};

/// What `plimsoll transform` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    request: RequestFlags,
    #[command(flatten)]
    machine: MachineFlags,
    #[command(flatten)]
    output: OutputFlags,
}

/// What is asked for in the end, of a file, flags and an earlier job's record.
#[derive(Debug)]
struct Asked {
    request: CreateTransformJob,
    local: Local,
}

/// Runs the job.
pub(super) fn run(args: Args) -> Result<u8> {
    let print = args.request.print_request;
    let json = args.output.json;
    let wishes = args.machine.wishes();
    let Asked { request, local } = asked(args)?;
    let mut notes = request.check()?;
    if !print {
        notes.extend(local.note_on_model(&request));
    }
    for text in &notes {
        note(one_line(format_args!("note: {text}")));
    }
    if print {
        say(pretty(&request)?)?;
        return Ok(super::exit::OK);
    }
    let plan = plan(&request, &local)?;
    let program = super::own_program()?;
    let stop = stop::on_signal()?;
    let mut bar = ProgressBar::hidden();
    // The engine still takes folders alone.
    let job = transform::Job {
        input: plan.input.clone().into(),
        output: plan.output.clone().into(),
        model: plan.model.clone().map(Into::into),
        backend: plan.backend.clone(),
        instances: plan.instances,
        max_batch: plan.max_batch,
        max_delay_ns: plan.max_delay_ns,
        preferred: plan.preferred.clone(),
        max_object_bytes: plan.max_payload_bytes.unwrap_or(u64::MAX),
    };
    let _ = wishes;
    let summary = transform::run(&job, &program, stop, &mut |progress| match progress {
        Progress::Found(finding) => words::found(&finding),
        Progress::Planned { shares, .. } => words::warn_of_shares(&shares),
        Progress::Starting { objects, instances } => {
            words::warn_of_crowding(instances);
            bar = progress::bar(objects as u64, "objects");
            bar.set_message(format!("starting {instances} instances"));
        }
        Progress::Started => {
            bar.reset_elapsed();
            bar.set_message("");
        }
        Progress::Finished(objects) => bar.set_position(objects as u64),
        Progress::Stopping => bar.set_message("stopping"),
    });
    bar.finish_and_clear();
    let summary = summary?;
    let list = failures_file(&job.output);
    // What the job came to is said even where the list of failures cannot be written.
    let listed = write_failures(&list, &summary);
    if json {
        say(pretty(&summary)?)?;
    } else {
        words::tell(&plan, &summary)?;
    }
    words::complain(&summary, listed.is_ok().then_some(&list));
    listed.map(|()| words::code(&summary))
}

/// The list of failed objects: beside the outputs and not among them.
fn failures_file(output: &Path) -> std::path::PathBuf {
    let mut name = output.file_name().unwrap_or_default().to_owned();
    name.push(".failures.jsonl");
    output.with_file_name(name)
}

/// Writes a line for each failed object; removes an earlier run's list where none failed.
fn write_failures(path: &Path, summary: &transform::Summary) -> Result<()> {
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

/// Puts together what is asked for.
fn asked(args: Args) -> Result<Asked> {
    let flags = args.request;
    let file = flags.job.as_deref().map(read).transpose()?;
    let earlier = match args.machine.resume {
        true => Some(earlier(&flags, file.as_ref())?),
        false => None,
    };
    let before = earlier.as_ref().map_or_else(Local::default, |job| job.local.clone());
    let from_file = file.is_some();
    let mut draft = match (file, &earlier) {
        (Some(file), _) => file,
        (None, Some(job)) => Draft::from(&job.request),
        (None, None) => Draft::default(),
    };
    flags.apply(&mut draft);
    match &earlier {
        Some(job) => draft.set(NAME, job.name()),
        None => draft.set_missing(NAME, new_job_name()),
    }
    if !from_file {
        // A file is SageMaker's, and what it lacks SageMaker would miss as well.
        draft.set_missing("ModelName", SHIPPED_MODEL);
        draft.set_missing("TransformInput.DataSource.S3DataSource.S3DataType", "S3Prefix");
        draft.set_missing("TransformResources.InstanceType", "ml.c5.xlarge");
        draft.set_missing("TransformResources.InstanceCount", 1);
    }
    let local = args.output.over(args.machine.over(before));
    Ok(Asked { request: draft.finish()?, local })
}

fn read(path: &Path) -> Result<Draft> {
    let bytes = std::fs::read(path).map_err(|source| Error::io("read", path, source))?;
    Draft::parse(&bytes).map_err(|error| error.within(path.display()))
}

/// The job that is to be gone on with.
fn earlier(flags: &RequestFlags, file: Option<&Draft>) -> Result<JobRecord> {
    let of_file = |path| file.and_then(|file| file.text(path));
    let output = flags.output().or_else(|| of_file(OUTPUT)).ok_or_else(|| {
        Error::invalid("--resume", "give the --output of the job that is to be gone on with")
    })?;
    let name = flags.name().or_else(|| of_file(NAME));
    Jobs::open(&Location::parse(output)?)?.to_resume(name)
}
