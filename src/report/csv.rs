//! `results.csv` and `rounds.csv`: machine units, named in the header.
//!
//! A column is a name and how its field is read off a record, side by side, so that a header and
//! its values cannot drift apart. A field is empty where the figure is not known; a percentile is
//! where there are too few samples for it.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::record::{Cell, CellRecord, Latency, Round, RunRecord, Stage, StageClock, Verdict};

/// A column: its name and its field of a row.
type Column<R> = (&'static str, fn(&R) -> String);

/// Which cell; first in both files.
const CELL: [Column<Cell>; 9] = [
    ("backend", |c| c.backend.clone()),
    ("device", |c| c.device.clone()),
    ("instances", |c| c.instances.to_string()),
    ("batch", |c| c.batch.to_string()),
    ("threads", |c| c.threads.to_string()),
    ("precision", |c| c.precision.clone()),
    ("sessions", |c| c.sessions.to_string()),
    ("staging", |c| c.staging.clone()),
    ("scenario", |c| c.scenario.to_string()),
];

/// What was measured in a cell.
const RESULT: [Column<CellRecord>; 38] = [
    ("throughput_images_per_s", |r| number(r.throughput_images_per_s)),
    ("throughput_ci95_low_images_per_s", |r| number(r.throughput_ci95.0)),
    ("throughput_ci95_high_images_per_s", |r| number(r.throughput_ci95.1)),
    ("rounds", |r| r.rounds.len().to_string()),
    ("latency_samples", |r| r.latency.samples.to_string()),
    ("latency_p50_ns", |r| known(r.latency.p50_ns)),
    ("latency_p90_ns", |r| known(r.latency.p90_ns)),
    ("latency_p95_ns", |r| known(r.latency.p95_ns)),
    ("latency_p99_ns", |r| known(r.latency.p99_ns)),
    ("latency_p999_ns", |r| known(r.latency.p999_ns)),
    ("load_offered_per_s", |r| {
        r.load.and_then(|l| l.offered_per_s).map_or_else(String::new, number)
    }),
    ("load_issued_per_s", |r| r.load.map_or_else(String::new, |l| number(l.issued_per_s))),
    ("load_lateness_p99_ns", |r| known(r.load.and_then(|l| l.lateness_p99_ns))),
    ("idle_share", |r| idle(&r.rounds)),
    ("queue_ns_per_image", |r| number(r.stages.queue.ns_per_image)),
    ("queue_batch_p50_ns", |r| of_batch(Some(&r.stages.queue), |l| l.p50_ns)),
    ("queue_batch_p99_ns", |r| of_batch(Some(&r.stages.queue), |l| l.p99_ns)),
    ("stage_ns_per_image", |r| number(r.stages.stage.ns_per_image)),
    ("stage_batch_p50_ns", |r| of_batch(Some(&r.stages.stage), |l| l.p50_ns)),
    ("stage_batch_p99_ns", |r| of_batch(Some(&r.stages.stage), |l| l.p99_ns)),
    ("h2d_ns_per_image", |r| copies(r.stages.h2d.as_ref())),
    ("h2d_batch_p50_ns", |r| of_batch(r.stages.h2d.as_ref(), |l| l.p50_ns)),
    ("h2d_batch_p99_ns", |r| of_batch(r.stages.h2d.as_ref(), |l| l.p99_ns)),
    ("h2d_clock", |r| clock(r.stages.h2d.as_ref())),
    ("compute_ns_per_image", |r| number(r.stages.compute.ns_per_image)),
    ("compute_batch_p50_ns", |r| of_batch(Some(&r.stages.compute), |l| l.p50_ns)),
    ("compute_batch_p99_ns", |r| of_batch(Some(&r.stages.compute), |l| l.p99_ns)),
    ("compute_clock", |r| clock(Some(&r.stages.compute))),
    ("d2h_ns_per_image", |r| copies(r.stages.d2h.as_ref())),
    ("d2h_batch_p50_ns", |r| of_batch(r.stages.d2h.as_ref(), |l| l.p50_ns)),
    ("d2h_batch_p99_ns", |r| of_batch(r.stages.d2h.as_ref(), |l| l.p99_ns)),
    ("d2h_clock", |r| clock(r.stages.d2h.as_ref())),
    ("agreement", |r| number(r.agreement)),
    ("max_score_difference", |r| r.max_score_difference.map_or_else(String::new, number)),
    ("accuracy", |r| r.accuracy.map_or_else(String::new, number)),
    ("peak_rss_bytes", |r| known(r.peak_rss_bytes)),
    ("verdict", |r| verdict(&r.verdict).into()),
    ("reasons", |r| reasons(&r.verdict)),
];

/// What was measured in a round.
const ROUND: [Column<Round>; 12] = [
    ("round", |r| r.round.to_string()),
    ("position", |r| r.position.to_string()),
    ("images", |r| r.images.to_string()),
    ("seconds", |r| number(r.seconds)),
    ("throughput_images_per_s", |r| number(r.throughput_images_per_s)),
    ("warmup_s", |r| number(r.warmup_s)),
    ("steady", |r| r.steady.to_string()),
    ("at_s", |r| number(r.at_s)),
    ("idle_share", |r| number(r.idle_share)),
    ("quota_share", |r| r.throttling.quota_share.map_or_else(String::new, number)),
    ("stolen_share", |r| r.throttling.stolen_share.map_or_else(String::new, number)),
    ("thermal_events", |r| known(r.throttling.thermal_events)),
];

/// `results.csv`, open from before the run: a row is on the disk as soon as its cell is done.
#[derive(Debug)]
pub struct CsvFile(Rows<File>);

impl CsvFile {
    /// Creates the file, or empties it, and writes the header.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn create(path: &Path) -> Result<Self> {
        Rows::create(path, &header(&RESULT)).map(Self)
    }

    /// Appends a cell and flushes it.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn append(&mut self, record: &CellRecord) -> Result<()> {
        self.0.append(&row(&record.cell, &RESULT, record))
    }
}

