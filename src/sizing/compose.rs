//! The pace of a machine type that was measured: from its jobs, or put together from a cell of a
//! sweep and what an object's files cost.

use super::ImagesFrom;
use super::estimate::within;
use super::fit::{Job, Line};
use super::machines::{Known, of_one_machine};
use super::pace::{Law, Pace, Way};
use crate::measure::median;
use crate::record::{Basis, CellRecord, Estimate, Scenario, Verdict};

/// How far a rate that jobs of one or two sizes had may be from that of a large job: they do not
/// tell how much of their time was ramp.
const ONE_SIZE: (f64, f64) = (0.7, 1.3);

/// How far a composition may be from a job: stages share caches and memory, and a file system is
/// slower at some times than at others.
const COMPOSED: (f64, f64) = (0.7, 1.3);

/// How jobs are measured.
const MEASURE_JOBS: &str = "plimsoll size --measure-jobs";

/// The ways of loading a machine that was measured, the fastest first: by its jobs where there are
/// any and the images come from files, else by its cells. Empty where neither tells anything.
pub(super) fn paces(known: &Known<'_>, from: ImagesFrom, seed: u64) -> Vec<Pace> {
    let mut paces = match from {
        ImagesFrom::Files => of_jobs(known, seed),
        ImagesFrom::Memory => Vec::new(),
    };
    if paces.is_empty() {
        paces = of_cells(known, from);
    }
    paces.sort_by(|a, b| b.rate().total_cmp(&a.rate()));
    paces
}

/// A pace for each way in which jobs were run.
fn of_jobs(known: &Known<'_>, seed: u64) -> Vec<Pace> {
    // What disturbs a job of some milliseconds is no measure of what a long one differs by; the
    // rounds of a cell are longer.
    let between_rounds = known.best_cells().first().map(|record| spread(record));
    let of = |jobs: &Vec<&crate::record::JobTiming>| {
        let way = Way::from(jobs[0]);
        let jobs: Vec<Job> = jobs.iter().map(|job| of_one_machine(job)).collect();
        let (law, scatter) = match Line::fit(&jobs, seed) {
            Some(line) => {
                let scatter = line.spread;
                (Law::Jobs(line), scatter)
            }
            None => (one_size(&jobs)?, 0.0),
        };
        let spread = between_rounds.unwrap_or(scatter);
        Some(Pace { way, basis: Basis::Measured, spread, law })
    };
    known.jobs_by_way().iter().filter_map(of).collect()
}

/// Of few jobs: images a second of the largest, as the median of those of its size.
fn one_size(jobs: &[Job]) -> Option<Law> {
    let sane = |job: &&Job| job.seconds.is_finite() && job.seconds > 0.0 && job.images > 0.0;
    let largest = jobs.iter().filter(sane).map(|job| job.images).reduce(f64::max)?;
    let rates: Vec<f64> = jobs
        .iter()
        .filter(sane)
        .filter(|job| job.images == largest)
        .map(|job| job.images / job.seconds)
        .collect();
    let rate = within(median(&rates)?, ONE_SIZE.0, ONE_SIZE.1);
    Some(Law::Rate { rate, last_batch_s: 0.0 })
}

/// A pace for each batch size, of the best cell there.
fn of_cells(known: &Known<'_>, from: ImagesFrom) -> Vec<Pace> {
    let files_s = known.files_s();
    let of = |record: &&CellRecord| {
        let (low, high) = record.throughput_ci95;
        let cell = Estimate { value: record.throughput_images_per_s, low, high };
        let (rate, basis) = match from {
            ImagesFrom::Memory => (cell, Basis::Measured),
            ImagesFrom::Files => {
                let way = Way::from(&record.cell);
                let value = composed(cell.value, files_s?, known.cores(), way.on_gpu());
                (within(value, COMPOSED.0, COMPOSED.1), from_cell(&known.name))
            }
        };
        if !(rate.low > 0.0 && rate.high.is_finite()) {
            return None;
        }
        // Every worker may be at its last batch alone.
        let last_batch_s = (record.cell.batch * record.cell.instances) as f64 / rate.value;
        let law = Law::Rate { rate, last_batch_s };
        Some(Pace { way: Way::from(&record.cell), basis, spread: spread(record), law })
    };
    known.best_cells().iter().filter_map(of).collect()
}

/// A pace from the valid server cell of the highest rate: at least that is what the machine does.
pub(super) fn of_servers(known: &Known<'_>) -> Option<Pace> {
    let cells = known.runs.iter().flat_map(|run| &run.cells);
    let rate = |record: &&CellRecord| match record.cell.scenario {
        Scenario::Server(rate) if record.verdict == Verdict::Valid => rate,
        _ => 0,
    };
    let record = cells.filter(|record| record.cell.has_model()).max_by_key(rate)?;
    let law = Law::Rate { rate: within(rate(&record) as f64, 1.0, 1.0), last_batch_s: 0.0 };
    let pace = Pace { way: Way::from(&record.cell), basis: Basis::Measured, spread: 0.0, law };
    (rate(&record) > 0).then_some(pace)
}

fn from_cell(name: &str) -> Basis {
    Basis::Predicted {
        model: format!(
            "put together from a cell that was measured on {name} and the time of a core that an \
             object's files take there, within 30%"
        ),
        measure_with: MEASURE_JOBS.into(),
    }
}

