//! CUDA against the CPU, and CPU backends against one another.

use super::groups::{self, Group, valid};
use super::words::{self, times};
use crate::measure::Interval;
use crate::record::RunRecord;

/// One group of cells set against another, by batch.
#[derive(Clone, Debug)]
pub(super) struct Versus {
    /// What is measured against: "native on cpu".
    pub(super) base: String,
    /// What is set against it: "torch on cuda:0"; among CPU backends, the fastest of them.
    pub(super) cuda: String,
    /// Each batch size that both were measured at, rising, with how many times as fast `cuda` is:
    /// best cell over best cell, whatever their instances, threads, sessions and staging.
    pub(super) by_batch: Vec<(usize, Interval)>,
    /// Those of them whose figure rests on an INVALID cell, for want of a valid one.
    pub(super) doubtful: Vec<usize>,
    /// The smallest batch from which on every interval lies above 1.
    pub(super) wins_from: Option<usize>,
    /// Up to how many times the price an hour `cuda` is the cheaper: best cell over best cell. Of
    /// one machine's own backends there is none.
    pub(super) price_ratio: Option<Interval>,
    /// All that in plain sentences. INVALID cells have no part in it.
    pub(super) sentence: String,
}

/// Each group of CUDA cells against the fastest CPU group. Empty without cells of both.
pub(super) fn versus(run: &RunRecord) -> Vec<Versus> {
    let groups = groups::groups(run);
    let Some(base) = fastest_on_cpu(&groups) else { return Vec::new() };
    let cuda = groups.iter().filter(|group| group.cuda);
    cuda.filter_map(|cuda| against(base, cuda, run.seed, true)).collect()
}

/// Why there is nothing to compare, and what would be needed. None where there is.
pub(super) fn versus_missing(run: &RunRecord) -> Option<String> {
    if !versus(run).is_empty() {
        return None;
    }
    let groups = groups::groups(run);
    let has = |cuda: bool| groups.iter().any(|group| group.cuda == cuda);
    let reason = match (has(false), has(true)) {
        (true, true) => "no batch size was measured on both the CPU and a CUDA device".into(),
        (false, true) => "no cell of the CPU was measured".into(),
        (_, false) => {
            run.no_cuda.clone().unwrap_or_else(|| "no cell of a CUDA device was measured".into())
        }
    };
    Some(format!(
        "There is no comparison of the CPU with CUDA: {reason}. It needs both in one run, on a \
         machine with an NVIDIA GPU: plimsoll sweep --device cpu,cuda:0"
    ))
}

/// The fastest CPU backend against each other one.
pub(super) fn backends(run: &RunRecord) -> Vec<Versus> {
    let groups = groups::groups(run);
    let Some(fastest) = fastest_on_cpu(&groups) else { return Vec::new() };
    let others = groups.iter().filter(|group| !group.cuda && group.name != fastest.name);
    others.filter_map(|other| against(other, fastest, run.seed, false)).collect()
}

fn fastest_on_cpu<'a, 'b>(groups: &'b [Group<'a>]) -> Option<&'b Group<'a>> {
    let cells = groups.iter().filter(|group| !group.cuda).filter_map(Group::best);
    let best = groups::fastest(cells)?;
    groups.iter().find(|group| group.name == words::group(&best.cell))
}

/// One group against another; none where they share no batch size. Machines of their own have
/// prices of their own.
fn against(base: &Group<'_>, this: &Group<'_>, seed: u64, priced: bool) -> Option<Versus> {
    let mut by_batch = Vec::new();
    let mut doubtful = Vec::new();
    for batch in base.batches() {
        let (Some(mine), Some(its)) = (this.best_at(batch), base.best_at(batch)) else { continue };
        let Some(ratio) = groups::ratio(mine, its, seed) else { continue };
        by_batch.push((batch, ratio));
        if !(valid(mine) && valid(its)) {
            doubtful.push(batch);
        }
    }
    if by_batch.is_empty() {
        return None;
    }
    let sound: Vec<(usize, Interval)> =
        by_batch.iter().filter(|(batch, _)| !doubtful.contains(batch)).copied().collect();
    let wins_from =
        sound.iter().rev().take_while(|(_, ratio)| ratio.low > 1.0).last().map(|(batch, _)| *batch);
    let overall = match (this.best(), base.best()) {
        (Some(mine), Some(its)) if valid(mine) && valid(its) => groups::ratio(mine, its, seed),
        _ => None,
    };
    let sentences = [
        Some(by_size(&this.name, &base.name, &sound, wins_from)),
        overall.map(|ratio| over_all(&ratio, priced)),
        (!doubtful.is_empty()).then(|| left_out(&doubtful)),
    ];
    Some(Versus {
        base: base.name.clone(),
        cuda: this.name.clone(),
        by_batch,
        doubtful,
        wins_from,
        price_ratio: overall.filter(|_| priced),
        sentence: sentences.into_iter().flatten().collect::<Vec<_>>().join(" "),
    })
}