/// `rounds.csv`, open from before the run.
#[derive(Debug)]
pub struct RoundsFile(Rows<File>);

impl RoundsFile {
    /// Creates the file, or empties it, and writes the header.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn create(path: &Path) -> Result<Self> {
        Rows::create(path, &header(&ROUND)).map(Self)
    }

    /// Appends a round of a cell and flushes it.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn append(&mut self, cell: &Cell, round: &Round) -> Result<()> {
        self.0.append(&row(cell, &ROUND, round))
    }
}

/// All of `results.csv`: the cells in the grid's order, then those that were skipped, with the
/// verdict `SKIPPED`, the reason, and no figures.
pub fn cells(run: &RunRecord) -> String {
    let measured = run.cells.iter().map(|record| row(&record.cell, &RESULT, record));
    let skipped = run.skipped.iter().map(|(cell, reason)| skipped_row(cell, reason));
    text(&header(&RESULT), measured.chain(skipped))
}

/// All of `rounds.csv`: cells in the grid's order, each one's rounds in the order measured.
pub fn rounds(run: &RunRecord) -> String {
    let rows = run
        .cells
        .iter()
        .flat_map(|record| record.rounds.iter().map(|round| row(&record.cell, &ROUND, round)));
    text(&header(&ROUND), rows)
}

/// The columns of a cell, then those of `R`.
fn header<R>(columns: &[Column<R>]) -> Vec<String> {
    let cell = CELL.iter().map(|(name, _)| *name);
    cell.chain(columns.iter().map(|(name, _)| *name)).map(String::from).collect()
}

fn row<R>(cell: &Cell, columns: &[Column<R>], record: &R) -> Vec<String> {
    let of_cell = CELL.iter().map(|(_, field)| field(cell));
    of_cell.chain(columns.iter().map(|(_, field)| field(record))).collect()
}

fn skipped_row(cell: &Cell, reason: &str) -> Vec<String> {
    let figures = RESULT.iter().map(|(name, _)| match *name {
        "verdict" => "SKIPPED".into(),
        "reasons" => reason.into(),
        _ => String::new(),
    });
    CELL.iter().map(|(_, field)| field(cell)).chain(figures).collect()
}

/// The shortest text that reads back as the same number; nothing for one that is none.
fn number(value: f64) -> String {
    if value.is_finite() { value.to_string() } else { String::new() }
}

