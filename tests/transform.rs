//! `plimsoll transform` from end to end, and what becomes of a job whose processes are killed.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use plimsoll::model::{self, Weights};
use plimsoll::transform::{self, Job, Summary};
use rustix::process::Signal;

use crate::support::{
    Place, Running, children, digit, files, lives, marked, plimsoll, png, predictions, run, signal,
    skipped, wait_until,
};

/// Names as people and other systems give them.
const NAMES: [&str; 12] = [
    "7.png",
    "no ending",
    "UPPER.PNG",
    "a name with spaces .png",
    " leading and trailing ",
    ".hidden",
    "..png",
    "-rf",
    "%2F'\"$(x)\\.png",
    "two\nlines.png",
    "d\u{e9}j\u{e0} vu/\u{6570}\u{5b57} \u{1f600}.png",
    ".a/b/c/d/e/f.png",
];

/// More than two instances are given at once, so that a job can be stopped in its middle.
const OBJECTS: usize = 9_000;

fn strange_names() -> Place {
    let place = Place::new();
    for (i, name) in NAMES.iter().enumerate() {
        place.put(name, &png(&marked(i as u8 % 10)));
    }
    for i in 0..20 {
        place.put(&format!("more/{i}.png"), &png(&digit(i)));
    }
    place
}

/// What [`Place::with_many`] should come to on the null backend.
fn answers_of_many(n: usize) -> HashMap<String, String> {
    let answer =
        |i| (format!("{}/{i}.png.out", i % 10), format!("{{\"predictions\": {}}}", i % 10));
    (0..n).map(answer).collect()
}

/// Holds the outputs to be whole and right, as far as there are any; gives how many there are.
#[track_caller]
fn hold_to(place: &Place, answers: &HashMap<String, String>) -> usize {
    let outputs = place.outputs();
    for (key, text) in &outputs {
        assert_eq!(Some(text), answers.get(key), "{key}");
    }
    outputs.len()
}

#[test]
fn every_object_gets_its_own_output_on_every_backend_and_number_of_instances() {
    let place = strange_names();
    for (backend, instances) in [("native", "1"), ("native", "2"), ("native", "3"), ("null", "2")] {
        let _ = fs::remove_dir_all(place.output());
        run(place.job(backend, &["--instance-count", instances])).exits(0);
        assert_eq!(place.outputs(), predictions(backend, &place.input()), "{backend} {instances}");
    }
}

#[test]
fn how_batches_are_made_changes_no_answer() {
    let place = strange_names();
    let objects = NAMES.len() as u64 + 20;
    let answers = predictions("null", &place.input());
    for (knobs, least, most) in [
        (&["--max-batch", "1"][..], objects, objects),
        (&["--max-batch", "7"], objects.div_ceil(7), objects),
        (&["--max-batch", "8", "--preferred", "4,6", "--max-delay", "0"], 4, objects),
        (&["--max-batch", "1k", "--max-delay", "100ms"], 1, objects),
    ] {
        let _ = fs::remove_dir_all(place.output());
        let ended = run(place.job("null", &[&["--json"], knobs].concat())).exits(0);
        assert_eq!(place.outputs(), answers, "{knobs:?}");
        let batches = ended.json()["instances"][0]["batches"].as_u64().unwrap();
        assert!((least..=most).contains(&batches), "{knobs:?}: {batches} batches");
    }
}

