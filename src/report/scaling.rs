//! What more instances, and more threads, bring.

use super::groups::{self, Group, valid};
use super::words;
use crate::measure::{Usl, usl};
use crate::record::{Cell, CellRecord, RunRecord};
use crate::units::counted;

/// One curve over worker counts, all else the same.
#[derive(Clone, Debug)]
pub(super) struct Scaling {
    /// "native on cpu, batch 128, 1 thread" over instances; "native on cpu, batch 128, 1 instance"
    /// over threads.
    pub(super) name: String,
    /// What the points count.
    pub(super) over: Over,
    /// By rising worker count; two or more.
    pub(super) points: Vec<Point>,
    /// The fitted law, where there are enough counts.
    pub(super) fit: Option<Usl>,
    /// How much more workers bring, and where they stop paying.
    pub(super) sentence: String,
}

/// What a curve runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// Instances of equally many threads.
    Instances,
    /// Threads of one instance.
    Threads,
}

impl Over {
    fn count(self, cell: &Cell) -> usize {
        match self {
            Self::Instances => cell.instances,
            Self::Threads => cell.threads,
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Instances => "instance",
            Self::Threads => "thread",
        }
    }

    /// The flag that asks for other counts.
    fn flag(self) -> &'static str {
        match self {
            Self::Instances => "--instances",
            Self::Threads => "--threads",
        }
    }
}

/// What so many workers reached.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Point {
    /// Instances, or threads of the one instance.
    pub(super) workers: usize,
    /// Median, images a second, all together.
    pub(super) throughput: f64,
    /// Ends of its 95% interval.
    pub(super) ci95: (f64, f64),
    /// Against `workers` times what one reached; where one was not measured, against the share that
    /// each of the fewest has.
    pub(super) efficiency: f64,
}

/// The curves of a run, from VALID cells alone: for each backend, device and precision, at the
/// batch, the sessions and the staging of its best cell, over instances for each thread count and
/// then over the threads of one instance.
pub(super) fn scaling(run: &RunRecord) -> Vec<Scaling> {
    groups::groups(run).iter().flat_map(|group| of_group(run, group)).collect()
}

fn of_group(run: &RunRecord, group: &Group<'_>) -> Vec<Scaling> {
    let Some(best) = group.best() else { return Vec::new() };
    let alike = |cell: &Cell| {
        let key = |cell: &Cell| (cell.batch, cell.sessions, cell.staging.clone());
        key(cell) == key(&best.cell)
    };
    let cells: Vec<&CellRecord> =
        group.cells.iter().copied().filter(|record| alike(&record.cell)).collect();
    let mut threads: Vec<usize> = cells.iter().map(|record| record.cell.threads).collect();
    threads.sort_unstable();
    threads.dedup();
    let at = format!("{}, batch {}", group.name, best.cell.batch);
    let instances = threads.into_iter().filter_map(|threads| {
        let name = format!("{at}, {}", counted(threads, "thread"));
        curve(run, name, Over::Instances, &cells, |cell| cell.threads == threads)
    });
    let over_threads =
        curve(run, format!("{at}, 1 instance"), Over::Threads, &cells, |cell| cell.instances == 1);
    instances.chain(over_threads).collect()
}

/// The curve of those cells that belong to it; none of fewer than two counts.
fn curve(
    run: &RunRecord,
    name: String,
    over: Over,
    cells: &[&CellRecord],
    belongs: impl Fn(&Cell) -> bool,
) -> Option<Scaling> {
    let all = || cells.iter().copied().filter(|record| belongs(&record.cell));
    let mut sound: Vec<&CellRecord> = all().filter(|record| valid(record)).collect();
    sound.sort_by_key(|record| over.count(&record.cell));
    sound.dedup_by_key(|record| over.count(&record.cell));
    if sound.len() < 2 {
        return None;
    }
    let first = over.count(&sound[0].cell);
    let each = sound[0].throughput_images_per_s / first as f64;
    let point = |record: &&CellRecord| {
        let workers = over.count(&record.cell);
        let throughput = record.throughput_images_per_s;
        let efficiency = throughput / (each * workers as f64);
        Point { workers, throughput, ci95: record.throughput_ci95, efficiency }
    };
    let points: Vec<Point> = sound.iter().map(point).collect();
    let fit = fitted(&sound, over, run.seed);
    let mut unsound: Vec<usize> =
        all().filter(|record| !valid(record)).map(|record| over.count(&record.cell)).collect();
    unsound.sort_unstable();
    let sentences = [
        Some(efficiency(&points, over)),
        Some(end_of_gain(&points, fit.as_ref(), over, run.host.cores)),
        (!unsound.is_empty()).then(|| left_out(&unsound, over)),
    ];
    let sentence = sentences.into_iter().flatten().collect::<Vec<_>>().join(" ");
    Some(Scaling { name, over, points, fit, sentence })
}

