//! Jobs that end before their end, and are gone on with: nothing is lost, repeated or made up.

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use rustix::process::Signal;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::{Place, Running, digit, lives, png, prediction, run, signal, wait_until};

const OBJECTS: usize = 4_000;

/// Holds the outputs of [`Place::with_many`] to be there exactly once, right, and as they are
/// listed.
#[track_caller]
fn hold_complete(place: &Place) {
    let outputs: HashMap<String, String> = place.outputs().into_iter().collect();
    let strays: Vec<&String> = outputs.keys().filter(|key| !key.ends_with(".png.out")).collect();
    assert!(strays.is_empty(), "{strays:?}");
    assert_eq!(outputs.len(), OBJECTS);
    for i in 0..OBJECTS {
        let output = outputs.get(&format!("{}/{i}.png.out", i % 10));
        assert_eq!(output, Some(&prediction((i % 10) as u8)), "{i}");
    }
    let listed = place.listed();
    assert_eq!(listed.len(), OBJECTS);
    for line in listed {
        let (key, output) = (line["key"].as_str().unwrap(), line["output"].as_str().unwrap());
        assert_eq!(output, format!("{key}.out"));
        let text = &outputs[output];
        assert_eq!(line["bytes"], text.len(), "{key}");
        assert_eq!(line["sha256"].as_str().unwrap(), sum(text.as_bytes()), "{key}");
    }
    assert!(!place.failures().exists());
    assert_eq!(place.record()["status"], "Completed");
}

fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_job_killed_at_any_moment_and_resumed_has_one_right_output_for_each_object() {
    let seed = 20_261_122;
    println!("seed {seed}");
    let mut random = Pcg64::seed_from_u64(seed);
    let place = Place::with_many(OBJECTS);
    for round in 0..10 {
        place.clear();
        // Some moments are before the first output, most are between two.
        let wait = Duration::from_millis(random.random_range(0..200));
        let outputs = if round < 3 { 0 } else { random.random_range(0..OBJECTS) };
        println!("round {round}: killed {wait:?} after {outputs} outputs");
        let job = Running::start(place.job("null", &["--instance-count", "2"]));
        let begun = Instant::now();
        while place.written() < outputs && lives(job.pid()) {
            assert!(begun.elapsed() < Duration::from_secs(90));
        }
        if outputs == 0 {
            std::thread::sleep(wait);
        }
        // By turns the instances live on for a while or die at the same moment.
        let mut all = job.instances();
        all.push(job.pid());
        if round % 2 == 0 {
            all.iter().for_each(|&pid| signal(pid, Signal::KILL));
        } else {
            signal(job.pid(), Signal::KILL);
        }
        job.end();
        let begun = place.path("out.plimsoll/job/job.json").exists();
        let resume: &[&str] = if begun { &["--resume"] } else { &["--instance-count", "2"] };
        run(place.job("null", resume)).exits(0).says("4,000 of 4,000 objects");
        wait_until("the first instances left", || all.iter().all(|&pid| !lives(pid)));
        hold_complete(&place);
    }
}

#[test]
fn a_job_that_is_asked_to_stop_stops_and_can_be_gone_on_with() {
    let place = Place::with_many(OBJECTS);
    let mut job = Running::start(place.job("null", &["--json"]));
    job.until("outputs were written", |_| place.written() >= 100);
    // It would be done before anyone looks.
    let instance = job.instances()[0];
    signal(instance, Signal::STOP);
    let output = place.output();
    run(["jobs".as_ref(), "stop".as_ref(), output.as_os_str(), "job".as_ref()]).exits(0);
    let status = || place.record()["status"].as_str().unwrap().to_owned();
    wait_until("it was stopping", || status() == "Stopping");
    signal(instance, Signal::CONT);
    let ended = job.end().exits(130).complains("interrupted: ");
    assert_eq!(status(), "Stopped");
    let summary = ended.json();
    let number = |key: &str| summary[key].as_u64().unwrap() as usize;
    assert_eq!(number("succeeded") + number("unfinished"), OBJECTS, "{ended}");
    assert_eq!(place.written(), number("succeeded"), "what was in flight was finished");
    assert_eq!(place.listed().len(), number("succeeded"));

    let ended = run(place.job("null", &["--resume", "--json"])).exits(0);
    let again = ended.json();
    assert_eq!(again["resumed"], summary["succeeded"], "none was done twice: {ended}");
    hold_complete(&place);
    let record = place.record();
    assert_eq!(record["counts"]["resumed"], summary["succeeded"]);
    assert_eq!(record["counts"]["succeeded"], OBJECTS);
    // Its lists were kept over: those that were not done again still have their counts of records.
    assert!(place.listed().iter().all(|line| line["records"] == 1));
}