#[test]
fn the_json_summary_adds_up() {
    let place = Place::with_digits(30);
    place.put("bad.png", b"no picture");
    let ended = run(place.job("native", &["--instance-count", "2", "--json"])).exits(1);
    let summary = ended.json();
    let number = |key: &str| summary[key].as_u64().unwrap_or_else(|| panic!("{key}\n{ended}"));
    assert_eq!((number("objects"), number("succeeded"), number("unfinished")), (31, 30, 0));
    assert_eq!(summary["failures"].as_array().unwrap().len(), 1);
    assert_eq!(summary["failures"][0]["key"], "bad.png");
    assert_eq!(summary["interrupted"], false);
    assert_eq!(summary["deaths"].as_array().unwrap().len(), 0);
    let instances = summary["instances"].as_array().unwrap();
    let images = instances.iter().map(|i| i["images"].as_u64().unwrap()).sum::<u64>();
    assert_eq!((instances.len(), images), (2, 30));
    let mut indices: Vec<_> = instances.iter().map(|i| i["index"].as_u64().unwrap()).collect();
    indices.sort_unstable();
    assert_eq!(indices, [0, 1]);
    let figure = |key: &str| summary[key].as_f64().unwrap();
    assert!(figure("startup_s") > 0.0 && figure("run_s") > 0.0);
    assert!((figure("images_per_s") * figure("run_s") - 30.0).abs() < 1e-6);
    assert!(summary["model"].as_str().unwrap().starts_with("shipped with Plimsoll"));
}

#[test]
fn a_job_that_went_well_says_how_well_and_complains_of_nothing() {
    let place = Place::with_digits(20);
    let ended = run(place.job("native", &[])).exits(0);
    assert_eq!(ended.stderr, "");
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert!(lines[0].starts_with("20 of 20 objects in "), "{ended}");
    assert!(lines[0].contains(" images/s), after "), "{ended}");
    assert!(lines[0].ends_with(" to start 1 instance on native"), "{ended}");
    assert!(lines[1].starts_with("mean batch ") && lines[1].ends_with(" of 256"), "{ended}");
    let ended = ended.says("model: shipped with Plimsoll");
    if cfg!(target_os = "linux") {
        ended.says("peak memory of an instance ");
    }
    assert!(!place.failures().exists());
}

#[test]
fn failed_objects_are_told_apart_from_the_rest() {
    let place = Place::with_digits(5);
    for i in 0..25 {
        place.put(&format!("bad{i:02}"), b"no picture");
    }
    let ended = run(place.job("null", &[])).exits(1).says("5 of 30 objects in ");
    let told: Vec<_> = ended.stderr.lines().filter(|l| l.starts_with("failed: bad")).collect();
    assert_eq!(told.len(), 20, "{ended}");
    assert!(ended.stderr.contains("25 objects failed; all of them, with reasons, are in "));
    let list = fs::read_to_string(place.failures()).unwrap();
    assert_eq!(list.lines().count(), 25);
    assert_eq!(place.written(), 5);
}

#[test]
fn a_second_run_replaces_the_outputs_and_the_list_of_the_first() {
    let place = Place::with_digits(8);
    place.put("bad.png", b"no picture");
    run(place.job("null", &[])).exits(1);
    assert!(place.failures().exists());
    place.put("bad.png", &png(&marked(4)));
    fs::write(place.output().join("000.png.out"), "what an older run made of it").unwrap();
    fs::write(place.output().join("not ours"), "keep").unwrap();
    run(place.job("null", &[])).exits(0);
    assert!(!place.failures().exists());
    let mut expected = predictions("null", &place.input());
    expected.push(("not ours".into(), "keep".into()));
    expected.sort();
    assert_eq!(place.outputs(), expected);
}

#[test]
fn parts_that_killed_processes_left_are_swept_by_the_next_run() {
    let place = Place::with_digits(3);
    let mut gone = std::process::Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    fs::create_dir_all(place.output().join("deep/er")).unwrap();
    for folder in ["", "deep/er"] {
        let name = format!(".plimsoll-part-{}-7", gone.id());
        fs::write(place.output().join(folder).join(name), "{\"pre").unwrap();
    }
    run(place.job("null", &[])).exits(0);
    assert_eq!(place.outputs(), predictions("null", &place.input()));
}

#[test]
fn the_model_that_was_asked_for_is_the_one_that_answers() {
    let place = Place::with_digits(40);
    let mut always_3 = Weights::zeros();
    always_3.get_mut(model::Parameter::Fc2Bias)[3] = 1.0;
    let file = place.path("model.tar.gz");
    model::save(&file, &always_3, &[("note".to_owned(), "always 3".to_owned())].into()).unwrap();
    run(place.job("native", &["--model", file.to_str().unwrap()])).exits(0).says("always 3");
    let outputs = place.outputs();
    assert_eq!(outputs.len(), 40);
    assert!(outputs.iter().all(|(_, text)| text == "{\"predictions\": 3}"));
}

