//! `plimsoll report` and `plimsoll compare` over a run that was really measured.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::support::{Ended, REPORT, run, skipped};

/// A folder with the report of one short sweep, measured once for all tests.
fn measured() -> &'static Path {
    static RUN: OnceLock<tempfile::TempDir> = OnceLock::new();
    let root = RUN.get_or_init(|| {
        let root = tempfile::tempdir().unwrap();
        let (config, out) = (root.path().join("sweep.toml"), root.path().join("report"));
        fs::write(&config, include_str!("support/tiny.toml")).unwrap();
        let mut args: Vec<OsString> = vec!["sweep".into(), config.into(), "--out".into()];
        args.push(out.clone().into());
        let few = ["--synthetic", "--backend", "native", "--instances", "1"];
        let swept = run(args.into_iter().chain(few.map(Into::into)));
        // Cells may be INVALID on a busy machine; that is not what is tested here.
        assert!(out.join("results.json").exists(), "{swept}");
        root
    });
    // A static is never dropped, and neither is its folder: it is small and in the system's own.
    Box::leak(root.path().join("report").into_boxed_path())
}

/// The measured record with every cell VALID, changed, in a folder of its own.
fn record(change: impl FnOnce(&mut Value)) -> (tempfile::TempDir, PathBuf) {
    let text = fs::read_to_string(measured().join("results.json")).unwrap();
    let mut record: Value = serde_json::from_str(&text).unwrap();
    for cell in record["cells"].as_array_mut().unwrap() {
        cell["verdict"] = json!({"verdict": "VALID"});
        // Steady rounds, so that the intervals say what the test says.
        let rate = cell["throughput_images_per_s"].as_f64().unwrap();
        scale(cell, |_| rate);
    }
    change(&mut record);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.json");
    fs::write(&path, record.to_string()).unwrap();
    (folder, path)
}

/// Puts new rates in the place of a cell's.
fn scale(cell: &mut Value, rate: impl Fn(f64) -> f64) {
    let new = |value: &Value| json!(rate(value.as_f64().unwrap()));
    cell["throughput_images_per_s"] = new(&cell["throughput_images_per_s"]);
    for round in cell["rounds"].as_array_mut().unwrap() {
        round["throughput_images_per_s"] = new(&round["throughput_images_per_s"]);
    }
}

fn compare(base: &Path, new: &Path, more: &[&str]) -> Ended {
    let mut args = vec!["compare".into(), base.as_os_str().to_owned(), new.as_os_str().to_owned()];
    args.extend(more.iter().map(Into::into));
    run(args)
}

#[test]
fn the_published_runs_can_be_read_and_rendered() {
    let reports = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports");
    let folders = fs::read_dir(&reports).unwrap().map(|entry| entry.unwrap().path());
    let published: Vec<_> = folders
        .filter(|path| path.is_dir() && !path.ends_with("latest"))
        .map(|path| path.join("bundle.tar.gz"))
        .collect();
    assert!(!published.is_empty());
    for bundle in published {
        let out = tempfile::tempdir().unwrap();
        run(["report".as_ref(), bundle.as_os_str(), "--out".as_ref(), out.path().as_os_str()])
            .exits(0);
        // What was measured does not change, however much the page does.
        let rounds = |dir: &Path| fs::read_to_string(dir.join("rounds.csv")).unwrap();
        assert_eq!(rounds(out.path()), rounds(bundle.parent().unwrap()), "{bundle:?}");
    }
}

#[test]
fn a_report_is_rendered_again_byte_for_byte_from_any_form_of_its_run() {
    let first = measured();
    for from in ["bundle.tar.gz", "results.json", "."] {
        let again = tempfile::tempdir().unwrap();
        let out = again.path().join("new/folder");
        run(["report".as_ref(), first.join(from).as_os_str(), "--out".as_ref(), out.as_os_str()])
            .exits(0)
            .says("report.html");
        for name in REPORT {
            let (want, got) =
                (fs::read(first.join(name)).unwrap(), fs::read(out.join(name)).unwrap());
            assert!(want == got, "{name} from {from} differs");
        }
    }
}

#[test]
fn what_is_no_run_is_refused_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = fs::read(measured().join("bundle.tar.gz")).unwrap();
    let cut = folder.path().join("cut.tar.gz");
    fs::write(&cut, &bundle[..bundle.len() / 2]).unwrap();
    for (run_, says) in [
        (cut.as_path(), "cut.tar.gz: a damaged bundle"),
        (folder.path(), "a folder with neither results.json nor bundle.tar.gz"),
        (Path::new("/no/such/bundle.tar.gz"), "cannot read /no/such/bundle.tar.gz"),
    ] {
        run(["report".as_ref(), run_.as_os_str()]).exits(3).complains(says);
        compare(run_, measured(), &[]).exits(3).complains(says);
    }
    let (_keep, other) = record(|record| record["schema_version"] = json!(1));
    run(["report".as_ref(), other.as_os_str()]).exits(3).complains("version 1");
}

