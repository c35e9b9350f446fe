use std::fs;

use clap::Parser;
use serde_json::{Value, json};

use super::*;
use crate::store::Location;
use crate::transform::record::{Jobs, Status};
use crate::transform::request::Local;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

fn parsed(args: &[&str]) -> Args {
    Line::try_parse_from([&["transform"], args].concat()).unwrap_or_else(|e| panic!("{e}")).args
}

fn asks(args: &[&str]) -> Result<Asked> {
    asked(parsed(args))
}

fn body(asked: &Asked) -> Value {
    serde_json::to_value(&asked.request).unwrap()
}

/// Every field that a flag can set, with other values than the defaults.
fn everything() -> Value {
    json!({
        "TransformJobName": "everything",
        "ModelName": "mnist",
        "MaxConcurrentTransforms": 4,
        "ModelClientConfig": {"InvocationsTimeoutInSeconds": 30, "InvocationsMaxRetries": 1},
        "MaxPayloadInMB": 25,
        "BatchStrategy": "SingleRecord",
        "Environment": {"A": "1", "B": "x=y"},
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": "m.json"}},
            "ContentType": "text/csv",
            "CompressionType": "Gzip",
            "SplitType": "Line",
        },
        "TransformOutput": {"S3OutputPath": "out", "Accept": "text/csv", "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 3},
        "DataProcessing": {"InputFilter": "$[1:]", "OutputFilter": "$[0]", "JoinSource": "Input"},
    })
}

const EVERY_FLAG: &[&str] = &[
    "--job-name",
    "everything",
    "--model-name",
    "mnist",
    "--max-concurrent-transforms",
    "4",
    "--invocations-timeout",
    "30",
    "--invocations-max-retries",
    "1",
    "--max-payload-mb",
    "25",
    "--batch-strategy",
    "SingleRecord",
    "--environment",
    "A=1",
    "--environment",
    "B=x=y",
    "--data-type",
    "ManifestFile",
    "--input",
    "m.json",
    "--content-type",
    "text/csv",
    "--compression",
    "Gzip",
    "--split-type",
    "Line",
    "--output",
    "out",
    "--accept",
    "text/csv",
    "--assemble-with",
    "Line",
    "--instance-type",
    "ml.m5.large",
    "--instance-count",
    "3",
    "--input-filter",
    "$[1:]",
    "--output-filter",
    "$[0]",
];

#[test]
fn flags_build_the_request_that_a_file_does() {
    let flags = [EVERY_FLAG, &["--join-source", "Input"]].concat();
    let built = asks(&flags).unwrap();
    assert_eq!(body(&built), everything());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("job.json");
    fs::write(&file, everything().to_string()).unwrap();
    let read = asks(&["--job", file.to_str().unwrap()]).unwrap();
    assert_eq!((read.request, read.local), (built.request, built.local));
}

#[test]
fn flags_win_over_the_file_and_leave_the_rest_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("job.json");
    fs::write(&file, everything().to_string()).unwrap();
    let file = file.to_str().unwrap();
    let flags = ["--job", file, "--split-type", "none", "--environment", "A=2", "--input", "other"];
    let asked = body(&asks(&flags).unwrap());
    let mut expected = everything();
    expected["TransformInput"]["SplitType"] = "None".into();
    expected["Environment"]["A"] = "2".into();
    expected["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"] = "other".into();
    assert_eq!(asked, expected);
}

#[test]
fn two_places_are_enough_of_a_request() {
    let asked = asks(&["--input", "in", "--output", "out"]).unwrap();
    asked.request.check().unwrap();
    let name = &asked.request.transform_job_name;
    assert!(name.starts_with("transform-"), "{name}");
    assert_eq!(asked.local, Local::default());
    assert_eq!(asked.local.note_on_model(&asked.request), None);
    let mut body = body(&asked);
    body["TransformJobName"] = "x".into();
    let expected = json!({
        "TransformJobName": "x",
        "ModelName": "plimsoll-mnist",
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "in"}}
        },
        "TransformOutput": {"S3OutputPath": "out"},
        "TransformResources": {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1},
    });
    assert_eq!(body, expected);
}

#[test]
fn a_file_needs_what_sagemaker_needs_but_for_a_name_and_what_flags_give() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("job.json");
    let mut request = everything();
    request.as_object_mut().unwrap().remove("TransformJobName");
    fs::write(&file, request.to_string()).unwrap();
    let file = file.to_str().unwrap();
    assert!(asks(&["--job", file]).unwrap().request.transform_job_name.starts_with("transform-"));
    request.as_object_mut().unwrap().remove("ModelName");
    fs::write(file, request.to_string()).unwrap();
    let error = asks(&["--job", file]).unwrap_err().to_string();
    assert_eq!(error, "`ModelName`: is missing; write it into the request or give --model-name");
    asks(&["--job", file, "--model-name", "m"]).unwrap();
}

