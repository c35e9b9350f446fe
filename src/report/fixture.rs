//! Records for tests: one cell with round figures, and a whole run that looks like a real one.

mod advice;

pub(super) use self::advice::{Way, advice, cpu_or_gpu, decided, service_advice, ways};

use crate::measure::Recorder;
use crate::record::{
    Ceilings, Cell, CellRecord, Host, JobStages, Latency, Mode, PlanRecord, Round, RunRecord,
    SCHEMA_VERSION, Stage, StageClock, Stages, Throttling, Verdict, Waking,
};
use crate::units::Nanos;

/// A valid cell with figures that are easy to read back.
pub(super) fn cell(backend: &str, instances: usize, batch: usize) -> CellRecord {
    let round = |round, throughput| Round {
        round,
        position: round + 1,
        images: 40_000,
        seconds: 2.0,
        throughput_images_per_s: throughput,
        warmup_s: 0.5,
        steady: true,
        at_s: 10.0 * round as f64,
        idle_share: 0.01,
        throttling: Throttling { stolen_share: Some(0.002), ..Throttling::default() },
    };
    CellRecord {
        cell: Cell::on_cpu(backend, instances, batch, 1),
        throughput_images_per_s: 20_000.5,
        throughput_ci95: (19_800.0, 20_200.25),
        latency: Latency {
            samples: 300,
            p50_ns: Some(12_000_000),
            p90_ns: Some(13_000_000),
            p95_ns: Some(14_000_000),
            p99_ns: None,
            p999_ns: None,
        },
        latency_histogram: histogram(300, 12e6, 1.0),
        load: None,
        stages: Stages {
            queue: stage(900.0, batch),
            stage: stage(45.5, batch),
            compute: stage(95_000.0, batch),
            ..Stages::default()
        },
        agreement: 1.0,
        max_score_difference: Some(1e-5),
        accuracy: Some(0.9891),
        peak_rss_bytes: Some(300_000_000),
        verdict: Verdict::Valid,
        rounds: vec![round(0, 19_800.0), round(1, 20_000.5), round(2, 20_200.25)],
    }
}

/// A stage that takes so long an image, each batch the same.
fn stage(ns_per_image: f64, batch: usize) -> Stage {
    let ns = (ns_per_image * batch as f64) as u64;
    let batch = Latency { samples: 300, p50_ns: Some(ns), p90_ns: Some(ns), ..Latency::default() };
    Stage { clock: StageClock::Host, ns_per_image, batch }
}

/// Threads that are woken so much later than asked for.
fn late(ns: u64) -> Latency {
    Latency { samples: 500, p50_ns: Some(ns), p90_ns: Some(ns + ns / 4), ..Latency::default() }
}

/// Times with a tail, whose shape is made up: the slowest of a thousand takes `1 + tail` times the
/// median.
fn histogram(samples: u64, median_ns: f64, tail: f64) -> String {
    let mut recorder = Recorder::new();
    for n in 0..samples.min(20_000) {
        let share = (n as f64 + 0.5) / samples.min(20_000) as f64;
        let slower = 0.02 * (share - 0.5) + tail * 0.001 / (1.001 - share);
        recorder.record(Nanos((median_ns * (1.0 + slower)) as u64));
    }
    recorder.into()
}

/// A run without cells.
pub(super) fn empty() -> RunRecord {
    RunRecord {
        schema_version: SCHEMA_VERSION,
        plimsoll_version: "0.1.0".into(),
        started: "2026-03-14T09:26:53Z".into(),
        elapsed_s: 343.2,
        command: ["plimsoll", "sweep", "configs/default.toml", "--out", "reports/latest"]
            .map(String::from)
            .to_vec(),
        seed: 1,
        config_toml: "seed = 1\nrounds = 5\n\n[grid]\nbackends = [\"torch\", \"native\"]\n\
                      instances = [1, 2, 4]\nbatch = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]\n\
                      threads = [1]\n"
            .into(),
        data_source: "MNIST test images from data/mnist".into(),
        synthetic: false,
        model_source: "the weights that ship with Plimsoll".into(),
        host: Host {
            machine_type: Some("ml.c6i.large".into()),
            cpu_model: "Intel(R) Xeon(R) Processor @ 2.80GHz".into(),
            cores: 4,
            physical_cores: Some(2),
            memory_bytes: 16 << 30,
            cgroup_cpus: None,
            cgroup_memory_bytes: Some(8 << 30),
            os: "Debian GNU/Linux 12, kernel 6.1.0".into(),
            isa: ["avx2", "fma", "avx512f"].map(String::from).to_vec(),
            libtorch: Some("2.11.0".into()),
            git_revision: Some("0f3c2a1b9d".into()),
            native_isa: Some("avx512".into()),
            governor: Some("performance".into()),
            load_before: Some(0.12),
            load_after: Some(3.8),
        },
        own_cost_ns_per_image: vec![],
        ceilings: Some(Ceilings {
            isa: "avx512".into(),
            fma_one_core_flop_per_s: 90e9,
            fma_all_cores_flop_per_s: 340e9,
            copy_one_core_bytes_per_s: 9e9,
            copy_all_cores_bytes_per_s: 21e9,
            decode_one_core_images_per_s: 210_000.0,
            ..Ceilings::default()
        }),
        job_stages: Some(JobStages {
            objects: 1_000,
            read: stage(6_100.0, 1),
            decode: stage(4_700.0, 1),
            encode: stage(310.0, 1),
            write: stage(14_000.0, 1),
        }),
        waking: Some(Waking { sleep: late(73_000), notice: late(5_200) }),
        plan: PlanRecord { mode: Mode::Grid, budget_s: None, grid_cells: 60, evidence: vec![] },
        no_cuda: Some("no CUDA driver was found on this machine".into()),
        cells: vec![],
        skipped: vec![],
        warnings: vec![],
    }
}

