//! Cells and figures in the words that the table and the page share.

use super::best::{Best, best, cores};
use crate::record::{Cell, CellRecord, RunRecord, Scenario, Verdict};
use crate::units::{Nanos, counted, rate};

/// What stands where a figure is not known.
pub(super) const UNKNOWN: &str = "-";

/// "torch on cpu, 2 instances of 1 thread, batch 128", and what else is not the usual: "2 sessions",
/// "pinned", "closed:64".
pub(super) fn cell(cell: &Cell) -> String {
    let sessions = (cell.sessions != 1).then(|| counted(cell.sessions, "session"));
    let staging = (cell.staging != "pageable").then(|| cell.staging.clone());
    let scenario = (cell.scenario != Scenario::Offline).then(|| cell.scenario.to_string());
    let usual = [group(cell), workers(cell), format!("batch {}", cell.batch)];
    let unusual = [sessions, staging, scenario].into_iter().flatten();
    usual.into_iter().chain(unusual).collect::<Vec<_>>().join(", ")
}

/// The part of a cell that is not a number: "torch on cpu", "torch on cuda:0 in bf16".
pub(super) fn group(cell: &Cell) -> String {
    let arithmetic = match cell.precision.as_str() {
        "f32" => String::new(),
        other => format!(" in {other}"),
    };
    format!("{} on {}{arithmetic}", cell.backend, cell.device)
}

/// "2 instances of 1 thread".
fn workers(cell: &Cell) -> String {
    format!("{} of {}", counted(cell.instances, "instance"), counted(cell.threads, "thread"))
}

/// Half the width of a cell's interval as a share of its median, "±1.2%"; none where a single
/// round gives no interval.
pub(super) fn plus_minus(record: &CellRecord) -> Option<String> {
    let (low, high) = record.throughput_ci95;
    let share = (high - low) / 2.0 / record.throughput_images_per_s;
    (record.rounds.len() > 1 && share.is_finite()).then(|| format!("±{:.1}%", share * 100.0))
}

/// A span or what stands for an unknown one.
pub(super) fn span(nanos: Option<u64>) -> String {
    nanos.map_or_else(|| UNKNOWN.into(), |nanos| Nanos(nanos).to_string())
}

/// A share as a percentage with two decimals, but never a 100% that is not quite one.
pub(super) fn percent(share: f64) -> String {
    let hundredths = (share * 1e4).round();
    let hundredths = if share < 1.0 { hundredths.min(9_999.0) } else { hundredths };
    format!("{:.2}%", hundredths / 100.0)
}

/// A factor in three digits or so: "0.52", "1.08", "45.2", "120".
pub(super) fn times(ratio: f64) -> String {
    match ratio {
        ..10.0 => format!("{ratio:.2}"),
        ..100.0 => format!("{ratio:.1}"),
        _ => format!("{ratio:.0}"),
    }
}

/// "24,300 images/s (±1.2%)".
fn throughput(record: &CellRecord) -> String {
    let interval = plus_minus(record).map_or_else(String::new, |text| format!(" ({text})"));
    format!("{} images/s{interval}", rate(record.throughput_images_per_s))
}

/// Reasons with the names of the cells that they apply to, both in the order of their first.
/// Reasons that differ in their figures alone are one, with the figures of the first.
pub(super) fn by_reason<'a>(
    cells: impl Iterator<Item = (&'a Cell, String)>,
) -> Vec<(String, Vec<String>)> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    let mut differing = Vec::new();
    for (of, reason) in cells {
        let name = cell(of);
        match groups.iter().position(|(known, _)| alike(known, &reason)) {
            Some(group) => {
                differing[group] |= groups[group].0 != reason;
                groups[group].1.push(name);
            }
            None => {
                groups.push((reason, vec![name]));
                differing.push(false);
            }
        }
    }
    for ((reason, _), differing) in groups.iter_mut().zip(differing) {
        if differing {
            reason.push_str(" (figures of the first)");
        }
    }
    groups
}

/// Whether two texts are the same but for their figures.
fn alike(a: &str, b: &str) -> bool {
    const FIGURE: [char; 3] = ['.', ',', '-'];
    let words = |text| str::split(text, |c: char| c.is_ascii_digit() || FIGURE.contains(&c));
    words(a).filter(|word| !word.is_empty()).eq(words(b).filter(|word| !word.is_empty()))
}

/// The warnings of a run, but for one that says again what is said of its data anyway.
pub(super) fn warnings(run: &RunRecord) -> impl Iterator<Item = &str> {
    let again = |text: &str| run.synthetic && text.contains(&run.data_source);
    run.warnings.iter().map(String::as_str).filter(move |text| !again(text))
}

/// The invalid cells of a run, each once for each of its reasons.
pub(super) fn invalid(run: &RunRecord) -> impl Iterator<Item = (&Cell, String)> {
    run.cells.iter().flat_map(|record| {
        let reasons = match &record.verdict {
            Verdict::Valid => [].as_slice(),
            Verdict::Invalid(reasons) => reasons,
        };
        reasons.iter().map(|reason| (&record.cell, reason.clone()))
    })
}

/// The cells of a run that were not measured, each with its reason.
pub(super) fn skipped(run: &RunRecord) -> impl Iterator<Item = (&Cell, String)> {
    run.skipped.iter().map(|(cell, reason)| (cell, reason.clone()))
}

