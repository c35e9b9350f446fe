//! `plimsoll completions`.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, exit};
use crate::error::{Error, Result};

/// What `plimsoll completions` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script.
pub(super) fn run(args: Args) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "plimsoll", &mut script);
    let script = String::from_utf8(script)
        .map_err(|_| Error::Bug("a completion script is not UTF-8".into()))?;
    super::output::say(script.trim_end())?;
    Ok(exit::OK)
}
