//! The stages of a cell, each as a share of its ceiling.

use crate::data::IMAGE_PIXELS;
use crate::model::{CLASSES, FLOP_PER_IMAGE};
use crate::record::{Ceilings, CellRecord, JobStages, Latency, RunRecord, Stage, StageClock};
use crate::units::counted;

/// Bytes of an image's ten log-probabilities, on their way from a device.
const SCORES_BYTES: usize = CLASSES * size_of::<f32>();

/// One stage.
pub(in crate::report) struct Bar {
    /// `read`, `decode`, `queue`, `stage`, `h2d`, `compute`, `d2h`, `encode` or `write`.
    pub(in crate::report) name: &'static str,
    /// Whose clock it was timed by.
    pub(in crate::report) clock: StageClock,
    /// Nanoseconds an image, mean over all rounds, of one instance.
    pub(in crate::report) ns_per_image: f64,
    /// Nanoseconds a batch; an object, for the stages of a job.
    pub(in crate::report) batch: Latency,
    /// Share of the ceiling that it reaches, 0 to 1. A stage that passes its ceiling counts as 1:
    /// both were measured, and no machine is faster than itself.
    pub(in crate::report) share_of_ceiling: Option<f64>,
    /// That ceiling: "90.0 GFLOP/s of one core". Absent where nothing was measured that bounds it.
    pub(in crate::report) ceiling: Option<String>,
    /// Whether it was measured once for the run, around the cells, and not in this cell.
    pub(in crate::report) of_run: bool,
}

/// What a stage is held against: its rate, and what the machine reached at best.
struct Held {
    rate: f64,
    ceiling: f64,
    says: String,
}