#[test]
fn a_file_that_is_wrong_is_named_and_one_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("job.json");
    let says = || asks(&["--job", file.to_str().unwrap()]).unwrap_err().to_string();
    assert!(says().contains("cannot read") && says().contains("job.json"), "{}", says());
    fs::write(&file, "{").unwrap();
    assert!(says().contains("job.json: job request: no JSON"), "{}", says());
}

#[test]
fn what_the_api_has_no_word_for_is_said_by_flags() {
    let flags = [
        "--input",
        "in",
        "--output",
        "out",
        "--backend",
        "null",
        "--model",
        "s3://b/m.tar.gz",
        "--max-batch",
        "32",
        "--max-delay",
        "2ms",
        "--preferred",
        "8,16",
        "--partition",
        "size-balanced",
        "--faithful",
        "--preprocess",
        "to-tensor",
        "--probabilities",
        "--output-keys",
        "full",
    ];
    let local = serde_json::to_value(asks(&flags).unwrap().local).unwrap();
    let expected = json!({
        "backend": "null",
        "model": "s3://b/m.tar.gz",
        "partition": "size-balanced",
        "output_keys": "full",
        "coalesce": false,
        "max_batch": 32,
        "max_delay_ns": 2_000_000,
        "preferred": [8, 16],
        "probabilities": true,
        "preprocess": "to-tensor",
    });
    assert_eq!(local, expected);
}

#[test]
fn of_coalesce_and_faithful_the_last_one_counts() {
    let coalesces = |flags: &[&str]| {
        let flags = [&["--input", "in", "--output", "out"], flags].concat();
        asks(&flags).unwrap().local.coalesce
    };
    assert!(coalesces(&[]));
    assert!(coalesces(&["--coalesce"]));
    assert!(!coalesces(&["--faithful"]));
    assert!(!coalesces(&["--coalesce", "--faithful"]));
    assert!(coalesces(&["--faithful", "--coalesce"]));
}

#[test]
fn wishes_are_passed_on() {
    let wishes = |flag: &[&str]| {
        parsed(&[&["--input", "in", "--output", "out"], flag].concat()).machine.wishes()
    };
    let none = transform::Wishes::default();
    assert_eq!(wishes(&[]), none);
    assert_eq!(wishes(&["--dry-run"]), transform::Wishes { dry_run: true, ..none });
    assert_eq!(wishes(&["--compare"]), transform::Wishes { compare: true, ..none });
    assert_eq!(wishes(&["--resume"]), transform::Wishes { resume: true, ..none });
}

#[test]
fn a_job_that_is_gone_on_with_is_what_it_was_but_for_what_flags_say() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let output = output.to_str().unwrap();
    let first = ["--input", "in", "--output", output, "--job-name", "first", "--probabilities"];
    let Asked { request, local } = asks(&first).unwrap();
    let jobs = Jobs::open(&Location::parse(output).unwrap()).unwrap();
    let nothing = asks(&["--output", output, "--resume"]).unwrap_err().to_string();
    assert!(nothing.contains("leave --resume out"), "{nothing}");
    let mut record = JobRecord::new(request.clone(), local.clone(), vec![]);
    record.end(Status::Stopped, None);
    jobs.create(&record).unwrap();

    // The output alone, and the same command again, whose generated name would be another.
    for flags in [&[][..], &["--input", "in"], &["--job-name", "first"]] {
        let again = asks(&[&["--output", output, "--resume"], flags].concat()).unwrap();
        assert_eq!((&again.request, &again.local), (&request, &local));
    }
    let other =
        asks(&["--output", output, "--resume", "--instance-count", "2", "--backend", "null"]);
    let other = other.unwrap();
    assert_eq!(other.request.transform_resources.instance_count, 2);
    assert_eq!(other.local, Local { backend: "null".into(), ..local });
    let missing = asks(&["--output", output, "--resume", "--job-name", "second"]).unwrap_err();
    assert!(missing.to_string().contains("there is no such job"), "{missing}");

    record.end(Status::Completed, None);
    jobs.save(&record).unwrap();
    let done = asks(&["--output", output, "--resume"]).unwrap_err().to_string();
    assert!(done.contains("leave --resume out"), "{done}");
}