/// The mean of a copy; nothing where none is made.
fn copies(stage: Option<&Stage>) -> String {
    stage.map_or_else(String::new, |stage| number(stage.ns_per_image))
}

/// A percentile of a stage's time for a batch; nothing for a stage that there is not.
fn of_batch(stage: Option<&Stage>, percentile: fn(&Latency) -> Option<u64>) -> String {
    known(stage.and_then(|stage| percentile(&stage.batch)))
}

/// Whose clock a stage was timed by.
fn clock(stage: Option<&Stage>) -> String {
    let name = stage.map(|stage| match stage.clock {
        StageClock::Host => "host",
        StageClock::Device => "device",
    });
    name.unwrap_or_default().into()
}

/// The mean over rounds of the share of the time that sessions stood idle.
fn idle(rounds: &[Round]) -> String {
    number(rounds.iter().map(|round| round.idle_share).sum::<f64>() / rounds.len() as f64)
}

fn known(value: Option<u64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn verdict(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Valid => "VALID",
        Verdict::Invalid(_) => "INVALID",
    }
}

/// The reasons of a verdict in one line.
fn reasons(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Valid => String::new(),
        Verdict::Invalid(reasons) => reasons.join("; "),
    }
}

fn text(header: &[String], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut out = Rows { csv: ::csv::Writer::from_writer(Vec::new()), path: PathBuf::new() };
    // Memory takes every row, and the csv crate writes as UTF-8 what came as UTF-8.
    let _ = out.put(header);
    for row in rows {
        let _ = out.put(&row);
    }
    let bytes = out.csv.into_inner().unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

/// Rows on their way to a file whose name goes into the errors.
struct Rows<W: Write> {
    csv: ::csv::Writer<W>,
    path: PathBuf,
}

impl Rows<File> {
    fn create(path: &Path, header: &[String]) -> Result<Self> {
        let file = File::create(path).map_err(|error| Error::io("create", path, error))?;
        let mut rows = Self { csv: ::csv::Writer::from_writer(file), path: path.to_owned() };
        rows.append(header)?;
        Ok(rows)
    }

    fn append(&mut self, row: &[String]) -> Result<()> {
        self.put(row).map_err(|error| Error::io("write", &self.path, error))
    }
}

impl<W: Write> Rows<W> {
    fn put(&mut self, row: &[String]) -> io::Result<()> {
        self.csv.write_record(row)?;
        self.csv.flush()
    }
}

impl<W: Write> std::fmt::Debug for Rows<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Rows").field(&self.path).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Load;
    use crate::report::fixture;

    fn table(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().unwrap().iter().map(String::from).collect();
        let rows =
            reader.records().map(|row| row.unwrap().iter().map(String::from).collect()).collect();
        (header, rows)
    }

    #[test]
    fn a_row_reads_as_documented() {
        let run = RunRecord { cells: vec![fixture::cell("torch", 2, 128)], ..fixture::empty() };
        assert_eq!(
            cells(&run),
            "backend,device,instances,batch,threads,precision,sessions,staging,scenario,throughput_images_per_s,\
             throughput_ci95_low_images_per_s,throughput_ci95_high_images_per_s,rounds,\
             latency_samples,latency_p50_ns,latency_p90_ns,latency_p95_ns,latency_p99_ns,\
             latency_p999_ns,load_offered_per_s,load_issued_per_s,load_lateness_p99_ns,idle_share,\
             queue_ns_per_image,queue_batch_p50_ns,queue_batch_p99_ns,stage_ns_per_image,\
             stage_batch_p50_ns,stage_batch_p99_ns,h2d_ns_per_image,h2d_batch_p50_ns,\
             h2d_batch_p99_ns,h2d_clock,compute_ns_per_image,compute_batch_p50_ns,\
             compute_batch_p99_ns,compute_clock,d2h_ns_per_image,d2h_batch_p50_ns,\
             d2h_batch_p99_ns,d2h_clock,agreement,max_score_difference,accuracy,peak_rss_bytes,verdict,reasons\n\
             torch,cpu,2,128,1,f32,1,pageable,offline,20000.5,19800,20200.25,3,300,12000000,13000000,14000000,,,\
             ,,,0.01,900,115200,,45.5,5824,,,,,,95000,12160000,,host,,,,,1,0.00001,0.9891,300000000,VALID,\n"
        );
        assert!(rounds(&run).starts_with(
            "backend,device,instances,batch,threads,precision,sessions,staging,scenario,round,position,images,seconds,\
             throughput_images_per_s,warmup_s,steady,at_s,idle_share,quota_share,stolen_share,thermal_events\n\
             torch,cpu,2,128,1,f32,1,pageable,offline,0,1,40000,2,19800,0.5,true,0,0.01,,0.002,\n"
        ));
    }

    #[test]
    fn what_the_load_generator_and_the_device_did_is_told_where_there_are_some() {
        let mut cell = fixture::cell("torch", 1, 8);
        cell.load = Some(Load {
            offered_per_s: Some(900.0),
            issued_per_s: 899.5,
            lateness_p99_ns: Some(1_200),
        });
        let copy = Stage {
            clock: StageClock::Device,
            ns_per_image: 12.5,
            batch: Latency { samples: 9, p50_ns: Some(100), ..Latency::default() },
        };
        cell.stages.h2d = Some(copy);
        let run = RunRecord { cells: vec![cell], ..fixture::empty() };
        let (header, rows) = table(&cells(&run));
        let at = |name: &str| rows[0][header.iter().position(|h| h == name).unwrap()].as_str();
        let load = ["load_offered_per_s", "load_issued_per_s", "load_lateness_p99_ns"].map(at);
        assert_eq!(load, ["900", "899.5", "1200"]);
        let h2d = ["h2d_ns_per_image", "h2d_batch_p50_ns", "h2d_batch_p99_ns", "h2d_clock"].map(at);
        assert_eq!(h2d, ["12.5", "100", "", "device"]);
        assert_eq!(at("d2h_clock"), "");
    }

    #[test]
    fn appended_rows_equal_those_of_the_whole_file() {
        let dir = tempfile::tempdir().unwrap();
        let (cells_path, rounds_path) = (dir.path().join("cells"), dir.path().join("rounds"));
        let run = RunRecord { skipped: vec![], ..fixture::run() };
        let mut cells_file = CsvFile::create(&cells_path).unwrap();
        let mut rounds_file = RoundsFile::create(&rounds_path).unwrap();
        for record in &run.cells {
            cells_file.append(record).unwrap();
            for round in &record.rounds {
                rounds_file.append(&record.cell, round).unwrap();
            }
        }
        assert_eq!(std::fs::read_to_string(cells_path).unwrap(), cells(&run));
        assert_eq!(std::fs::read_to_string(rounds_path).unwrap(), rounds(&run));
    }

    #[test]
    fn a_skipped_cell_has_its_reason_and_no_figures() {
        let run = fixture::run();
        let (header, rows) = table(&cells(&run));
        let last = rows.last().unwrap();
        assert_eq!(rows.len(), run.cells.len() + run.skipped.len());
        let at = |name: &str| &last[header.iter().position(|h| h == name).unwrap()];
        assert_eq!(at("verdict"), "SKIPPED");
        assert_eq!(at("reasons"), &run.skipped.last().unwrap().1);
        assert_eq!(at("throughput_images_per_s"), "");
    }

    #[test]
    fn commas_quotes_and_line_breaks_in_reasons_survive() {
        let mut cell = fixture::cell("torch", 1, 1);
        let reason = "differs, by \"much\"\nand more";
        cell.verdict = Verdict::Invalid(vec![reason.into()]);
        let run = RunRecord { cells: vec![cell], ..fixture::empty() };
        assert_eq!(table(&cells(&run)).1[0].last().unwrap(), reason);
    }

    #[test]
    fn every_column_is_explained_where_readers_look() {
        let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/reports/README.md");
        let readme = std::fs::read_to_string(readme).unwrap();
        for name in header(&RESULT).iter().chain(&header(&ROUND)) {
            assert!(readme.contains(&format!("`{name}`")), "reports/README.md lacks `{name}`");
        }
    }

    #[test]
    fn what_is_not_a_number_is_left_empty() {
        assert_eq!([f64::NAN, f64::INFINITY, 1e-7, 12.0].map(number), ["", "", "0.0000001", "12"]);
    }
}
