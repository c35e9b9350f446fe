//! The table on the terminal.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

use super::words::{self, Answer};
use crate::record::{Cell, CellRecord, RunRecord, Verdict};
use crate::units::{bytes, counted, rate};

/// A column of the table.
struct Column<'a> {
    title: &'static str,
    align: CellAlignment,
    /// When it gives way on a narrow terminal: the lowest first, 0 never.
    rank: u8,
    field: Box<dyn Fn(&CellRecord) -> String + 'a>,
}

/// The cells, what to know about them, and a closing sentence with the best one. Lines are at most
/// `width` characters long as far as words allow; on a narrow terminal the less important columns
/// go first.
pub fn render(run: &RunRecord, width: u16) -> String {
    let answer = words::answer(run);
    let mut parts = Vec::new();
    if !run.cells.is_empty() {
        parts.push(grid(run, &answer, width));
    }
    let notes = notes(run);
    if !notes.is_empty() {
        parts.push(wrapped(&notes, width));
    }
    let closing: Vec<String> = [Some(answer.sentence), answer.tie].into_iter().flatten().collect();
    parts.push(wrapped(&closing, width));
    parts.join("\n\n")
}

/// The widest table that fits, or the narrowest, broken into lines, where none does.
fn grid(run: &RunRecord, answer: &Answer<'_>, width: u16) -> String {
    let mut columns = columns(run, answer);
    loop {
        let table = lay_out(&columns, &run.cells);
        let widest = table.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        if widest <= usize::from(width) {
            return table.trim_fmt();
        }
        let next = columns.iter().map(|column| column.rank).filter(|rank| *rank > 0).min();
        let Some(next) = next else {
            let mut table = table;
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
            return table.trim_fmt();
        };
        columns.retain(|column| column.rank != next);
    }
}

fn lay_out(columns: &[Column<'_>], cells: &[CellRecord]) -> Table {
    let mut table = Table::new();
    table.load_style(TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─')));
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|column| column.title));
    for record in cells {
        table.add_row(columns.iter().map(|column| (column.field)(record)));
    }
    for (place, column) in columns.iter().enumerate() {
        if let Some(laid) = table.column_mut(place) {
            laid.set_cell_alignment(column.align);
            laid.set_padding((0, 1));
        }
    }
    table
}

/// Every column that tells something: one whose value is the same in all cells is left out, where
/// that value is the usual one.
fn columns<'a>(run: &RunRecord, answer: &Answer<'a>) -> Vec<Column<'a>> {
    use CellAlignment::{Left, Right};
    fn column<'a>(
        title: &'static str,
        align: CellAlignment,
        rank: u8,
        field: impl Fn(&CellRecord) -> String + 'a,
    ) -> Column<'a> {
        Column { title, align, rank, field: Box::new(field) }
    }
    let differs = |usual: fn(&Cell) -> bool| run.cells.iter().any(|record| !usual(&record.cell));
    let mut columns = vec![column("backend", Left, 0, |r| printable(&r.cell.backend))];
    if differs(|cell| cell.device == "cpu") {
        columns.push(column("device", Left, 0, |r| printable(&r.cell.device)));
    }
    if differs(|cell| cell.precision == "f32") {
        columns.push(column("precision", Left, 0, |r| printable(&r.cell.precision)));
    }
    columns.push(column("instances", Right, 0, |r| r.cell.instances.to_string()));
    if differs(|cell| cell.threads == 1) {
        columns.push(column("threads", Right, 0, |r| r.cell.threads.to_string()));
    }
    columns.push(column("batch", Right, 0, |r| r.cell.batch.to_string()));
    columns.push(column("images/s", Right, 0, |r| rate(r.throughput_images_per_s)));
    columns.push(column("interval", Right, 4, |r| {
        words::plus_minus(r).unwrap_or_else(|| words::UNKNOWN.into())
    }));
    columns.push(column("p50", Right, 2, |r| words::span(r.latency.p50_ns)));
    columns.push(column("p99", Right, 3, |r| words::span(r.latency.p99_ns)));
    columns.push(column("memory", Right, 1, |r| {
        r.peak_rss_bytes.map_or_else(|| words::UNKNOWN.into(), bytes)
    }));
    let (best, tied) = match answer.best {
        Some(best) => (Some(&best.cell.cell), best.tied_with.map(|record| &record.cell)),
        None => (None, None),
    };
    columns.push(column("", Left, 0, move |r| {
        let word = match r.verdict {
            Verdict::Invalid(_) => "INVALID",
            Verdict::Valid if best == Some(&r.cell) => "<- best",
            Verdict::Valid if tied == Some(&r.cell) => "tied",
            Verdict::Valid => "",
        };
        word.into()
    }));
    columns
}

/// What to know before believing the table: synthetic data, warnings, invalid and skipped cells.
fn notes(run: &RunRecord) -> Vec<String> {
    let mut notes = Vec::new();
    if run.synthetic {
        notes.push(format!("Data: {}.", printable(&run.data_source)));
    }
    notes.extend(words::warnings(run).map(|text| format!("Warning: {}.", printable(text))));
    notes.extend(by_reason("INVALID", words::invalid(run)));
    notes.extend(by_reason("Skipped", words::skipped(run)));
    notes
}

