//! `plimsoll size`: an answer from results that lie in a folder, and the jobs it is held against.

use std::fs;
use std::path::Path;

use plimsoll::measure::{Recorder, host};
use plimsoll::record::{
    Advice, Cell, CellRecord, Check, Host, JobStages, JobTiming, Latency, PlanRecord, Round,
    RunRecord, SCHEMA_VERSION, Stage, Stages, Throttling, Verdict,
};
use plimsoll::units::Nanos;
use plimsoll::{report, sweep};

use crate::support::{Ended, run};

/// A valid cell of such a rate.
fn cell(instances: usize, batch: usize, rate: f64) -> CellRecord {
    let round = |round: usize| Round {
        round,
        position: round,
        images: rate as u64,
        seconds: 1.0,
        throughput_images_per_s: rate * (0.99 + 0.01 * round as f64),
        warmup_s: 0.2,
        steady: true,
        at_s: round as f64,
        idle_share: 0.0,
        throttling: Throttling::default(),
    };
    let mut latency = Recorder::new();
    (0..1_000u64).for_each(|n| latency.record(Nanos(1_000_000 + n)));
    CellRecord {
        cell: Cell::on_cpu("native", instances, batch, 1),
        throughput_images_per_s: rate,
        throughput_ci95: (rate * 0.99, rate * 1.01),
        latency: Latency { samples: 1_000, p50_ns: Some(1_000_000), ..Latency::default() },
        latency_histogram: latency.into(),
        load: None,
        stages: Stages::default(),
        agreement: 1.0,
        max_score_difference: None,
        accuracy: None,
        peak_rss_bytes: None,
        verdict: Verdict::Valid,
        rounds: (0..3).map(round).collect(),
    }
}

/// A run of this machine, with made-up figures.
fn made_up() -> RunRecord {
    let stage = |ns_per_image| Stage { ns_per_image, ..Stage::default() };
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
        host: sweep::host(host::facts(), None, None, None),
        own_cost_ns_per_image: vec![],
        ceilings: None,
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
        cells: vec![cell(1, 64, 10_000.0), cell(1, 256, 12_000.0), cell(2, 64, 21_000.0)],
        skipped: vec![],
        warnings: vec![],
    }
}

/// A folder with the run in it.
fn results() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    report::write_all(folder.path(), &made_up(), None).unwrap();
    folder
}

fn timing(host: Host, images: u64, run_s: f64) -> JobTiming {
    JobTiming {
        host,
        machines: 1,
        instances: 2,
        threads: 1,
        backend: "native".into(),
        device: "cpu".into(),
        batch: 64,
        images,
        startup_s: 0.2,
        run_s,
        ..JobTiming::default()
    }
}

/// Jobs of 10 ms and 50 us an image.
fn add_jobs(folder: &Path) {
    let host = made_up().host;
    let lines: Vec<String> = [250, 500, 1_000]
        .repeat(3)
        .into_iter()
        .map(|images| timing(host.clone(), images, 0.01 + 50e-6 * images as f64))
        .map(|timing| serde_json::to_string(&timing).unwrap())
        .collect();
    fs::write(folder.join("jobs.jsonl"), lines.join("\n") + "\n").unwrap();
}

fn size(folder: &Path, more: &[&str]) -> Ended {
    let mut args = vec!["size", folder.to_str().unwrap()];
    args.extend(more);
    run(args)
}

fn advice(folder: &Path) -> Advice {
    serde_json::from_slice(&fs::read(folder.join("advice.json")).unwrap()).unwrap()
}

#[test]
fn an_answer_is_said_kept_and_shown_in_the_report() {
    let folder = results();
    add_jobs(folder.path());
    let more = ["--images", "10M", "--machine-type", "ml.c5.xlarge"];
    let said = size(folder.path(), &more)
        .exits(0)
        .says("Take 1 ml.c5.xlarge for 10,000,000 images: ")
        .says("Measured.")
        .says("Predicted, not measured")
        .says("no GPU was measured, and a CPU says nothing of one");
    assert!(said.stdout.contains("report.html"), "{said}");
    let kept = advice(folder.path());
    let best = &kept.choices[kept.best.unwrap()];
    assert_eq!((best.machine_type.as_str(), best.machines), ("ml.c5.xlarge", 1));
    // 500 s of images at the type's price.
    assert!((best.phases.unwrap().run_s.value - 500.0).abs() < 1.0, "{best:?}");
    assert!(best.cost_usd.value > 0.02 && best.cost_usd.value < 0.1, "{best:?}");
    assert!(fs::metadata(folder.path().join("report.html")).unwrap().len() > 10_000);

    let printed = size(folder.path(), &[&more[..], &["--json"]].concat()).exits(0);
    let printed: Advice = serde_json::from_str(&printed.stdout).unwrap();
    assert_eq!(printed.choices, kept.choices);
}