#[test]
fn the_same_run_twice_has_no_difference() {
    let (_keep, run) = record(|_| {});
    compare(&run, &run, &[]).exits(0).says(
        "2 cells at a threshold of 3%: 0 worse, 0 improved, 2 without a difference, 0 unsure.",
    );
}

#[test]
fn a_cell_that_became_slower_fails_and_a_faster_one_does_not() {
    let (_a, base) = record(|_| {});
    let (_b, slower) = record(|record| scale(&mut record["cells"][0], |rate| rate * 0.9));
    let ended = compare(&base, &slower, &[]).exits(1).says("1 worse, 0 improved, 1 without");
    assert!(ended.stdout.contains("0.900 to 0.900"), "{ended}");
    compare(&slower, &base, &[]).exits(0).says("0 worse, 1 improved");
    compare(&base, &slower, &["--threshold", "20%"]).exits(0).says("2 without a difference");
}

#[test]
fn the_comparison_as_json_has_what_the_table_has() {
    let (_a, base) = record(|_| {});
    let (_b, slower) = record(|record| scale(&mut record["cells"][1], |rate| rate / 2.0));
    let ended = compare(&base, &slower, &["--json"]).exits(1);
    let printed: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(printed["threshold"], json!(0.03));
    let changes: Vec<&Value> =
        printed["pairs"].as_array().unwrap().iter().map(|pair| &pair["change"]).collect();
    assert_eq!(changes, [&json!("no_difference"), &json!("worse")]);
    assert_eq!(printed["pairs"][1]["ratio"], json!(0.5));
    assert_eq!(printed["pairs"][1]["cell"]["batch"], json!(32));
    assert_eq!(printed["unlike"], json!([]));
}

#[test]
fn unlike_environments_are_refused_by_name_unless_told() {
    let (_a, base) = record(|_| {});
    let (_b, other) = record(|record| {
        record["host"]["cpu_model"] = json!("Another CPU");
        record["host"]["libtorch"] = json!("9.9.9");
    });
    let ended = compare(&base, &other, &[]).exits(2).complains("the environments are unlike");
    for words in ["CPU model: base ", "new Another CPU", "libtorch: base "] {
        assert!(ended.stderr.contains(words), "{words}: {ended}");
    }
    assert_eq!(ended.stdout, "");
    compare(&base, &other, &["--unlike"]).exits(0).complains("warning: CPU model").says("2 cells");
}

#[test]
fn runs_without_a_usable_cell_in_common_are_refused() {
    let (_a, base) = record(|_| {});
    let (_b, elsewhere) = record(|record| {
        for cell in record["cells"].as_array_mut().unwrap() {
            cell["cell"]["batch"] = json!(cell["cell"]["batch"].as_u64().unwrap() + 1);
        }
    });
    compare(&base, &elsewhere, &[]).exits(2).complains("share no cell");
    let (_c, invalid) = record(|record| {
        for cell in record["cells"].as_array_mut().unwrap() {
            cell["verdict"] = json!({"verdict": "INVALID", "reasons": ["predictions differ"]});
        }
    });
    compare(&base, &invalid, &[]).exits(2).complains("no cell is VALID in both");
}

const READ_LOG: &str = r#"
import json, sys
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

log = HistogramLogReader(sys.argv[1], HdrHistogram(1, 3_600_000_000_000, 3))
cells = {}
while (cell := log.get_next_interval_histogram()) is not None:
    cells[cell.get_tag()] = [cell.get_total_count(), cell.get_value_at_percentile(50)]
print(json.dumps(cells))
"#;

/// Another implementation reads the log. Needs a Python with the package `hdrhistogram`:
/// `PLIMSOLL_PYTHON`, or `python3`. Without one the test says so and passes.
#[test]
fn the_latency_log_is_read_by_another_implementation() {
    let python = std::env::var_os("PLIMSOLL_PYTHON").unwrap_or_else(|| "python3".into());
    let has = std::process::Command::new(&python).args(["-c", "import hdrh"]).output();
    match has {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            return skipped(&format!(
                "latency.hlog was not read by Python: {}; `pip install hdrhistogram` and set \
                 PLIMSOLL_PYTHON",
                text.lines().last().unwrap_or("no reason given")
            ));
        }
        Err(error) => return skipped(&format!("latency.hlog was not read by Python: {error}")),
    }
    let log = measured().join("latency.hlog");
    let read =
        std::process::Command::new(&python).args(["-c", READ_LOG]).arg(log).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let cells: Value = serde_json::from_slice(&read.stdout).unwrap();
    let record = plimsoll::report::open(measured()).unwrap();
    assert_eq!(cells.as_object().unwrap().len(), record.cells.len(), "{cells}");
    for cell in &record.cells {
        let tag = format!("native/cpu/i1/b{}/t1/f32/s1/pageable/offline", cell.cell.batch);
        assert_eq!(cells[&tag][0], json!(cell.latency.samples), "{tag} {cells}");
        let (p50, theirs) = (cell.latency.p50_ns.unwrap() as f64, cells[&tag][1].as_f64().unwrap());
        assert!((theirs / p50 - 1.0).abs() < 0.001, "{tag}: {theirs} and {p50}");
    }
}
