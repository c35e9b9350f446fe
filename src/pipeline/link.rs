//! An instance's end of the conversation with the process that started it.
//!
//! One JSON message a line: down on standard input, up on standard output. The end of standard
//! input, also where the parent was killed, is the order to finish and leave.

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::thread;

use crossbeam_channel::{Receiver, bounded, select};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// The instance's end.
///
/// A thread of its own listens, so that who waits for a message can wait for something else too.
/// It is left behind at the end: nothing wakes a thread that reads standard input.
pub struct Link {
    lines: Receiver<String>,
}

/// What came first.
#[derive(Debug)]
pub enum Heard<M, T> {
    /// A message.
    Message(M),
    /// The parent has no more to say.
    End,
    /// What was waited for besides.
    Other(T),
}

impl Link {
    /// The end that this process's standard streams are.
    pub fn of_this_process() -> Self {
        let (lines_in, lines) = bounded(1);
        thread::spawn(move || {
            let input = BufReader::with_capacity(1 << 16, io::stdin());
            for line in input.lines().map_while(Result::ok) {
                if lines_in.send(line).is_err() {
                    return;
                }
            }
        });
        Self { lines }
    }

    /// The next message, or `None` when the parent has no more to say.
    ///
    /// # Errors
    /// [`Error::Bug`] for a line that is no such message: both ends are the same program.
    pub fn receive<M: DeserializeOwned>(&self) -> Result<Option<M>> {
        self.lines.recv().ok().map(|line| decode(&line)).transpose()
    }

    /// The next message, or what comes through `other` before it. Whoever sends through `other`
    /// holds on to its end meanwhile.
    ///
    /// # Errors
    /// Those of [`Link::receive`].
    pub fn receive_or<M: DeserializeOwned, T>(&self, other: &Receiver<T>) -> Result<Heard<M, T>> {
        select! {
            recv(self.lines) -> line => match line {
                Ok(line) => decode(&line).map(Heard::Message),
                Err(_) => Ok(Heard::End),
            },
            recv(other) -> thing => match thing {
                Ok(thing) => Ok(Heard::Other(thing)),
                Err(_) => Ok(self.receive()?.map_or(Heard::End, Heard::Message)),
            },
        }
    }

    /// Sends a message up.
    ///
    /// # Errors
    /// [`Error::Io`] where the parent is gone.
    pub fn send(&self, message: &impl Serialize) -> Result<()> {
        let mut line = encode(message)?;
        line.push('\n');
        let mut out = io::stdout().lock();
        out.write_all(line.as_bytes())
            .and_then(|()| out.flush())
            .map_err(|source| Error::io("write to", "the parent process", source))
    }
}

/// Whether a path can be named in a message, which is text.
///
/// # Errors
/// [`Error::Invalid`] for one that is not UTF-8.
pub fn sayable(path: &Path) -> Result<()> {
    match path.to_str() {
        Some(_) => Ok(()),
        None => Err(Error::invalid(
            path.display().to_string(),
            "the path is not UTF-8, so that instances cannot be told it; rename it",
        )),
    }
}

/// A message as a line, without its newline: JSON escapes those within.
pub(super) fn encode(message: &impl Serialize) -> Result<String> {
    serde_json::to_string(message)
        .map_err(|error| Error::Bug(format!("cannot encode an instance's message: {error}")))
}

/// A line as a message.
pub(super) fn decode<M: DeserializeOwned>(line: &str) -> Result<M> {
    serde_json::from_str(line).map_err(|error| {
        let start: String = line.chars().take(80).collect();
        Error::Bug(format!("an instance's message is not understood ({error}): {start}"))
    })
}
