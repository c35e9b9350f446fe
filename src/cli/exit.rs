//! Exit codes. They are part of the interface: scripts branch on them.

use std::process::ExitCode;

use crate::error::Error;

/// Everything that was asked for was done.
pub const OK: u8 = 0;
/// The job ran to its end, but some objects failed, or some cells are invalid or have become worse;
/// or nothing meets the question of a sizing.
pub const PARTIAL: u8 = 1;
/// The command line or the configuration cannot be meant.
pub const USAGE: u8 = 2;
/// Input that is missing, unreadable or damaged, or output that cannot be written.
pub const INPUT: u8 = 3;
/// This machine or this build lacks something that was asked for.
pub const UNAVAILABLE: u8 = 4;
/// A backend or an instance failed.
pub const FAILED: u8 = 5;
/// A bug in Plimsoll.
pub const BUG: u8 = 70;
/// Something that was waited for did not happen in the time that was given; also what timeout(1)
/// says.
pub const TIMEOUT: u8 = 124;
/// Stopped by Ctrl-C or SIGTERM; what was done is kept.
pub const INTERRUPTED: u8 = 130;

/// The table in `--help`.
pub(crate) const HELP: &str = "Exit codes:
  0    done
  1    ended, but some objects failed, some cells are invalid or became worse, or no machine will do
  2    the command line or the configuration cannot be meant
  3    input missing or damaged, or output that cannot be written
  4    this machine or build lacks what was asked for
  5    a backend or an instance failed
  70   a bug in Plimsoll
  124  waited for longer than --timeout
  130  interrupted; what was done is kept";

/// The code for an error.
pub(crate) fn of(error: &Error) -> u8 {
    match error {
        Error::Invalid { .. } => USAGE,
        Error::Io { .. } | Error::Store { .. } | Error::Malformed { .. } => INPUT,
        Error::Unavailable { .. } => UNAVAILABLE,
        Error::Backend { .. } | Error::Instance { .. } => FAILED,
        Error::Interrupted(_) => INTERRUPTED,
        Error::Bug(_) => BUG,
    }
}

/// As the process returns it.
pub(crate) fn code(code: u8) -> ExitCode {
    ExitCode::from(code)
}
