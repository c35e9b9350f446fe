//! The cells of two runs, paired and judged.

use std::fmt;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::measure::{Interval, unpaired_ratio_interval};
use crate::record::{Cell, CellRecord, RunRecord};
use crate::report::groups::valid;
use crate::report::words;

/// How a cell changed from the base to the new run, at a threshold `t`: 0.03 is 3%.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The whole interval of the ratio lies above 1, and the ratio reaches `1 + t`.
    Improved,
    /// The whole interval lies below 1, and the ratio is `1 / (1 + t)` or less.
    Worse,
    /// The whole interval lies from `1 / (1 + t)` to `1 + t`: whatever the difference is, it is
    /// smaller than the threshold.
    NoDifference,
    /// None of these: the interval is too wide to tell at this threshold. More rounds narrow it.
    Unsure,
}

impl Change {
    fn of(ratio: &Interval, threshold: f64) -> Self {
        let (most, least) = (1.0 + threshold, (1.0 + threshold).recip());
        if ratio.low > 1.0 && ratio.median >= most {
            Self::Improved
        } else if ratio.high < 1.0 && ratio.median <= least {
            Self::Worse
        } else if least <= ratio.low && ratio.high <= most {
            Self::NoDifference
        } else {
            Self::Unsure
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Improved => "improved",
            Self::Worse => "worse",
            Self::NoDifference => "no difference",
            Self::Unsure => "unsure",
        })
    }
}

/// A cell that both runs measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// The cell.
    pub cell: Cell,
    /// It in words.
    pub name: String,
    /// Median throughput in the base.
    pub base_images_per_s: f64,
    /// Median throughput in the new run.
    pub new_images_per_s: f64,
    /// New over base.
    pub ratio: f64,
    /// Ends of the ratio's 95% interval.
    pub ratio_ci95: (f64, f64),
    /// What that says at the threshold.
    pub change: Change,
    /// 99th percentile of the latency in the base, where there were enough samples. It is shown
    /// beside the ratio, not judged.
    pub base_p99_ns: Option<u64>,
    /// The same in the new run.
    pub new_p99_ns: Option<u64>,
    /// Whether it is VALID in the base.
    pub base_valid: bool,
    /// Whether it is VALID in the new run.
    pub new_valid: bool,
}

impl Pair {
    /// Whether the change counts: an INVALID cell's figures may not be used.
    pub fn counts(&self) -> bool {
        self.base_valid && self.new_valid
    }
}

/// Two runs, cell by cell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The threshold, as a share.
    pub threshold: f64,
    /// Cells of both, in the base's order.
    pub pairs: Vec<Pair>,
    /// Cells of the base that the new run did not measure.
    pub only_in_base: Vec<String>,
    /// Cells of the new run that the base did not measure.
    pub only_in_new: Vec<String>,
}

impl Comparison {
    /// How many cells that count changed in this way.
    pub fn count(&self, change: Change) -> usize {
        self.pairs.iter().filter(|pair| pair.counts() && pair.change == change).count()
    }

    /// Cells that were VALID in the base and are not any more.
    pub fn lost(&self) -> impl Iterator<Item = &Pair> {
        self.pairs.iter().filter(|pair| pair.base_valid && !pair.new_valid)
    }
}

/// Sets a run against another, cell by cell.
///
/// # Errors
/// [`Error::Invalid`] where no cell is VALID in both: silence would read as "nothing is worse".
pub fn compare(base: &RunRecord, new: &RunRecord, threshold: f64) -> Result<Comparison> {
    let find = |cells: &'_ [CellRecord], cell: &Cell| cells.iter().any(|of| of.cell == *cell);
    let pairs: Vec<Pair> = base
        .cells
        .iter()
        .filter_map(|of| {
            let other = new.cells.iter().find(|other| other.cell == of.cell)?;
            pair(of, other, threshold, base.seed)
        })
        .collect();
    if !pairs.iter().any(Pair::counts) {
        let reason = if pairs.is_empty() {
            "they share no cell that was measured in both; run the same grid twice"
        } else {
            "no cell is VALID in both; the reasons are in their reports"
        };
        return Err(Error::invalid("nothing to compare", reason));
    }
    let only = |cells: &[CellRecord], others: &[CellRecord]| -> Vec<String> {
        let alone = cells.iter().filter(|of| !find(others, &of.cell));
        alone.map(|of| words::cell(&of.cell)).collect()
    };
    Ok(Comparison {
        threshold,
        pairs,
        only_in_base: only(&base.cells, &new.cells),
        only_in_new: only(&new.cells, &base.cells),
    })
}

