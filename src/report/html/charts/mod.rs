//! The plots, as plotly's JSON. Colours are left to the page, which knows light from dark: a
//! line's place in the palette travels in its `meta`, and the places of a trace's cells in the run
//! in its `customdata`, so that a press on a point finds its cell.

mod axes;
mod heat;
mod lines;
mod scaling;
mod versus;

pub(super) use self::heat::heat;
pub(super) use self::lines::{latency, own_cost, throughput};
pub(super) use self::scaling::{over, scaling};
pub(super) use self::versus::versus;

use std::iter;

use plotly::Plot;
use serde_json::Value;

use crate::record::{Cell, CellRecord, RunRecord, Verdict};
use crate::report::words;
use crate::units::counted;

/// Cells of one backend, device and precision, and of one scenario, staging and number of sessions:
/// one panel of each kind of plot.
pub(super) struct Group<'a> {
    /// What they have in common: "torch on cpu", with what sets it apart: "pinned", "closed:64".
    pub(super) name: String,
    /// "torch on cpu" alone.
    pub(super) plain: String,
    /// All cells of the run, in which a cell has its place.
    all: &'a [CellRecord],
    cells: Vec<&'a CellRecord>,
    skipped: Vec<&'a Cell>,
}

/// The panels of a run, in the order of the grid; none for cells that were all skipped.
pub(super) fn groups(run: &RunRecord) -> Vec<Group<'_>> {
    let apart = apart(run);
    let name = |cell: &Cell| {
        let parts = apart.iter().map(|part| part(cell));
        iter::once(words::group(cell)).chain(parts).collect::<Vec<_>>().join(", ")
    };
    let mut groups: Vec<Group<'_>> = Vec::new();
    for record in &run.cells {
        let (plain, name) = (words::group(&record.cell), name(&record.cell));
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.cells.push(record),
            None => {
                let (all, cells, skipped) = (&run.cells[..], vec![record], vec![]);
                groups.push(Group { name, plain, all, cells, skipped });
            }
        }
    }
    for (cell, _) in &run.skipped {
        let name = name(cell);
        if let Some(group) = groups.iter_mut().find(|group| group.name == name) {
            group.skipped.push(cell);
        }
    }
    groups
}

/// Reads off a cell what may set it apart.
type Part = fn(&Cell) -> String;

/// In what, beside backend, device and precision, the cells of a run differ.
fn apart(run: &RunRecord) -> Vec<Part> {
    let parts: [Part; 3] = [
        |cell| counted(cell.sessions, "session"),
        |cell| cell.staging.clone(),
        |cell| cell.scenario.to_string(),
    ];
    let differs = |part: &Part| {
        let mut texts = run.cells.iter().map(|record| part(&record.cell));
        texts.next().is_some_and(|first| texts.any(|text| text != first))
    };
    parts.into_iter().filter(differs).collect()
}

impl<'a> Group<'a> {
    /// Where its cells stand in the run.
    pub(super) fn places(&self) -> Vec<usize> {
        self.cells.iter().map(|record| self.place(record)).collect()
    }

    /// The valid cell of the highest throughput.
    pub(super) fn fastest(&self) -> Option<&'a CellRecord> {
        let valid = self.cells.iter().copied().filter(|record| !is_invalid(record));
        valid.max_by(|a, b| a.throughput_images_per_s.total_cmp(&b.throughput_images_per_s))
    }

    /// Where a cell of the group stands in the run.
    pub(super) fn place(&self, record: &CellRecord) -> usize {
        let here = |other: &CellRecord| std::ptr::eq(other, record);
        self.all.iter().position(here).expect("a group's cells are the run's; else it is a bug")
    }
}

/// The workers of a cell: one line of a plot, one column of a heat map.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Workers {
    instances: usize,
    threads: usize,
}

impl Workers {
    fn of(cell: &Cell) -> Self {
        Self { instances: cell.instances, threads: cell.threads }
    }
}

/// What all panels of a run share, so that they compare.
pub(super) struct Scales {
    batches: Vec<usize>,
    workers: Vec<Workers>,
    /// Whether every cell runs one thread an instance, so that it need not be said of each.
    pub(super) one_thread: bool,
    top_throughput: f64,
    latency_ms: (f64, f64),
}

