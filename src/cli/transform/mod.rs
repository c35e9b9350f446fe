//! `plimsoll transform`.

mod asked;
mod machine;
mod request;
#[cfg(test)]
mod tests;
mod words;

use indicatif::ProgressBar;

use self::asked::{Asked, asked};
use self::machine::{MachineFlags, OutputFlags};
use self::request::RequestFlags;
use super::output::{note, one_line, pretty, say};
use super::{exit, progress, stop};
use crate::error::Result;
use crate::transform::handler::Handler;
use crate::transform::record::JobRecord;
use crate::transform::request::plan;
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
        return Ok(exit::OK);
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
