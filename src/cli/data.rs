//! `plimsoll data`.

use super::exit;
use crate::error::Result;

/// What `plimsoll data` does.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {}

/// Runs it.
pub(super) fn run(command: Command) -> Result<u8> {
    match command {}
    #[expect(unreachable_code, reason = "until the first subcommand is written")]
    Ok(exit::OK)
}
