//! What has become of each object, kept small: a million outputs are 50 megabytes.
//!
//! Reasons of failures may be of any length and as many as there are objects, so they wait in a
//! temporary file for the list that they end up in.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek, SeekFrom, Write};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// An output, as the list of outputs has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Output {
    /// Its size.
    pub(super) bytes: u64,
    /// The records whose results it holds; `None` where the run that counted them left no list.
    pub(super) records: Option<u64>,
    /// The checksum of its bytes.
    pub(super) sha256: [u8; 32],
}

/// Why an object has no output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reason {
    /// The record that failed.
    pub(super) record: Option<u64>,
    /// Where it begins.
    pub(super) offset: Option<u64>,
    /// The cause.
    pub(super) reason: String,
}

/// What has become of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing yet.
    Open,
    /// It has its output.
    Done(Output),
    /// It has failed.
    Failed,
}

/// An output in 48 bytes. More records than fit, or none known, are `UNKNOWN`.
#[derive(Clone, Copy, Debug)]
struct Slot {
    bytes: u64,
    records: u64,
    sha256: [u8; 32],
}

const EMPTY: Slot = Slot { bytes: 0, records: 0, sha256: [0; 32] };
const UNKNOWN: u64 = u64::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Done,
    Failed,
}

/// The outcomes of a job's objects, by their numbers.
#[derive(Debug)]
pub(super) struct Outcomes {
    states: Vec<State>,
    slots: Vec<Slot>,
    reasons: BufWriter<File>,
    written: u64,
    /// Where the reason of each failed object begins, in the order of their failing.
    failed: Vec<(u32, u64)>,
}

impl Outcomes {
    /// Nothing has become of `objects` objects yet.
    ///
    /// # Errors
    /// [`Error::Io`] where no temporary file can be made.
    pub(super) fn new(objects: usize) -> Result<Self> {
        let reasons = tempfile::tempfile().map_err(|e| failed_with("create", e))?;
        Ok(Self {
            states: vec![State::Open; objects],
            // The system hands out such memory when it is first written.
            slots: vec![EMPTY; objects],
            reasons: BufWriter::new(reasons),
            written: 0,
            failed: Vec::new(),
        })
    }

    /// How many objects there are.
    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    /// Notes an output.
    pub(super) fn done(&mut self, object: usize, output: Output) {
        let Output { bytes, records, sha256 } = output;
        self.states[object] = State::Done;
        self.slots[object] = Slot { bytes, records: records.unwrap_or(UNKNOWN), sha256 };
    }

    /// Notes a failure; an output that was noted before is one no longer.
    ///
    /// # Errors
    /// [`Error::Io`] where its reason cannot be kept; the failure counts all the same.
    pub(super) fn failed(&mut self, object: usize, reason: &Reason) -> Result<()> {
        if self.states[object] == State::Failed {
            return Ok(());
        }
        self.states[object] = State::Failed;
        let start = self.written;
        self.failed.push((object as u32, start));
        let mut line = serde_json::to_vec(reason)
            .map_err(|e| Error::Bug(format!("cannot write a failure: {e}")))?;
        line.push(b'\n');
        self.reasons.write_all(&line).map_err(|e| failed_with("write", e))?;
        self.written += line.len() as u64;
        Ok(())
    }

    /// What has become of an object.
    pub(super) fn of(&self, object: usize) -> Outcome {
        match self.states[object] {
            State::Open => Outcome::Open,
            State::Failed => Outcome::Failed,
            State::Done => {
                let Slot { bytes, records, sha256 } = self.slots[object];
                let records = (records != UNKNOWN).then_some(records);
                Outcome::Done(Output { bytes, records, sha256 })
            }
        }
    }

    /// How many objects have failed.
    pub(super) fn failures(&self) -> usize {
        self.failed.len()
    }

    /// How many have an output.
    pub(super) fn outputs(&self) -> usize {
        self.states.iter().filter(|&&state| state == State::Done).count()
    }

    /// Goes through the failures in the order of objects.
    ///
    /// # Errors
    /// [`Error::Io`] where the reasons cannot be read again, and whatever `each` gives.
    pub(super) fn each_failure(
        &mut self,
        each: &mut dyn FnMut(usize, Reason) -> Result<()>,
    ) -> Result<()> {
        self.reasons.flush().map_err(|e| failed_with("write", e))?;
        self.failed.sort_unstable();
        let mut file = BufReader::new(self.reasons.get_ref());
        let mut at = u64::MAX;
        let mut line = Vec::new();
        for &(object, start) in &self.failed {
            // Instances work in the order of objects, so that most reasons follow one another.
            if at != start {
                file.seek(SeekFrom::Start(start)).map_err(|e| failed_with("read", e))?;
            }
            line.clear();
            read_line(&mut file, &mut line).map_err(|e| failed_with("read", e))?;
            at = start + line.len() as u64;
            let reason = serde_json::from_slice(&line).unwrap_or_else(|_| Reason {
                reason: "its reason was lost: no room in the temporary folder".to_owned(),
                ..Reason::default()
            });
            each(object as usize, reason)?;
        }
        // What comes later goes behind what is there.
        let end = SeekFrom::Start(self.written);
        self.reasons.get_mut().seek(end).map_err(|e| failed_with("write", e))?;
        Ok(())
    }
}

fn read_line(file: &mut BufReader<&File>, line: &mut Vec<u8>) -> io::Result<()> {
    use io::BufRead;
    file.read_until(b'\n', line).map(|_| ())
}

fn failed_with(action: &'static str, source: io::Error) -> Error {
    Error::io(action, "the temporary file of failures", source)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn because(text: &str) -> Reason {
        Reason { record: Some(3), offset: Some(70), reason: text.to_owned() }
    }

    fn failures(outcomes: &mut Outcomes) -> Vec<(usize, String)> {
        let mut all = Vec::new();
        outcomes
            .each_failure(&mut |object, reason| {
                all.push((object, reason.reason));
                Ok(())
            })
            .unwrap();
        all
    }

    #[test]
    fn failures_come_back_in_the_order_of_objects_however_they_came() {
        let mut outcomes = Outcomes::new(5).unwrap();
        outcomes.failed(4, &because("four\nlines")).unwrap();
        outcomes.failed(1, &because("one")).unwrap();
        outcomes.failed(1, &because("one again")).unwrap();
        assert_eq!(failures(&mut outcomes), [(1, "one".into()), (4, "four\nlines".into())]);
        outcomes.failed(0, &because("zero")).unwrap();
        let all = failures(&mut outcomes);
        assert_eq!(all, [(0, "zero".into()), (1, "one".into()), (4, "four\nlines".into())]);
        assert_eq!((outcomes.failures(), outcomes.outputs(), outcomes.len()), (3, 0, 5));
    }

    #[test]
    fn an_output_that_turns_out_to_be_none_is_a_failure() {
        let mut outcomes = Outcomes::new(2).unwrap();
        let output = Output { bytes: 7, records: None, sha256: [9; 32] };
        outcomes.done(1, output);
        assert_eq!((outcomes.of(0), outcomes.of(1)), (Outcome::Open, Outcome::Done(output)));
        outcomes.failed(1, &because("gone")).unwrap();
        assert_eq!((outcomes.of(1), outcomes.outputs()), (Outcome::Failed, 0));
    }
}
