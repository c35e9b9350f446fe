//! Cells that may be set against one another, in groups of one backend, device and precision.

use super::best::comparable;
use super::words;
use crate::measure::{Interval, MIN_ROUNDS, ratio_interval};
use crate::record::{CellRecord, RunRecord, Scenario, Verdict};

/// The cells of one backend, device and precision.
pub(super) struct Group<'a> {
    /// "torch on cuda:0 in bf16".
    pub(super) name: String,
    /// Whether they ran on a CUDA device.
    pub(super) cuda: bool,
    /// The cells, in the grid's order; at least one.
    pub(super) cells: Vec<&'a CellRecord>,
}

/// The groups of a run whose throughputs can be compared, in the order of their first cells; see
/// [`comparable`]. A server's throughput is what it was asked for, and none of its cells is here.
pub(super) fn groups(run: &RunRecord) -> Vec<Group<'_>> {
    let server = |record: &CellRecord| matches!(record.cell.scenario, Scenario::Server(_));
    let mut groups: Vec<Group<'_>> = Vec::new();
    for record in comparable(run.cells.iter()).into_iter().filter(|record| !server(record)) {
        let name = words::group(&record.cell);
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.cells.push(record),
            None => {
                let cuda = record.cell.device.starts_with("cuda");
                groups.push(Group { name, cuda, cells: vec![record] });
            }
        }
    }
    groups
}

impl<'a> Group<'a> {
    /// Its fastest valid cell; where none is valid, its fastest.
    pub(super) fn best(&self) -> Option<&'a CellRecord> {
        fastest(self.cells.iter().copied())
    }

    /// The batch sizes of its cells, rising.
    pub(super) fn batches(&self) -> Vec<usize> {
        let mut batches: Vec<usize> = self.cells.iter().map(|record| record.cell.batch).collect();
        batches.sort_unstable();
        batches.dedup();
        batches
    }

    /// The same of the cells of one batch size.
    pub(super) fn best_at(&self, batch: usize) -> Option<&'a CellRecord> {
        fastest(self.cells.iter().copied().filter(|record| record.cell.batch == batch))
    }
}

/// Whether a cell's figures may be used.
pub(super) fn valid(record: &CellRecord) -> bool {
    record.verdict == Verdict::Valid
}

/// The fastest valid cell; where none is valid, the fastest. Of equals the first.
pub(super) fn fastest<'a>(cells: impl Iterator<Item = &'a CellRecord>) -> Option<&'a CellRecord> {
    cells.reduce(|best, record| {
        let rank = |record: &CellRecord| (valid(record), record.throughput_images_per_s);
        let (mine, its) = (rank(record), rank(best));
        if mine.0.cmp(&its.0).then(mine.1.total_cmp(&its.1)).is_gt() { record } else { best }
    })
}

/// How many times as fast one cell of a run is as another: paired by round where enough rounds have
/// both, else as far apart as the two intervals allow. None where a figure is no number.
pub(super) fn ratio(this: &CellRecord, base: &CellRecord, seed: u64) -> Option<Interval> {
    let pairs: Vec<(f64, f64)> = this
        .rounds
        .iter()
        .filter_map(|round| {
            let other = base.rounds.iter().find(|other| other.round == round.round)?;
            Some((round.throughput_images_per_s, other.throughput_images_per_s))
        })
        .collect();
    if pairs.len() >= MIN_ROUNDS {
        let (this, base): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        return ratio_interval(&this, &base, seed);
    }
    let interval = Interval {
        median: this.throughput_images_per_s / base.throughput_images_per_s,
        low: this.throughput_ci95.0 / base.throughput_ci95.1,
        high: this.throughput_ci95.1 / base.throughput_ci95.0,
    };
    [interval.median, interval.low, interval.high].iter().all(|x| x.is_finite()).then_some(interval)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn cells_are_grouped_by_what_runs_them_and_the_null_backend_is_left_out() {
        let mut run = fixture::run();
        run.cells.push(fixture::cell("null", 1, 1));
        run.cells[3].cell.device = "cuda:0".into();
        run.cells[4].cell.precision = "bf16".into();
        let groups = groups(&run);
        let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(
            names,
            ["torch on cpu", "torch on cuda:0", "torch on cpu in bf16", "native on cpu"]
        );
        assert_eq!(
            groups.iter().map(|group| group.cuda).collect::<Vec<_>>(),
            [false, true, false, false]
        );
    }

    #[test]
    fn scenarios_are_not_mixed() {
        let of = |scenario| {
            let mut cell = fixture::cell("torch", 1, 8);
            cell.cell.scenario = scenario;
            cell
        };
        let (closed, more) = (of(Scenario::Closed(8)), of(Scenario::Closed(64)));
        let (server, offline) = (of(Scenario::Server(900)), of(Scenario::Offline));
        let taken = |cells: &[&CellRecord]| -> Vec<Scenario> {
            let cells = cells.iter().map(|&cell| cell.clone()).collect();
            let run = RunRecord { cells, ..fixture::empty() };
            groups(&run).iter().flat_map(|group| &group.cells).map(|c| c.cell.scenario).collect()
        };
        assert_eq!(taken(&[&closed, &offline, &server]), [Scenario::Offline]);
        assert_eq!(taken(&[&closed, &more, &server]), [Scenario::Closed(64)]);
        assert_eq!(taken(&[&server]), []);
    }

    #[test]
    fn a_valid_cell_comes_before_a_faster_one_that_is_not() {
        let mut invalid = fixture::cell("torch", 1, 8);
        invalid.throughput_images_per_s = 1e9;
        invalid.verdict = Verdict::Invalid(vec!["predictions differ".into()]);
        let sound = fixture::cell("torch", 2, 8);
        let chosen = fastest([&invalid, &sound].into_iter()).unwrap();
        assert_eq!(chosen.cell.instances, 2);
        assert_eq!(fastest([&invalid].into_iter()).unwrap().cell.instances, 1);
    }

    #[test]
    fn a_ratio_is_paired_where_rounds_are_the_same_and_wide_where_they_are_not() {
        let mut base = fixture::cell("torch", 1, 8);
        for (round, rate) in base.rounds.iter_mut().zip([100.0, 50.0, 80.0]) {
            round.throughput_images_per_s = rate;
        }
        (base.throughput_images_per_s, base.throughput_ci95) = (80.0, (50.0, 100.0));
        let mut this = base.clone();
        for round in &mut this.rounds {
            round.throughput_images_per_s *= 2.0;
        }
        (this.throughput_images_per_s, this.throughput_ci95) = (160.0, (100.0, 200.0));
        let paired = ratio(&this, &base, 1).unwrap();
        assert_eq!(paired, Interval { median: 2.0, low: 2.0, high: 2.0 });
        this.rounds.iter_mut().for_each(|round| round.round += 10);
        let apart = ratio(&this, &base, 1).unwrap();
        assert_eq!(apart, Interval { median: 2.0, low: 1.0, high: 4.0 });
        base.throughput_ci95.0 = 0.0;
        assert_eq!(ratio(&this, &base, 1), None);
    }
}
