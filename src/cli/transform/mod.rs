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
use crate::transform::handler::Handler;
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
pub(super) fn run(args: Args, handler: &dyn Handler) -> Result<u8> {
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
    let record = JobRecord::new(request, local, notes);
    let summary =
        transform::run(record, wishes, handler, &program, stop, &mut |progress| match progress {
            Progress::Found(finding) => words::found(&finding),
            Progress::Planned { .. } => {}
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
    if json {
        say(pretty(&summary)?)?;
    } else {
        words::tell(&plan, &summary)?;
    }
    words::complain(&summary);
    Ok(words::code(&summary))
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