/// Images a second of a job: inference at the cell's rate, and `files_s` seconds of a core for each
/// object's files. On a CPU both take the same cores, so their times add up; beside a GPU they
/// overlap, and the slower one tells.
pub(super) fn composed(cell_rate: f64, files_s: f64, cores: f64, on_gpu: bool) -> f64 {
    let files_rate = cores / files_s;
    if on_gpu { cell_rate.min(files_rate) } else { 1.0 / (1.0 / cell_rate + 1.0 / files_rate) }
}

/// The relative standard deviation of a cell's rounds; zero of fewer than two.
pub(super) fn spread(record: &CellRecord) -> f64 {
    let rates: Vec<f64> = record.rounds.iter().map(|round| round.throughput_images_per_s).collect();
    let n = rates.len() as f64;
    if n < 2.0 {
        return 0.0;
    }
    let mean = rates.iter().sum::<f64>() / n;
    let variance = rates.iter().map(|rate| (rate - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let spread = variance.sqrt() / mean;
    if spread.is_finite() { spread } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::JobTiming;
    use crate::sizing::fixture;
    use crate::sizing::machines::gather;

    #[test]
    fn jobs_come_before_cells_and_are_measurements() {
        let (runs, jobs) = ([fixture::run()], fixture::timings());
        let all = gather(&runs, &jobs, None);
        let [pace] = paces(&all[0], ImagesFrom::Files, 1).try_into().unwrap();
        assert!(pace.is_measured());
        assert_eq!((pace.way.instances, pace.way.batch), (4, 128));
        assert!((pace.rate() / 40_000.0 - 1.0).abs() < 0.02, "{}", pace.rate());
        // That of the best cell's rounds; of the jobs where there is no cell.
        assert!((pace.spread - 0.0079).abs() < 1e-3, "{}", pace.spread);
        let alone = gather(&[], &jobs, None);
        let [pace] = super::paces(&alone[0], ImagesFrom::Files, 1).try_into().unwrap();
        assert!(pace.spread > 0.0 && pace.spread < 0.02, "{}", pace.spread);
    }

    #[test]
    fn a_cell_and_the_files_are_put_together_and_marked() {
        let runs = [fixture::run()];
        let all = gather(&runs, &[], None);
        let paces = paces(&all[0], ImagesFrom::Files, 1);
        // 25 us of the machine for inference, 40 us of a core for the files: 35 us of four cores.
        let best = &paces[0];
        assert!((best.rate() - 1.0 / 35e-6).abs() < 1.0, "{}", best.rate());
        assert_eq!((best.way.instances, best.way.batch), (4, 128));
        let Basis::Predicted { model, measure_with } = &best.basis else { panic!("{best:?}") };
        assert!(model.contains("a cell that was measured on this machine"), "{model}");
        assert_eq!(measure_with, "plimsoll size --measure-jobs");
        let Law::Rate { rate, last_batch_s } = &best.law else { panic!("{best:?}") };
        assert!((rate.high / rate.value - 1.3).abs() < 1e-9);
        assert!((last_batch_s - 512.0 * 35e-6).abs() < 1e-9);
        // One for each batch size.
        assert_eq!(paces.len(), 3);
    }

    #[test]
    fn from_memory_the_cell_itself_is_the_measurement() {
        let (runs, jobs) = ([fixture::run()], fixture::timings());
        let all = gather(&runs, &jobs, None);
        let paces = paces(&all[0], ImagesFrom::Memory, 1);
        assert!(paces.iter().all(Pace::is_measured));
        let rate = paces[0].run(1_000).rate;
        assert_eq!((rate.value, rate.low, rate.high), (40_000.0, 39_600.0, 40_400.0));
        assert!((paces[0].spread - 0.0079).abs() < 1e-3, "{}", paces[0].spread);
    }

    #[test]
    fn the_files_of_a_gpu_overlap_with_it() {
        assert!((composed(1e6, 40e-6, 4.0, true) - 1e5).abs() < 1e-6);
        assert_eq!(composed(5e4, 40e-6, 4.0, true), 5e4);
        assert!((composed(1e5, 40e-6, 4.0, false) - 5e4).abs() < 1e-6);
    }

    #[test]
    fn one_size_of_job_gives_a_rate_that_is_wide() {
        let jobs = [fixture::timing(50, 5.05), fixture::timing(100, 9.92)];
        let all = gather(&[], &jobs, None);
        let [pace] = paces(&all[0], ImagesFrom::Files, 1).try_into().unwrap();
        let rate = pace.run(1_000).rate;
        assert!((rate.value - 10.08).abs() < 0.005, "{rate:?}");
        assert_eq!((rate.low, rate.high), (rate.value * 0.7, rate.value * 1.3));
        assert!(pace.is_measured());
    }

    #[test]
    fn without_the_time_of_files_a_cell_says_nothing_of_a_job() {
        let mut run = fixture::run();
        run.job_stages = None;
        let runs = [run];
        let all = gather(&runs, &[], None);
        assert!(paces(&all[0], ImagesFrom::Files, 1).is_empty());
        assert_eq!(paces(&all[0], ImagesFrom::Memory, 1).len(), 3);
    }

    #[test]
    fn a_timing_that_is_no_time_is_passed_over() {
        let jobs = [JobTiming { run_s: 0.0, ..fixture::timing(100, 1.0) }];
        assert!(paces(&gather(&[], &jobs, None)[0], ImagesFrom::Files, 1).is_empty());
    }
}