#[test]
fn a_sample_can_be_written_and_transformed() {
    let place = Place::new();
    let input = place.input();
    let sample = ["data", "sample", "--synthetic", "--count", "60", "--out"].map(Into::into);
    run(sample.into_iter().chain([input.as_os_str().to_owned()]))
        .exits(0)
        .says("60 pictures in ")
        .says("not MNIST");
    run(place.job("native", &["--instance-count", "2"])).exits(0);
    assert_eq!(place.outputs(), predictions("native", &input));
    assert_eq!(fs::read_to_string(place.path("labels.csv")).unwrap().lines().count(), 61);
}

#[test]
fn mnists_test_images_get_their_own_digits() {
    let Some(mnist) = std::env::var_os("PLIMSOLL_MNIST_DIR") else {
        return skipped("the accuracy on MNIST: PLIMSOLL_MNIST_DIR is not set");
    };
    let place = Place::new();
    let mut sample = plimsoll(["data", "sample", "--count", "10000", "--data-dir"]);
    sample.arg(mnist).arg("--out").arg(place.input());
    crate::support::end(sample).exits(0);
    run(place.job("native", &["--instance-count", "2"])).exits(0).says("10,000 of 10,000 objects");

    let labels = fs::read_to_string(place.path("labels.csv")).unwrap();
    let labels: HashMap<String, String> = labels
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(','))
        .map(|(name, label)| (format!("{name}.out"), format!("{{\"predictions\": {label}}}")))
        .collect();
    let outputs = place.outputs();
    assert_eq!((labels.len(), outputs.len()), (10_000, 10_000));
    let right = outputs.iter().filter(|(key, text)| labels.get(key) == Some(text)).count();
    assert!(right >= 9_850, "{right} of 10,000 are right; 9,850 should be");
}

#[test]
fn the_others_take_over_from_a_killed_instance() {
    let place = Place::with_many(OBJECTS);
    let mut job = Running::start(place.job("null", &["--instance-count", "2", "--json"]));
    job.until("outputs were written", |_| place.written() >= 300);
    let victim = job.instances()[0];
    signal(victim, Signal::KILL);
    let ended = job.end().exits(0).complains("warning: instance ").complains("took over");
    let summary = ended.json();
    let deaths = summary["deaths"].as_array().unwrap();
    assert_eq!(deaths.len(), 1, "{ended}");
    assert!(deaths[0][1].as_str().unwrap().contains("SIGKILL"), "{ended}");
    assert_eq!(summary["succeeded"], OBJECTS, "{ended}");
    assert_eq!(hold_to(&place, &answers_of_many(OBJECTS)), OBJECTS);
}

#[test]
fn a_job_whose_last_instance_is_killed_says_what_is_left() {
    let place = Place::with_many(OBJECTS);
    let mut job = Running::start(place.job("null", &["--json"]));
    job.until("outputs were written", |_| place.written() >= 300);
    signal(job.instances()[0], Signal::KILL);
    let ended = job.end().exits(5).complains("no instance is left: ");
    assert!(ended.stderr.contains("objects not done; run the same command again"), "{ended}");
    assert!(!ended.stderr.contains("took over"), "nobody was there to take over\n{ended}");
    let summary = ended.json();
    let number = |key: &str| summary[key].as_u64().unwrap() as usize;
    assert_eq!(number("succeeded") + number("unfinished"), OBJECTS, "{ended}");
    let written = hold_to(&place, &answers_of_many(OBJECTS));
    assert!((number("succeeded")..OBJECTS).contains(&written), "{written} outputs\n{ended}");
}

