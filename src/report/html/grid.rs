//! The full table: every cell with every figure, in the page itself.

use crate::record::{CellRecord, RunRecord, Verdict};
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
    /// Whether it is said once, above the table, where all cells have the same.
    may_be_common: bool,
    field: fn(&CellRecord) -> Field,
}

/// What is read in a field, and the number that it is sorted by, if it has one.
pub(super) struct Field {
    pub(super) text: String,
    pub(super) sort: String,
    pub(super) numeric: bool,
}

/// A cell.
pub(super) struct Row {
    /// `best`, `tied`, `valid` or `invalid`; what it looks like, too.
    pub(super) verdict: &'static str,
    pub(super) fields: Vec<Field>,
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
const COLUMNS: [Column; 23] = [
    words_in("backend", |r| text(&r.cell.backend)),
    or_common(words_in("device", |r| text(&r.cell.device))),
    number("instances", "processes", |r| whole(r.cell.instances)),
    or_common(number("threads", "an instance", |r| whole(r.cell.threads))),
    number("batch", "images", |r| whole(r.cell.batch)),
    or_common(words_in("precision", |r| text(&r.cell.precision))),
    or_common(number("sessions", "a device", |r| whole(r.cell.sessions))),
    or_common(words_in("staging", |r| text(&r.cell.staging))),
    or_common(words_in("scenario", |r| text(&r.cell.scenario.to_string()))),
    number("throughput", "images/s", |r| {
        figure(rate(r.throughput_images_per_s), r.throughput_images_per_s)
    }),
    number("interval", "95%", |r| {
        known(words::plus_minus(r), r.throughput_ci95.1 - r.throughput_ci95.0)
    }),
    number("p50", "a batch", |r| span(r.latency.p50_ns)),
    number("p90", "a batch", |r| span(r.latency.p90_ns)),
    number("p95", "a batch", |r| span(r.latency.p95_ns)),
    number("p99", "a batch", |r| span(r.latency.p99_ns)),
    number("p99.9", "a batch", |r| span(r.latency.p999_ns)),
    number("queue", "an image", |r| mean(r.stages.queue.ns_per_image)),
    number("stage", "an image", |r| mean(r.stages.stage.ns_per_image)),
    or_common(number("copy", "an image", |r| mean(copies(r)))),
    number("compute", "an image", |r| mean(r.stages.compute.ns_per_image)),
    number("agreement", "with reference", |r| figure(words::percent(r.agreement), r.agreement)),
    number("accuracy", "of labels", |r| {
        known(r.accuracy.map(words::percent), r.accuracy.unwrap_or_default())
    }),
    number("memory", "an instance", |r| {
        known(r.peak_rss_bytes.map(bytes), r.peak_rss_bytes.unwrap_or_default() as f64)
    }),
];

/// Every cell of a run, in the grid's order.
pub(super) fn table(run: &RunRecord, best: Option<Best<'_>>) -> Table {
    let common = |column: &Column| {
        let mut texts = run.cells.iter().map(|record| (column.field)(record).text);
        let first = texts.next()?;
        (column.may_be_common && texts.all(|text| text == first)).then_some(first)
    };
    let (shared, columns): (Vec<_>, Vec<_>) =
        COLUMNS.into_iter().partition(|column| common(column).is_some());
    let shared = shared.iter().filter_map(|c| Some(format!("{} {}", c.title, common(c)?)));
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

const fn words_in(title: &'static str, field: fn(&CellRecord) -> Field) -> Column {
    Column { title, hint: "", numeric: false, may_be_common: false, field }
}

const fn number(
    title: &'static str,
    hint: &'static str,
    field: fn(&CellRecord) -> Field,
) -> Column {
    Column { title, hint, numeric: true, may_be_common: false, field }
}

/// A column that is often the same for all cells.
const fn or_common(column: Column) -> Column {
    Column { may_be_common: true, ..column }
}

fn text(text: &str) -> Field {
    Field { text: text.into(), sort: String::new(), numeric: false }
}

fn figure(text: String, sort: f64) -> Field {
    let sort = if sort.is_finite() { sort.to_string() } else { String::new() };
    Field { text, sort, numeric: true }
}

/// A figure, or the sign for one that is not known, which sorts last.
fn known(text: Option<String>, sort: f64) -> Field {
    match text {
        Some(text) => figure(text, sort),
        None => Field { text: UNKNOWN.into(), sort: String::new(), numeric: true },
    }
}

fn whole(n: usize) -> Field {
    figure(n.to_string(), n as f64)
}

fn span(nanos: Option<u64>) -> Field {
    known(nanos.map(|nanos| Nanos(nanos).to_string()), nanos.unwrap_or_default() as f64)
}

/// Nanoseconds an image that both copies take; 0 where there are none.
fn copies(record: &CellRecord) -> f64 {
    let stages = &record.stages;
    [&stages.h2d, &stages.d2h].into_iter().flatten().map(|stage| stage.ns_per_image).sum()
}

fn mean(nanos: f64) -> Field {
    figure(Nanos(nanos.round() as u64).to_string(), nanos)
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
            "device cpu, threads 1, precision f32, sessions 1, staging pageable, scenario offline, \
             copy 0 ns"
        );
        assert_eq!(
            titles(&plain)[..plain.lead],
            ["backend", "instances", "batch", "throughput", "interval"]
        );
        run.cells[0].cell.threads = 2;
        let table = table(&run, None);
        assert_eq!(
            table.common,
            "device cpu, precision f32, sessions 1, staging pageable, scenario offline, copy 0 ns"
        );
        assert!(titles(&table).contains(&"threads"));
        assert!(table.rows.iter().all(|row| row.fields.len() == table.columns.len()));
    }

    #[test]
    fn what_is_not_known_sorts_as_nothing() {
        let cell = fixture::cell("torch", 1, 1);
        let field = |title| {
            let column = COLUMNS.iter().find(|column| column.title == title).unwrap();
            let field = (column.field)(&cell);
            (field.text, field.sort)
        };
        assert_eq!(field("p99"), ("-".into(), String::new()));
        assert_eq!(field("p50"), ("12.0 ms".into(), "12000000".into()));
        assert_eq!(field("queue"), ("900 ns".into(), "900".into()));
    }
}
