//! The sections beyond the plots over batch size, as text ready for the template.

use super::charts::{self, Group};
use super::view::times;
use crate::record::{Ceilings, Cell, Mode, RunRecord};
use crate::report::scaling::Scaling;
use crate::report::versus::Versus;
use crate::report::waterfall::peak_shares;
use crate::report::words;
use crate::units::{counted, rate};

/// Entries of a list of cells that stand in the page itself; a run of hundreds of invalid cells is
/// to stay a page.
const LISTED: usize = 40;

/// One comparison of two groups of cells, as a plot with its table.
pub(super) struct Pair<'a> {
    pub(super) base: &'a str,
    pub(super) other: &'a str,
    pub(super) sentence: &'a str,
    /// The groups that it needs, by their places, separated by spaces.
    pub(super) groups: String,
    /// Batch, times as fast, and whether the figure rests on an INVALID cell.
    pub(super) rows: Vec<(usize, String, bool)>,
    /// The price ratio up to which it is the cheaper, where both have a price.
    pub(super) price: Option<String>,
}

pub(super) fn pair<'a>(pair: &'a Versus, groups: &[Group<'_>]) -> Pair<'a> {
    let place = |name: &str| groups.iter().position(|group| group.plain == name);
    let places = [place(&pair.base), place(&pair.cuda)].into_iter().flatten();
    Pair {
        base: &pair.base,
        other: &pair.cuda,
        sentence: &pair.sentence,
        groups: places.map(|place| place.to_string()).collect::<Vec<_>>().join(" "),
        rows: pair
            .by_batch
            .iter()
            .map(|(batch, ratio)| (*batch, times(ratio), pair.doubtful.contains(batch)))
            .collect(),
        price: pair.price_ratio.as_ref().map(times),
    }
}

/// One scaling curve, as a plot with its table.
pub(super) struct Curve<'a> {
    pub(super) name: &'a str,
    pub(super) sentence: &'a str,
    /// The place of its group, if there is one.
    pub(super) groups: String,
    /// What its workers are: "instances".
    pub(super) over: &'static str,
    /// Workers, images a second with the interval, efficiency.
    pub(super) rows: Vec<(usize, String, String)>,
}

pub(super) fn curve<'a>(curve: &'a Scaling, groups: &[Group<'_>]) -> Curve<'a> {
    let of = |group: &Group<'_>| {
        curve.name.strip_prefix(&group.plain).is_some_and(|rest| rest.starts_with(','))
    };
    let rows = curve.points.iter().map(|point| {
        let (low, high) = point.ci95;
        let told = format!("{} ({} to {})", rate(point.throughput), rate(low), rate(high));
        (point.workers, told, words::percent(point.efficiency))
    });
    Curve {
        name: &curve.name,
        over: charts::over(curve.over),
        sentence: &curve.sentence,
        groups: groups.iter().position(of).map_or_else(String::new, |place| place.to_string()),
        rows: rows.collect(),
    }
}

/// What the machine reached at best: what, and its rate with the unit; and what each backend made
/// of its multiply-adds.
pub(super) fn ceilings(run: &RunRecord, ceilings: &Ceilings) -> Vec<(String, String)> {
    let flops = |rate_: f64| format!("{} GFLOP/s", rate(rate_ / 1e9));
    let bytes = |rate_: f64| format!("{} GB/s", rate(rate_ / 1e9));
    let mut rows = vec![
        ("Multiply-add, one core", flops(ceilings.fma_one_core_flop_per_s)),
        ("Multiply-add, all cores", flops(ceilings.fma_all_cores_flop_per_s)),
        ("Copy in memory, one core", bytes(ceilings.copy_one_core_bytes_per_s)),
        ("Copy in memory, all cores", bytes(ceilings.copy_all_cores_bytes_per_s)),
        (
            "PNG decoding, one core",
            format!("{} images/s", rate(ceilings.decode_one_core_images_per_s)),
        ),
    ];
    for (name, measured) in [
        ("Copy to the device, pinned memory", ceilings.h2d_pinned_bytes_per_s),
        ("Copy to the device, pageable memory", ceilings.h2d_pageable_bytes_per_s),
        ("Copy from the device, pinned memory", ceilings.d2h_pinned_bytes_per_s),
        ("Copy from the device, pageable memory", ceilings.d2h_pageable_bytes_per_s),
    ] {
        rows.extend(measured.map(|measured| (name, bytes(measured))));
    }
    let reached = rows.into_iter().map(|(name, rate)| (name.to_owned(), rate));
    let used = peak_shares(run).into_iter();
    reached.chain(used.map(|(name, says)| (format!("Multiply-adds used, {name}"), says))).collect()
}

