//! What becomes of a job whose processes are interrupted, killed, or not what they seem.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use plimsoll::transform::handler::Mnist;
use plimsoll::transform::record::JobRecord;
use plimsoll::transform::{self, Summary, Wishes};
use rustix::process::Signal;

use crate::support::{
    Place, Running, children, files, install, lives, prediction, predictions, run, signal,
    wait_until,
};

/// More than two instances are given at once, so that a job can be stopped in its middle.
const OBJECTS: usize = 9_000;

/// What [`Place::with_many`] should come to on the null backend.
fn answers_of_many(n: usize) -> HashMap<String, String> {
    let answer = |i| (format!("{}/{i}.png.out", i % 10), prediction((i % 10) as u8));
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
        place.clear();
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
    run(place.job("null", &["--resume"])).exits(0).says("9,000 of 9,000 objects");
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
    run(place.job("null", &["--resume"])).exits(0);
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
    run(place.job("null", &["--resume"])).exits(0);
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
    fs::write(place.path("draft.sh"), text).unwrap();
    install(&place.path("draft.sh"), &path);
    path
}

fn job(place: &Place, instances: usize) -> JobRecord {
    place.null_job(|draft| draft.set("TransformResources.InstanceCount", instances))
}

fn run_with(program: &Path, job: JobRecord) -> plimsoll::error::Result<Summary> {
    let stop = AtomicBool::new(false);
    transform::run(job, Wishes::default(), &Mnist, program, &stop, &mut |_| ())
}

/// An instance that has finished an object that no one has heard of.
const FOREIGN: &str = r#"echo '{"finished":{"done":[{"object":4000000,"bytes":1,"records":1,"sha256":"'$(printf %064d 0)'"}],"failed":[]}}'; exit 7"#;

/// One that gives no checksum of an object that it says it has finished.
const UNSUMMED: &str = r#"echo '{"finished":{"done":[{"object":0,"bytes":1,"records":1,"sha256":""}],"failed":[]}}'; exec sleep 1000"#;

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
        (FOREIGN, "exit status: 7"),
        (UNSUMMED, "is no checksum"),
    ] {
        let place = Place::with_digits(40);
        let program = impostor(&place, &format!("{READY} {script}"));
        let summary = run_with(&program, job(&place, 2)).unwrap();
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
    let summary = run_with(&program, job(&place, 2)).unwrap();
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
        let error = run_with(&program, job(&place, 2)).unwrap_err().to_string();
        assert!(error.starts_with("instance 0: ") && error.contains(reason), "{script}: {error}");
        assert_eq!(place.written(), 0);
    }
    let place = Place::with_digits(4);
    let error = run_with(Path::new("/no/such/program"), job(&place, 1)).unwrap_err().to_string();
    assert!(error.contains("cannot start /no/such/program"), "{error}");
}
