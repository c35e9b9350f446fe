//! The journal's file.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Entry, Header};
use crate::error::{Error, Result};
use crate::units::Nanos;

/// The file's name, in the folder of the report.
const NAME: &str = "measurements.jsonl";

/// Measurements of an earlier part of the run, and a place for those to come.
#[derive(Debug, Default)]
pub struct Journal {
    /// None for a journal that keeps nothing.
    file: Option<(PathBuf, File)>,
    /// Of each cell what is not yet given back.
    past: Vec<VecDeque<Entry>>,
    recalled: usize,
    setup: Option<Nanos>,
    before: Nanos,
}

impl Journal {
    /// Whether a folder holds the journal of a run that did not end.
    pub fn lies_in(dir: &Path) -> bool {
        dir.join(NAME).exists()
    }

    /// Begins a journal in the folder of the report; what lies there of an earlier one is lost.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn create(dir: &Path, header: &Header) -> Result<Self> {
        let path = dir.join(NAME);
        let file = File::create(&path).map_err(|error| Error::io("create", &path, error))?;
        let mut journal = Self { file: Some((path, file)), ..Self::default() };
        journal.write(header)?;
        Ok(journal)
    }

    /// Opens the journal that an interrupted run has left, to go on with it. A last line that is
    /// torn is dropped, from the file too.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there is none, or where it is of a run of something else, with what
    /// differs; [`Error::Io`] and [`Error::Malformed`] for a file that cannot be read.
    pub fn resume(dir: &Path, header: &Header) -> Result<Self> {
        let path = dir.join(NAME);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::invalid(
                    "--resume",
                    format!(
                        "there is no {} to go on with: no sweep was interrupted there, or its \
                         report is complete; leave --resume out, or give that sweep's --out",
                        path.display()
                    ),
                ));
            }
            Err(error) => return Err(Error::io("read", &path, error)),
        };
        let (earlier, entries, whole) = parse(&text, &path)?;
        if let Some(difference) = header.differs_from(&earlier) {
            return Err(Error::invalid(
                "--resume",
                format!(
                    "the measurements in {} do not go together with this run: {difference}; run it \
                     as then, or leave --resume out to begin anew",
                    path.display()
                ),
            ));
        }
        let file = File::options()
            .append(true)
            .open(&path)
            .and_then(|file| file.set_len(whole as u64).map(|()| file))
            .map_err(|error| Error::io("write", &path, error))?;
        Ok(Self { file: Some((path, file)), ..Self::of(header.cells(), entries) })
    }

    /// A journal with a past and no file.
    pub(super) fn of(cells: usize, entries: Vec<Entry>) -> Self {
        let setup = entries.iter().map(|entry| Nanos(entry.at_ns)).min();
        let ends = entries.iter().map(|entry| Nanos(entry.at_ns) + Nanos(entry.took_ns));
        let before = ends.max().unwrap_or_default();
        let recalled = entries.len();
        let mut past = vec![VecDeque::new(); cells];
        for entry in entries {
            past[entry.cell].push_back(entry);
        }
        Self { file: None, past, recalled, setup, before }
    }

    /// Measurements that an earlier part of the run has left.
    pub fn measurements(&self) -> usize {
        self.recalled
    }

    /// A cell's next measurement, if it was taken already.
    pub(in crate::sweep) fn recall(&mut self, cell: usize) -> Option<Entry> {
        self.past.get_mut(cell)?.pop_front()
    }

    /// How long the run's first set-up took, if it came to a measurement.
    pub(in crate::sweep) fn setup(&self) -> Option<Nanos> {
        self.setup
    }

    /// How long the run had been going when it was interrupted.
    pub(in crate::sweep) fn before(&self) -> Nanos {
        self.before
    }

    /// Keeps a measurement. It survives the end of this process at once; that of the machine, when
    /// the system has written it, for which this does not wait: the disk's work would show in the
    /// next cell's figures.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub(in crate::sweep) fn keep(&mut self, entry: &Entry) -> Result<()> {
        self.write(entry)
    }

    /// Removes the file: the run is complete, and its report is written.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn remove(self) -> Result<()> {
        let Some((path, file)) = self.file else { return Ok(()) };
        drop(file);
        std::fs::remove_file(&path).map_err(|error| Error::io("remove", &path, error))
    }

    fn write(&mut self, line: &impl serde::Serialize) -> Result<()> {
        let Some((path, file)) = &mut self.file else { return Ok(()) };
        let mut text = serde_json::to_vec(line)
            .map_err(|error| Error::Bug(format!("a line of the journal: {error}")))?;
        text.push(b'\n');
        file.write_all(&text).map_err(|error| Error::io("write", &*path, error))
    }
}

/// The header, the measurements, and how many bytes of the file are whole lines.
fn parse(text: &[u8], path: &Path) -> Result<(Header, Vec<Entry>, usize)> {
    let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
    let mut lines = text[..whole].split_inclusive(|&byte| byte == b'\n').enumerate();
    let damaged = |line: usize, error: &dyn std::fmt::Display| {
        Error::malformed(
            format!("{}, line {}", path.display(), line + 1),
            format!("{error}; the journal is damaged, leave --resume out to begin anew"),
        )
    };
    let header: Header = match lines.next() {
        Some((line, text)) => {
            if !Header::is_known(text) {
                return Err(Error::invalid(
                    "--resume",
                    format!(
                        "{} was written by another version of Plimsoll; leave --resume out to \
                         begin anew",
                        path.display()
                    ),
                ));
            }
            serde_json::from_slice(text).map_err(|error| damaged(line, &error))?
        }
        None => {
            return Err(Error::invalid(
                "--resume",
                format!(
                    "{} holds no measurement: the sweep ended before its first; leave --resume out",
                    path.display()
                ),
            ));
        }
    };
    let entries = lines
        .map(|(line, text)| {
            let entry: Entry =
                serde_json::from_slice(text).map_err(|error| damaged(line, &error))?;
            let known = entry.cell < header.cells();
            known.then_some(entry).ok_or_else(|| damaged(line, &"no such cell"))
        })
        .collect::<Result<Vec<Entry>>>()?;
    Ok((header, entries, whole))
}
