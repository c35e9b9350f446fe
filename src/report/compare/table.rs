//! A comparison on the terminal.

use comfy_table::CellAlignment::{Left, Right};
use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle};

use super::{Change, Comparison, Pair};
use crate::report::words::{self, times};
use crate::units::{counted, rate};

/// A row a cell, what only one run has, and a closing sentence.
pub fn render(comparison: &Comparison) -> String {
    let mut parts = vec![grid(&comparison.pairs)];
    let only = [("base", &comparison.only_in_base), ("new run", &comparison.only_in_new)];
    for (run, names) in only.into_iter().filter(|(_, names)| !names.is_empty()) {
        let cells = counted(names.len(), "cell");
        parts.push(format!("Only in the {run}, {cells}:\n  {}", names.join("\n  ")));
    }
    parts.push(closing(comparison));
    parts.join("\n\n")
}

fn grid(pairs: &[Pair]) -> String {
    let columns = [
        ("cell", Left),
        ("base images/s", Right),
        ("new images/s", Right),
        ("new/base", Right),
        ("95% interval", Right),
        ("base p99", Right),
        ("new p99", Right),
        ("", Left),
    ];
    let mut table = Table::new();
    table.load_style(TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─')));
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|(title, _)| *title));
    for pair in pairs {
        let name: String = pair.name.chars().filter(|c| !c.is_control()).collect();
        table.add_row([
            name,
            rate(pair.base_images_per_s),
            rate(pair.new_images_per_s),
            precise(pair.ratio),
            format!("{} to {}", precise(pair.ratio_ci95.0), precise(pair.ratio_ci95.1)),
            words::span(pair.base_p99_ns),
            words::span(pair.new_p99_ns),
            verdict(pair),
        ]);
    }
    for (place, (_, align)) in columns.iter().enumerate() {
        if let Some(column) = table.column_mut(place) {
            column.set_cell_alignment(*align);
            column.set_padding((0, 1));
        }
    }
    table.trim_fmt()
}

/// A ratio to a thousandth, for thresholds of some percent are about hundredths.
fn precise(ratio: f64) -> String {
    if ratio < 10.0 { format!("{ratio:.3}") } else { times(ratio) }
}

fn verdict(pair: &Pair) -> String {
    match (pair.base_valid, pair.new_valid) {
        (true, true) => pair.change.to_string(),
        (false, true) => "not counted: INVALID in the base".into(),
        (true, false) => "not counted: INVALID in the new run".into(),
        (false, false) => "not counted: INVALID in both".into(),
    }
}

fn closing(comparison: &Comparison) -> String {
    let of = |change| comparison.count(change);
    let counting = comparison.pairs.iter().filter(|pair| pair.counts()).count();
    let mut text = format!(
        "{} at a threshold of {}%: {} worse, {} improved, {} without a difference, {} unsure.",
        counted(counting, "cell"),
        // Without the noise of a binary fraction: 3%, 2.5%.
        (comparison.threshold * 1e6).round() / 1e4,
        of(Change::Worse),
        of(Change::Improved),
        of(Change::NoDifference),
        of(Change::Unsure),
    );
    if of(Change::Unsure) > 0 {
        text.push_str(
            " Where it is unsure, the intervals are too wide for the threshold: more rounds, or a \
             quieter machine, narrow them.",
        );
    }
    let lost = comparison.lost().count();
    if lost > 0 {
        text.push_str(&format!(
            " {} VALID in the base and INVALID in the new run.",
            if lost == 1 { "1 cell was".into() } else { format!("{lost} cells were") }
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{RunRecord, Verdict};
    use crate::report::compare::compare;
    use crate::report::fixture;

    #[test]
    fn a_comparison_reads_like_this() {
        let slower = |factor: f64| {
            let mut cell = fixture::cell("torch", 2, 128);
            for round in &mut cell.rounds {
                round.throughput_images_per_s *= factor;
            }
            cell.throughput_images_per_s *= factor;
            cell
        };
        let mut invalid = fixture::cell("native", 1, 64);
        invalid.verdict = Verdict::Invalid(vec!["predictions differ".into()]);
        let base = RunRecord {
            cells: vec![slower(1.0), fixture::cell("native", 1, 64), fixture::cell("native", 1, 1)],
            ..fixture::empty()
        };
        let new = RunRecord { cells: vec![slower(0.8), invalid], ..fixture::empty() };
        let text = render(&compare(&base, &new, 0.025).unwrap());
        // Whatever its columns are wide.
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines: Vec<String> = text.lines().map(words).collect();
        assert_eq!(
            lines[0],
            "cell base images/s new images/s new/base 95% interval base p99 new p99"
        );
        assert_eq!(
            lines[2..],
            [
                "torch on cpu, 2 instances of 1 thread, batch 128 20,000 16,000 0.800 0.784 to \
                 0.816 - - worse",
                "native on cpu, 1 instance of 1 thread, batch 64 20,000 20,000 1.000 0.980 to \
                 1.020 - - not counted: INVALID in the new run",
                "",
                "Only in the base, 1 cell:",
                "native on cpu, 1 instance of 1 thread, batch 1",
                "",
                "1 cell at a threshold of 2.5%: 1 worse, 0 improved, 0 without a difference, 0 \
                 unsure. 1 cell was VALID in the base and INVALID in the new run.",
            ]
        );
    }

    #[test]
    fn a_hostile_name_cannot_steer_the_terminal() {
        let mut run = fixture::run();
        run.cells[0].cell.backend = "\u{1b}[2Jtorch\r".into();
        let text = render(&compare(&run, &run, 0.03).unwrap());
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
    }
}
