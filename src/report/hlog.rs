//! `latency.hlog`: the cells' latencies as an HdrHistogram interval log.
//!
//! Any HdrHistogram reader takes it. A cell is one interval with a tag of its own; intervals begin
//! at seconds since the run did and overlap, because rounds pass over all cells.

use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use super::words;
use crate::error::{Error, Result};
use crate::measure::Recorder;
use crate::record::{Cell, CellRecord, RunRecord};

/// Nanoseconds of a millisecond: the log's column for the largest value is for people.
const MAXIMUM_IN_MS: f64 = 1e6;

/// The log of a run, by the beginning of each interval.
///
/// # Errors
/// [`Error::Malformed`] naming a cell whose histogram cannot be read.
pub(super) fn log(run: &RunRecord) -> Result<String> {
    let mut cells: Vec<(&CellRecord, Recorder)> =
        run.cells.iter().map(|record| Ok((record, recorder(record)?))).collect::<Result<_>>()?;
    cells.sort_by(|(a, _), (b, _)| begin(a).total_cmp(&begin(b)));

    let mut builder = IntervalLogWriterBuilder::new();
    builder
        .add_comment("[Plimsoll: nanoseconds of a batch, or of a request; a cell is a tag]")
        .add_comment(
            "[Tag: backend/device/instances/batch/threads/precision/sessions/staging/scenario]",
        )
        .with_max_value_divisor(MAXIMUM_IN_MS);
    if let Some(start) = started(run) {
        // The base says that the intervals' times count from it.
        builder.with_start_time(start).with_base_time(start);
    }
    let bug = |error: &dyn std::fmt::Display| Error::Bug(format!("latency.hlog: {error}"));
    let (mut bytes, mut serializer) = (Vec::new(), V2DeflateSerializer::new());
    let mut log =
        builder.begin_log_with(&mut bytes, &mut serializer).map_err(|error| bug(&error))?;
    for (record, recorder) in &cells {
        let name = tag(&record.cell);
        let (from, to) = (span(begin(record)), span(end(record)));
        log.write_histogram(recorder.histogram(), from, to.saturating_sub(from), Tag::new(&name))
            .map_err(|error| bug(&error))?;
    }
    String::from_utf8(bytes).map_err(|error| bug(&error))
}

fn recorder(record: &CellRecord) -> Result<Recorder> {
    Recorder::try_from(record.latency_histogram.clone())
        .map_err(|error| error.within(words::cell(&record.cell)))
}

/// A cell in a word that no reader stumbles on: letters, digits and `-_.:`, the parts of the cell
/// apart by `/`, everything else as `%` and its code, so that no two cells share a tag.
fn tag(cell: &Cell) -> String {
    let part = |text: String| {
        let mut out = String::new();
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte) {
                out.push(char::from(byte));
            } else {
                out.push_str(&format!("%{byte:02X}"));
            }
        }
        out
    };
    let parts = [
        cell.backend.clone(),
        cell.device.clone(),
        format!("i{}", cell.instances),
        format!("b{}", cell.batch),
        format!("t{}", cell.threads),
        cell.precision.clone(),
        format!("s{}", cell.sessions),
        cell.staging.clone(),
        cell.scenario.to_string(),
    ];
    parts.map(part).join("/")
}

/// When the run began, where its record says so in a way that can be read.
pub(super) fn started(run: &RunRecord) -> Option<SystemTime> {
    humantime::parse_rfc3339_weak(&run.started).ok()
}

/// When a cell's first measurement began, in seconds since the run did.
fn begin(record: &CellRecord) -> f64 {
    record.rounds.iter().map(|round| round.at_s).reduce(f64::min).unwrap_or(0.0)
}

/// When its last one ended.
fn end(record: &CellRecord) -> f64 {
    let ends = record.rounds.iter().map(|round| round.at_s + round.warmup_s + round.seconds);
    ends.reduce(f64::max).unwrap_or(0.0)
}

/// Seconds as a span; none for what is no such number.
fn span(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_reader_of_such_logs_finds_every_cell_with_its_latencies() {
        let run = fixture::run();
        let text = log(&run).unwrap();
        assert!(text.contains("#[StartTime: 1773480413.000 (seconds since epoch)]\n"), "{text}");
        let mut found = Vec::new();
        let mut starts = Vec::new();
        for entry in IntervalLogIterator::new(text.as_bytes()) {
            let LogEntry::Interval(interval) = entry.unwrap() else { continue };
            let bytes = STANDARD.decode(interval.encoded_histogram()).unwrap();
            let histogram: Histogram<u64> =
                Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
            starts.push(interval.start_timestamp());
            found.push((interval.tag().unwrap().as_str().to_owned(), histogram));
        }
        assert!(starts.is_sorted());
        assert_eq!(found.len(), run.cells.len());
        for record in &run.cells {
            let tag = tag(&record.cell);
            let (_, histogram) = found.iter().find(|(name, _)| *name == tag).unwrap();
            assert_eq!(histogram, recorder(record).unwrap().histogram(), "{tag}");
        }
    }

    #[test]
    fn tags_are_words_and_no_two_cells_share_one() {
        let mut cell = fixture::cell("torch", 2, 128).cell;
        assert_eq!(tag(&cell), "torch/cpu/i2/b128/t1/f32/s1/pageable/offline");
        let mut tags = Vec::new();
        for backend in ["a b", "a,b", "a\nb", "a/b", "a%b", "\u{e4}", "a=b"] {
            cell.backend = backend.into();
            tags.push(tag(&cell));
            assert!(Tag::new(&tag(&cell)).is_some() && tag(&cell).is_ascii());
        }
        tags.sort();
        tags.dedup();
        assert_eq!(tags.len(), 7);
    }

    #[test]
    fn a_damaged_histogram_is_named_by_its_cell() {
        let mut run = fixture::run();
        run.cells[4].latency_histogram = "zz".into();
        let error = log(&run).unwrap_err().to_string();
        assert!(error.contains("batch 16: histogram: not "), "{error}");
    }

    #[test]
    fn a_run_without_cells_or_a_start_is_a_log_without_intervals() {
        let run = RunRecord { started: "yesterday".into(), ..fixture::empty() };
        assert!(log(&run).unwrap().lines().all(|line| line.starts_with('#')));
    }
}
