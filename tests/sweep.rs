//! `plimsoll sweep` from end to end, with windows of some hundredths of a second.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use plimsoll::measure::host::{Counters, own_cores};
use plimsoll::record::{Cell, Mode, RunRecord, Verdict};
use plimsoll::report;
use rustix::process::Signal;

use crate::support::{Ended, REPORT, Running, lives, run, signal, wait_until};

const TINY: &str = include_str!("support/tiny.toml");

/// A folder with a configuration and a place for the report.
struct Bench {
    root: tempfile::TempDir,
}

impl Bench {
    fn new(config: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("sweep.toml"), config).unwrap();
        Self { root }
    }

    fn out(&self) -> PathBuf {
        self.root.path().join("report")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.out().join(name)
    }

    fn args(&self, more: &[&str]) -> Vec<OsString> {
        let config = self.root.path().join("sweep.toml");
        let mut args = vec!["sweep".into(), config.into(), "--out".into(), self.out().into()];
        args.push("--synthetic".into());
        args.extend(more.iter().map(Into::into));
        args
    }

    fn record(&self) -> RunRecord {
        report::json::read(&self.file("results.json")).unwrap()
    }

    /// The rows of a CSV file, each as its fields by name.
    fn csv(&self, name: &str) -> Vec<std::collections::HashMap<String, String>> {
        let mut reader = csv::Reader::from_path(self.file(name)).unwrap();
        reader.deserialize().map(|row| row.unwrap()).collect()
    }

    /// Rounds that are on the disk by now.
    fn rounds(&self) -> usize {
        let text = fs::read_to_string(self.file("rounds.csv")).unwrap_or_default();
        text.lines().count().saturating_sub(1)
    }
}

fn brief(cell: &Cell) -> (&str, usize, usize, usize) {
    (&cell.backend, cell.instances, cell.batch, cell.threads)
}

/// Holds the exit code to what the verdicts say.
#[track_caller]
fn exits_by_its_verdicts(ended: Ended, record: &RunRecord) -> Ended {
    let valid = record.cells.iter().all(|cell| cell.verdict == Verdict::Valid);
    ended.exits(if valid { 0 } else { 1 })
}

#[test]
fn a_sweep_measures_every_cell_and_writes_every_file() {
    let bench = Bench::new(TINY);
    let ended = run(bench.args(&["--seed", "7"]));
    let record = bench.record();
    let ended = exits_by_its_verdicts(ended, &record);

    let mut asked = Vec::new();
    for backend in ["native", "null"] {
        for instances in [1, 2] {
            asked.extend([4, 32].map(|batch| (backend, instances, batch, 1)));
        }
    }
    let got: Vec<_> = record.cells.iter().map(|cell| brief(&cell.cell)).collect();
    assert_eq!(got, asked, "{ended}");
    for cell in &record.cells {
        assert_eq!(cell.rounds.len(), 3, "{:?}", cell.cell);
        assert!(cell.rounds.iter().all(|round| round.images > 0 && round.seconds >= 0.03));
        assert!(cell.throughput_images_per_s > 0.0);
        let (low, high) = cell.throughput_ci95;
        assert!(low <= cell.throughput_images_per_s && cell.throughput_images_per_s <= high);
        // No model is behind it, and that is not to be overlooked.
        assert_eq!(cell.cell.backend == "native", cell.agreement == 1.0, "{:?}", cell.cell);
        assert!(cell.cell.backend == "native" || cell.verdict != Verdict::Valid);
    }
    assert_eq!(record.seed, 7);
    assert!(record.synthetic && record.data_source.contains("not MNIST"), "{ended}");
    assert!(record.warnings.iter().any(|warning| warning.contains("not MNIST")));
    assert_eq!(record.own_cost_ns_per_image.iter().map(|c| c.0).collect::<Vec<_>>(), [4, 32]);
    assert_eq!(record.command[1], "sweep");

    let rows = bench.csv("results.csv");
    assert_eq!(rows.len(), 8);
    for (row, cell) in rows.iter().zip(&record.cells) {
        let rate: f64 = row["throughput_images_per_s"].parse().unwrap();
        assert!((rate / cell.throughput_images_per_s - 1.0).abs() < 1e-6);
        assert_eq!(row["backend"], cell.cell.backend);
        assert_eq!(row["verdict"] == "VALID", cell.verdict == Verdict::Valid);
        assert_eq!(row["reasons"].is_empty(), cell.verdict == Verdict::Valid);
    }
    assert_eq!(bench.csv("rounds.csv").len(), 24);

    let page = fs::read_to_string(bench.file("report.html")).unwrap();
    assert!(page.contains("<html") && page.contains("native"), "no page: {}", page.len());
    assert_eq!(loads(&page), [""; 0]);

    assert!(ended.stderr.contains("8 cells x 3 rounds, about "), "{ended}");
    assert!(ended.stderr.contains("not MNIST"), "{ended}");
    ended.says("native").says(&format!("report: {}", bench.file("report.html").display()));
    says_what_the_machine_can_do(&record);
}