/// One cell in both; none where a round's rate is zero or no number, which says nothing.
fn pair(base: &CellRecord, new: &CellRecord, threshold: f64, seed: u64) -> Option<Pair> {
    let ratio = unpaired_ratio_interval(&rates(new), &rates(base), seed)?;
    Some(Pair {
        cell: base.cell.clone(),
        name: words::cell(&base.cell),
        base_images_per_s: base.throughput_images_per_s,
        new_images_per_s: new.throughput_images_per_s,
        ratio: ratio.median,
        ratio_ci95: (ratio.low, ratio.high),
        change: Change::of(&ratio, threshold),
        base_p99_ns: base.latency.p99_ns,
        new_p99_ns: new.latency.p99_ns,
        base_valid: valid(base),
        new_valid: valid(new),
    })
}

fn rates(record: &CellRecord) -> Vec<f64> {
    record.rounds.iter().map(|round| round.throughput_images_per_s).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::Verdict;
    use crate::report::fixture;

    /// A run of one cell a list of rates, at batches 1, 2, 4...
    fn run(cells: &[Vec<f64>]) -> RunRecord {
        let cell = |(place, rates): (usize, &Vec<f64>)| {
            let mut cell = fixture::cell("torch", 1, 1 << place);
            let round = cell.rounds[0].clone();
            cell.rounds = rates
                .iter()
                .enumerate()
                .map(|(number, &rate)| {
                    let mut round = round.clone();
                    (round.round, round.throughput_images_per_s) = (number, rate);
                    round
                })
                .collect();
            cell.throughput_images_per_s = crate::measure::median(rates).unwrap();
            cell
        };
        RunRecord { cells: cells.iter().enumerate().map(cell).collect(), ..fixture::empty() }
    }

    fn changes(base: &[Vec<f64>], new: &[Vec<f64>], threshold: f64) -> Vec<Change> {
        let found = compare(&run(base), &run(new), threshold).unwrap();
        found.pairs.iter().map(|pair| pair.change).collect()
    }

    #[test]
    fn a_change_is_judged_by_its_interval_and_the_threshold() {
        let ratio = |low, median, high| Interval { median, low, high };
        for (ratio, change) in [
            (ratio(1.02, 1.05, 1.08), Change::Improved),
            (ratio(1.01, 1.03, 1.04), Change::Improved),
            (ratio(1.01, 1.02, 1.025), Change::NoDifference),
            (ratio(1.00, 1.05, 1.08), Change::Unsure),
            (ratio(1.01, 1.02, 1.05), Change::Unsure),
            (ratio(0.98, 1.00, 1.02), Change::NoDifference),
            (ratio(0.90, 1.00, 1.02), Change::Unsure),
            (ratio(0.90, 0.92, 0.99), Change::Worse),
            (ratio(0.90, 0.98, 0.99), Change::Unsure),
            (ratio(0.50, 0.90, 1.50), Change::Unsure),
        ] {
            assert_eq!(Change::of(&ratio, 0.03), change, "{ratio:?}");
        }
        // At no threshold at all, only equality is no difference.
        assert_eq!(Change::of(&ratio(1.0, 1.0, 1.0), 0.0), Change::NoDifference);
        assert_eq!(Change::of(&ratio(1.001, 1.002, 1.003), 0.0), Change::Improved);
    }

    #[test]
    fn a_tenth_slower_is_worse_and_a_tenth_faster_improved() {
        let base = vec![100.0, 101.0, 99.0, 100.5, 99.5];
        let times = |factor: f64| base.iter().map(|rate| rate * factor).collect::<Vec<f64>>();
        let (all, new) = (vec![base.clone(); 3], vec![times(0.9), times(1.1), times(1.005)]);
        let want = [Change::Worse, Change::Improved, Change::NoDifference];
        assert_eq!(changes(&all, &new, 0.03), want);
        let found = compare(&run(&all), &run(&new), 0.03).unwrap();
        assert_eq!((found.count(Change::Worse), found.count(Change::Improved)), (1, 1));
        assert!((found.pairs[0].ratio - 0.9).abs() < 1e-12);
        assert_eq!(found.pairs[0].name, "torch on cpu, 1 instance of 1 thread, batch 1");
    }

    #[test]
    fn an_invalid_cell_is_compared_and_not_counted() {
        let base = run(&[vec![100.0; 3], vec![100.0; 3]]);
        let mut new = run(&[vec![50.0; 3], vec![100.0; 3]]);
        new.cells[0].verdict = Verdict::Invalid(vec!["predictions differ".into()]);
        let found = compare(&base, &new, 0.03).unwrap();
        assert_eq!(found.pairs[0].change, Change::Worse);
        assert_eq!(found.count(Change::Worse), 0);
        let lost: Vec<usize> = found.lost().map(|pair| pair.cell.batch).collect();
        assert_eq!(lost, [1]);
    }

    #[test]
    fn cells_of_one_run_alone_are_listed() {
        let base = run(&[vec![100.0; 3], vec![100.0; 3]]);
        let mut new = run(&[vec![100.0; 3], vec![100.0; 3]]);
        new.cells[1].cell.staging = "pinned".into();
        let found = compare(&base, &new, 0.03).unwrap();
        assert_eq!(found.pairs.len(), 1);
        assert_eq!(found.only_in_base, ["torch on cpu, 1 instance of 1 thread, batch 2"]);
        assert_eq!(found.only_in_new, ["torch on cpu, 1 instance of 1 thread, batch 2, pinned"]);
    }

    #[test]
    fn nothing_in_common_is_an_error_and_no_silence() {
        let base = run(&[vec![100.0; 3]]);
        let error = compare(&base, &fixture::empty(), 0.03).unwrap_err().to_string();
        assert!(error.contains("share no cell"), "{error}");
        let mut new = base.clone();
        new.cells[0].verdict = Verdict::Invalid(vec!["x".into()]);
        let error = compare(&base, &new, 0.03).unwrap_err().to_string();
        assert!(error.contains("no cell is VALID in both"), "{error}");
        let dead = run(&[vec![0.0; 3]]);
        assert!(compare(&dead, &base, 0.03).is_err());
    }

    fn rates() -> impl Strategy<Value = Vec<Vec<f64>>> {
        prop::collection::vec(prop::collection::vec(1.0f64..1e6, 1..8), 1..4)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn base_and_new_swapped_turn_the_ratio_over_and_the_verdict_round(
            base in rates(),
            new in rates(),
            threshold in 0.0f64..0.5,
        ) {
            let (base, new) = (run(&base), run(&new));
            let forth = compare(&base, &new, threshold).unwrap();
            let back = compare(&new, &base, threshold).unwrap();
            for (forth, back) in forth.pairs.iter().zip(&back.pairs) {
                prop_assert!((forth.ratio * back.ratio - 1.0).abs() < 1e-12);
                prop_assert!((forth.ratio_ci95.0 * back.ratio_ci95.1 - 1.0).abs() < 1e-12);
                let turned = match forth.change {
                    Change::Improved => Change::Worse,
                    Change::Worse => Change::Improved,
                    same => same,
                };
                prop_assert_eq!(back.change, turned);
            }
        }

        #[test]
        fn a_run_is_neither_better_nor_worse_than_itself(base in rates(), threshold in 0.0f64..0.5) {
            let run = run(&base);
            let found = compare(&run, &run, threshold).unwrap();
            for pair in &found.pairs {
                prop_assert_eq!(pair.ratio, 1.0);
                prop_assert!(matches!(pair.change, Change::NoDifference | Change::Unsure));
            }
        }

        #[test]
        fn equal_rounds_have_no_difference_at_any_threshold(
            rate in 1.0f64..1e6,
            rounds in 1usize..8,
            threshold in 0.0f64..0.5,
        ) {
            let cells = vec![vec![rate; rounds]];
            prop_assert_eq!(changes(&cells, &cells, threshold), [Change::NoDifference]);
        }
    }
}
