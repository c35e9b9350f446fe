//! `plimsoll transform`.

use super::exit;
use crate::error::Result;

/// What `plimsoll transform` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Runs it.
pub(super) fn run(_: Args) -> Result<u8> {
    Ok(exit::OK)
}