/// One note a reason, with the cells it applies to; no more than a screen can hold.
fn by_reason<'a>(what: &str, cells: impl Iterator<Item = (&'a Cell, String)>) -> Vec<String> {
    const SHOWN: usize = 4;
    let all = words::by_reason(cells);
    let rest = all.len().saturating_sub(SHOWN);
    let notes = all.into_iter().take(SHOWN).map(|(reason, names)| {
        let cells = counted(names.len(), "cell");
        printable(&format!("{what}, {cells} ({}): {reason}.", some(&names)))
    });
    let more = (rest > 0).then(|| {
        let reasons = counted(rest, "more reason");
        format!("{what}: {reasons} in results.csv and on the page.")
    });
    notes.chain(more).collect()
}

/// The first few of many names.
fn some(names: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = names[..names.len().min(SHOWN)].join("; ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}

/// Paragraphs, broken at spaces.
fn wrapped(paragraphs: &[String], width: u16) -> String {
    let mut table = Table::new();
    table.load_style(TableStyle::new());
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width.max(20));
    for paragraph in paragraphs {
        table.add_row([paragraph]);
    }
    if let Some(column) = table.column_mut(0) {
        column.set_padding((0, 0));
    }
    table.trim_fmt()
}

/// A text that cannot move the cursor or change colours, whatever a configuration calls things.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn widest(text: &str) -> usize {
        text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
    }

    #[test]
    fn a_table_reads_like_this() {
        let mut invalid = fixture::cell("native", 1, 64);
        invalid.verdict = Verdict::Invalid(vec!["predictions differ".into()]);
        let run = RunRecord {
            cells: vec![fixture::cell("torch", 2, 128), invalid],
            skipped: vec![(fixture::cell("torch", 4, 128).cell, "too little memory".into())],
            warnings: vec!["the machine was busy".into()],
            synthetic: true,
            data_source: "synthetic digits, seed 1: not MNIST".into(),
            ..fixture::empty()
        };
        assert_eq!(
            render(&run, 100),
            "
backend  instances  batch  images/s  interval      p50  p99   memory
──────────────────────────────────────────────────────────────────────────────
torch            2    128    20,000     ±1.0%  12.0 ms    -  286 MiB  <- best
native           1     64    20,000     ±1.0%  12.0 ms    -  286 MiB  INVALID

Data: synthetic digits, seed 1: not MNIST.
Warning: the machine was busy.
INVALID, 1 cell (native on cpu, 1 instance of 1 thread, batch 64): predictions differ.
Skipped, 1 cell (torch on cpu, 4 instances of 1 thread, batch 128): too little memory.

Best: torch on cpu, 2 instances of 1 thread, batch 128: 20,000 images/s (±1.0%), p50 12.0 ms a
batch."
                .trim_start_matches('\n')
        );
    }

    #[test]
    fn a_narrow_terminal_loses_columns_before_it_breaks_lines() {
        let run = fixture::run();
        let header = |width| {
            let text = render(&run, width);
            assert!(widest(&text) <= usize::from(width), "{text}");
            text.lines().next().unwrap().split_whitespace().map(String::from).collect::<Vec<_>>()
        };
        let all = ["backend", "instances", "batch", "images/s", "interval", "p50", "p99", "memory"];
        assert_eq!(header(200), all);
        assert_eq!(header(80), all[..7]);
        assert_eq!(header(60), all[..5]);
        assert_eq!(header(30).len(), 4);
    }

    #[test]
    fn the_best_cell_is_marked_and_named() {
        let text = render(&fixture::run(), 120);
        assert_eq!(text.matches("<- best").count(), 1);
        assert!(text.contains("Best: torch on cpu"), "{text}");
    }

    #[test]
    fn a_reason_is_told_once_with_its_cells() {
        let text = render(&fixture::run(), 1_000);
        assert_eq!(text.matches("interval is 7.3% wide").count(), 1);
        assert!(
            text.contains("INVALID, 4 cells (torch on cpu, 4 instances of 1 thread, batch 1; ")
        );
    }

    #[test]
    fn a_column_appears_where_it_tells_something() {
        let plain = render(&fixture::run(), 200);
        let mut run = fixture::run();
        run.cells[3].cell.threads = 2;
        run.cells[4].cell.device = "cuda:0".into();
        let text = render(&run, 200);
        for title in ["threads ", "device "] {
            assert!(text.contains(title) && !plain.lines().nth(1).unwrap().contains(title));
        }
    }

    #[test]
    fn a_hostile_name_cannot_steer_the_terminal() {
        let mut run = fixture::run();
        run.cells[0].cell.backend = "\u{1b}[2Jtorch\r".into();
        run.warnings = vec!["\u{1b}]0;title\u{7}".into()];
        assert!(render(&run, 100).chars().all(|c| c == '\n' || !c.is_control()));
    }

    #[test]
    fn a_run_of_no_cells_is_a_sentence() {
        assert_eq!(render(&fixture::empty(), 80), "No cell was measured.");
    }
}
