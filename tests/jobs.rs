//! `plimsoll jobs`, on records that are written by hand.

use std::path::Path;
use std::time::Duration;

use plimsoll::store::Location;
use plimsoll::transform::record::{JobRecord, Jobs, Status, Time};
use plimsoll::transform::request::{CreateTransformJob, Local};
use serde_json::{Value, json};

use crate::support::run;

/// An output's folder that is not there, and its jobs.
struct Output {
    root: tempfile::TempDir,
    jobs: Jobs,
}

impl Output {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let output = Location::parse(root.path().join("out").to_str().unwrap()).unwrap();
        Self { root, jobs: Jobs::open(&output).unwrap() }
    }

    fn path(&self) -> String {
        self.root.path().join("out").to_str().unwrap().to_owned()
    }

    fn folder(&self, name: &str) -> std::path::PathBuf {
        self.root.path().join("out.plimsoll").join(name)
    }

    /// A job that began at a second of 2026 and is run by this process.
    fn add(&self, name: &str, second: u64, change: impl FnOnce(&mut JobRecord)) -> JobRecord {
        let mut record = record(name, &self.path());
        record.creation_time = Time::from_millis(1_767_225_600_000 + second * 1_000);
        change(&mut record);
        self.jobs.create(&record).unwrap();
        record
    }

    fn jobs(&self, command: &str, more: &[&str]) -> crate::support::Ended {
        run([&["jobs", command, self.path().as_str()], more].concat())
    }
}

fn record(name: &str, output: &str) -> JobRecord {
    let request = json!({
        "TransformJobName": name,
        "ModelName": "mnist",
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "in"}},
        },
        "TransformOutput": {"S3OutputPath": output},
        "TransformResources": {"InstanceType": "ml.c5.xlarge", "InstanceCount": 2},
    });
    let request = CreateTransformJob::parse(request.to_string().as_bytes()).unwrap();
    let notes = request.check().unwrap();
    JobRecord::new(request, Local::default(), notes)
}

/// As if its process had been killed and its number given to this one.
fn orphaned(record: &mut JobRecord) {
    record.process.start_ticks = record.process.start_ticks.map(|ticks| ticks + 1);
}

fn ended(status: Status, reason: Option<&'static str>) -> impl FnOnce(&mut JobRecord) {
    move |record| {
        record.begin();
        record.end(status, reason);
    }
}

fn names(text: &str) -> Vec<&str> {
    text.lines().skip(2).map(|line| line.split_whitespace().next().unwrap()).collect()
}

#[test]
fn jobs_are_listed_the_newest_first() {
    let output = Output::new();
    output.jobs("list", &[]).exits(0).complains("no jobs");
    output.add("b-one", 1, ended(Status::Completed, None));
    output.add("a-two", 3, |_| {});
    output.add("c-two", 2, ended(Status::Failed, Some("2 objects failed")));
    let listed = output.jobs("list", &[]).exits(0);
    assert_eq!(names(&listed.stdout), ["a-two", "c-two", "b-one"], "{listed}");
    assert!(listed.stdout.contains("2026-01-01T00:00:03Z"), "{listed}");
    let sorted = output.jobs("list", &["--sort-by", "name", "--sort-order", "ascending"]).exits(0);
    assert_eq!(names(&sorted.stdout), ["a-two", "b-one", "c-two"], "{sorted}");
    let some = output.jobs("list", &["--name-contains", "two", "--status", "failed"]).exits(0);
    assert_eq!(names(&some.stdout), ["c-two"], "{some}");
}

#[test]
fn a_list_as_json_is_the_apis() {
    let output = Output::new();
    output.add("a", 0, ended(Status::Failed, Some("2 objects failed")));
    let listed = output.jobs("list", &["--json"]).exits(0);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    let entry = &listed["TransformJobSummaries"][0];
    assert_eq!(entry["TransformJobName"], "a");
    assert_eq!(entry["TransformJobStatus"], "Failed");
    assert_eq!(entry["FailureReason"], "2 objects failed");
    assert_eq!(entry["CreationTime"], 1_767_225_600.0);
    assert!(entry["TransformEndTime"].is_f64() && entry["LastModifiedTime"].is_f64());
}

#[test]
fn a_record_that_is_none_is_named_and_the_others_are_listed() {
    let output = Output::new();
    output.add("good", 0, |_| {});
    output.add("bad", 0, |_| {});
    std::fs::write(output.folder("bad").join("job.json"), "{").unwrap();
    let listed = output.jobs("list", &[]).exits(0).complains("left out: bad/job.json: no record");
    assert_eq!(names(&listed.stdout), ["good"]);
    output.jobs("describe", &["bad"]).exits(3).complains("bad/job.json: no record of a job");
}

