//! How much of the machine's multiply-adds each backend uses.

use std::collections::BTreeMap;

use super::bars::{busy_cores, multiply_add_share};
use crate::record::{CellRecord, RunRecord, Scenario};
use crate::report::best::faster;
use crate::report::groups::valid;
use crate::report::words;
use crate::units::counted;

/// For each backend with cells in f32 on the CPU: its name, and the share of the multiply-add peak,
/// as measured in the same run, that its fastest offline cell reaches on each number of cores. Of
/// those cores a valid cell counts before any that is not, which is marked.
pub(in crate::report) fn peak_shares(run: &RunRecord) -> Vec<(String, String)> {
    let offline = |record: &&CellRecord| record.cell.scenario == Scenario::Offline;
    let mut names = Vec::new();
    let mut best: BTreeMap<(usize, usize), (&CellRecord, f64)> = BTreeMap::new();
    for record in run.cells.iter().filter(offline) {
        let Some(share) = multiply_add_share(run, record) else { continue };
        let name = words::group(&record.cell);
        let place = names.iter().position(|known| *known == name).unwrap_or_else(|| {
            names.push(name);
            names.len() - 1
        });
        let entry = best.entry((place, busy_cores(run, record))).or_insert((record, share));
        let better = valid(record).cmp(&valid(entry.0)).then(faster(entry.0, record));
        if better.is_gt() {
            *entry = (record, share);
        }
    }
    let says = |place: usize| {
        let of_place = best.range((place, 0)..(place + 1, 0));
        let shares = of_place.map(|(&(_, cores), &(record, share))| {
            let mark = if valid(record) { "" } else { " (INVALID)" };
            format!("{:.0}% of {}{mark}", 100.0 * share, counted(cores, "core"))
        });
        shares.collect::<Vec<_>>().join(", ")
    };
    names.into_iter().enumerate().map(|(place, name)| (name, says(place))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Verdict;
    use crate::report::fixture;

    #[test]
    fn each_backend_has_its_best_share_on_each_number_of_cores() {
        let mut run = fixture::empty();
        run.host.cores = 4;
        let ceilings = run.ceilings.as_mut().unwrap();
        ceilings.fma_one_core_flop_per_s = 96.1e9;
        ceilings.fma_all_cores_flop_per_s = 4.0 * 96.1e9;
        let cell = |backend: &str, instances: usize, rate: f64| {
            let mut record = fixture::cell(backend, instances, 1);
            record.throughput_images_per_s = rate;
            record.cell.threads = 1;
            record
        };
        // A whole core's multiply-adds are 100,000 images a second.
        run.cells = vec![
            cell("native", 1, 70_000.0),
            cell("torch", 1, 20_000.0),
            cell("native", 1, 80_000.0),
            cell("native", 2, 150_000.0),
            cell("null", 1, 1e9),
        ];
        let shares = peak_shares(&run);
        let want =
            [("native on cpu", "80% of 1 core, 75% of 2 cores"), ("torch on cpu", "20% of 1 core")];
        assert_eq!(shares, want.map(|(name, says)| (name.to_owned(), says.to_owned())));
        // A valid cell counts before a faster one that is not; other arithmetic does not count.
        run.cells[2].verdict = Verdict::Invalid(vec!["a reason".into()]);
        run.cells[1].verdict = Verdict::Invalid(vec!["a reason".into()]);
        run.cells[3].cell.precision = "int8".into();
        let want =
            [("native on cpu", "70% of 1 core"), ("torch on cpu", "20% of 1 core (INVALID)")];
        assert_eq!(peak_shares(&run), want.map(|(name, says)| (name.to_owned(), says.to_owned())));
    }
}