#[test]
fn what_no_machine_meets_exits_with_1_and_says_why() {
    let folder = results();
    add_jobs(folder.path());
    size(folder.path(), &["--images", "1G", "--deadline", "1s", "--machine-type", "ml.c5.xlarge"])
        .exits(1)
        .says("Nothing that was considered does 1,000,000,000 images within 1.00 s")
        .says("ml.c5.xlarge")
        .says("start-up");
    assert!(advice(folder.path()).best.is_none());
}

#[test]
fn a_machine_without_a_name_has_times_and_no_costs() {
    let folder = results();
    add_jobs(folder.path());
    let said = size(folder.path(), &["--images", "1M"])
        .exits(0)
        .says("Take this machine for 1,000,000 images: 50.");
    assert!(said.stderr.contains("--machine-type NAME"), "{said}");
}

#[test]
fn times_of_jobs_alone_are_results_and_what_is_wrong_with_them_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.jsonl");
    fs::write(
        &path,
        r#"{"machine_type": "ml.c5.xlarge", "machines": 2, "instances": 1, "threads": 1,
            "backend": "torch", "device": "cpu", "batch": 1, "images": 100, "provision_s": 218,
            "startup_s": 106.85, "run_s": 5.05, "billed_s": 111.9}"#
            .replace('\n', " "),
    )
    .unwrap();
    size(folder.path(), &["--images", "100"])
        .exits(0)
        .says("218 s provisioning, 112 s billed, 4.5% of it doing inference")
        .says("Start-up is what costs")
        .says("answer: ");
    fs::write(&path, "{\"images\": 1}\n").unwrap();
    size(folder.path(), &["--images", "100"]).exits(3).complains("jobs.jsonl, line 1");
}

#[test]
fn what_is_not_asked_or_not_there_is_told() {
    let folder = results();
    size(folder.path(), &[]).exits(2).complains("give --images N for a job");
    size(folder.path(), &["--images", "5", "--machine-type", "ml.none"])
        .exits(2)
        .complains("it is in no catalogue");
    size(&folder.path().join("absent"), &["--images", "5"])
        .exits(3)
        .complains("plimsoll sweep measures this machine");
    let mut elsewhere = made_up();
    elsewhere.host.cpu_model = "Another".into();
    report::write_all(folder.path(), &elsewhere, None).unwrap();
    size(folder.path(), &["--measure-jobs"]).exits(2).complains("they are of another machine");
}

#[test]
fn jobs_are_timed_and_a_larger_one_is_predicted_run_and_kept() {
    let folder = results();
    size(folder.path(), &["--verify"]).exits(2).complains("plimsoll size --measure-jobs");

    size(folder.path(), &["--measure-jobs", "--job-rounds", "2"])
        .exits(0)
        .complains("8 times kept in");
    let jobs = fs::read_to_string(folder.path().join("jobs.jsonl")).unwrap();
    let jobs: Vec<JobTiming> =
        jobs.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut sizes: Vec<u64> = jobs.iter().map(|job| job.images).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [251, 251, 499, 499, 997, 997, 997, 997]);
    // As the best cell was loaded.
    assert!(jobs.iter().all(|job| (job.instances, job.batch) == (2, 64)));
    assert!(jobs.iter().all(|job| job.run_s > 0.0 && job.startup_s > 0.0));

    size(folder.path(), &["--verify", "--images", "3000"])
        .exits(0)
        .says("predicted from 8 jobs of up to 997 images")
        .says("the prediction is ");
    let checks = fs::read_to_string(folder.path().join("checks.jsonl")).unwrap();
    let check: Check = serde_json::from_str(checks.lines().next().unwrap()).unwrap();
    assert!(check.what.starts_with("a job of 3,000 images"), "{check:?}");
    assert!(check.measured > 0.0 && check.predicted.low <= check.predicted.high);

    size(folder.path(), &["--images", "1M"])
        .exits(0)
        .says("Held against jobs that it was not fitted on");
    assert_eq!(advice(folder.path()).checks[0], check);
}
