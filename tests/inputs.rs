//! Which objects a job is over: literal prefixes, manifests, and keys that mean mischief.

use std::fs;

use crate::support::{Place, marked, png, prediction, predictions, run};

impl Place {
    /// Puts a manifest beside the input, with `IN` for the input's path, and gives the arguments of
    /// a job over it.
    fn manifest(&self, text: &str) -> Vec<std::ffi::OsString> {
        let path = self.path("list.manifest");
        fs::write(&path, text.replace("IN", self.input().to_str().unwrap())).unwrap();
        let mut args = self.job("null", &["--data-type", "ManifestFile"]);
        args[2] = path.into();
        args
    }

    /// What lies beside the input, the output and what tests put there.
    fn strays(&self) -> Vec<String> {
        let known = ["in", "out", "out.plimsoll", "list.manifest"];
        let names = fs::read_dir(self.path("")).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| !known.contains(&name.as_str())).collect()
    }
}

#[test]
fn a_manifest_of_one_line_runs_as_the_notebook_writes_it() {
    let place = Place::with_digits(12);
    let suffixes: Vec<String> = (0..10).map(|i| format!("\"{i:03}.png\"")).collect();
    let text = format!("[{{\"prefix\": \"IN/\"}}, {}]", suffixes.join(", "));
    run(place.manifest(&text)).exits(0).says("10 of 10 objects");
    let mut answers = predictions("null", &place.input());
    answers.truncate(10);
    assert_eq!(place.outputs(), answers, "those that it does not name are left alone");
}

#[test]
fn a_manifest_may_end_its_prefix_in_the_midst_of_names() {
    let place = Place::with_digits(12);
    run(place.manifest(r#"[{"prefix":"IN/00"},"3.png","7.png"]"#)).exits(0);
    let keys: Vec<String> = place.outputs().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["003.png.out", "007.png.out"]);
}

#[test]
fn a_manifest_that_cannot_be_meant_is_refused_before_anything_is_made() {
    let place = Place::with_digits(3);
    for (text, says) in [
        (r#"[{"prefix":"IN"},"000.png","001.png"]"#, "its prefix lacks a slash"),
        (r#"[{"prefix":"IN/"},"000.png","x.png","y.png"]"#, "2 of its 3 objects cannot be found"),
        (r#"[{"prefix":"IN/"},"000.png","001.png","000.png"]"#, "suffixes 1 and 3 are the same"),
        (r#"[{"prefix":"IN/"}]"#, "no suffix"),
        (r#"["000.png"]"#, "prefix"),
        (r#"[{"prefix":"IN/"},"s3://other/000.png"]"#, "cannot span buckets"),
        ("000.png\n001.png\n", "manifest"),
    ] {
        let ended = run(place.manifest(text)).exits(3).complains(says);
        assert!(ended.stderr.starts_with("error: manifest "), "{ended}");
        assert_eq!(ended.stderr.lines().count(), 1, "{ended}");
        assert!(!place.output().exists() && !place.path("out.plimsoll").exists(), "{text}");
    }
    let mut args = place.manifest("[]");
    args[2] = place.path("no.manifest").into();
    run(args).exits(3).complains("cannot read ").complains("no.manifest: No such file");
}

#[test]
fn a_prefix_that_matches_siblings_runs_and_says_so() {
    let place = Place::new();
    for key in ["test_output/1.png", "test_output/2.png", "test_output_pose/3.png", "other/4.png"] {
        place.put(key, &png(&marked(7)));
    }
    let mut args = place.job("null", &[]);
    args[2] = place.input().join("test_out").into();
    let ended = run(&args).exits(0).says("3 of 3 objects");
    assert!(
        ended.stderr.contains(
            "matches several siblings: test_output/ (2 objects), test_output_pose/ (1 object); \
             write one of them out"
        ),
        "{ended}"
    );
    let keys: Vec<String> = place.outputs().into_iter().map(|(key, _)| key).collect();
    assert_eq!(
        keys,
        ["test_output/1.png.out", "test_output/2.png.out", "test_output_pose/3.png.out"]
    );
    place.clear();
    args[2] = place.input().join("test_output/").into();
    let ended = run(&args).exits(0).says("2 of 2 objects");
    assert_eq!(ended.stderr, "");
}

#[test]
fn a_single_file_is_a_job_of_one_object() {
    let place = Place::with_digits(3);
    let mut args = place.job("null", &[]);
    args[2] = place.input().join("001.png").into();
    run(args).exits(0).says("1 of 1 objects");
    assert_eq!(place.outputs(), predictions("null", &place.input())[1..2]);
}

#[test]
fn nothing_is_ever_written_outside_the_output() {
    let place = Place::with_digits(2);
    fs::write(place.path("secret.png"), png(&marked(1))).unwrap();
    for suffix in [
        "../secret.png",
        "x/../../secret.png",
        "/../secret.png",
        "./000.png",
        "a//000.png",
        "/000.png",
        "..",
        "000.png/",
    ] {
        let text = format!(r#"[{{"prefix":"IN/"}},"000.png","{suffix}"]"#);
        let ended = run(place.manifest(&text)).exits(3);
        assert!(ended.stderr.contains("cannot be found"), "{suffix}: {ended}");
        assert!(!place.output().exists(), "{suffix}");
        assert_eq!(place.strays(), ["secret.png"], "{suffix}");
    }
}

#[test]
fn keys_of_1024_bytes_and_of_all_scripts_have_their_outputs() {
    let place = Place::new();
    let part = "k".repeat(203);
    let long = format!("{}/{}", [part.as_str(); 4].join("/"), "e".repeat(1024 - 4 * 204));
    assert_eq!(long.len(), 1024);
    let keys = [long.as_str(), "\u{6570}\u{5b57} \u{1f600}/a b.png", " ", "a\\b", "%2e%2e", "..."];
    for key in keys {
        place.put(key, &png(&marked(3)));
    }
    run(place.job("null", &[])).exits(0).says("6 of 6 objects");
    let mut expected: Vec<_> = keys.map(|key| (format!("{key}.out"), prediction(3))).into();
    expected.sort();
    assert_eq!(place.outputs(), expected);
    assert!(place.strays().is_empty());
}