/// The common scales of all groups.
pub(super) fn scales(groups: &[Group<'_>]) -> Scales {
    let cells = || groups.iter().flat_map(|group| &group.cells);
    let every = || cells().map(|r| &r.cell).chain(groups.iter().flat_map(|g| g.skipped.clone()));
    let top = |record: &&CellRecord| record.throughput_images_per_s.max(record.throughput_ci95.1);
    let spans = cells().flat_map(|r| [r.latency.p50_ns, r.latency.p99_ns]).flatten().map(ms);
    Scales {
        batches: distinct(every().map(|cell| cell.batch)),
        workers: distinct(every().map(Workers::of)),
        one_thread: every().all(|cell| cell.threads == 1),
        top_throughput: cells().map(top).fold(0.0, f64::max),
        latency_ms: extremes(spans),
    }
}

impl Scales {
    /// "2 instances", or "2 × 1 thread" where threads differ or are several.
    fn name(&self, workers: Workers) -> String {
        if self.one_thread {
            counted(workers.instances, "instance")
        } else {
            format!("{} × {}", workers.instances, counted(workers.threads, "thread"))
        }
    }
}

/// Nanoseconds that an image takes one instance of a cell.
pub(super) fn image_ns(record: &CellRecord) -> f64 {
    record.cell.instances as f64 / record.throughput_images_per_s * 1e9
}

/// The least and the greatest of some values; infinity and zero where there are none.
fn extremes(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, 0.0), |(low, high), value| (low.min(value), high.max(value)))
}

fn json(plot: &Plot) -> Value {
    // Plotly's types are plain data: numbers, texts and lists of them.
    serde_json::to_value(plot).unwrap_or_default()
}

/// A figure as a plot needs it: six significant digits take half the room of all seventeen.
pub(super) fn short(value: f64) -> f64 {
    // What is written by this machine is read by it: the text of a number is one.
    format!("{value:.5e}").parse().unwrap_or(value)
}

fn is_invalid(record: &&CellRecord) -> bool {
    record.verdict != Verdict::Valid
}

fn ms(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

fn distinct<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    values.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_backend_has_one_panel_whatever_its_threads() {
        let mut run = fixture::run();
        run.cells[3].cell.threads = 2;
        run.cells[4].cell.precision = "bf16".into();
        let groups = groups(&run);
        let names: Vec<_> = groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names, ["torch on cpu", "torch on cpu in bf16", "native on cpu"]);
        assert_eq!(groups.iter().map(|group| group.cells.len()).sum::<usize>(), run.cells.len());
    }

    #[test]
    fn what_is_issued_sets_panels_apart_where_it_differs() {
        let mut run = fixture::run();
        for record in &mut run.cells[30..] {
            record.cell.scenario = crate::record::Scenario::Closed(64);
        }
        let groups = groups(&run);
        let names: Vec<_> = groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(
            names,
            ["torch on cpu, offline", "native on cpu, offline", "native on cpu, closed:64"]
        );
        assert_eq!(groups[2].plain, "native on cpu");
    }

    #[test]
    fn cells_that_were_all_skipped_have_no_panel() {
        let mut run = fixture::run();
        run.skipped.push((fixture::cell("absent", 1, 1).cell, "not in this build".into()));
        assert!(groups(&run).iter().all(|group| group.name != "absent on cpu"));
    }

    #[test]
    fn scales_span_all_groups_and_the_skipped_cells() {
        let mut run = fixture::run();
        let name = |run: &RunRecord, place: usize| {
            let scales = scales(&groups(run));
            scales.name(scales.workers[place])
        };
        assert_eq!(name(&run, 2), "4 instances");
        run.cells[0].cell.threads = 2;
        assert_eq!([name(&run, 0), name(&run, 1)], ["1 × 1 thread", "1 × 2 threads"]);
        let scales = scales(&groups(&run));
        assert_eq!((scales.batches.len(), scales.batches[9]), (10, 512));
        assert!(scales.top_throughput > 57_000.0);
    }
}