#[test]
fn a_job_can_be_resumed_only_as_what_it_was() {
    let place = Place::with_digits(5);
    place.put("bad.png", b"no picture");
    run(place.job("null", &["--resume"])).exits(2).complains("there is no such job");
    run(place.job("null", &[])).exits(1);
    run(place.job("null", &[])).exits(2).complains("job name job: ").complains("--resume");
    run(place.job("null", &["--resume", "--accept", "text/csv"]))
        .exits(2)
        .complains("another TransformOutput.Accept");
    run(place.job("native", &["--resume"])).exits(2).complains("another backend");
    run(place.job("null", &["--resume", "--probabilities"])).exits(2).complains("another prob");
    // How batches are made changes no output.
    run(place.job("null", &["--resume", "--max-batch", "2"])).exits(1).says("5 of 6 objects");
    assert_eq!(place.record()["status"], "Failed");
    let reason = place.record()["failure_reason"].as_str().unwrap().to_owned();
    assert!(reason.starts_with("1 of 6 objects failed; the first: bad.png: "), "{reason}");
}

#[test]
fn a_job_that_runs_is_not_resumed_beside_itself() {
    let place = Place::with_many(OBJECTS);
    let mut job = Running::start(place.job("null", &[]));
    job.until("outputs were written", |_| place.written() >= 100);
    let instance = job.instances()[0];
    signal(instance, Signal::STOP);
    run(place.job("null", &["--resume"])).exits(2).complains("it still runs, as process ");
    signal(instance, Signal::CONT);
    job.end().exits(0);
    hold_complete(&place);
}

#[test]
fn outputs_of_another_job_are_never_taken_for_ones_own() {
    let place = Place::with_many(OBJECTS);
    fs::create_dir_all(place.output().join("0")).unwrap();
    let stale = |i: usize| place.output().join(format!("0/{i}.png.out"));
    for i in (0..OBJECTS).step_by(10) {
        fs::write(stale(i), "what another model said").unwrap();
    }
    let left = OBJECTS / 10;
    let mut job = Running::start(place.job("null", &["--partition", "key-order"]));
    job.until("outputs were written", |_| place.written() > left + 20);
    let mut all = job.instances();
    all.push(job.pid());
    all.iter().for_each(|&pid| signal(pid, Signal::KILL));
    job.end();
    wait_until("the instances died", || all.iter().all(|&pid| !lives(pid)));
    // As if those had not been reached.
    fs::write(stale(10), "what another model said").unwrap();
    run(place.job("null", &["--resume"])).exits(0);
    hold_complete(&place);
}

#[test]
fn an_output_deleted_behind_the_jobs_back_is_found_and_made_again() {
    let place = Place::with_many(OBJECTS);
    let mut job = Running::start(place.job("null", &[]));
    let victim = place.output().join("0/0.png.out");
    job.until("the first output was written", |_| victim.exists());
    fs::remove_file(&victim).unwrap();
    let ended = job.end().exits(1).says("3,999 of 4,000 objects");
    let failures = crate::support::failures(&place);
    assert_eq!(failures.len(), 1, "{ended}");
    assert_eq!(failures[0].key, "0/0.png");
    assert!(failures[0].reason.contains("no longer in the store"), "{failures:?}");
    let record = place.record();
    assert_eq!(record["status"], "Failed");
    assert!(record["failure_reason"].as_str().unwrap().contains("1 of 4,000 objects failed"));
    assert!(place.listed().iter().all(|line: &Value| line["key"] != "0/0.png"));
    run(place.job("null", &["--resume"])).exits(0).says("3,999 objects had their outputs already");
    hold_complete(&place);
}

#[test]
fn an_output_written_over_behind_the_jobs_back_is_made_again() {
    let place = Place::with_digits(6);
    run(place.job("null", &[])).exits(0);
    let answers = place.outputs();
    fs::write(place.output().join("003.png.out"), "something else of another size").unwrap();
    place.put("late.png", &png(&digit(1)));
    run(place.job("null", &["--resume"])).exits(0);
    let outputs = place.outputs();
    assert_eq!(outputs[..6], answers);
    assert_eq!(outputs.len(), 7, "an object that came later is done as well");
}

#[test]
fn a_silent_instance_is_given_up_and_the_others_take_over() {
    let place = Place::with_many(OBJECTS);
    let job = ["--instance-count", "2", "--invocations-timeout", "1"];
    let job = [&job[..], &["--invocations-max-retries", "0"]].concat();
    let mut job = Running::start(place.job("null", &job));
    job.until("outputs were written", |_| place.written() >= 100);
    let victim = job.instances()[0];
    signal(victim, Signal::STOP);
    let ended = job.end().exits(0).complains("took over");
    assert!(ended.stderr.contains("said nothing for 31.0 s, so it was killed"), "{ended}");
    hold_complete(&place);
}
