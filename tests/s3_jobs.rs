//! Transform jobs from bucket to bucket, run by the program over HTTP.

use std::fs;
use std::path::Path;

use crate::support::s3::{Fault, Server};
use crate::support::{Ended, digit, end, files, marked, plimsoll, png, prediction};

const ALL_FAULTS: [Fault; 4] = [Fault::SlowDown, Fault::Internal, Fault::Closed, Fault::Cut];

/// A server with `n` objects in `s3://data/in/`, each marked by its number modulo ten.
fn served(n: usize) -> Server {
    let server = Server::start();
    let folder = server.bucket("data").join("in");
    server.bucket("results");
    fs::create_dir(&folder).unwrap();
    for i in 0..n {
        fs::write(folder.join(format!("{i:04}.png")), png(&marked((i % 10) as u8))).unwrap();
    }
    server
}

/// From `input` to `s3://results/out`, on the null backend, which says what images are marked by.
fn places(input: &str) -> [&str; 6] {
    ["--input", input, "--output", "s3://results/out", "--backend", "null"]
}

fn transform(server: &Server, args: &[&str]) -> Ended {
    let mut command = plimsoll([&["transform"], args].concat());
    command.envs(server.env());
    end(command)
}

/// What lies under a bucket's prefix, as (key, text).
fn objects(server: &Server, prefix: &str) -> Vec<(String, String)> {
    let root = server.root().join(prefix);
    let key = |path: &Path| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
    let mut all: Vec<_> =
        files(&root).iter().map(|path| (key(path), fs::read_to_string(path).unwrap())).collect();
    all.sort();
    all
}

fn answers(n: usize) -> Vec<(String, String)> {
    (0..n).map(|i| (format!("{i:04}.png.out"), prediction((i % 10) as u8))).collect()
}

#[test]
fn a_job_comes_through_a_server_that_throttles_fails_and_hangs_up() {
    let server = served(300);
    server.fails(11, &ALL_FAULTS);
    transform(&server, &[&places("s3://data/in/")[..], &["--instance-count", "2"]].concat())
        .exits(0)
        .says("300 of 300 objects");
    assert_eq!(objects(&server, "results/out"), answers(300));
    let mut list = plimsoll(["jobs", "list", "s3://results/out"]);
    list.envs(server.env());
    end(list).exits(0).says("Completed");
}

#[test]
fn a_stopped_jobs_objects_in_a_bucket_are_not_done_again() {
    let server = served(120);
    let places = [&places("s3://data/in/")[..], &["--job-name", "job"]].concat();
    // One object that is no picture makes the job fail.
    let bad = server.root().join("data/in/0007.png");
    fs::write(&bad, "no picture").unwrap();
    transform(&server, &places).exits(1).complains("1 object failed");
    assert_eq!(objects(&server, "results/out").len(), 119);
    let record = "results/out.plimsoll/job/job.json";
    let record = fs::read_to_string(server.root().join(record)).unwrap();
    assert!(record.contains("Failed"), "{record}");

    fs::write(&bad, png(&marked(7))).unwrap();
    let written = server.requests_of("PUT");
    transform(&server, &[&places[..], &["--resume", "--instance-count", "2"]].concat())
        .exits(0)
        .says("119 objects had their outputs already");
    assert_eq!(objects(&server, "results/out"), answers(120));
    let again = server.requests_of("PUT") - written;
    assert!(again < 20, "{again} objects were written where one output was missing");
}

#[test]
fn a_manifest_and_a_model_may_lie_in_buckets_too() {
    let server = served(20);
    let bucket = server.root().join("data");
    let manifest = r#"[{"prefix": "s3://data/in/"}, "0003.png", "0014.png"]"#;
    fs::write(bucket.join("manifest.json"), manifest).unwrap();
    let mut always_5 = plimsoll::model::Weights::zeros();
    always_5.get_mut(plimsoll::model::Parameter::Fc2Bias)[5] = 1.0;
    let model = bucket.join("model.tar.gz");
    plimsoll::model::save(&model, &always_5, &Default::default()).unwrap();
    let job = r#"{
        "TransformJobName": "from-a-file",
        "ModelName": "always-five",
        "TransformInput": {
            "DataSource": {"S3DataSource": {
                "S3DataType": "ManifestFile", "S3Uri": "s3://data/manifest.json"
            }},
            "ContentType": "application/x-image"
        },
        "TransformOutput": {"S3OutputPath": "s3://results/out"},
        "TransformResources": {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1}
    }"#;
    let file = server.root().join("job.json");
    fs::write(&file, job).unwrap();
    let file = file.to_str().unwrap();
    transform(
        &server,
        &["--job", file, "--model", "s3://data/model.tar.gz", "--backend", "native"],
    )
    .exits(0)
    .says("2 of 2 objects");
    let five = |key: &str| (key.to_owned(), prediction(5));
    assert_eq!(objects(&server, "results/out"), [five("0003.png.out"), five("0014.png.out")]);

    let missing = r#"[{"prefix": "s3://data/in"}, "0003.png", "0014.png"]"#;
    fs::write(bucket.join("manifest.json"), missing).unwrap();
    transform(&server, &["--job", file, "--job-name", "again", "--dry-run"])
        .exits(3)
        .complains("0003.png")
        .complains("slash");
}

#[test]
fn a_literal_prefix_takes_its_siblings_along_and_says_so() {
    let server = served(3);
    let sibling = server.bucket("data").join("in_old");
    fs::create_dir(&sibling).unwrap();
    fs::write(sibling.join("1.png"), png(&digit(1))).unwrap();
    transform(&server, &[&places("s3://data/in")[..], &["--dry-run"]].concat())
        .exits(0)
        .says("would run 4 objects")
        .complains("in_old");
}
