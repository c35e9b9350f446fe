//! `plimsoll instance`: a worker process that another Plimsoll started.

use super::exit;
use crate::error::Result;
use crate::measure::host::pin;
use crate::pipeline::Link;
use crate::transform::handler::Handler;
use crate::{sweep, transform};

/// What `plimsoll instance` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to work on.
    #[arg(value_enum)]
    kind: Kind,

    /// Processors to stay on.
    #[arg(long, value_delimiter = ',')]
    cores: Vec<usize>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Kind {
    Sweep,
    Transform,
}

/// Works until the parent has no more to say.
pub(super) fn run(args: Args, handler: &dyn Handler) -> Result<u8> {
    if !args.cores.is_empty() {
        pin(&args.cores)?;
    }
    let link = Link::of_this_process();
    match args.kind {
        Kind::Sweep => sweep::serve(&link)?,
        Kind::Transform => transform::serve(&link, handler)?,
    }
    Ok(exit::OK)
}
