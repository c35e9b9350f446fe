//! `plimsoll simulate` over a run that was really measured.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::support::{Ended, run};

/// A folder with the record of one short sweep, every cell taken for VALID, measured once for all
/// tests: what is tested here is what is made of the figures.
fn measured() -> &'static Path {
    static RUN: OnceLock<tempfile::TempDir> = OnceLock::new();
    let root = RUN.get_or_init(|| {
        let root = tempfile::tempdir().unwrap();
        let (config, out) = (root.path().join("sweep.toml"), root.path().join("report"));
        fs::write(&config, include_str!("support/tiny.toml")).unwrap();
        let mut args: Vec<OsString> = vec!["sweep".into(), config.into(), "--out".into()];
        args.push(out.clone().into());
        let few = ["--synthetic", "--backend", "native", "--instances", "1", "--batch", "1,8,32"];
        let scenarios = ["--scenario", "offline,server:1k"];
        let swept = run(args.into_iter().chain(few.into_iter().chain(scenarios).map(Into::into)));
        let text = fs::read_to_string(out.join("results.json"));
        let mut record: Value =
            serde_json::from_str(&text.unwrap_or_else(|error| panic!("{error}: {swept}"))).unwrap();
        assert!(record["waking"]["sleep"]["p50_ns"].as_u64().unwrap() > 0, "{}", record["waking"]);
        for cell in record["cells"].as_array_mut().unwrap() {
            cell["verdict"] = json!({"verdict": "VALID"});
        }
        fs::write(root.path().join("results.json"), record.to_string()).unwrap();
        root
    });
    root.path()
}

fn simulate(more: &[&str]) -> Ended {
    let mut args: Vec<OsString> = vec!["simulate".into(), measured().into()];
    args.extend(more.iter().map(Into::into));
    run(args)
}

fn value(json: &Value, figure: &str) -> f64 {
    json["simulated"][figure]["value"].as_f64().unwrap_or_else(|| panic!("{figure} of {json}"))
}

#[test]
fn a_billion_images_on_a_thousand_machines_are_simulated_at_once() {
    measured(); // whose sweep is no part of what is timed
    let start = std::time::Instant::now();
    let fleet = ["--start-up", "150s..218s..400s", "--stragglers", "1%:2", "--failures", "1/h"];
    let job = ["--images", "1b", "--machines", "1000", "--json"];
    let json = simulate(&[&job[..], &fleet[..]].concat()).exits(0).json();
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
    let seconds = value(&json, "seconds");
    assert!(seconds > value(&json, "last_ready_s") && seconds > value(&json, "half_done_s"));
    assert!(value(&json, "first_ready_s") >= 150.0 && value(&json, "last_ready_s") <= 400.0);
    assert!(value(&json, "lost") > 0.0 && value(&json, "taken_over") > 0.0);
    assert_eq!(
        (&json["measured"]["cell"]["backend"], &json["seeds"]),
        (&json!("native"), &json!(5))
    );
    // The same seed gives the same answer, another one another.
    let again = simulate(&[&job[..], &fleet[..]].concat()).exits(0).json();
    assert_eq!(again["simulated"], json["simulated"]);
    let other = simulate(&[&job[..], &fleet[..], &["--seed", "2"]].concat()).exits(0).json();
    assert_ne!(other["simulated"], json["simulated"]);
}

#[test]
fn a_service_is_simulated_and_its_highest_rate_found() {
    let service = ["--rate", "1k/s", "--batch", "8", "--max-delay", "2ms", "--requests", "20k"];
    let slo = ["--slo", "p99=50ms"];
    let json = simulate(&[&service[..], &slo[..], &["--json"]].concat()).exits(0).json();
    assert!((value(&json, "throughput_per_s") / 1_000.0 - 1.0).abs() < 0.1);
    let (p50, p99) = (value(&json, "p50_ns"), value(&json, "p99_ns"));
    assert!(p50 > 100_000.0 && p50 <= p99, "{json}");
    assert!(json["highest_rate_per_s"]["value"].as_f64().unwrap() > 1_000.0, "{json}");
    simulate(&[&service[..], &slo[..]].concat())
        .exits(0)
        .says("Measured: native x1")
        .says("Simulated: 1,000 requests/s (Poisson), batches of up to 8 within 2.00 ms")
        .says("Highest rate with p99 within 50.0 ms");
}

#[test]
fn every_server_cell_is_held_against_its_simulation() {
    let json = simulate(&["--verify", "--json"]).json();
    let cells = json["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 3);
    for cell in cells {
        assert_eq!(cell["cell"]["scenario"], "server:1000");
        assert_eq!(cell["from"], json!([1, 8, 32]), "from the offline cells: {cell}");
        // So short a window gives no 99th percentile; how near the median comes is for a quiet
        // machine to say.
        assert!(cell["simulated"]["p50_ns"].as_u64().unwrap() > 0, "{cell}");
    }
    simulate(&["--verify"]).says("VALID cells simulated from VALID cells, p50 is within 10.0%");
    let bare = tempfile::tempdir().unwrap();
    fs::write(bare.path().join("jobs.jsonl"), "").unwrap();
    run(["simulate".as_ref(), bare.path().as_os_str(), "--verify".as_ref()])
        .exits(3)
        .complains("neither results.json nor");
}

#[test]
fn what_cannot_be_simulated_is_refused_with_what_can() {
    simulate(&[]).exits(2).complains("give --images for a job, --rate for a service, or --verify");
    simulate(&["--images", "1k", "--cell", "backend=torch"])
        .exits(2)
        .complains("the run's offline cells are those of native x1");
    simulate(&["--images", "1k", "--rate", "5"]).exits(2);
    simulate(&["--images", "1k", "--slo", "p99=1ms"]).exits(2);
    simulate(&["--rate", "5", "--batch", "100k"]).exits(2).complains("more than 65536 images");
}
