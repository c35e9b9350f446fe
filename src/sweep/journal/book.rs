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

    /// Holds that it does, before anything is done that takes time.
    ///
    /// # Errors
    /// [`Error::Invalid`] where none is there.
    pub fn expect_in(dir: &Path) -> Result<()> {
        if Self::lies_in(dir) { Ok(()) } else { Err(none(&dir.join(NAME))) }
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
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(none(&path)),
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

fn none(path: &Path) -> Error {
    Error::invalid(
        "--resume",
        format!(
            "there is no {} to go on with: no sweep was interrupted there, or its report is \
             complete; leave --resume out, or give that sweep's --out",
            path.display()
        ),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::measure::Recorder;
    use crate::sweep::check::Agreement;
    use crate::sweep::journal::{Kept, header};
    use crate::sweep::runner::Measurement;

    fn entry(cell: usize, at_ns: u64) -> Entry {
        let mut latency = Recorder::new();
        latency.record(Nanos(at_ns + 1));
        let measured = Measurement {
            images: at_ns,
            seconds: 0.1,
            steady: true,
            latency,
            ..Default::default()
        };
        let agreement = Agreement {
            images: 9,
            same_class: 8,
            broken_scores: 0,
            max_difference: Some(0.1 + 0.2),
            right: None,
        };
        let kept = Kept::Measured { measured: Box::new(measured), agreement: Some(agreement) };
        Entry { cell, at_ns, took_ns: 5, kept }
    }

    fn failure(cell: usize, at_ns: u64) -> Entry {
        let kept = Kept::Failed { reason: "it died\nof a \"signal\"".into() };
        Entry { cell, at_ns, took_ns: 5, kept }
    }

    fn text(entry: &Entry) -> String {
        serde_json::to_string(entry).unwrap()
    }

    /// A journal's folder after three measurements, its header, and the entries.
    fn kept() -> (tempfile::TempDir, Header, Vec<Entry>) {
        let (dir, header) = (tempfile::tempdir().unwrap(), header::tests::header());
        let mut journal = Journal::create(dir.path(), &header).unwrap();
        let entries = vec![entry(1, 100), failure(0, 200), entry(1, 300)];
        entries.iter().for_each(|entry| journal.keep(entry).unwrap());
        (dir, header, entries)
    }

    #[test]
    fn a_cells_measurements_come_back_in_their_order_and_each_once() {
        let (dir, header, entries) = kept();
        let mut journal = Journal::resume(dir.path(), &header).unwrap();
        assert_eq!(journal.measurements(), 3);
        assert_eq!((journal.setup(), journal.before()), (Some(Nanos(100)), Nanos(305)));
        for expected in [&entries[0], &entries[2]] {
            assert_eq!(text(&journal.recall(1).unwrap()), text(expected));
        }
        assert_eq!(text(&journal.recall(0).unwrap()), text(&entries[1]));
        assert!(journal.recall(1).is_none() && journal.recall(0).is_none());
    }

    #[test]
    fn a_torn_line_is_dropped_and_what_follows_takes_its_place() {
        let (dir, header, entries) = kept();
        let path = dir.path().join(NAME);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        let mut journal = Journal::resume(dir.path(), &header).unwrap();
        assert_eq!(journal.measurements(), 2);
        journal.keep(&entries[2]).unwrap();
        drop(journal);
        assert_eq!(std::fs::read(&path).unwrap(), whole);
        Journal::resume(dir.path(), &header).unwrap().remove().unwrap();
        assert!(!Journal::lies_in(dir.path()));
    }

    #[test]
    fn nothing_to_go_on_with_is_said_and_nothing_is_touched() {
        let (dir, header, _) = kept();
        let says = |dir: &Path| Journal::resume(dir, &header).unwrap_err().to_string();
        let empty = tempfile::tempdir().unwrap();
        assert!(says(empty.path()).starts_with("--resume: there is no "), "{}", says(empty.path()));
        let path = dir.path().join(NAME);
        let whole = std::fs::read_to_string(&path).unwrap();

        std::fs::write(&path, whole.replacen("\"schema\":1", "\"schema\":7", 1)).unwrap();
        assert!(says(dir.path()).contains("another version"), "{}", says(dir.path()));
        for (line, bad) in [(1, "{}\n"), (2, "\u{0}\n"), (1, "{\"schema\":1}\n")] {
            let mut lines: Vec<&str> = whole.split_inclusive('\n').collect();
            lines[line - 1] = bad;
            std::fs::write(&path, lines.concat()).unwrap();
            let said = says(dir.path());
            assert!(said.contains(&format!("{NAME}, line {line}: ")), "{said}");
            assert!(said.contains("is damaged"), "{said}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), lines.concat());
        }
        let other = whole.replace("{\"cell\":1,", "{\"cell\":2,");
        std::fs::write(&path, other).unwrap();
        assert!(says(dir.path()).contains("no such cell"), "{}", says(dir.path()));
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Journal::create(file.path(), &header::tests::header()).unwrap_err();
        assert!(error.to_string().contains(&*file.path().to_string_lossy()), "{error}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn cut_off_at_any_byte_a_journal_gives_what_was_written_before(share in 0.0f64..=1.0) {
            let (dir, _, entries) = kept();
            let path = dir.path().join(NAME);
            let whole = std::fs::read(&path).unwrap();
            let cut = &whole[..(share * whole.len() as f64) as usize];
            let lines = cut.iter().filter(|&&byte| byte == b'\n').count();
            match parse(cut, &path) {
                Ok((_, read, length)) => {
                    prop_assert_eq!(read.len() + 1, lines);
                    prop_assert!(length <= cut.len() && (length == 0 || cut[length - 1] == b'\n'));
                    for (read, written) in read.iter().zip(&entries) {
                        prop_assert_eq!(text(read), text(written));
                    }
                }
                Err(error) => {
                    prop_assert_eq!(lines, 0, "{}", error);
                    prop_assert!(error.to_string().contains("holds no measurement"), "{}", error);
                }
            }
        }
    }
}
