//! `plimsoll transform` from end to end.

use std::collections::HashMap;
use std::fs;

use plimsoll::model::{self, Weights};

use crate::support::{Place, digit, marked, plimsoll, png, prediction, predictions, run, skipped};

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

#[test]
fn every_object_gets_its_own_output_on_every_backend_and_number_of_instances() {
    let place = strange_names();
    for (backend, instances) in [("native", "1"), ("native", "2"), ("native", "3"), ("null", "2")] {
        place.clear();
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
        place.clear();
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
    for rate in ["objects_per_s", "images_per_s"] {
        assert!((figure(rate) * figure("run_s") - 30.0).abs() < 1e-6, "{rate}");
    }
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
fn a_second_job_replaces_the_outputs_of_the_first_and_has_lists_of_its_own() {
    let place = Place::with_digits(8);
    place.put("bad.png", b"no picture");
    run(place.job("null", &["--job-name", "first"])).exits(1);
    place.put("bad.png", &png(&marked(4)));
    fs::write(place.output().join("000.png.out"), "what an older run made of it").unwrap();
    fs::write(place.output().join("not ours"), "keep").unwrap();
    run(place.job("null", &[])).exits(0);
    assert!(!place.failures().exists());
    assert_eq!(place.listed().len(), 9);
    let mut expected = predictions("null", &place.input());
    expected.push(("not ours".into(), "keep".into()));
    expected.sort();
    assert_eq!(place.outputs(), expected);
}

#[test]
fn the_list_of_failures_goes_when_a_resumed_job_has_none() {
    let place = Place::with_digits(8);
    place.put("bad.png", b"no picture");
    run(place.job("null", &[])).exits(1);
    assert!(place.failures().exists());
    place.put("bad.png", &png(&marked(4)));
    run(place.job("null", &["--resume"])).exits(0).says("8 objects had their outputs already");
    assert!(!place.failures().exists());
    assert_eq!(place.outputs(), predictions("null", &place.input()));
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
    assert!(outputs.iter().all(|(_, text)| *text == prediction(3)));
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
        .map(|(name, label)| (format!("{name}.out"), prediction(label.parse().unwrap())))
        .collect();
    let outputs = place.outputs();
    assert_eq!((labels.len(), outputs.len()), (10_000, 10_000));
    let right = outputs.iter().filter(|(key, text)| labels.get(key) == Some(text)).count();
    assert!(right >= 9_850, "{right} of 10,000 are right; 9,850 should be");
}