#[test]
fn an_interrupted_job_keeps_whole_outputs_and_can_be_run_again() {
    let place = Place::with_many(OBJECTS);
    let answers = answers_of_many(OBJECTS);
    for (ctrl_c, interrupt) in [("SIGINT", Signal::INT), ("SIGTERM", Signal::TERM)] {
        let _ = fs::remove_dir_all(place.output());
        let mut job = Running::start(place.job("null", &["--json"]));
        job.until("outputs were written", |_| place.written() >= 300);
        let instance = job.instances()[0];
        signal(job.pid(), interrupt);
        let ended = job.end().exits(130).complains("interrupted: ");
        assert!(!lives(instance), "{ctrl_c} left instance {instance} behind");
        let summary = ended.json();
        let number = |key: &str| summary[key].as_u64().unwrap() as usize;
        assert_eq!(summary["interrupted"], true, "{ended}");
        let written = hold_to(&place, &answers);
        assert!(written < OBJECTS, "{ctrl_c} came too late to interrupt anything");
        assert_eq!(written, number("succeeded"), "what was under way is counted\n{ended}");
        assert_eq!(written + number("unfinished"), OBJECTS, "{ended}");
    }
    run(place.job("null", &[])).exits(0).says("9,000 of 9,000 objects");
    assert_eq!(hold_to(&place, &answers), OBJECTS);
}

#[test]
fn a_second_ctrl_c_does_not_wait() {
    let place = Place::with_many(OBJECTS);
    let mut job = Running::start(place.job("null", &[]));
    job.until("outputs were written", |_| place.written() >= 300);
    let instance = job.instances()[0];
    // An instance that does not answer keeps the first one waiting.
    signal(instance, Signal::STOP);
    signal(job.pid(), Signal::INT);
    std::thread::sleep(std::time::Duration::from_millis(300));
    job.until("it was asked twice", |_| true);
    signal(job.pid(), Signal::INT);
    job.end().exits(130);
    signal(instance, Signal::CONT);
    wait_until("the instance left on its own", || !lives(instance));
}

#[test]
fn instances_of_a_killed_job_leave_on_their_own_and_the_next_run_completes_it() {
    let place = Place::with_many(OBJECTS);
    let answers = answers_of_many(OBJECTS);
    let mut job = Running::start(place.job("null", &["--instance-count", "2"]));
    job.until("outputs were written", |_| place.written() >= 300);
    let instances = job.instances();
    assert_eq!(instances.len(), 2);
    signal(job.pid(), Signal::KILL);
    assert_eq!(job.end().code, None);
    wait_until("the instances left", || instances.iter().all(|&pid| !lives(pid)));
    // They finished what they had, so nothing is half done.
    let written = hold_to(&place, &answers);
    assert!((300..OBJECTS).contains(&written), "{written} outputs");
    run(place.job("null", &[])).exits(0);
    assert_eq!(hold_to(&place, &answers), OBJECTS);
}

#[test]
fn a_job_of_which_everything_is_killed_at_once_leaves_no_half_output_under_a_name() {
    let place = Place::with_many(OBJECTS);
    let answers = answers_of_many(OBJECTS);
    let mut job = Running::start(place.job("null", &["--instance-count", "2"]));
    job.until("outputs were written", |_| place.written() >= 300);
    let mut all = job.instances();
    all.push(job.pid());
    all.iter().for_each(|&pid| signal(pid, Signal::KILL));
    job.end();
    wait_until("the instances died", || all.iter().all(|&pid| !lives(pid)));
    for path in files(&place.output()) {
        let key = path.strip_prefix(place.output()).unwrap().to_str().unwrap();
        if !path.file_name().unwrap().to_str().unwrap().starts_with(".plimsoll-part-") {
            assert_eq!(Some(&fs::read_to_string(&path).unwrap()), answers.get(key), "{key}");
        }
    }
    run(place.job("null", &[])).exits(0);
    assert_eq!(hold_to(&place, &answers), OBJECTS, "the parts were not swept");
}

#[test]
fn no_instance_outlives_its_job() {
    let place = Place::with_digits(20);
    let mut job = Running::start(place.job("native", &["--instance-count", "3"]));
    let mut instances = Vec::new();
    job.until("instances were started", |job| {
        instances = children(job.pid());
        instances.len() == 3
    });
    job.end().exits(0);
    assert!(instances.iter().all(|&pid| !lives(pid)));
}

