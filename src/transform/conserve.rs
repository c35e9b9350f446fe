//! Nothing is lost: what went in comes out, as an output or as a failure.

use std::io::{BufRead, BufReader, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::checksum::{self, Sum};
use super::job::Failure;
use super::outcomes::{Outcome, Outcomes, Output, Reason};
use super::preflight::Ready;
use super::record::Jobs;
use crate::error::{Error, Result};
use crate::store::{Body, Location, Store, Writer};
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

/// An [`OutputLine`] as it is written.
#[derive(Serialize)]
struct Row<'a> {
    key: &'a str,
    output: String,
    bytes: u64,
    records: Option<u64>,
    #[serde(serialize_with = "checksum::serialize")]
    sha256: Sum,
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
    let mut next = 0;
    for object in 0..outcomes.len() {
        let Outcome::Done(output) = outcomes.of(object) else { continue };
        let key = ready.output_key(object);
        // Outputs lie in the order of their objects, but for keys like `a` and `a.b`.
        let found = if next < there.len() && there.key(next) == key {
            Some(next)
        } else {
            there.find(&key)
        };
        next = found.map_or(next, |at| at + 1);
        let reason = match found.map(|at| there.size(at)) {
            None => "its output was written, but is no longer in the store; someone else has \
                     removed it, so run the job again by --resume"
                .to_owned(),
            Some(Some(size)) if size != output.bytes => format!(
                "its output was written with {} bytes, but has {} in the store; someone else \
                 has written over it, so run the job again by --resume",
                units::count(output.bytes),
                units::count(size)
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
    lists: &Lists,
    outcomes: &mut Outcomes,
) -> (Vec<Failure>, Result<()>) {
    let mut first = Vec::new();
    let failures = write_failures(ready, lists, outcomes, &mut first);
    let outputs = (0..outcomes.len()).filter_map(|object| {
        let Outcome::Done(output) = outcomes.of(object) else { return None };
        let (key, output_key) = (ready.key(object), ready.output_key(object));
        let Output { bytes, records, sha256 } = output;
        Some(Row { key, output: output_key, bytes, records, sha256 })
    });
    let outputs = lists.write(OUTPUTS, outputs);
    (first, failures.and(outputs))
}

fn write_failures(
    ready: &Ready,
    lists: &Lists,
    outcomes: &mut Outcomes,
    first: &mut Vec<Failure>,
) -> Result<()> {
    if outcomes.failures() == 0 {
        return lists.remove(FAILURES);
    }
    let mut list = lists.begin(FAILURES);
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
    read.and(list.and_then(Lines::finish))
}

/// The lists beside a job's record: an object each, a line of JSON for each entry.
#[derive(Debug)]
pub(super) struct Lists {
    store: Store,
    job: String,
}

impl Lists {
    /// Those of the job of that name, whose outputs go below `output`.
    ///
    /// # Errors
    /// As [`Store::attach`].
    pub(super) fn of(output: &Location, job: &str) -> Result<Self> {
        let store = Store::attach(&Jobs::beside(output))?;
        Ok(Self { store, job: job.to_owned() })
    }

    fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.job)
    }

    /// Writes a list, whole or not at all.
    ///
    /// # Errors
    /// What keeps it from being written.
    pub(super) fn write<T: Serialize>(
        &self,
        name: &str,
        lines: impl Iterator<Item = T>,
    ) -> Result<()> {
        let mut list = self.begin(name)?;
        for line in lines {
            list.write(&line)?;
        }
        list.finish()
    }

    fn begin(&self, name: &str) -> Result<Lines> {
        let key = self.key(name);
        Ok(Lines { writer: self.store.writer(&key)?, key, line: Vec::new() })
    }

    /// Reads a list, where there is one. A line that is none is passed over.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub(super) fn read<T: DeserializeOwned>(
        &self,
        name: &str,
        each: &mut dyn FnMut(T),
    ) -> Result<()> {
        let key = self.key(name);
        if !self.is_there(&key)? {
            return Ok(());
        }
        let mut outcome = Ok(());
        self.store.read_all(&[&key], 0, &mut |_, body| {
            let lines: &mut dyn BufRead = match body {
                Ok(Body::Whole(bytes)) => &mut &*bytes,
                Ok(Body::Stream { bytes, .. }) => &mut BufReader::with_capacity(1 << 16, bytes),
                Err(error) => return outcome = Err(error),
            };
            for line in lines.lines() {
                match line {
                    Ok(line) => serde_json::from_str(&line).into_iter().for_each(&mut *each),
                    Err(source) => return outcome = Err(Error::io("read", &key, source)),
                }
            }
        });
        outcome
    }

    /// Removes a list, which may be missing: then nobody needs to be allowed to remove it.
    ///
    /// # Errors
    /// What keeps it from being removed.
    pub(super) fn remove(&self, name: &str) -> Result<()> {
        let key = self.key(name);
        if self.is_there(&key)? { self.store.remove(&key) } else { Ok(()) }
    }

    fn is_there(&self, key: &str) -> Result<bool> {
        Ok(self.store.sizes_of(&[key]).into_iter().next().transpose()?.flatten().is_some())
    }
}

/// A list that is being written.
struct Lines {
    writer: Writer,
    key: String,
    line: Vec<u8>,
}

impl Lines {
    fn write(&mut self, value: &impl Serialize) -> Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, value)
            .map_err(|e| Error::Bug(format!("cannot write a line of {}: {e}", self.key)))?;
        self.line.push(b'\n');
        self.writer.write_all(&self.line).map_err(|e| Error::io("write", &self.key, e))
    }

    fn finish(self) -> Result<()> {
        self.writer.finish()
    }
}