/// The law fitted to the rounds that all cells have, so that they can be drawn together; to all
/// rounds of each where none is shared.
fn fitted(cells: &[&CellRecord], over: Over, seed: u64) -> Option<Usl> {
    let rate = |record: &CellRecord, number: usize| {
        let round = record.rounds.iter().find(|round| round.round == number)?;
        Some(round.throughput_images_per_s)
    };
    let shared: Vec<usize> = cells[0]
        .rounds
        .iter()
        .map(|round| round.round)
        .filter(|&number| cells.iter().all(|record| rate(record, number).is_some()))
        .collect();
    let rounds = |record: &&CellRecord| {
        let rates: Vec<f64> = if shared.is_empty() {
            record.rounds.iter().map(|round| round.throughput_images_per_s).collect()
        } else {
            shared.iter().filter_map(|&number| rate(record, number)).collect()
        };
        (over.count(&record.cell), rates)
    };
    usl(&cells.iter().map(rounds).collect::<Vec<_>>(), seed)
}

/// "4 instances do 2.44 times what 1 does: each works at 61% of its pace alone."
fn efficiency(points: &[Point], over: Over) -> String {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return String::new() };
    format!(
        "{} do {} times what {} {}: {:.0}% of what each would alone.",
        counted(last.workers, over.noun()),
        words::times(last.throughput / first.throughput),
        first.workers,
        if first.workers == 1 { "does" } else { "do" },
        last.efficiency * 100.0,
    )
}

/// Where more workers stop paying, as far as the figures tell.
fn end_of_gain(points: &[Point], fit: Option<&Usl>, over: Over, cores: usize) -> String {
    let noun = over.noun();
    let counts: Vec<usize> = points.iter().map(|point| point.workers).collect();
    let Some(fit) = fit else {
        return format!(
            "A fitted curve, and where more {noun}s stop paying, needs three counts or more: \
             measure with {} {}.",
            over.flag(),
            listed(&suggested(&counts, cores)),
        );
    };
    match fit.peak_workers {
        Some(peak) => format!(
            "The fitted law peaks at {:.1} {noun}s ({:.1} to {:.1}); more than that slow the whole \
             down.",
            peak.median, peak.low, peak.high,
        ),
        None => format!(
            "The fitted law has no peak that the figures can tell: no more {noun}s than the \
             {cores} cores are worth trying."
        ),
    }
}

/// The counts that there are and the next powers of two that fit on the cores, up to three; past
/// the cores where there is no other way.
fn suggested(counts: &[usize], cores: usize) -> Vec<usize> {
    let mut all = counts.to_vec();
    let powers = || (0..usize::BITS - 1).map(|power| 1 << power);
    let fitting = powers().take_while(|&n: &usize| n <= cores).chain([cores.max(1)]);
    for n in fitting.chain(powers()) {
        if all.len() >= 3 {
            break;
        }
        if !all.contains(&n) {
            all.push(n);
        }
    }
    all.sort_unstable();
    all
}

fn left_out(counts: &[usize], over: Over) -> String {
    format!("Left out as INVALID: {} {}s.", listed(counts), over.noun())
}

