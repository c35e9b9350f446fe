//! Results for tests: machines of four cores that are made up.

use std::time::{Duration, SystemTime};

use super::{ImagesFrom, Options};
use crate::config::catalogue::{Catalogue, Gpu, MachineType, Pricing, Span};
use crate::record::{
    Ceilings, Cell, CellRecord, Host, JobStages, JobTiming, Latency, PlanRecord, Round, RunRecord,
    SCHEMA_VERSION, Stage, Stages, Throttling, Verdict,
};

/// A valid cell of such a rate, whose five rounds lie within 1% of it.
pub(super) fn cell(backend: &str, instances: usize, batch: usize, rate: f64) -> CellRecord {
    let round = |round: usize| Round {
        round,
        position: round,
        images: rate as u64,
        seconds: 1.0,
        throughput_images_per_s: rate * (0.99 + 0.005 * round as f64),
        warmup_s: 0.2,
        steady: true,
        at_s: round as f64,
        idle_share: 0.0,
        throttling: Throttling::default(),
    };
    CellRecord {
        cell: Cell::on_cpu(backend, instances, batch, (4 / instances.max(1)).max(1)),
        throughput_images_per_s: rate,
        throughput_ci95: (rate * 0.99, rate * 1.01),
        latency: Latency::default(),
        latency_histogram: String::new(),
        load: None,
        stages: Stages::default(),
        agreement: 1.0,
        max_score_difference: None,
        accuracy: None,
        peak_rss_bytes: None,
        verdict: Verdict::Valid,
        rounds: (0..5).map(round).collect(),
    }
}

/// A machine of four cores without a name.
pub(super) fn host() -> Host {
    Host {
        cpu_model: "Made-up CPU".into(),
        cores: 4,
        physical_cores: Some(4),
        memory_bytes: 16 << 30,
        isa: vec!["avx2".into(), "fma".into()],
        ..Host::default()
    }
}

/// A run on it: 10,000 images a second and instance, and 40 us of a core for an object's files.
pub(super) fn run() -> RunRecord {
    let stage = |ns_per_image| Stage { ns_per_image, ..Stage::default() };
    let cells = [(1, 10_000.0), (2, 20_000.0), (4, 40_000.0)]
        .into_iter()
        .flat_map(|(instances, rate)| {
            [(32, 0.8), (128, 1.0), (512, 0.97)]
                .map(|(batch, share)| cell("native", instances, batch, rate * share))
        })
        .collect();
    RunRecord {
        schema_version: SCHEMA_VERSION,
        plimsoll_version: "0.1.0".into(),
        started: "2026-11-22T10:00:00Z".into(),
        elapsed_s: 60.0,
        command: vec!["plimsoll".into(), "sweep".into()],
        seed: 1,
        config_toml: String::new(),
        data_source: "MNIST test images".into(),
        synthetic: false,
        model_source: "shipped".into(),
        host: host(),
        own_cost_ns_per_image: vec![],
        ceilings: Some(Ceilings {
            isa: "avx2".into(),
            // 3 GHz, eight lanes, two multiply-adds a cycle.
            fma_one_core_flop_per_s: 96e9,
            fma_all_cores_flop_per_s: 384e9,
            ..Ceilings::default()
        }),
        job_stages: Some(JobStages {
            objects: 500,
            read: stage(6_000.0),
            decode: stage(5_000.0),
            encode: stage(1_000.0),
            write: stage(28_000.0),
        }),
        plan: PlanRecord::default(),
        waking: None,
        no_cuda: None,
        cells,
        skipped: vec![],
        warnings: vec![],
    }
}

/// A job on it, on one machine, by the native backend.
pub(super) fn timing(images: u64, run_s: f64) -> JobTiming {
    JobTiming {
        machine_type: None,
        host: host(),
        machines: 1,
        instances: 4,
        threads: 1,
        backend: "native".into(),
        device: "cpu".into(),
        batch: 128,
        images,
        provision_s: None,
        startup_s: 0.1,
        run_s,
        billed_s: None,
    }
}

/// Jobs of three sizes on it, each six times: 20 ms and 25 us an image, to 1%.
pub(super) fn timings() -> Vec<JobTiming> {
    let sizes =
        [250u64, 500, 1_000].into_iter().flat_map(|images| (0..6).map(move |n| (images, n)));
    let of = |(images, n): (u64, i32)| {
        let share = 1.0 + 0.01 * f64::from((n * 7 + images as i32) % 5 - 2) / 2.0;
        timing(images, (0.02 + 25e-6 * images as f64) * share)
    };
    sizes.map(of).collect()
}

/// A type of so many physical cores, of which each has two threads, at such a price.
pub(super) fn machine(name: &str, cores: usize, usd_per_hour: f64) -> MachineType {
    MachineType {
        name: name.into(),
        provider: "aws-sagemaker".into(),
        vcpus: 2 * cores,
        physical_cores: cores,
        memory_gib: 4.0 * cores as f64,
        cpu: "Made-up CPU".into(),
        clock_ghz: 3.0,
        isa: "avx2".into(),
        gpu: None,
        price: Pricing::Hourly {
            usd_per_hour,
            region: "us-east-1".into(),
            date: "2026-11-01".into(),
            source: "the price list".into(),
        },
        provision_s: Span { typical: 200.0, low: 120.0, high: 400.0 },
        start_s: Span { typical: 60.0, low: 30.0, high: 120.0 },
        watts: None,
    }
}

/// The same with a GPU.
pub(super) fn with_gpu(name: &str, usd_per_hour: f64, fp32_tflops: f64) -> MachineType {
    MachineType {
        gpu: Some(Gpu {
            model: "Made-up GPU".into(),
            count: 1,
            memory_gib: 24.0,
            fp32_tflops,
            memory_gb_per_s: 20.0 * fp32_tflops,
            link_gb_per_s: 16.0,
        }),
        ..machine(name, 4, usd_per_hour)
    }
}

/// Three CPU types and one with a GPU.
pub(super) fn catalogue() -> Catalogue {
    Catalogue {
        machines: vec![
            machine("ml.small", 2, 0.2),
            machine("ml.medium", 4, 0.4),
            machine("ml.large", 16, 1.7),
            with_gpu("ml.gpu", 1.4, 30.0),
        ],
    }
}

/// The day of the fixtures' prices and three weeks.
pub(super) fn options() -> Options {
    Options {
        from: ImagesFrom::Files,
        machine_type: None,
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_305_600),
        checks: vec![],
        seed: 1,
        max_machines: 1_000,
    }
}