/// The ceilings are there and no cell is above them, and what surrounds the cells was timed.
#[track_caller]
fn says_what_the_machine_can_do(record: &RunRecord) {
    let ceilings = record.ceilings.as_ref().unwrap();
    let native = record.cells.iter().filter(|cell| cell.cell.backend == "native");
    let fastest = native.map(|cell| cell.throughput_images_per_s).fold(0.0, f64::max);
    let rate = plimsoll::model::FLOP_PER_IMAGE as f64 * fastest;
    let ceiling = ceilings.fma_all_cores_flop_per_s;
    // Where other tests take the cores away, it may be too low, and that is said.
    let told = record.warnings.iter().any(|warning| warning.contains("its ceilings"));
    assert_eq!(rate > ceiling, told, "{rate:e} of {ceiling:e}");
    assert!(ceilings.copy_one_core_bytes_per_s > 0.0);
    assert!(ceilings.decode_one_core_images_per_s > 0.0);
    let job = record.job_stages.as_ref().unwrap();
    assert!(job.objects > 0 && job.write.ns_per_image > 0.0);
    let host = &record.host;
    assert!(host.native_isa.is_some() && !host.cpu_model.is_empty() && !host.os.is_empty());
    assert!(cfg!(not(unix)) || (host.load_before.is_some() && host.load_after.is_some()));
    // What the machine tells of its quotas it tells of every round.
    let cores = own_cores();
    let before = Counters::read(&cores);
    let told = Counters::read(&cores).since(&before).quota_share.is_some();
    let rounds = record.cells.iter().flat_map(|cell| &cell.rounds);
    for round in rounds {
        assert_eq!(round.throttling.quota_share.is_some(), told, "{round:?}");
    }
}

/// What a page would fetch from elsewhere.
fn loads(page: &str) -> Vec<&str> {
    let tags = page.split('<').filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag);
    let mut found: Vec<&str> = tags
        .filter(|tag| {
            let tag = tag.trim_start().to_ascii_lowercase();
            let loader = ["script", "link", "img", "iframe", "object", "embed", "source", "video"]
                .iter()
                .any(|name| tag.strip_prefix(name).is_some_and(|r| r.starts_with([' ', '\n'])));
            loader && ["src", "href", "data"].iter().any(|a| away(&tag, a))
        })
        .collect();
    found.extend(page.match_indices("@import").map(|(at, _)| &page[at..(at + 40).min(page.len())]));
    found.extend(page.match_indices("url(http").map(|(_, hit)| hit));
    found
}

/// Whether an attribute of a tag is an address of another machine.
fn away(tag: &str, attribute: &str) -> bool {
    let Some((_, value)) = tag.split_once(&format!("{attribute}=")) else { return false };
    let value = value.trim_start_matches(['"', '\'']);
    value.starts_with("http") || value.starts_with("//")
}

#[test]
fn what_a_page_fetches_is_found() {
    for tag in [
        "<script src=\"https://cdn.example/plotly.js\"></script>",
        "<link rel='stylesheet' href='http://example/a.css'>",
        "<IMG alt=x SRC=//example/a.png>",
        "<style>@import 'a.css'</style>",
        "<p style='background: url(http://example/a.png)'>",
    ] {
        assert_eq!(loads(tag).len(), 1, "{tag}");
    }
    let fine = "<a href=\"https://example\">x</a><script>1 < 2</script><img src='data:x'>";
    assert_eq!(loads(fine), [""; 0]);
}

