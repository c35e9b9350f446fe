//! Nothing is lost: what went in comes out, as an output or as a failure.

use std::io::{BufRead, BufReader, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::job::Failure;
use super::outcomes::{Outcome, Outcomes, Reason, hex};
use super::preflight::Ready;
use crate::error::{Error, Result};
use crate::store::{Body, Store};
use crate::units;

/// The list of failures, beside a job's record.
pub(super) const FAILURES: &str = "failures.jsonl";
/// The list of outputs.
pub(super) const OUTPUTS: &str = "outputs.jsonl";

/// Failures that a summary holds; all are in the list.
const SUMMED_UP: usize = 100;

/// An output, as the list has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OutputLine {
    /// The object's key.
    pub(super) key: String,
    /// The output's key.
    pub(super) output: String,
    /// Its size.
    pub(super) bytes: u64,
    /// The records whose results it holds; null where the run that counted them was killed.
    pub(super) records: Option<u64>,
    /// Its checksum, in hexadecimal.
    pub(super) sha256: String,
}

/// Looks for every output in the store: one that was reported and is not there, or not whole, is a
/// failure.
///
/// # Errors
/// What keeps the output from being listed, or a reason from being kept.
pub(super) fn check(ready: &Ready, outcomes: &mut Outcomes) -> Result<()> {
    if ready.output.counts_only() {
        return Ok(());
    }
    let there = ready.output.list("", false)?;
    for object in 0..outcomes.len() {
        let Outcome::Done(output) = outcomes.of(object) else { continue };
        let found = there.find(&ready.output_key(object));
        let reason = match found.map(|at| there.size(at)) {
            None => "its output was written, but is no longer in the store; someone else has \
                     removed it, so run the job again by --resume"
                .to_owned(),
            Some(Some(size)) if size != output.bytes => format!(
                "its output was written with {}, but has {size} in the store; someone else has \
                 written over it, so run the job again by --resume",
                units::count(output.bytes)
            ),
            Some(_) => continue,
        };
        outcomes.failed(object, &Reason { reason, ..Reason::default() })?;
    }
    Ok(())
}

/// Writes the lists of failures and of outputs, each whole or not at all, and gives the first
/// failures. A job without failures has no list of them.
///
/// # Errors
/// What keeps the reasons from being read again or a list from being written. The failures are
/// given all the same.
pub(super) fn write_lists(
    ready: &Ready,
    folder: &Store,
    outcomes: &mut Outcomes,
) -> (Vec<Failure>, Result<()>) {
    let mut first = Vec::new();
    let failures = write_failures(ready, folder, outcomes, &mut first);
    let outputs = (0..outcomes.len()).filter_map(|object| {
        let Outcome::Done(output) = outcomes.of(object) else { return None };
        Some(Ok(OutputLine {
            key: ready.key(object).to_owned(),
            output: ready.output_key(object),
            bytes: output.bytes,
            records: output.records,
            sha256: hex(&output.sha256),
        }))
    });
    let outputs = write(folder, OUTPUTS, outputs);
    (first, failures.and(outputs))
}

fn write_failures(
    ready: &Ready,
    folder: &Store,
    outcomes: &mut Outcomes,
    first: &mut Vec<Failure>,
) -> Result<()> {
    let none = outcomes.failures() == 0;
    let mut list =
        if none { Err(Error::Bug(String::new())) } else { Lines::begin(folder, FAILURES) };
    let read = outcomes.each_failure(&mut |object, reason| {
        let Reason { record, offset, reason } = reason;
        let failure = Failure { key: ready.key(object).to_owned(), record, offset, reason };
        let written = list.as_mut().map_or(Ok(()), |list| list.write(&failure));
        if let Err(error) = written {
            list = Err(error);
        }
        if first.len() < SUMMED_UP {
            first.push(failure);
        }
        Ok(())
    });
    if none {
        return folder.remove(FAILURES);
    }
    read.and(list.and_then(Lines::finish))
}

/// Writes a list, a line of JSON for each of `lines`.
///
/// # Errors
/// The first of `lines` that is one, and what keeps the list from being written.
pub(super) fn write<T: Serialize>(
    folder: &Store,
    name: &str,
    lines: impl Iterator<Item = Result<T>>,
) -> Result<()> {
    let mut list = Lines::begin(folder, name)?;
    for line in lines {
        list.write(&line?)?;
    }
    list.finish()
}

/// Reads a list, where there is one. A line that is none is passed over.
///
/// # Errors
/// What keeps the list from being read.
pub(super) fn read<T: DeserializeOwned>(
    folder: &Store,
    name: &str,
    each: &mut dyn FnMut(T),
) -> Result<()> {
    if folder.sizes_of(&[name]).into_iter().next().transpose()?.flatten().is_none() {
        return Ok(());
    }
    let mut outcome = Ok(());
    folder.read_all(&[name], 0, &mut |_, body| {
        let lines: &mut dyn BufRead = match body {
            Ok(Body::Whole(bytes)) => &mut &*bytes,
            Ok(Body::Stream { bytes, .. }) => &mut BufReader::with_capacity(1 << 16, bytes),
            Err(error) => return outcome = Err(error),
        };
        for line in lines.lines() {
            match line {
                Ok(line) => serde_json::from_str(&line).into_iter().for_each(&mut *each),
                Err(source) => return outcome = Err(Error::io("read", name, source)),
            }
        }
    });
    outcome
}

/// A list that is being written.
struct Lines {
    writer: crate::store::Writer,
    name: String,
    line: Vec<u8>,
}

impl Lines {
    fn begin(folder: &Store, name: &str) -> Result<Self> {
        Ok(Self { writer: folder.writer(name)?, name: name.to_owned(), line: Vec::new() })
    }

    fn write(&mut self, value: &impl Serialize) -> Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, value)
            .map_err(|e| Error::Bug(format!("cannot write a line of {}: {e}", self.name)))?;
        self.line.push(b'\n');
        self.writer.write_all(&self.line).map_err(|e| Error::io("write", &self.name, e))
    }

    fn finish(self) -> Result<()> {
        self.writer.finish()
    }
}
