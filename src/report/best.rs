//! Which cell to recommend.

use std::cmp::Ordering;

use crate::measure::Interval;
use crate::record::{CellRecord, Scenario, Verdict};

/// The cell to recommend.
#[derive(Clone, Copy, Debug)]
pub struct Best<'a> {
    /// The cell.
    pub cell: &'a CellRecord,
    /// The cell with the highest median, where that is another one: the intervals of the two
    /// overlap, so that they may be equally fast, and [`Best::cell`] takes fewer cores.
    pub tied_with: Option<&'a CellRecord>,
}

/// The valid cell of the highest throughput; or, of those whose intervals reach its own, the one
/// that takes the fewest cores (instances x threads), and of these the fastest. Of several scenarios
/// one alone has a part in it, see `comparable`. None where no cell is valid.
pub fn best(cells: &[CellRecord]) -> Option<Best<'_>> {
    let valid = |cell: &&CellRecord| cell.verdict == Verdict::Valid;
    let usable = comparable(cells.iter().filter(valid));
    let fastest = usable.iter().copied().min_by(|a, b| faster(a, b))?;
    let cell = usable
        .iter()
        .copied()
        .filter(|cell| interval(cell).overlaps(&interval(fastest)))
        .min_by(|a, b| cores(a).cmp(&cores(b)).then_with(|| faster(a, b)))
        .filter(|cell| cores(cell) < cores(fastest))
        .unwrap_or(fastest);
    let tied_with = (!std::ptr::eq(cell, fastest)).then_some(fastest);
    Some(Best { cell, tied_with })
}

/// Those of the cells whose throughputs mean the same: of a backend with a model, and of one
/// scenario. Offline cells come first; without any, those of the closed loop of the most requests;
/// without these, servers, whose throughput is what they were asked for as long as they keep up.
pub(super) fn comparable<'a>(cells: impl Iterator<Item = &'a CellRecord>) -> Vec<&'a CellRecord> {
    let kind = |record: &CellRecord| match record.cell.scenario {
        Scenario::Offline => (2, 0),
        Scenario::Closed(outstanding) => (1, outstanding),
        Scenario::Server(_) => (0, 0),
    };
    let mut cells: Vec<_> = cells.filter(|record| record.cell.has_model()).collect();
    let first = cells.iter().map(|record| kind(record)).max();
    cells.retain(|record| Some(kind(record)) == first);
    cells
}

/// Cores that a cell keeps busy.
pub(super) fn cores(cell: &CellRecord) -> usize {
    cell.cell.instances * cell.cell.threads
}

fn interval(cell: &CellRecord) -> Interval {
    let (low, high) = cell.throughput_ci95;
    Interval { median: cell.throughput_images_per_s, low, high }
}

/// The faster first; of equals the one of the smaller batch, whose answers come sooner.
pub(super) fn faster(a: &CellRecord, b: &CellRecord) -> Ordering {
    b.throughput_images_per_s
        .total_cmp(&a.throughput_images_per_s)
        .then_with(|| a.cell.batch.cmp(&b.cell.batch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    /// A cell of so many instances whose median lies in the middle of its interval.
    fn cell(instances: usize, batch: usize, interval: (f64, f64)) -> CellRecord {
        let mut cell = fixture::cell("torch", instances, batch);
        cell.throughput_images_per_s = f64::midpoint(interval.0, interval.1);
        cell.throughput_ci95 = interval;
        cell
    }

    fn choice(cells: &[CellRecord]) -> Option<(usize, usize, Option<usize>)> {
        let best = best(cells)?;
        let tied = best.tied_with.map(|cell| cell.cell.instances);
        Some((best.cell.cell.instances, best.cell.cell.batch, tied))
    }

    #[test]
    fn the_fastest_wins_where_intervals_are_apart() {
        let cells = [cell(1, 64, (90.0, 99.0)), cell(2, 64, (100.0, 110.0))];
        assert_eq!(choice(&cells), Some((2, 64, None)));
    }

    #[test]
    fn of_two_that_may_be_equally_fast_the_one_of_fewer_cores_wins() {
        let cells =
            [cell(4, 64, (100.0, 112.0)), cell(2, 64, (95.0, 103.0)), cell(1, 64, (50.0, 51.0))];
        assert_eq!(choice(&cells), Some((2, 64, Some(4))));
    }

    #[test]
    fn a_tie_at_equal_cores_is_no_reason_to_give_up_speed() {
        let cells = [cell(2, 64, (95.0, 103.0)), cell(2, 128, (100.0, 112.0))];
        assert_eq!(choice(&cells), Some((2, 128, None)));
    }

    #[test]
    fn threads_count_as_cores_as_much_as_instances_do() {
        let mut wide = cell(1, 64, (100.0, 112.0));
        wide.cell.threads = 4;
        let cells = [wide, cell(2, 64, (95.0, 103.0))];
        assert_eq!(choice(&cells), Some((2, 64, Some(1))));
    }

    #[test]
    fn equally_fast_cells_leave_the_smaller_batch() {
        let cells = [cell(1, 128, (100.0, 110.0)), cell(1, 64, (100.0, 110.0))];
        assert_eq!(choice(&cells), Some((1, 64, None)));
    }

    #[test]
    fn a_throughput_that_means_another_thing_does_not_win() {
        let of = |scenario, rate: f64| {
            let mut cell = cell(1, 64, (rate, rate + 1.0));
            cell.cell.scenario = scenario;
            cell
        };
        let offline = of(Scenario::Offline, 100.0);
        let closed = [of(Scenario::Closed(8), 300.0), of(Scenario::Closed(64), 200.0)];
        let servers = [of(Scenario::Server(400), 400.0), of(Scenario::Server(500), 500.0)];
        let chosen = |cells: &[CellRecord]| best(cells).unwrap().cell.cell.scenario;
        let all = [&[offline][..], &closed, &servers].concat();
        assert_eq!(chosen(&all), Scenario::Offline);
        assert_eq!(chosen(&all[1..]), Scenario::Closed(64));
        assert_eq!(chosen(&all[3..]), Scenario::Server(500));
    }

    #[test]
    fn neither_an_invalid_cell_nor_the_null_backend_is_recommended() {
        let mut invalid = cell(4, 64, (200.0, 210.0));
        invalid.verdict = Verdict::Invalid(vec!["predictions differ".into()]);
        let mut null = cell(4, 64, (9e6, 9.1e6));
        null.cell.backend = "null".into();
        assert!(best(&[invalid.clone(), null.clone()]).is_none());
        assert_eq!(choice(&[invalid, null, cell(1, 64, (10.0, 11.0))]), Some((1, 64, None)));
    }
}