#[test]
fn a_dry_run_measures_nothing_and_flags_win_over_the_file() {
    let bench = Bench::new(TINY);
    let ended = run(bench.args(&["--dry-run"])).exits(0);
    assert_eq!(ended.stdout.lines().count(), 8, "{ended}");
    assert_eq!(ended.stdout.lines().next(), Some("native x1, batch 4, 1 thread"));
    let ended = ended.complains("8 cells x 3 rounds, about ");
    assert!(!bench.out().exists(), "{ended}");

    let flags = ["--backend", "native", "--instances", "2", "--batch", "8,1k", "--threads", "1,2"];
    let ended = run(bench.args(&[&flags[..], &["--rounds", "9", "--dry-run"]].concat())).exits(0);
    let cells: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(
        cells,
        [
            "native x2, batch 8, 1 thread",
            "native x2, batch 1,000, 1 thread",
            "native x2, batch 8, 2 threads",
            "native x2, batch 1,000, 2 threads"
        ],
        "{ended}"
    );
    ended.complains("4 cells x 9 rounds");
    assert!(!bench.out().exists());
}

#[test]
fn every_dimension_has_a_flag_and_a_cell_that_does_not_fit_its_reason() {
    let bench = Bench::new(TINY);
    let flags = [
        ["--backend", "native"],
        ["--instances", "1"],
        ["--batch", "8"],
        ["--device", "cpu,cuda:0"],
        ["--precision", "f32,bf16"],
        ["--staging", "auto,pageable,pinned"],
        ["--sessions", "1,2"],
        ["--scenario", "offline,closed:1,server:2k"],
        ["--max-delay", "2ms"],
        ["--max-rounds", "5"],
    ];
    let flags: Vec<&str> = flags.concat().into_iter().chain(["--dry-run"]).collect();
    let ended = run(bench.args(&flags)).exits(0);
    let cells: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(
        cells,
        [
            "native x1, batch 8, 1 thread",
            "native x1, batch 8, 1 thread, 2 sessions",
            "native x1, batch 8, 1 thread, closed:1",
            "native x1, batch 8, 1 thread, server:2000",
            "native x1, batch 8, 1 thread, 2 sessions, server:2000",
        ],
        "{ended}"
    );
    for skipped in [
        "2 sessions, closed:1: skipped: 1 outstanding request cannot occupy 2 sessions",
        "1 thread, bf16: skipped: native runs f32 and int8 only, not bf16",
        "1 thread, pinned: skipped: pinned memory serves copies to a CUDA device",
        "cuda:0: skipped",
        "cuda:0, bf16, pinned: skipped: this Plimsoll measures the CPU alone",
    ] {
        assert!(ended.stderr.contains(skipped), "{skipped}\n{ended}");
    }
    ended.complains("5 cells x 3 rounds, about ").complains("at most ");

    for (flag, value, says) in [
        ("--device", "gpu", "`devices`: gpu is not known; choose from cpu, or cuda:N"),
        ("--scenario", "online", "`scenarios`: scenario `online`: not one; write offline"),
        ("--budget", "1ms", "is too short for the set-up and one cell in 3 rounds: give at least"),
        ("--budget", "5", "not a span of time"),
        ("--precision", "fp32", "`precisions`: fp32 is not known"),
        ("--staging", "heap", "`staging`: heap is not known"),
    ] {
        run(bench.args(&[flag, value])).exits(2).complains(says);
    }
    run(bench.args(&["--budget", "5m", "--search"])).exits(2).complains("leave one of the two out");
    assert!(!bench.out().exists());
}