/// A program that does as `script` says in the place of instance 0 and is Plimsoll in all others.
/// The script finds the first line it was sent in `$open`.
fn impostor(place: &Place, script: &str) -> PathBuf {
    let path = place.path("impostor.sh");
    let real = env!("CARGO_BIN_EXE_plimsoll");
    let text = format!(
        "#!/bin/sh\nIFS= read -r open\ncase \"$open\" in\n*'\"index\":0'*) {script} ;;\n\
         *) {{ printf '%s\\n' \"$open\"; cat; }} | '{real}' \"$@\" ;;\nesac\n"
    );
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    path
}

fn job(place: &Place, instances: usize) -> Job {
    Job {
        input: place.input(),
        output: place.output(),
        model: None,
        backend: "null".into(),
        instances,
        max_batch: 16,
        max_delay_ns: 1_000_000,
        preferred: Vec::new(),
        max_object_bytes: 1 << 20,
    }
}

fn run_with(program: &Path, job: &Job) -> plimsoll::error::Result<Summary> {
    transform::run(job, program, &AtomicBool::new(false), &mut |_| ())
}

const READY: &str = r#"echo '{"ready":{"model":"none"}}'; read -r keys;"#;

#[test]
fn whatever_an_instance_does_the_others_finish_the_job() {
    for (script, reason) in [
        ("exit 7", "exit status: 7"),
        ("echo 'last words' >&2; exit 7", "last words"),
        ("kill -SEGV $$", "signal: 11"),
        (r#"echo '{"broken":{"reason":"no more"}}'; exit 3"#, "no more"),
        // A library that prints where it should not, and an instance that stays for ever.
        ("echo 'verbose mode on'; exec sleep 1000", "not understood"),
        (r#"echo '{"finished":{"done":[4000000],"failed":[]}}'; exit 7"#, "exit status: 7"),
    ] {
        let place = Place::with_digits(40);
        let program = impostor(&place, &format!("{READY} {script}"));
        let summary = run_with(&program, &job(&place, 2)).unwrap();
        assert_eq!((summary.succeeded, summary.unfinished), (40, 0), "{script}: {summary:?}");
        assert_eq!(summary.deaths.len(), 1, "{script}: {summary:?}");
        assert!(summary.deaths[0].1.contains(reason), "{script}: {summary:?}");
        assert_eq!(summary.instances.len(), 1, "{script}: {summary:?}");
        assert_eq!(place.outputs(), predictions("null", &place.input()), "{script}");
    }
}

#[test]
fn an_instance_that_leaves_in_order_too_early_is_made_up_for() {
    let place = Place::with_digits(40);
    let program = impostor(&place, &format!("{READY} exit 0"));
    let summary = run_with(&program, &job(&place, 2)).unwrap();
    assert_eq!((summary.succeeded, summary.unfinished), (40, 0), "{summary:?}");
    assert_eq!(place.outputs(), predictions("null", &place.input()));
}

#[test]
fn a_job_that_cannot_start_says_which_instance_and_why() {
    for (script, reason) in [
        ("echo 'cannot find libfoo' >&2; exit 9", "cannot find libfoo"),
        (r#"echo '{"broken":{"reason":"no memory"}}'; exit 3"#, "no memory"),
        ("echo 'hello'; exec sleep 1000", "not understood"),
    ] {
        let place = Place::with_digits(4);
        let program = impostor(&place, script);
        let error = run_with(&program, &job(&place, 2)).unwrap_err().to_string();
        assert!(error.starts_with("instance 0: ") && error.contains(reason), "{script}: {error}");
        assert_eq!(place.written(), 0);
    }
    let place = Place::with_digits(4);
    let error = run_with(Path::new("/no/such/program"), &job(&place, 1)).unwrap_err().to_string();
    assert!(error.contains("cannot start /no/such/program"), "{error}");
}