/// Two backends, 1, 2 and 4 instances, batches of 1 to 512. Throughput rises with the batch until
/// caches overflow, and with instances until the four cores are shared; some cells are invalid, two
/// were skipped, and the largest batches have too few samples for a 99th percentile.
pub(super) fn run() -> RunRecord {
    let batches: Vec<usize> = (0..10).map(|power| 1 << power).collect();
    let mut run = empty();
    for (backend, peak, fixed_us) in [("torch", 24_000.0, 160.0), ("native", 17_500.0, 6.0)] {
        for instances in [1, 2, 4] {
            for &batch in &batches {
                if (backend, instances, batch) == ("torch", 4, 512)
                    || (backend, instances, batch) == ("native", 4, 512)
                {
                    let reason = "would need 9.1 GiB of memory, and the control group grants 8";
                    run.skipped.push((cell(backend, instances, batch).cell, reason.into()));
                } else {
                    run.cells.push(likely(backend, peak, fixed_us, instances, batch));
                }
            }
        }
    }
    run.own_cost_ns_per_image =
        batches.iter().map(|&batch| (batch, 310.0 + 5_200.0 / batch as f64)).collect();
    run.warnings = vec!["4 instances on 4 cores leave none for decoding".into()];
    run
}

/// A cell as a simple model of a batch's cost has it: a fixed part and a part for each image.
fn likely(backend: &str, peak: f64, fixed_us: f64, instances: usize, batch: usize) -> CellRecord {
    let images = batch as f64;
    let per_image_us = 1e6 / peak * if batch > 128 { 1.0 + images / 4_000.0 } else { 1.0 };
    let share = [1.0, 0.985, 0.0, 0.61][instances - 1];
    let batch_us = (fixed_us + images * per_image_us) / share;
    let median = instances as f64 * images / batch_us * 1e6;
    // A fixed sequence stands in for chance.
    let wobble = |round: usize| ((round * 7 + batch * 3 + instances) % 11) as f64 / 11.0 - 0.5;
    let spread = if instances == 4 { 0.03 } else { 0.012 };
    let mut record = cell(backend, instances, batch);
    record.rounds = (0..5)
        .map(|round| {
            let rate = (median * (1.0 + spread * wobble(round)) * 10.0).round() / 10.0;
            Round {
                round,
                position: (round * 13 + batch) % 60,
                images: (rate * 2.0) as u64,
                seconds: 2.0,
                throughput_images_per_s: rate,
                warmup_s: 0.4,
                steady: true,
                at_s: (round * 60 + (round * 13 + batch) % 60) as f64,
                idle_share: 0.01,
                throttling: Throttling::default(),
            }
        })
        .collect();
    let mut rates: Vec<f64> = record.rounds.iter().map(|r| r.throughput_images_per_s).collect();
    rates.sort_by(f64::total_cmp);
    record.throughput_images_per_s = rates[2];
    record.throughput_ci95 = (rates[0], rates[4]);
    let batch_ns = batch_us * 1e3;
    let samples = (10e9 / batch_ns) as u64 * instances as u64;
    let percentile =
        |factor: f64, needed| (samples >= needed).then_some((batch_ns * factor) as u64);
    record.latency = Latency {
        samples,
        p50_ns: percentile(1.0, 7),
        p90_ns: percentile(1.04, 44),
        p95_ns: percentile(1.07, 90),
        p99_ns: percentile(if instances == 4 { 1.9 } else { 1.16 }, 459),
        p999_ns: percentile(2.4, 4_603),
    };
    record.latency_histogram = histogram(samples, batch_ns, if instances == 4 { 4.0 } else { 1.0 });
    record.stages = Stages {
        queue: stage(420.0 + 5_000.0 / images, batch),
        stage: stage(36.0, batch),
        compute: stage((batch_ns / images).round(), batch),
        ..Stages::default()
    };
    record.peak_rss_bytes = Some(if backend == "torch" { 262 << 20 } else { 21 << 20 });
    record.peak_rss_bytes = record.peak_rss_bytes.map(|bytes| bytes + (batch as u64) * 90_000);
    let mut reasons = vec![];
    if instances == 4 && batch <= 2 {
        reasons.push("interval is 7.3% wide, more than 5%; run more rounds or quieten the machine");
    }
    if (backend, instances, batch) == ("native", 2, 512) {
        reasons.push("3 of 1,000 predictions differ from the reference's");
    }
    if !reasons.is_empty() {
        record.verdict = Verdict::Invalid(reasons.into_iter().map(String::from).collect());
    }
    record
}