#[test]
fn a_budget_is_kept_and_the_cells_that_it_does_not_reach_are_listed() {
    // Three rounds of a cell take more than a second: twelve cells do not fit.
    let bench = Bench::new(&TINY.replace("\"30ms\"", "\"300ms\""));
    let flags = ["--backend", "native", "--batch", "1,2,4,8,16,32", "--budget", "8s"];
    let dry = run(bench.args(&[&flags[..], &["--dry-run"]].concat())).exits(0);
    dry.complains("12 cells, of which about 1 within the budget of 8.00 s");

    let ended = run(bench.args(&flags));
    let record = bench.record();
    let ended = exits_by_its_verdicts(ended, &record);
    assert_eq!((record.plan.mode, record.plan.budget_s), (Mode::Budget, Some(8.0)), "{ended}");
    assert_eq!(record.plan.grid_cells, 12);
    assert!((1..12).contains(&record.cells.len()), "{} cells\n{ended}", record.cells.len());
    assert!(record.cells.iter().any(|cell| cell.cell.batch == 32), "the largest batch is telling");
    assert_eq!(record.cells.len() + record.skipped.len(), 12, "{ended}");
    let says = |reason: &str| reason.starts_with("no time within the budget of 8.00 s; ");
    assert!(record.skipped.iter().all(|(_, reason)| says(reason)), "{:?}", record.skipped);
}

#[test]
fn a_search_measures_a_quarter_of_the_cells_and_gives_its_evidence() {
    let bench = Bench::new(TINY);
    let flags = ["--backend", "native", "--batch", "1,2,4,8,16,32,64,128", "--search"];
    let dry = run(bench.args(&[&flags[..], &["--dry-run"]].concat())).exits(0);
    dry.complains("16 cells, of which a search measures at most 4, about ");

    let ended = run(bench.args(&flags));
    let record = bench.record();
    let ended = exits_by_its_verdicts(ended, &record);
    assert_eq!((record.plan.mode, record.plan.grid_cells), (Mode::Search, 16), "{ended}");
    assert!((3..=4).contains(&record.cells.len()), "{} cells\n{ended}", record.cells.len());
    assert!(record.cells.iter().all(|cell| cell.rounds.len() >= 3), "{ended}");
    assert_eq!(record.cells.len() + record.skipped.len(), 16);
    let evidence = record.plan.evidence.join(" ");
    for part in [" of 16 cells were measured.", "The best of them is native ", "predicts at most "]
    {
        assert!(evidence.contains(part), "{evidence}");
    }
}

/// A row of rounds.csv as a text that no other round has.
fn key(row: &std::collections::HashMap<String, String>) -> String {
    ["backend", "instances", "batch", "threads", "round"].map(|name| row[name].as_str()).join(" ")
}

#[test]
fn a_killed_sweep_goes_on_where_it_was_and_measures_nothing_twice() {
    for end in [Signal::KILL, Signal::INT] {
        let bench = Bench::new(TINY);
        run(bench.args(&["--resume"]))
            .exits(2)
            .complains("there is no ")
            .complains("to go on with");
        let labelled = |more: &[&str]| bench.args(&[&["--label", "the box"], more].concat());
        let mut sweep = Running::start(labelled(&[]));
        sweep.until("some rounds were measured", |_| bench.rounds() >= 7);
        signal(sweep.pid(), end);
        sweep.end();
        let journal = fs::read_to_string(bench.file("measurements.jsonl")).unwrap();
        let before: Vec<String> = bench.csv("rounds.csv").iter().map(key).collect();
        let kept = journal.lines().count() - 1;
        assert!((7..24).contains(&kept), "{kept}");

        // What is not the same is refused, and nothing that was kept is lost.
        for (flags, says) in [
            (["--seed", "9"], "`seed` was 1, and is 9 now"),
            (["--rounds", "2"], "`rounds` was 3, and is 2 now: it may only be raised"),
        ] {
            run(labelled(&[&flags[..], &["--resume"]].concat())).exits(2).complains(says);
        }
        run(bench.args(&["--resume", "--label", "b"]))
            .exits(2)
            .complains("the machine type (--label) was the box, and is b now");
        assert_eq!(fs::read_to_string(bench.file("measurements.jsonl")).unwrap(), journal);
        assert_eq!(bench.csv("rounds.csv").len(), before.len());

        let ended = run(labelled(&["--resume"]));
        let record = bench.record();
        let ended = exits_by_its_verdicts(ended, &record);
        let ended = ended.complains(&format!("resumed: {kept} measurements were taken before"));
        let ended = ended.complains("machine type: the box; Plimsoll's catalogue has none of that");
        assert_eq!(record.host.machine_type.as_deref(), Some("the box"));
        let rows: Vec<String> = bench.csv("rounds.csv").iter().map(key).collect();
        let distinct: std::collections::HashSet<&String> = rows.iter().collect();
        assert_eq!((rows.len(), distinct.len()), (24, 24), "{ended}");
        assert!(before.iter().all(|row| distinct.contains(row)), "{ended}");
        assert!(record.cells.iter().all(|cell| cell.rounds.len() == 3), "{ended}");
        assert_eq!(record.cells.len(), 8);
        let says = |w: &String| w.contains("was interrupted and resumed at ");
        assert!(record.warnings.iter().any(says), "{:?}", record.warnings);
        assert!(!bench.file("measurements.jsonl").exists(), "the run is complete");
    }
}