/// The stages of a cell in the order of a job; those that it does not have are left out.
///
/// - `compute`: [`FLOP_PER_IMAGE`] x images a second of the cell, in f32, against the multiply-add rate of
///   the [cores](busy_cores) that the cell keeps busy; on a CPU alone.
/// - `stage`: the bytes of an image over its time, against the rate of copying memory.
/// - `h2d`, `d2h`: the bytes of an image, and of its ten log-probabilities, against the device's
///   rate for the kind of memory that the cell stages in.
/// - `decode`: pictures a second, against the best of one core.
///
/// The others have no ceiling: queueing is waiting, and files depend on the file system.
pub(in crate::report) fn waterfall(run: &RunRecord, record: &CellRecord) -> Vec<Bar> {
    let stages = &record.stages;
    let ceilings = run.ceilings.as_ref();
    let of_cell = |name, stage: &Stage, held| bar(name, stage, held, false);
    let of_job = |name, pick: fn(&JobStages) -> &Stage, held| {
        run.job_stages.as_ref().map(|job| bar(name, pick(job), held, true))
    };
    [
        of_job("read", |job| &job.read, None),
        of_job("decode", |job| &job.decode, decode(run)),
        Some(of_cell("queue", &stages.queue, None)),
        Some(of_cell("stage", &stages.stage, ceilings.and_then(|c| fill(c, run, record)))),
        stages.h2d.as_ref().map(|stage| {
            of_cell("h2d", stage, ceilings.and_then(|c| copy(c, record, stage, Way::ToDevice)))
        }),
        Some(of_cell("compute", &stages.compute, ceilings.and_then(|c| compute(c, run, record)))),
        stages.d2h.as_ref().map(|stage| {
            of_cell("d2h", stage, ceilings.and_then(|c| copy(c, record, stage, Way::FromDevice)))
        }),
        of_job("encode", |job| &job.encode, None),
        of_job("write", |job| &job.write, None),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Cores that a cell keeps busy, at most as many as there are.
pub(super) fn busy_cores(run: &RunRecord, record: &CellRecord) -> usize {
    let cell = &record.cell;
    cell.threads.saturating_mul(cell.instances).clamp(1, run.host.cores.max(1))
}

fn bar(name: &'static str, stage: &Stage, held: Option<Held>, of_run: bool) -> Bar {
    let held = held.filter(|held| {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        positive(held.rate) && positive(held.ceiling)
    });
    let share = held.as_ref().map(|held| held.rate / held.ceiling);
    Bar {
        name,
        clock: stage.clock,
        ns_per_image: stage.ns_per_image,
        batch: stage.batch,
        share_of_ceiling: share.map(|share| share.min(1.0)),
        ceiling: held.map(|held| held.says),
        of_run,
    }
}

/// What so many cores reach together, of what one reaches and what all do: on the line through
/// the two. Cores that share memory, heat or an execution unit give less than their number says,
/// and how much less is known at the two ends alone.
fn of_cores(one: f64, all: f64, cores: usize, of: usize) -> f64 {
    if of <= 1 {
        return one;
    }
    let way = (cores.clamp(1, of) - 1) as f64 / (of - 1) as f64;
    one + (all - one) * way
}

fn compute(ceilings: &Ceilings, run: &RunRecord, record: &CellRecord) -> Option<Held> {
    let cell = &record.cell;
    if cell.device != "cpu" || cell.precision != "f32" || !cell.has_model() {
        return None;
    }
    let cores = busy_cores(run, record);
    let (one, all) = (ceilings.fma_one_core_flop_per_s, ceilings.fma_all_cores_flop_per_s);
    let ceiling = of_cores(one, all, cores, run.host.cores);
    Some(Held {
        rate: FLOP_PER_IMAGE as f64 * record.throughput_images_per_s,
        ceiling,
        says: format!("{} GFLOP/s of {}", figure(ceiling / 1e9), counted_cores(cores)),
    })
}

/// The share of the multiply-add peak of the cores that a cell keeps busy, of a cell that has one.
pub(super) fn multiply_add_share(run: &RunRecord, record: &CellRecord) -> Option<f64> {
    let held = compute(run.ceilings.as_ref()?, run, record)?;
    Some(held.rate / held.ceiling).filter(|share| share.is_finite() && *share > 0.0)
}

/// Each instance fills its slots by one thread; they share the memory.
fn fill(ceilings: &Ceilings, run: &RunRecord, record: &CellRecord) -> Option<Held> {
    let instances = record.cell.instances.clamp(1, run.host.cores.max(1));
    let (one, all) = (ceilings.copy_one_core_bytes_per_s, ceilings.copy_all_cores_bytes_per_s);
    let ceiling = of_cores(one, all, instances, run.host.cores) / instances as f64;
    let rate = IMAGE_PIXELS as f64 * 1e9 / record.stages.stage.ns_per_image;
    // Images that were touched a moment ago need not come from memory.
    let cached = if rate > ceiling { ", passed: the images were in a cache" } else { "" };
    let what = format!("{} GB/s copied in memory by one core", figure(ceiling / 1e9));
    let beside = match instances {
        1 => String::new(),
        n => format!(" beside {} more", n - 1),
    };
    Some(Held { rate, ceiling, says: format!("{what}{beside}{cached}") })
}

enum Way {
    ToDevice,
    FromDevice,
}

fn copy(ceilings: &Ceilings, record: &CellRecord, stage: &Stage, way: Way) -> Option<Held> {
    let pinned = record.cell.staging == "pinned";
    let (bytes, pinned_rate, pageable_rate) = match way {
        Way::ToDevice => {
            (IMAGE_PIXELS, ceilings.h2d_pinned_bytes_per_s, ceilings.h2d_pageable_bytes_per_s)
        }
        Way::FromDevice => {
            (SCORES_BYTES, ceilings.d2h_pinned_bytes_per_s, ceilings.d2h_pageable_bytes_per_s)
        }
    };
    let ceiling = if pinned { pinned_rate } else { pageable_rate }?;
    let (kind, gigabytes) = (&record.cell.staging, figure(ceiling / 1e9));
    let rate = bytes as f64 * 1e9 / stage.ns_per_image;
    Some(Held { rate, ceiling, says: format!("{gigabytes} GB/s with {kind} memory") })
}

fn decode(run: &RunRecord) -> Option<Held> {
    let rate = 1e9 / run.job_stages.as_ref()?.decode.ns_per_image;
    let ceiling = run.ceilings.as_ref()?.decode_one_core_images_per_s;
    let says = format!("{} images/s of one core", crate::units::rate(ceiling));
    Some(Held { rate, ceiling, says })
}

fn counted_cores(cores: usize) -> String {
    if cores == 1 { "one core".into() } else { counted(cores, "core") }
}

/// Three significant digits, without a thousands separator below 1,000.
fn figure(value: f64) -> String {
    crate::units::rate(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn named<'a>(bars: &'a [Bar], name: &str) -> &'a Bar {
        bars.iter().find(|bar| bar.name == name).unwrap()
    }

    /// Share and ceiling of a stage.
    fn held(run: &RunRecord, record: &CellRecord, name: &str) -> (Option<f64>, Option<String>) {
        let bars = waterfall(run, record);
        let bar = named(&bars, name);
        (bar.share_of_ceiling.map(|share| (share * 1e4).round() / 1e4), bar.ceiling.clone())
    }

    #[test]
    fn the_stages_come_in_the_order_of_a_job() {
        let run = fixture::empty();
        let mut record = fixture::cell("native", 1, 128);
        let names = |record: &CellRecord, run: &RunRecord| -> Vec<(&str, bool)> {
            waterfall(run, record).iter().map(|bar| (bar.name, bar.of_run)).collect()
        };
        let (job, cell) = (true, false);
        assert_eq!(
            names(&record, &run),
            [
                ("read", job),
                ("decode", job),
                ("queue", cell),
                ("stage", cell),
                ("compute", cell),
                ("encode", job),
                ("write", job)
            ]
        );
        record.stages.h2d = Some(Stage { clock: StageClock::Device, ..Stage::default() });
        record.stages.d2h = record.stages.h2d.clone();
        let without = RunRecord { job_stages: None, ceilings: None, ..run };
        assert_eq!(
            names(&record, &without).into_iter().map(|(name, _)| name).collect::<Vec<_>>(),
            ["queue", "stage", "h2d", "compute", "d2h"]
        );
        let bars = waterfall(&without, &record);
        assert_eq!(named(&bars, "h2d").clock, StageClock::Device);
        assert!(bars.iter().all(|bar| bar.ceiling.is_none() && bar.share_of_ceiling.is_none()));
    }

    #[test]
    fn a_bar_has_the_figures_of_its_stage() {
        let record = fixture::cell("native", 1, 128);
        let bars = waterfall(&fixture::empty(), &record);
        let compute = named(&bars, "compute");
        assert_eq!(compute.ns_per_image, record.stages.compute.ns_per_image);
        assert_eq!(compute.batch, record.stages.compute.batch);
        assert_eq!(named(&bars, "read").ns_per_image, 6_100.0);
    }

    #[test]
    fn compute_is_held_against_the_cores_that_the_cell_keeps_busy() {
        let run = fixture::empty();
        let at = |instances, threads| {
            let mut record = fixture::cell("native", instances, 128);
            record.cell.threads = threads;
            record.throughput_images_per_s = 50_000.0;
            held(&run, &record, "compute")
        };
        // 961,000 x 50,000 of 90e9; of (340 - 90) / 3 more for each further core.
        assert_eq!(at(1, 1), (Some(0.5339), Some("90.0 GFLOP/s of one core".into())));
        assert_eq!(at(2, 1), (Some(0.2772), Some("173 GFLOP/s of 2 cores".into())));
        assert_eq!(at(1, 2), at(2, 1));
        assert_eq!(at(2, 2), (Some(0.1413), Some("340 GFLOP/s of 4 cores".into())));
        assert_eq!(at(8, 4), at(2, 2), "there are no more cores than four");
    }

    #[test]
    fn a_machine_of_one_core_has_one_figure() {
        let mut run = fixture::empty();
        run.host.cores = 1;
        let record = fixture::cell("native", 4, 128);
        let (_, ceiling) = held(&run, &record, "compute");
        assert_eq!(ceiling.unwrap(), "90.0 GFLOP/s of one core");
    }

    #[test]
    fn a_device_and_a_missing_model_have_no_arithmetic_ceiling() {
        let run = fixture::empty();
        let mut cuda = fixture::cell("torch", 1, 128);
        cuda.cell.device = "cuda:0".into();
        assert_eq!(held(&run, &cuda, "compute"), (None, None));
        assert_eq!(held(&run, &fixture::cell("null", 1, 128), "compute"), (None, None));
    }

    #[test]
    fn filling_a_slot_is_held_against_copying_memory() {
        let run = fixture::empty();
        let at = |instances, ns: f64| {
            let mut record = fixture::cell("native", instances, 128);
            record.stages.stage.ns_per_image = ns;
            held(&run, &record, "stage")
        };
        // 784 bytes in 392 ns are 2 GB/s, of 9; four share 21.
        let says = "9.00 GB/s copied in memory by one core";
        assert_eq!(at(1, 392.0), (Some(0.2222), Some(says.into())));
        let says = "5.25 GB/s copied in memory by one core beside 3 more";
        assert_eq!(at(4, 392.0), (Some(0.381), Some(says.into())));
        let (share, says) = at(1, 39.2);
        assert_eq!(share, Some(1.0));
        assert!(says.unwrap().ends_with(", passed: the images were in a cache"));
        assert_eq!(at(1, 0.0), (None, None), "a stage that was not measured");
    }

    #[test]
    fn copies_are_held_against_the_rate_of_the_memory_that_is_staged_in() {
        let mut run = fixture::empty();
        let mut record = fixture::cell("torch", 1, 128);
        record.cell.device = "cuda:0".into();
        record.stages.h2d = Some(Stage { ns_per_image: 78.4, ..Stage::default() });
        record.stages.d2h = Some(Stage { ns_per_image: 10.0, ..Stage::default() });
        assert_eq!(held(&run, &record, "h2d"), (None, None), "no device was measured");
        let ceilings = run.ceilings.as_mut().unwrap();
        (ceilings.h2d_pageable_bytes_per_s, ceilings.h2d_pinned_bytes_per_s) =
            (Some(20e9), Some(50e9));
        (ceilings.d2h_pageable_bytes_per_s, ceilings.d2h_pinned_bytes_per_s) =
            (Some(8e9), Some(16e9));
        let says = |gb: &str, kind: &str| Some(format!("{gb} GB/s with {kind} memory"));
        assert_eq!(held(&run, &record, "h2d"), (Some(0.5), says("20.0", "pageable")));
        assert_eq!(held(&run, &record, "d2h"), (Some(0.5), says("8.00", "pageable")));
        record.cell.staging = "pinned".into();
        assert_eq!(held(&run, &record, "h2d"), (Some(0.2), says("50.0", "pinned")));
        assert_eq!(held(&run, &record, "d2h"), (Some(0.25), says("16.0", "pinned")));
    }

    #[test]
    fn decoding_is_held_against_the_best_of_one_core() {
        let (share, ceiling) = held(&fixture::empty(), &fixture::cell("native", 1, 128), "decode");
        // 4,700 ns are 212,766 a second, of 210,000: more than the best is the best.
        assert_eq!((share, ceiling.unwrap().as_str()), (Some(1.0), "210,000 images/s of one core"));
    }
}