/// How the two compare at the smallest and the largest batch, and where the one begins to win.
fn by_size(
    this: &str,
    base: &str,
    sound: &[(usize, Interval)],
    wins_from: Option<usize>,
) -> String {
    let (Some(first), Some(last)) = (sound.first(), sound.last()) else {
        return format!(
            "{this} against {base}: no batch size has VALID cells of both, so nothing is concluded."
        );
    };
    let at = |(batch, ratio): &(usize, Interval)| {
        let (low, high) = (times(ratio.low), times(ratio.high));
        format!("{} times as fast ({low} to {high}) at batch {batch}", times(ratio.median))
    };
    let ends = if first.0 == last.0 { at(first) } else { format!("{}, {}", at(first), at(last)) };
    let wins = match wins_from {
        Some(batch) if batch == first.0 => "faster at every batch size measured".into(),
        Some(batch) => format!("faster from batch {batch} on"),
        None if sound.iter().all(|(_, ratio)| ratio.high < 1.0) => {
            "slower at every batch size measured".into()
        }
        None => "there is no batch size from which on it is faster".to_owned(),
    };
    format!("{this} against {base}: {ends}; {wins}.")
}

fn over_all(ratio: &Interval, priced: bool) -> String {
    let range = format!("{} ({} to {})", times(ratio.median), times(ratio.low), times(ratio.high));
    if priced {
        format!(
            "Best cell over best cell it does {range} times as much an hour: up to that many times \
             the price it is the cheaper."
        )
    } else {
        format!("Best cell over best cell it is {range} times as fast.")
    }
}