#[test]
fn cells_that_this_build_cannot_measure_are_skipped_with_the_reason() {
    if cfg!(feature = "torch") {
        return;
    }
    let bench = Bench::new(TINY);
    let flags = ["--backend", "torch,native", "--instances", "1", "--batch", "4"];
    let ended = run(bench.args(&flags)).complains("torch x1, batch 4, 1 thread: skipped: ");
    let record = bench.record();
    let ended = exits_by_its_verdicts(ended, &record);
    assert_eq!((record.cells.len(), record.skipped.len()), (1, 1), "{ended}");
    assert!(record.skipped[0].1.contains("without libtorch"), "{ended}");
    assert_eq!(bench.csv("results.csv")[1]["verdict"], "SKIPPED");

    let ended = run(bench.args(&["--backend", "torch"])).exits(4);
    ended.complains("every cell of the grid is not available").complains("without libtorch");
}

#[test]
fn a_report_that_cannot_be_written_is_found_before_anything_is_measured() {
    let bench = Bench::new(TINY);
    fs::write(bench.out(), "in the way").unwrap();
    let ended = run(bench.args(&[])).exits(3).complains("error: cannot create ");
    assert!(ended.stderr.contains("/report: "), "{ended}");
    assert!(!ended.stderr.contains("images: "), "the images were loaded\n{ended}");

    fs::remove_file(bench.out()).unwrap();
    for name in ["results.csv", "rounds.csv", "results.json", "report.html"] {
        fs::create_dir_all(bench.file(name)).unwrap();
        let ended = run(bench.args(&[])).exits(3).complains(name);
        assert!(!ended.stderr.contains("images: "), "{name}: the images were loaded\n{ended}");
        fs::remove_dir_all(bench.out()).unwrap();
    }
}

#[test]
fn an_earlier_report_is_replaced() {
    let bench = Bench::new(TINY);
    let flags = ["--backend", "null", "--instances", "1", "--batch", "4", "--rounds", "1"];
    fs::create_dir(bench.out()).unwrap();
    for name in REPORT.iter().chain(&["notes.txt"]) {
        fs::write(bench.file(name), "of an earlier run").unwrap();
    }
    run(bench.args(&flags)).exits(1);
    for name in REPORT {
        let bytes = fs::read(bench.file(name)).unwrap();
        assert!(bytes != b"of an earlier run", "{name} is of an earlier run");
    }
    assert_eq!(bench.record().cells.len(), 1);
    assert_eq!(bench.csv("rounds.csv").len(), 1);
    assert_eq!(fs::read_to_string(bench.file("notes.txt")).unwrap(), "of an earlier run");
    let mut names: Vec<_> = fs::read_dir(bench.out())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = [
        "bundle.tar.gz",
        "latency.hlog",
        "notes.txt",
        "report.html",
        "report.md",
        "results.csv",
        "results.json",
        "rounds.csv",
    ];
    assert_eq!(names, expected, "scraps are left");
}

