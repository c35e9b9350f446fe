//! The files of a run, from before its first measurement to after its last.

use std::path::{Path, PathBuf};

use super::csv::{CsvFile, RoundsFile};
use super::files;
use crate::error::{Error, Result};
use crate::record::{Cell, CellRecord, Round, RunRecord};

/// Writes a run's files as it goes, so that a run stopped half-way keeps what it measured.
#[derive(Debug)]
pub struct Exporter {
    dir: PathBuf,
    cells: CsvFile,
    rounds: RoundsFile,
}

impl Exporter {
    /// Makes the folder where it is missing and opens `results.csv` and `rounds.csv` in it, with
    /// their headers. A report of an earlier run in the same folder is removed: it would otherwise
    /// lie beside figures that are not its own.
    ///
    /// # Errors
    /// [`Error::Io`] naming the folder or the file that cannot be written.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self> {
        let dir = dir.into();
        std::fs::create_dir_all(&dir).map_err(|error| Error::io("create", &dir, error))?;
        let cells = CsvFile::create(&dir.join(files::CELLS))?;
        let rounds = RoundsFile::create(&dir.join(files::ROUNDS))?;
        for stale in files::AT_THE_END {
            files::remove(&dir.join(stale))?;
        }
        Ok(Self { dir, cells, rounds })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Appends one round of a cell to `rounds.csv`. Rounds pass over all cells before any cell is
    /// done, so this is what an early stop leaves.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn round_done(&mut self, cell: &Cell, round: &Round) -> Result<()> {
        self.rounds.append(cell, round)
    }

    /// Appends a finished cell to `results.csv`.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn cell_done(&mut self, cell: &CellRecord) -> Result<()> {
        self.cells.append(cell)
    }

    /// Writes everything anew from the finished record, cells in the grid's order.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file that could not be written; the others are written still
    /// where they come before it.
    pub fn finish(self, run: &RunRecord) -> Result<()> {
        // Closed first: some systems do not let an open file be replaced.
        drop((self.cells, self.rounds));
        files::write_all(&self.dir, run, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_run_stopped_half_way_keeps_what_it_measured() {
        let dir = tempfile::tempdir().unwrap();
        let run = fixture::run();
        let mut exporter = Exporter::open(dir.path().join("a/b")).unwrap();
        exporter.round_done(&run.cells[0].cell, &run.cells[0].rounds[0]).unwrap();
        exporter.cell_done(&run.cells[0]).unwrap();
        // Not dropped and not finished: this is what a kill leaves.
        let read = |name| std::fs::read_to_string(dir.path().join("a/b").join(name)).unwrap();
        assert_eq!(read(files::CELLS).lines().count(), 2);
        assert_eq!(read(files::ROUNDS).lines().count(), 2);
        drop(exporter);
    }

    #[test]
    fn a_folder_is_readable_from_its_header_on_and_loses_an_older_report() {
        let dir = tempfile::tempdir().unwrap();
        crate::report::write_all(dir.path(), &fixture::run(), None).unwrap();
        let _exporter = Exporter::open(dir.path()).unwrap();
        let mut left: Vec<_> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, [files::CELLS, files::ROUNDS]);
        let header = std::fs::read_to_string(dir.path().join(files::CELLS)).unwrap();
        assert!(header.starts_with("backend,device,"), "{header}");
    }

    #[test]
    fn an_unwritable_folder_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("taken");
        std::fs::write(&file, "a file, not a folder").unwrap();
        let error = Exporter::open(file.join("out")).unwrap_err().to_string();
        assert!(error.contains(&*file.to_string_lossy()), "{error}");
    }
}
