//! A run as large as a page has to bear, with figures as long and as unlike as real ones are.

use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng, SeedableRng};

use crate::measure::Recorder;
use crate::record::{CellRecord, Latency, RunRecord, Stage, Verdict};
use crate::report::fixture;
use crate::units::Nanos;

/// So many cells over eight backends; no two figures are alike.
pub(super) fn run(cells: usize) -> RunRecord {
    let mut random = Pcg64::seed_from_u64(1);
    let mut chance = move || random.next_u64() as f64 / u64::MAX as f64;
    let mut run = fixture::run();
    run.cells = (0..cells).map(|place| cell(place, &mut chance)).collect();
    run
}

/// The same in forty panels of ten cells.
pub(super) fn scattered(mut run: RunRecord) -> RunRecord {
    for (place, record) in run.cells.iter_mut().enumerate() {
        let panel = place / 10;
        record.cell.instances = 1;
        record.cell.backend = format!("backend-{}", panel % 8);
        record.cell.precision = ["f32", "bf16", "f16", "tf32", "int8"][panel / 8 % 5].into();
    }
    run
}

/// The same with every cell INVALID for reasons of its own.
pub(super) fn invalid(mut run: RunRecord) -> RunRecord {
    for record in &mut run.cells {
        let rate = record.throughput_images_per_s;
        record.verdict = Verdict::Invalid(vec![
            format!(
                "the throughput is known to within 7.{:.0}% only ({:.0} to {:.0} images/s; 5% is \
                 the limit): quiet the machine, lengthen `window`, or raise `rounds`",
                rate % 10.0,
                record.throughput_ci95.0,
                record.throughput_ci95.1
            ),
            format!("{:.0} of 10,000 check images got another class than the reference's", rate),
        ]);
    }
    run
}

fn cell(place: usize, chance: &mut impl FnMut() -> f64) -> CellRecord {
    let (batch, place) = (1 << (place % 10), place / 10);
    let (instances, place) = (1 << (place % 5), place / 5);
    let mut record = fixture::cell(&format!("backend-{}", place % 8), instances, batch);
    let rate = 60_000.0 * (0.2 + chance());
    let rounds = record.rounds.iter().cycle().take(5).cloned().collect::<Vec<_>>();
    record.rounds = rounds;
    for (number, round) in record.rounds.iter_mut().enumerate() {
        round.round = number;
        round.throughput_images_per_s = rate * (0.99 + 0.02 * chance());
        round.at_s = 300.0 * chance();
        round.steady = chance() > 0.1;
    }
    let mut rates: Vec<f64> = record.rounds.iter().map(|r| r.throughput_images_per_s).collect();
    rates.sort_by(f64::total_cmp);
    record.throughput_images_per_s = rates[2];
    record.throughput_ci95 = (rates[0], rates[4]);
    let mut recorder = Recorder::new();
    let median = batch as f64 / rate * 1e9;
    for _ in 0..6_000 {
        recorder.record(Nanos((median * (1.0 - 0.3 * (1.0 - chance() * 0.999).ln())) as u64));
    }
    let of = recorder.percentiles();
    record.latency = Latency {
        samples: of.samples,
        p50_ns: of.p50_ns,
        p90_ns: of.p90_ns,
        p95_ns: of.p95_ns,
        p99_ns: of.p99_ns,
        p999_ns: of.p999_ns,
    };
    record.latency_histogram = recorder.into();
    let stages = &mut record.stages;
    let mut stage = |ns: f64| {
        let ns = ns * (0.5 + chance());
        let batch_ns = |factor: f64| Some((ns * batch as f64 * factor) as u64);
        Stage {
            ns_per_image: ns,
            batch: Latency {
                samples: 6_000,
                p50_ns: batch_ns(0.97),
                p90_ns: batch_ns(1.1),
                p95_ns: batch_ns(1.21),
                p99_ns: batch_ns(1.73),
                p999_ns: batch_ns(2.9),
            },
            ..Stage::default()
        }
    };
    stages.queue = stage(900.0);
    stages.stage = stage(40.0);
    stages.compute = stage(90_000.0);
    stages.h2d = Some(stage(300.0));
    stages.d2h = Some(stage(80.0));
    record.max_score_difference = Some(1e-5 * chance());
    record.accuracy = Some(chance());
    record.agreement = 1.0 - 1e-4 * chance();
    record.peak_rss_bytes = Some((3e8 * (1.0 + chance())) as u64);
    record
}