fn listed(counts: &[usize]) -> String {
    counts.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Verdict;
    use crate::report::fixture;

    /// A run of one backend at one batch: `(instances, threads, images a second)`.
    fn run(cells: &[(usize, usize, f64)]) -> RunRecord {
        let cell = |&(instances, threads, rate): &(usize, usize, f64)| {
            let mut cell = fixture::cell("native", instances, 128);
            cell.cell.threads = threads;
            for round in &mut cell.rounds {
                round.throughput_images_per_s = rate * (1.0 + round.round as f64 * 0.001);
            }
            cell.throughput_images_per_s = rate;
            cell.throughput_ci95 = (rate, rate * 1.002);
            cell
        };
        RunRecord { cells: cells.iter().map(cell).collect(), ..fixture::empty() }
    }

    #[test]
    fn the_curve_over_instances_has_its_efficiency_and_its_peak() {
        // l = 1000, s = 0.1, k = 0.02: a peak at sqrt(0.9 / 0.02) = 6.7 instances.
        let law = |n: f64| 1_000.0 * n / (1.0 + 0.1 * (n - 1.0) + 0.02 * n * (n - 1.0));
        let run = run(&[1usize, 2, 4, 8].map(|n| (n, 1, law(n as f64))));
        let [curve] = scaling(&run).try_into().unwrap();
        assert_eq!(curve.name, "native on cpu, batch 128, 1 thread");
        assert_eq!(curve.over, Over::Instances);
        assert_eq!(curve.points.iter().map(|p| p.workers).collect::<Vec<_>>(), [1, 2, 4, 8]);
        assert_eq!(curve.points[0].efficiency, 1.0);
        assert!((curve.points[2].efficiency - law(4.0) / 4_000.0).abs() < 1e-12);
        let peak = curve.fit.unwrap().peak_workers.unwrap();
        assert!((peak.median - (0.9f64 / 0.02).sqrt()).abs() < 1e-3, "{peak:?}");
        assert_eq!(
            curve.sentence,
            "8 instances do 2.84 times what 1 does: 35% of what each would alone. The fitted law \
             peaks at 6.7 instances (6.7 to 6.7); more than that slow the whole down."
        );
    }

    #[test]
    fn too_few_counts_are_told_with_those_to_add() {
        let [curve] = scaling(&run(&[(1, 1, 1_000.0), (2, 1, 1_900.0)])).try_into().unwrap();
        assert!(curve.fit.is_none());
        assert!(curve.sentence.ends_with("measure with --instances 1,2,4."), "{}", curve.sentence);
        assert!(scaling(&run(&[(1, 1, 1_000.0)])).is_empty());
    }

    #[test]
    fn counts_to_add_fit_on_the_cores_where_they_can() {
        assert_eq!(suggested(&[1, 2], 4), [1, 2, 4]);
        assert_eq!(suggested(&[1, 2], 3), [1, 2, 3]);
        assert_eq!(suggested(&[2, 4], 8), [1, 2, 4]);
        assert_eq!(suggested(&[1, 2], 2), [1, 2, 4]);
        assert_eq!(suggested(&[1, 6], 6), [1, 2, 6]);
    }

    #[test]
    fn growth_without_end_stops_at_the_cores() {
        let run = run(&[1usize, 2, 4].map(|n| (n, 1, 1_000.0 * n as f64)));
        let [curve] = scaling(&run).try_into().unwrap();
        assert!(
            curve.sentence.contains("no more instances than the 4 cores"),
            "{}",
            curve.sentence
        );
    }

    #[test]
    fn threads_have_a_curve_of_their_own() {
        let run = run(&[(1, 1, 1_000.0), (1, 2, 1_800.0), (2, 1, 1_900.0), (2, 2, 2_500.0)]);
        let names: Vec<(String, Over)> =
            scaling(&run).into_iter().map(|curve| (curve.name, curve.over)).collect();
        assert_eq!(
            names,
            [
                ("native on cpu, batch 128, 1 thread".into(), Over::Instances),
                ("native on cpu, batch 128, 2 threads".into(), Over::Instances),
                ("native on cpu, batch 128, 1 instance".into(), Over::Threads),
            ]
        );
    }

    #[test]
    fn invalid_cells_bend_no_curve() {
        let mut run = run(&[(1, 1, 1_000.0), (2, 1, 9.0), (4, 1, 3_000.0)]);
        run.cells[1].verdict = Verdict::Invalid(vec!["predictions differ".into()]);
        let [curve] = scaling(&run).try_into().unwrap();
        assert_eq!(curve.points.len(), 2);
        assert!(
            curve.sentence.ends_with("Left out as INVALID: 2 instances."),
            "{}",
            curve.sentence
        );
    }

    #[test]
    fn without_a_single_worker_the_fewest_are_the_measure() {
        let [curve] = scaling(&run(&[(2, 1, 2_000.0), (4, 1, 3_000.0)])).try_into().unwrap();
        assert_eq!(curve.points[1].efficiency, 0.75);
        assert!(curve.sentence.starts_with("4 instances do 1.50 times what 2 do: 75%"));
    }
}
