//! `plimsoll data` as a user meets it.

use std::fs;
use std::path::Path;
use std::process::Output;

use assert_cmd::cargo::cargo_bin_cmd;

/// Runs the program where there is no MNIST and no network.
fn plimsoll(args: &[&str], dir: &Path) -> Output {
    let mut command = cargo_bin_cmd!("plimsoll");
    command.env_remove("PLIMSOLL_MNIST_DIR").env("PLIMSOLL_OFFLINE", "1");
    command.env("PLIMSOLL_CACHE_DIR", dir.join("cache"));
    command.current_dir(dir).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_sample_without_mnist_is_synthetic_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let output = plimsoll(&["data", "sample", "--count", "0.02k", "--out", "in"], dir.path());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output.stdout).contains("synthetic digits, seed 1: not MNIST"), "{output:?}");
    assert!(text(&output.stderr).contains("nothing is downloaded offline"), "{output:?}");
    assert_eq!(fs::read_dir(dir.path().join("in")).unwrap().count(), 20);
    let labels = fs::read_to_string(dir.path().join("labels.csv")).unwrap();
    assert_eq!(labels.lines().count(), 21);
    assert!(labels.starts_with("name,label\n000000.png,"), "{labels}");

    let again = plimsoll(&["data", "sample", "--count", "20", "--out", "in"], dir.path());
    assert_eq!(again.status.code(), Some(2), "{again:?}");
    assert!(text(&again.stderr).contains("add --force"), "{again:?}");
}

#[test]
fn a_named_folder_without_mnist_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["data", "sample", "--data-dir", ".", "--out", "in"];
    let output = plimsoll(&args, dir.path());
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(text(&output.stderr).contains("t10k-images-idx3-ubyte: no such file"), "{output:?}");
    assert!(!dir.path().join("in").exists());
}

#[test]
fn a_fetch_offline_says_what_to_unset() {
    let dir = tempfile::tempdir().unwrap();
    let output = plimsoll(&["data", "fetch"], dir.path());
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(text(&output.stderr).contains("PLIMSOLL_OFFLINE"), "{output:?}");
}

/// Were they unlike MNIST's, weights that were trained on MNIST could not read them.
#[test]
fn the_shipped_weights_read_the_synthetic_digits() {
    let dir = tempfile::tempdir().unwrap();
    let sample = ["data", "sample", "--synthetic", "--count", "300", "--out", "in"];
    assert_eq!(plimsoll(&sample, dir.path()).status.code(), Some(0));
    let job = ["transform", "--input", "in", "--output", "out", "--backend", "native"];
    let output = plimsoll(&job, dir.path());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let labels = fs::read_to_string(dir.path().join("labels.csv")).unwrap();
    let right = labels.lines().skip(1).filter(|line| {
        let (name, label) = line.split_once(',').unwrap();
        let found = fs::read_to_string(dir.path().join(format!("out/{name}.out"))).unwrap();
        let found: serde_json::Value = serde_json::from_str(&found).unwrap();
        found["predictions"].as_u64() == label.parse().ok()
    });
    let right = right.count();
    assert!(right >= 294, "{right} of 300");
}