#[test]
fn a_job_is_described_in_words_and_as_the_api_does() {
    let output = Output::new();
    output.add("a", 0, |record| {
        ended(Status::Completed, None)(record);
        (record.counts.objects, record.counts.succeeded) = (10, 10);
    });
    let words = output.jobs("describe", &["a"]).exits(0);
    for text in ["status     Completed", "objects    10: 10 succeeded", "created    2026-01-01T"] {
        assert!(words.stdout.contains(text), "{words}");
    }
    // The latest one without a name.
    let described = output.jobs("describe", &["--json"]).exits(0);
    let described: Value = serde_json::from_str(&described.stdout).unwrap();
    assert_eq!(described["TransformJobName"], "a");
    assert_eq!(
        described["TransformJobArn"],
        "arn:aws:sagemaker:local:000000000000:transform-job/a"
    );
    assert_eq!(described["TransformOutput"]["KmsKeyId"], "");
    assert_eq!(described["DataProcessing"]["JoinSource"], "None");
    assert_eq!(described["CreationTime"], 1_767_225_600.0);
}

#[test]
fn a_job_that_is_not_there_is_refused_by_name() {
    let output = Output::new();
    output.jobs("describe", &[]).exits(2).complains("no job has its outputs there");
    output.jobs("describe", &["a"]).exits(2).complains("job a: there is no such job");
    output.jobs("stop", &["../a"]).exits(2).complains("job name: \"../a\" is not allowed");
    assert!(!output.folder("").exists(), "looking makes nothing");
}

#[test]
fn a_job_that_runs_is_asked_to_stop_and_one_that_has_ended_is_not() {
    let output = Output::new();
    output.add("a", 0, |_| {});
    output.jobs("stop", &["a"]).exits(0).says("a was asked to stop");
    assert!(output.jobs.asked_to_stop("a").unwrap());
    assert_eq!(std::fs::read(output.folder("a").join("stop")).unwrap(), b"");
    output.add("b", 1, ended(Status::Completed, None));
    output.jobs("stop", &[]).exits(2).complains("job b: it has ended (Completed)");
    assert!(!output.jobs.asked_to_stop("b").unwrap());
}

#[test]
fn waiting_for_a_job_ends_with_it_and_by_its_status() {
    let output = Output::new();
    output.add("completed", 0, ended(Status::Completed, None));
    output.add("failed", 0, ended(Status::Failed, Some("all of it")));
    output.add("stopped", 0, ended(Status::Stopped, None));
    output.jobs("wait", &["completed"]).exits(0).says("completed: Completed");
    output.jobs("wait", &["failed"]).exits(1).says("failed: Failed: all of it");
    output.jobs("wait", &["stopped"]).exits(130).says("stopped: Stopped");
    output.add("running", 0, |_| {});
    output.jobs("wait", &["running", "--timeout", "10ms"]).exits(124).says("still InProgress");

    let mut record = output.jobs.load("running").unwrap();
    let jobs = output.jobs.clone();
    let end = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        record.end(Status::Completed, None);
        jobs.save(&record).unwrap();
    });
    output.jobs("wait", &["running", "--timeout", "1m"]).exits(0).says("running: Completed");
    end.join().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_job_whose_process_is_gone_has_failed_even_where_another_has_its_number() {
    let output = Output::new();
    output.add("a", 0, orphaned);
    let listed = output.jobs("list", &["--status", "failed"]).exits(0);
    assert_eq!(names(&listed.stdout), ["a"], "{listed}");
    output.jobs("wait", &["a"]).exits(1).says("its process is gone (killed?); resume it with");
    // What it last said of itself stays as it is.
    assert_eq!(output.jobs.load("a").unwrap().status, Status::InProgress);
}

#[test]
fn a_request_is_printed_as_it_was_read_and_nothing_is_run() {
    let folder = tempfile::tempdir().unwrap();
    let request = json!({
        "TransformJobName": "a",
        "ModelName": "mnist",
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}},
            "ContentType": "application/x-image",
        },
        "TransformOutput": {"S3OutputPath": "s3://b/out"},
        "TransformResources": {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1},
        "Tags": [{"Key": "team", "Value": "digits"}],
    });
    let file = folder.path().join("job.json");
    std::fs::write(&file, request.to_string()).unwrap();
    let args = |file: &Path| ["transform", "--job", file.to_str().unwrap()].map(String::from);
    let print = |more: &[&str]| {
        let more = more.iter().map(|&text| text.to_owned());
        run(args(&file).into_iter().chain(more).chain(["--print-request".into()]))
    };
    let printed = print(&[]).exits(0).complains("note: Tags: recorded only");
    assert_eq!(serde_json::from_str::<Value>(&printed.stdout).unwrap(), request);
    let wrong = print(&["--max-payload-mb", "101"]).exits(2);
    wrong.complains("`MaxPayloadInMB`: 101 must be a whole number from 0 to 100");
    std::fs::write(&file, r#"{"TransformJobName": "a", "Modelname": "m"}"#).unwrap();
    print(&[]).exits(2).complains("`Modelname`: is no field").complains("mean ModelName?");
}