/// The answer of a run.
pub(super) struct Answer<'a> {
    /// What is recommended, if anything is.
    pub(super) best: Option<Best<'a>>,
    /// What to use and what it reached, in a sentence.
    pub(super) sentence: String,
    /// A second sentence, where another cell may be as fast.
    pub(super) tie: Option<String>,
}

/// The answer of a run, in sentences.
pub(super) fn answer(run: &RunRecord) -> Answer<'_> {
    let best = best(&run.cells);
    let sentence = match best {
        Some(Best { cell: record, .. }) => {
            let p99 = record.latency.p99_ns.or(record.latency.p50_ns);
            let percentile = if record.latency.p99_ns.is_some() { "p99" } else { "p50" };
            let latency = p99.map_or_else(String::new, |nanos| {
                let offline = record.cell.scenario == Scenario::Offline;
                let of = if offline { "batch" } else { "request" };
                format!(", {percentile} {} a {of}", Nanos(nanos))
            });
            format!("Best: {}: {}{latency}.", cell(&record.cell), throughput(record))
        }
        None if run.cells.is_empty() => "No cell was measured.".into(),
        None => "No cell is valid, so none is recommended; the reasons are with the cells.".into(),
    };
    let tie = best.and_then(|best| {
        let other = best.tied_with?;
        Some(format!(
            "Tied with {}: {}. Their intervals overlap, and the one preferred takes {} instead of \
             {}.",
            cell(&other.cell),
            throughput(other),
            counted(cores(best.cell), "core"),
            cores(other),
        ))
    });
    Answer { best, sentence, tie }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn run(cells: Vec<CellRecord>) -> RunRecord {
        RunRecord { cells, ..fixture::empty() }
    }

    #[test]
    fn the_answer_names_the_cell_its_figure_and_its_interval() {
        let run = run(vec![fixture::cell("torch", 2, 128)]);
        let answer = answer(&run);
        assert_eq!(
            answer.sentence,
            "Best: torch on cpu, 2 instances of 1 thread, batch 128: 20,000 images/s (±1.0%), \
             p50 12.0 ms a batch."
        );
        assert_eq!(answer.tie, None);
    }

    #[test]
    fn a_latency_is_of_what_the_scenario_issues() {
        let mut cell = fixture::cell("torch", 2, 128);
        cell.cell.scenario = Scenario::Closed(64);
        assert!(answer(&run(vec![cell])).sentence.ends_with("p50 12.0 ms a request."));
    }

    #[test]
    fn a_name_tells_what_is_not_the_usual() {
        let mut cell = fixture::cell("torch", 1, 8).cell;
        assert_eq!(super::cell(&cell), "torch on cpu, 1 instance of 1 thread, batch 8");
        (cell.device, cell.precision) = ("cuda:0".into(), "bf16".into());
        (cell.sessions, cell.staging) = (2, "pinned".into());
        cell.scenario = Scenario::Closed(64);
        assert_eq!(
            super::cell(&cell),
            "torch on cuda:0 in bf16, 1 instance of 1 thread, batch 8, 2 sessions, pinned, \
             closed:64"
        );
    }

    #[test]
    fn a_tie_is_told_with_both_cells() {
        let mut faster = fixture::cell("torch", 4, 128);
        faster.throughput_images_per_s = 20_100.0;
        let run = run(vec![fixture::cell("torch", 2, 128), faster]);
        let tie = answer(&run).tie.unwrap();
        assert_eq!(
            tie,
            "Tied with torch on cpu, 4 instances of 1 thread, batch 128: 20,100 images/s (±1.0%). \
             Their intervals overlap, and the one preferred takes 2 cores instead of 4."
        );
    }

    #[test]
    fn a_run_without_a_usable_cell_recommends_none() {
        assert_eq!(answer(&fixture::empty()).sentence, "No cell was measured.");
        let mut cell = fixture::cell("torch", 2, 128);
        cell.verdict = Verdict::Invalid(vec!["predictions differ".into()]);
        assert!(answer(&run(vec![cell])).sentence.starts_with("No cell is valid"));
    }

    #[test]
    fn one_round_has_no_interval() {
        let mut cell = fixture::cell("torch", 1, 1);
        cell.rounds.truncate(1);
        assert_eq!(plus_minus(&cell), None);
    }

    #[test]
    fn reasons_that_differ_in_figures_alone_are_one() {
        let cell = Cell::on_cpu("native", 1, 8, 1);
        let told = |reasons: &[&str]| {
            by_reason(reasons.iter().map(|&reason| (&cell, reason.to_owned())))
                .into_iter()
                .map(|(reason, names)| (reason, names.len()))
                .collect::<Vec<_>>()
        };
        let wide =
            ["known to within 7.2% only (1,200 to 1,380)", "known to within 12% only (9 to 12)"];
        let both = ("known to within 7.2% only (1,200 to 1,380) (figures of the first)".into(), 2);
        assert_eq!(told(&wide), [both]);
        assert_eq!(told(&["no 1", "no 1"]), [("no 1".into(), 2)]);
        assert_eq!(told(&["1 cell", "1 core"]), [("1 cell".into(), 1), ("1 core".into(), 1)]);
    }

    #[test]
    fn all_but_one_in_a_million_is_not_all() {
        assert_eq!(
            [1.0, 0.999_999, 0.9891, 0.0].map(percent),
            ["100.00%", "99.99%", "98.91%", "0.00%"]
        );
    }
}
