//! The plots, as plotly's JSON. Colours are left to the page, which knows light from dark: a
//! line's place in the palette travels in its `meta`.

mod heat;
mod lines;

pub(super) use self::heat::heat;
pub(super) use self::lines::{latency, own_cost, throughput};

use plotly::Plot;
use serde_json::Value;

use crate::record::{Cell, CellRecord, RunRecord, Verdict};
use crate::report::words;

/// Cells that differ only in instances and batch: one panel of each kind of plot.
pub(super) struct Group<'a> {
    /// What they have in common: "torch on cpu, 1 thread an instance".
    pub(super) name: String,
    /// The same for a legend, where there is little room: "torch on cpu".
    short: String,
    cells: Vec<&'a CellRecord>,
    skipped: Vec<&'a Cell>,
}

/// The panels of a run, in the order of the grid.
pub(super) fn groups(run: &RunRecord) -> Vec<Group<'_>> {
    fn at<'g, 'a>(groups: &'g mut Vec<Group<'a>>, cell: &Cell) -> &'g mut Group<'a> {
        let threads = words::counted(cell.threads, "thread");
        let name = format!("{}, {threads} an instance", words::group(cell));
        let place = groups.iter().position(|group| group.name == name).unwrap_or(groups.len());
        if place == groups.len() {
            let short = match cell.threads {
                1 => words::group(cell),
                _ => format!("{}, {threads}", words::group(cell)),
            };
            groups.push(Group { name, short, cells: vec![], skipped: vec![] });
        }
        &mut groups[place]
    }
    let mut groups = Vec::new();
    for record in &run.cells {
        at(&mut groups, &record.cell).cells.push(record);
    }
    for (cell, _) in &run.skipped {
        at(&mut groups, cell).skipped.push(cell);
    }
    groups
}

/// What all panels of a run share, so that they compare.
pub(super) struct Scales {
    batches: Vec<usize>,
    instances: Vec<usize>,
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
        instances: distinct(every().map(|cell| cell.instances)),
        top_throughput: cells().map(top).fold(0.0, f64::max),
        latency_ms: extremes(spans),
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

fn is_invalid(record: &&CellRecord) -> bool {
    record.verdict != Verdict::Valid
}

fn ms(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

fn distinct(values: impl Iterator<Item = usize>) -> Vec<usize> {
    values.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_group_is_what_shares_a_panel() {
        let mut run = fixture::run();
        run.cells[3].cell.threads = 2;
        let groups = groups(&run);
        let names: Vec<_> = groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "torch on cpu, 1 thread an instance",
                "torch on cpu, 2 threads an instance",
                "native on cpu, 1 thread an instance",
            ]
        );
        assert_eq!(groups.iter().map(|group| group.cells.len()).sum::<usize>(), run.cells.len());
    }

    #[test]
    fn scales_span_all_groups_and_the_skipped_cells() {
        let run = fixture::run();
        let scales = scales(&groups(&run));
        assert_eq!(scales.instances, [1, 2, 4]);
        assert_eq!((scales.batches.len(), scales.batches[9]), (10, 512));
        assert!(scales.top_throughput > 57_000.0);
    }
}
