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

/// Writes a line to standard error: a warning or a word on what is going on. A file's name in it
/// may hold anything: control characters do not reach the terminal, but for the ends of lines,
/// which an instance's last words may have.
pub(crate) fn note(text: impl std::fmt::Display) {
    let text = escaped(text, |c| c.is_control() && c != '\n');
    // Where standard error is gone there is no one to tell.
    let _ = writeln!(io::stderr(), "{text}");
}

/// A text as one line, without control characters.
pub(crate) fn one_line(text: impl std::fmt::Display) -> String {
    escaped(text, char::is_control)
}

/// A value as JSON, for people and scripts alike.
pub(crate) fn pretty(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string_pretty(value)
        .map_err(|error| Error::Bug(format!("cannot print as JSON: {error}")))
}

fn escaped(text: impl std::fmt::Display, which: impl Fn(char) -> bool) -> String {
    let mut out = String::new();
    for c in text.to_string().chars() {
        if which(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_written_out() {
        let name = "d\u{e9}j\u{e0}\u{1b}[2J\tvu\r\n.png";
        assert_eq!(one_line(name), "d\u{e9}j\u{e0}\\u{1b}[2J\\tvu\\r\\n.png");
    }
}
