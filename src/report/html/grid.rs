//! The full table: every cell with every figure, in the page itself.

use crate::record::{CellRecord, RunRecord, Stage, Verdict};
use crate::report::best::Best;
use crate::report::words::{self, UNKNOWN};
use crate::units::{Nanos, bytes, rate};

/// A column of the table.
pub(super) struct Column {
    pub(super) title: &'static str,
    /// Its unit, or what it means, in a word or two.
    pub(super) hint: &'static str,
    /// Numbers stand to the right.
    pub(super) numeric: bool,
    /// The column of results.csv with the same figure, by which the script sorts. A column without
    /// one is sorted by its text.
    pub(super) csv: &'static str,
    /// Whether it is said once, above the table, where all cells have the same.
    may_be_common: bool,
    field: fn(&CellRecord) -> String,
}

/// A cell.
pub(super) struct Row {
    /// `best`, `tied`, `valid` or `invalid`; what it looks like, too.
    pub(super) verdict: &'static str,
    /// What is read in each column.
    pub(super) fields: Vec<String>,
}

/// The table.
pub(super) struct Table {
    /// What all cells have in common: "device cpu, threads 1".
    pub(super) common: String,
    pub(super) columns: Vec<Column>,
    /// How many of the columns stand before the verdict, so that it is seen without scrolling.
    pub(super) lead: usize,
    pub(super) rows: Vec<Row>,
}

/// Every column but the verdict.
const COLUMNS: [Column; 24] = [
    words_in("backend", |r| r.cell.backend.clone()),
    or_common(words_in("device", |r| r.cell.device.clone())),
    number("instances", "processes", "instances", |r| r.cell.instances.to_string()),
    or_common(number("threads", "an instance", "threads", |r| r.cell.threads.to_string())),
    number("batch", "images", "batch", |r| r.cell.batch.to_string()),
    or_common(words_in("precision", |r| r.cell.precision.clone())),
    or_common(number("sessions", "a device", "sessions", |r| r.cell.sessions.to_string())),
    or_common(words_in("staging", |r| r.cell.staging.clone())),
    or_common(words_in("scenario", |r| r.cell.scenario.to_string())),
    number("throughput", "images/s", "throughput_images_per_s", |r| {
        rate(r.throughput_images_per_s)
    }),
    number("interval", "95%", "", |r| words::plus_minus(r).unwrap_or(UNKNOWN.into())),
    number("p50", "a batch", "latency_p50_ns", |r| words::span(r.latency.p50_ns)),
    number("p90", "a batch", "latency_p90_ns", |r| words::span(r.latency.p90_ns)),
    number("p95", "a batch", "latency_p95_ns", |r| words::span(r.latency.p95_ns)),
    number("p99", "a batch", "latency_p99_ns", |r| words::span(r.latency.p99_ns)),
    number("p99.9", "a batch", "latency_p999_ns", |r| words::span(r.latency.p999_ns)),
    number("queue", "an image", "queue_ns_per_image", |r| mean(Some(&r.stages.queue))),
    number("stage", "an image", "stage_ns_per_image", |r| mean(Some(&r.stages.stage))),
    or_common(number("h2d", "an image", "h2d_ns_per_image", |r| mean(r.stages.h2d.as_ref()))),
    number("compute", "an image", "compute_ns_per_image", |r| mean(Some(&r.stages.compute))),
    or_common(number("d2h", "an image", "d2h_ns_per_image", |r| mean(r.stages.d2h.as_ref()))),
    number("agreement", "with reference", "agreement", |r| words::percent(r.agreement)),
    number("accuracy", "of labels", "accuracy", |r| {
        r.accuracy.map_or(UNKNOWN.into(), words::percent)
    }),
    number("memory", "an instance", "peak_rss_bytes", |r| {
        r.peak_rss_bytes.map_or(UNKNOWN.into(), bytes)
    }),
];

