//! Words on the terminal.

use std::io::{self, Write};

use crate::error::{Error, Result};

/// Writes a line to standard output. A reader that has gone away (`| head`) is no error.
pub(crate) fn say(text: impl std::fmt::Display) -> Result<()> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::io("write", "standard output", error))
        }
        _ => Ok(()),
    }
}

/// Writes an error to standard error.
pub(crate) fn complain(error: &Error) {
    note(format_args!("error: {error}"));
}

/// Writes a line to standard error: a warning or a word on what is going on.
pub(crate) fn note(text: impl std::fmt::Display) {
    // Where standard error is gone there is no one to tell.
    let _ = writeln!(io::stderr(), "{text}");
}