/// How the cells were chosen, in a sentence.
pub(super) fn plan(run: &RunRecord) -> String {
    let (plan, measured) = (&run.plan, run.cells.len());
    let of = match plan.grid_cells {
        0 => counted(measured, "cell"),
        grid => format!("{measured} of the grid's {}", counted(grid, "cell")),
    };
    let budget = plan.budget_s.map_or_else(String::new, |s| format!(" within {s:.0} s"));
    match plan.mode {
        Mode::Grid => format!("The whole grid was asked for: {of} were measured."),
        Mode::Budget => {
            format!("As much as is worth most{budget} was asked for: {of} were measured.")
        }
        Mode::Search => format!("The best cell alone was searched for: {of} were measured."),
    }
}

/// Cells by reason, cut where a page could not hold them.
pub(super) struct Listed {
    pub(super) reasons: Vec<(String, Vec<String>)>,
    /// Entries that were left out.
    pub(super) more: usize,
}

/// Cells by their reason.
pub(super) fn listed<'a>(cells: impl Iterator<Item = (&'a Cell, String)>) -> Listed {
    let mut reasons = words::by_reason(cells);
    let (mut room, mut more) = (LISTED, 0);
    for (_, names) in &mut reasons {
        let kept = names.len().min(room);
        more += names.len() - kept;
        room -= kept;
        names.truncate(kept);
    }
    reasons.retain(|(_, names)| !names.is_empty());
    Listed { reasons, more }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::report::scaling::Over;

    #[test]
    fn a_long_list_ends_with_how_much_is_left() {
        let cells: Vec<_> = (1..=100).map(|n| fixture::cell("torch", n, 1).cell).collect();
        let each = cells.iter().map(|cell| (cell, format!("reason {}", cell.instances % 3)));
        let listed = listed(each);
        let shown: usize = listed.reasons.iter().map(|(_, names)| names.len()).sum();
        assert_eq!((shown, listed.more), (40, 60));
    }

    #[test]
    fn ceilings_have_their_units_and_a_cpu_has_no_device() {
        let run = fixture::empty();
        let rows = ceilings(&run, run.ceilings.as_ref().unwrap());
        assert_eq!(rows.len(), 5);
        assert_eq!(rows[0], ("Multiply-add, one core".into(), "90.0 GFLOP/s".into()));
        assert_eq!(rows[4], ("PNG decoding, one core".into(), "210,000 images/s".into()));
    }

    #[test]
    fn a_scaling_curve_belongs_to_the_group_that_its_name_begins_with() {
        let run = fixture::run();
        let groups = charts::groups(&run);
        let named = |name: &str| Scaling {
            name: name.into(),
            over: Over::Instances,
            points: vec![],
            fit: None,
            sentence: String::new(),
        };
        let group = |name: &str| curve(&named(name), &groups).groups;
        assert_eq!(group("native on cpu, batch 128, 1 thread"), "1");
        assert_eq!(group("native on cpus, batch 128, 1 thread"), "");
    }

    #[test]
    fn the_plan_says_how_much_of_the_grid_was_measured() {
        let mut run = fixture::run();
        assert_eq!(
            plan(&run),
            "The whole grid was asked for: 58 of the grid's 60 cells were measured."
        );
        run.plan.mode = Mode::Budget;
        run.plan.budget_s = Some(300.0);
        assert!(plan(&run).starts_with("As much as is worth most within 300 s was asked for"));
    }
}