/// Every cell of a run, in the grid's order.
pub(super) fn table(run: &RunRecord, best: Option<Best<'_>>) -> Table {
    let common = |column: &Column| {
        let mut texts = run.cells.iter().map(|record| (column.field)(record));
        let first = texts.next()?;
        (column.may_be_common && texts.all(|text| text == first)).then_some(first)
    };
    let (shared, columns): (Vec<_>, Vec<_>) =
        COLUMNS.into_iter().partition(|column| common(column).is_some());
    // What no cell has, as copies on a CPU, need not be said.
    let shared = shared.iter().filter_map(|column| Some((column.title, common(column)?)));
    let shared = shared.filter(|(_, text)| text != UNKNOWN);
    let shared = shared.map(|(title, text)| format!("{title} {text}"));
    let lead = columns.iter().position(|c| c.title == "p50").unwrap_or(columns.len());
    let rows = run.cells.iter().map(|record| Row {
        verdict: verdict(record, best),
        fields: columns.iter().map(|column| (column.field)(record)).collect(),
    });
    let rows = rows.collect();
    Table { common: shared.collect::<Vec<_>>().join(", "), lead, rows, columns }
}

fn verdict(record: &CellRecord, best: Option<Best<'_>>) -> &'static str {
    let is = |chosen: Option<&CellRecord>| chosen.is_some_and(|one| std::ptr::eq(one, record));
    match record.verdict {
        Verdict::Invalid(_) => "invalid",
        Verdict::Valid if is(best.map(|best| best.cell)) => "best",
        Verdict::Valid if is(best.and_then(|best| best.tied_with)) => "tied",
        Verdict::Valid => "valid",
    }
}

const fn words_in(title: &'static str, field: fn(&CellRecord) -> String) -> Column {
    Column { title, hint: "", numeric: false, csv: "", may_be_common: false, field }
}

const fn number(
    title: &'static str,
    hint: &'static str,
    csv: &'static str,
    field: fn(&CellRecord) -> String,
) -> Column {
    Column { title, hint, numeric: true, csv, may_be_common: false, field }
}

/// A column that is often the same for all cells.
const fn or_common(column: Column) -> Column {
    Column { may_be_common: true, ..column }
}

/// Mean time an image.
fn mean(stage: Option<&Stage>) -> String {
    stage.map_or(UNKNOWN.into(), |stage| Nanos(stage.ns_per_image.round() as u64).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::best;
    use crate::report::fixture;

    #[test]
    fn one_row_is_the_best_and_invalid_ones_are_told_apart() {
        let run = fixture::run();
        let rows = table(&run, best(&run.cells)).rows;
        let of = |verdict| rows.iter().filter(|row| row.verdict == verdict).count();
        assert_eq!((rows.len(), of("best"), of("invalid")), (58, 1, 5));
    }

    #[test]
    fn what_all_cells_share_is_said_once() {
        let mut run = fixture::run();
        let titles = |table: &Table| table.columns.iter().map(|c| c.title).collect::<Vec<_>>();
        let plain = table(&run, None);
        assert_eq!(
            plain.common,
            "device cpu, threads 1, precision f32, sessions 1, staging pageable, scenario offline"
        );
        assert_eq!(
            titles(&plain)[..plain.lead],
            ["backend", "instances", "batch", "throughput", "interval"]
        );
        run.cells[0].cell.threads = 2;
        let table = table(&run, None);
        assert_eq!(
            table.common,
            "device cpu, precision f32, sessions 1, staging pageable, scenario offline"
        );
        assert!(titles(&table).contains(&"threads"));
        assert!(table.rows.iter().all(|row| row.fields.len() == table.columns.len()));
    }

    #[test]
    fn what_is_not_known_is_a_dash_and_what_is_has_a_unit() {
        let cell = fixture::cell("torch", 1, 1);
        let field = |title| {
            let column = COLUMNS.iter().find(|column| column.title == title).unwrap();
            (column.field)(&cell)
        };
        assert_eq!(["p99", "p50", "queue", "h2d"].map(field), ["-", "12.0 ms", "900 ns", "-"]);
    }

    #[test]
    fn every_figure_is_sorted_by_a_column_of_the_csv() {
        let csv = crate::report::csv::cells(&fixture::run());
        let header: Vec<_> = csv.lines().next().unwrap().split(',').collect();
        for column in COLUMNS.iter().filter(|column| !column.csv.is_empty()) {
            assert!(column.numeric && header.contains(&column.csv), "{}", column.title);
        }
    }
}