fn left_out(doubtful: &[usize]) -> String {
    let batches: Vec<String> = doubtful.iter().map(usize::to_string).collect();
    format!("Left out for their INVALID cells: batch {}.", batches.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{CellRecord, Verdict};
    use crate::report::fixture;

    /// A cell whose three rounds reach such rates.
    fn cell(backend: &str, device: &str, batch: usize, rates: [f64; 3]) -> CellRecord {
        let mut cell = fixture::cell(backend, 1, batch);
        cell.cell.device = device.into();
        for (round, rate) in cell.rounds.iter_mut().zip(rates) {
            round.throughput_images_per_s = rate;
        }
        let mut sorted = rates;
        sorted.sort_by(f64::total_cmp);
        cell.throughput_images_per_s = sorted[1];
        cell.throughput_ci95 = (sorted[0], sorted[2]);
        cell
    }

    fn steady(backend: &str, device: &str, batch: usize, rate: f64) -> CellRecord {
        cell(backend, device, batch, [rate; 3])
    }

    /// The GPU loses at batch 1, may win at 8, and wins at 64 and 512.
    fn crossing() -> RunRecord {
        let cells = vec![
            steady("native", "cpu", 1, 1_000.0),
            steady("native", "cpu", 8, 2_000.0),
            steady("native", "cpu", 64, 4_000.0),
            steady("native", "cpu", 512, 3_000.0),
            steady("torch", "cpu", 64, 3_000.0),
            steady("torch", "cuda:0", 1, 500.0),
            cell("torch", "cuda:0", 8, [1_900.0, 2_100.0, 2_200.0]),
            steady("torch", "cuda:0", 64, 40_000.0),
            steady("torch", "cuda:0", 512, 120_000.0),
        ];
        RunRecord { cells, no_cuda: None, ..fixture::empty() }
    }

    fn invalidate(cell: &mut CellRecord) {
        cell.verdict = Verdict::Invalid(vec!["predictions differ".into()]);
    }

    #[test]
    fn cuda_is_held_against_the_fastest_cpu_group_by_batch() {
        let run = crossing();
        let [versus] = versus(&run).try_into().unwrap();
        assert_eq!(
            (versus.base.as_str(), versus.cuda.as_str()),
            ("native on cpu", "torch on cuda:0")
        );
        let medians: Vec<(usize, f64)> =
            versus.by_batch.iter().map(|(batch, ratio)| (*batch, ratio.median)).collect();
        assert_eq!(medians, [(1, 0.5), (8, 1.05), (64, 10.0), (512, 40.0)]);
        assert_eq!(versus.wins_from, Some(64));
        assert_eq!(versus.price_ratio.unwrap().median, 30.0);
        assert!(versus.doubtful.is_empty());
        assert_eq!(
            versus.sentence,
            "torch on cuda:0 against native on cpu: 0.50 times as fast (0.50 to 0.50) at batch 1, \
             40.0 times as fast (40.0 to 40.0) at batch 512; faster from batch 64 on. Best cell \
             over best cell it does 30.0 (30.0 to 30.0) times as much an hour: up to that many \
             times the price it is the cheaper."
        );
        assert_eq!(versus_missing(&run), None);
    }

    #[test]
    fn a_win_that_does_not_last_is_none() {
        let mut run = crossing();
        run.cells.push(steady("native", "cpu", 1_024, 4_000.0));
        run.cells.push(steady("torch", "cuda:0", 1_024, 3_000.0));
        let [versus] = versus(&run).try_into().unwrap();
        assert_eq!(versus.wins_from, None);
        assert!(versus.sentence.contains("no batch size from which on it is faster"));
    }

    #[test]
    fn the_best_of_a_batchs_cells_counts_whatever_its_workers() {
        let mut run = crossing();
        let mut more = steady("torch", "cuda:0", 64, 80_000.0);
        (more.cell.sessions, more.cell.staging) = (2, "pinned".into());
        run.cells.push(more);
        let [versus] = versus(&run).try_into().unwrap();
        assert_eq!(versus.by_batch[2].1.median, 20.0);
    }

    #[test]
    fn an_invalid_figure_is_marked_and_no_sentence_rests_on_it() {
        let mut run = crossing();
        invalidate(&mut run.cells[8]);
        let [of_it] = versus(&run).try_into().unwrap();
        assert_eq!((of_it.by_batch.len(), of_it.doubtful.as_slice()), (4, &[512][..]));
        assert_eq!((of_it.wins_from, of_it.price_ratio.unwrap().median), (Some(64), 10.0));
        assert!(of_it.sentence.ends_with("Left out for their INVALID cells: batch 512."));
        assert!(!of_it.sentence.contains("40.0"), "{}", of_it.sentence);

        run.cells.iter_mut().for_each(invalidate);
        let [of_none] = versus(&run).try_into().unwrap();
        assert_eq!((of_none.wins_from, of_none.price_ratio), (None, None));
        assert!(of_none.sentence.contains("nothing is concluded"), "{}", of_none.sentence);
    }

    #[test]
    fn without_cuda_the_reason_and_the_need_are_told() {
        let run = fixture::run();
        assert!(versus(&run).is_empty());
        let missing = versus_missing(&run).unwrap();
        assert!(
            missing.contains("no CUDA driver was found on this machine. It needs"),
            "{missing}"
        );

        let mut only = crossing();
        only.cells.retain(|record| record.cell.device != "cpu");
        assert!(versus_missing(&only).unwrap().contains("no cell of the CPU was measured"));

        let mut apart = crossing();
        apart.cells.retain(|record| (record.cell.device == "cpu") == (record.cell.batch < 64));
        assert!(versus_missing(&apart).unwrap().contains("no batch size was measured on both"));
        assert!(versus_missing(&fixture::empty()).is_some());
    }

    #[test]
    fn cpu_backends_are_compared_where_there_is_no_gpu() {
        let run = fixture::run();
        let [backends] = backends(&run).try_into().unwrap();
        assert_eq!(
            (backends.base.as_str(), backends.cuda.as_str()),
            ("native on cpu", "torch on cpu")
        );
        assert_eq!(backends.price_ratio, None);
        assert_eq!(backends.by_batch.len(), 10);
        // The native backend's small fixed cost wins small batches.
        assert!(backends.wins_from.is_some_and(|batch| batch > 1), "{backends:?}");
        assert!(backends.sentence.contains("Best cell over best cell it is 1."));
    }
}
