//! Whole jobs of many kinds: shares, records, both ways of batching, dry runs, and memory.

use std::fs;
use std::io::Write;
use std::time::Duration;

use crate::support::{Place, Running, digit, lives, marked, png, predictions, run};

#[test]
fn every_way_of_sharing_out_gives_every_object_to_one_instance() {
    let place = Place::with_digits(47);
    place.put("large.png", &[png(&marked(5)), vec![0; 200_000]].concat());
    let answers = predictions("null", &place.input());
    for way in ["key-order", "round-robin", "size-balanced"] {
        for instances in ["1", "2", "5"] {
            place.clear();
            let job = ["--partition", way, "--instance-count", instances, "--json"];
            let ended = run(place.job("null", &job)).exits(0);
            assert_eq!(place.outputs(), answers, "{way} {instances}");
            let summary = ended.json();
            let reports = summary["instances"].as_array().unwrap();
            let images: u64 = reports.iter().map(|i| i["images"].as_u64().unwrap()).sum();
            assert_eq!(images, 48, "{way} {instances}");
            let shares = summary["balance"]["objects"].as_array().unwrap();
            let shared: u64 = shares.iter().map(|n| n.as_u64().unwrap()).sum();
            assert_eq!((shares.len().to_string().as_str(), shared), (instances, 48));
            if way == "size-balanced" && instances == "2" {
                assert_eq!(summary["balance"]["bytes"].as_array().unwrap().len(), 2);
                assert!(ended.stderr.contains("1.9 times the mean share"), "{ended}");
            }
        }
    }
}

#[test]
fn lines_of_a_compressed_table_are_joined_with_their_results() {
    let place = Place::new();
    let mut expected = String::new();
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for row in 0..300u32 {
        let class = row % 10;
        let pixels: Vec<String> =
            marked(class as u8).0.iter().map(|pixel| pixel.to_string()).collect();
        writeln!(zipped, "row {row},{}", pixels.join(",")).unwrap();
        expected += &format!("row {row},{class}\n");
    }
    place.put("table.csv.gz", &zipped.finish().unwrap());
    let table = |more: &[&'static str]| {
        let base = "--content-type text/csv --accept text/csv --compression Gzip --split-type Line \
                    --assemble-with Line --input-filter $[1:] --join-source Input --output-filter \
                    $[0,-1]";
        base.split_whitespace().chain(more.iter().copied()).collect::<Vec<_>>()
    };
    for more in [
        &[][..],
        &["--faithful"],
        &["--batch-strategy", "SingleRecord"],
        &["--batch-strategy", "SingleRecord", "--faithful"],
    ] {
        place.clear();
        run(place.job("null", &table(more))).exits(0);
        let [(key, text)] = &place.outputs()[..] else { panic!("{more:?}") };
        assert_eq!((key.as_str(), text), ("table.csv.gz.out", &expected), "{more:?}");
        let listed = place.listed();
        assert_eq!(listed[0]["records"], 300, "{more:?}");
    }
}

#[test]
fn a_bad_record_fails_its_object_and_says_which_and_where() {
    let place = Place::new();
    let line = vec!["7"; 784].join(",");
    place.put("good.csv", format!("{line}\n{line}\n").as_bytes());
    place.put("bad.csv", format!("{line}\n{line}\nnot,numbers\n{line}\n").as_bytes());
    let job = ["--content-type", "text/csv", "--split-type", "Line", "--assemble-with", "Line"];
    let one = [&job[..], &["--batch-strategy", "SingleRecord"]].concat();
    run(place.job("null", &one)).exits(1).says("1 of 2 objects");
    let failures = crate::support::failures(&place);
    assert_eq!((failures.len(), failures[0].key.as_str()), (1, "bad.csv"));
    assert_eq!(failures[0].record, Some(2));
    assert_eq!(failures[0].offset, Some(2 * (line.len() as u64 + 1)));
    assert_eq!(place.outputs().len(), 1);
}