#[test]
fn an_instance_killed_during_a_sweep_costs_its_cell_alone() {
    // Windows long enough for the signal to arrive in one.
    let bench = Bench::new(&TINY.replace("\"30ms\"", "\"500ms\""));
    let flags = ["--backend", "native", "--batch", "4,8,16,32", "--instances", "2"];
    let mut sweep = Running::start(bench.args(&flags));
    sweep.until("a round was measured", |_| bench.rounds() >= 1);
    sweep.until("two instances are up", |sweep| sweep.instances().len() == 2);
    signal(sweep.instances()[1], Signal::KILL);
    let ended = sweep.end().exits(1).complains("warning: native x2, batch ");
    assert!(ended.stderr.contains("it died (signal: 9 (SIGKILL))"), "{ended}");
    let record = bench.record();
    assert_eq!(record.cells.len(), 4, "{ended}");
    let (hit, spared): (Vec<_>, Vec<_>) = record.cells.iter().partition(|c| c.rounds.len() < 3);
    assert_eq!((hit.len(), spared.len()), (1, 3), "{ended}");
    let Verdict::Invalid(reasons) = &hit[0].verdict else { panic!("{ended}") };
    assert!(reasons.iter().any(|reason| reason.contains("it died")), "{reasons:?}");
}

#[test]
fn an_interrupted_sweep_keeps_what_it_measured() {
    for interrupt in [Signal::INT, Signal::TERM] {
        let bench = Bench::new(TINY);
        let mut sweep = Running::start(bench.args(&[]));
        sweep.until("two rounds were measured", |_| bench.rounds() >= 2);
        let instances = sweep.instances();
        signal(sweep.pid(), interrupt);
        let ended = sweep.end().exits(130);
        assert!(instances.iter().all(|&pid| !lives(pid)), "an instance was left behind");
        let rounds = bench.csv("rounds.csv");
        assert!((2..24).contains(&rounds.len()), "{} rounds\n{ended}", rounds.len());
        let record = bench.record();
        let kept: usize = record.cells.iter().map(|cell| cell.rounds.len()).sum();
        assert_eq!(kept, rounds.len(), "{ended}");
        assert_eq!(bench.csv("results.csv").len(), record.cells.len());
        assert!(record.warnings.iter().any(|warning| warning.contains("interrupted")), "{ended}");
        assert!(bench.file("report.html").exists());
        ended.says("report: ");
    }
}

#[test]
fn a_sweep_interrupted_before_its_first_measurement_has_nothing_to_report() {
    let config = TINY.replace("\"60ms\"", "\"30s\"").replace("\"10ms\"", "\"10s\"");
    let bench = Bench::new(&config);
    let mut sweep = Running::start(bench.args(&[]));
    sweep.until("an instance was started", |sweep| !sweep.instances().is_empty());
    signal(sweep.pid(), Signal::INT);
    let ended = sweep.end().exits(130);
    assert_eq!(bench.rounds(), 0, "{ended}");
    assert_eq!(bench.record().cells.len(), 0, "{ended}");
}

#[test]
fn a_killed_sweep_leaves_its_rounds_on_the_disk_and_no_instance_behind() {
    let bench = Bench::new(TINY);
    let mut sweep = Running::start(bench.args(&[]));
    let mut instances = Vec::new();
    // Between two cells there is none.
    sweep.until("two rounds were measured and an instance runs", |sweep| {
        instances = sweep.instances();
        bench.rounds() >= 2 && !instances.is_empty()
    });
    signal(sweep.pid(), Signal::KILL);
    sweep.end();
    wait_until("the instances left", || instances.iter().all(|&pid| !lives(pid)));
    assert!(bench.csv("rounds.csv").len() >= 2);
    assert!(!bench.file("results.json").exists() && !bench.file("report.html").exists());
}

#[test]
fn a_model_that_is_none_ends_the_sweep_before_it_begins() {
    let bench = Bench::new(TINY);
    let model = bench.root.path().join("model.pth");
    fs::write(&model, "no model, though long enough").unwrap();
    let ended = run(bench.args(&["--model", model.to_str().unwrap()])).exits(3);
    ended.complains("error: ").complains("model.pth: ");
    assert_eq!(bench.rounds(), 0);
    let missing = Path::new("/no/such/folder");
    let mut args = bench.args(&[]);
    args.pop();
    args.extend(["--data-dir".into(), missing.into()]);
    run(args).exits(3).complains("/no/such/folder");
}