#[test]
fn both_ways_of_batching_give_the_same_outputs_and_both_rates_are_said() {
    let place = Place::with_digits(60);
    place.put("bad.png", b"no picture");
    let ended = run(place.job("native", &["--compare", "--json"])).exits(1);
    let comparison = &ended.json()["comparison"];
    assert_eq!((&comparison["differing"], &comparison["first_differing"]), (&0.into(), &().into()));
    for way in ["faithful", "coalesced"] {
        assert!(comparison[way]["images_per_s"].as_f64().unwrap() > 0.0, "{ended}");
        assert!(comparison[way]["startup_s"].as_f64().unwrap() > 0.0, "{ended}");
    }
    fs::remove_file(place.input().join("bad.png")).unwrap();
    assert_eq!(place.outputs(), predictions("native", &place.input()));
    run(place.job("native", &["--compare", "--job-name", "b"]))
        .exits(0)
        .says("faithful ")
        .says("the outputs are the same");
    let both = ["--compare", "--resume", "--job-name", "b"];
    run(place.job("native", &both)).exits(2).complains("cannot be used with '--resume'");
}

#[test]
fn a_dry_run_says_what_would_be_run_and_leaves_nothing() {
    let place = Place::with_digits(10);
    let job = ["--dry-run", "--instance-count", "3"];
    run(place.job("null", &job)).exits(0).says("would run 10 objects (").says("on 3 instances");
    assert!(!place.output().exists() && !place.path("out.plimsoll").exists());
    // What was there stays.
    run(place.job("null", &[])).exits(0);
    let outputs = place.outputs();
    run(place.job("null", &job)).exits(2).complains("job name job: ");
    fs::remove_file(place.output().join("004.png.out")).unwrap();
    run(place.job("null", &["--dry-run", "--resume"]))
        .exits(0)
        .says("would run 1 object")
        .says("9 objects have their outputs already");
    assert_eq!(place.outputs().len(), outputs.len() - 1);
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let place = Place::with_digits(3);
    let more = "--accept text/html --content-type video/mp4 --max-batch 100k --dry-run";
    let more: Vec<&str> = more.split_whitespace().collect();
    let mut args = place.job("tpu", &more);
    args[4] = place.input().join("out").into();
    let ended = run(args).exits(2);
    for says in
        ["`tpu`: unknown", "content type `video/mp4`", "max batch 100000", "choose a folder"]
    {
        let said = ended.stderr.lines().filter(|line| line.contains(says)).count();
        assert_eq!(said, 1, "{says}\n{ended}");
    }
    assert!(ended.stderr.lines().all(|line| line.starts_with("error: ")), "{ended}");
    assert_eq!(fs::read_dir(place.input()).unwrap().count(), 3);
}

#[test]
fn objects_too_large_for_a_payload_are_known_before_they_fail() {
    let place = Place::with_digits(3);
    place.put("large.png", &vec![0; (1 << 20) + 1]);
    let ended = run(place.job("null", &["--max-payload-mb", "1", "--dry-run"])).exits(0);
    assert!(ended.stderr.contains("1 object is larger than a payload may be"), "{ended}");
    assert!(ended.stderr.contains("large.png of 1.00 MiB; raise --max-payload-mb"), "{ended}");
}

#[test]
fn outputs_that_would_be_both_file_and_folder_are_refused() {
    let place = Place::new();
    for key in ["a", "a.out/b"] {
        place.put(key, &png(&digit(1)));
    }
    run(place.job("null", &[])).exits(2).complains("the output of a would be a file in the place");
    assert!(!place.output().exists());
}

/// The most memory that a job without disks takes in its parent, in bytes.
fn peak_of(objects: &str) -> u64 {
    let args = ["transform", "--backend", "null", "--input", objects, "--output", "null://0"];
    let job = Running::start(args);
    let mut peak = 0;
    while lives(job.pid()) {
        let status = fs::read_to_string(format!("/proc/{}/status", job.pid())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        if let Some(line) = line {
            let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
            peak = peak.max(kib << 10);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    job.end().exits(0).says(" objects in ");
    peak
}

#[cfg(target_os = "linux")]
#[test]
fn the_memory_of_the_parent_hardly_grows_with_the_number_of_objects() {
    let (few, many) = (peak_of("null://10k"), peak_of("null://200k"));
    let per_object = many.saturating_sub(few) / 190_000;
    assert!(per_object < 250, "{per_object} bytes an object, from {few} to {many}");
    assert!(many < 150 << 20, "{many} bytes");
}
