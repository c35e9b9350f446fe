//! Jobs, models and configurations that cannot be meant or done: each is refused as a whole, with
//! the cause, the fix and its exit code, before anything is started or made.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use plimsoll::measure::host::{own_cores, pin};
use plimsoll::model::{self, Weights};
use plimsoll::transform::handler::Mnist;
use plimsoll::transform::{self, Wishes};

use crate::support::{Place, digit, files, not_utf8, png, predictions, run, skipped};

/// A job that fails as a whole.
struct Refused {
    what: &'static str,
    place: Place,
    more: Vec<&'static str>,
    code: u8,
    says: Vec<&'static str>,
}

fn refused() -> Vec<Refused> {
    let mut all = Vec::new();
    let mut add = |what, place, more: &[&'static str], code, says: &[&'static str]| {
        all.push(Refused { what, place, more: more.to_vec(), code, says: says.to_vec() });
    };
    add("an empty folder", Place::new(), &[], 2, &["/in: no objects found in it; check the path"]);

    let place = Place::new();
    fs::create_dir_all(place.input().join("only/empty/folders")).unwrap();
    add("a folder of empty folders", place, &[], 2, &["no objects found"]);

    let place = Place::new();
    fs::remove_dir(place.input()).unwrap();
    add("no folder", place, &[], 3, &["cannot open ", "/in: No such file or directory"]);

    let place = Place::with_digits(2);
    symlink(place.input(), place.input().join("circle")).unwrap();
    add("a circle of links", place, &[], 2, &["/in/circle: ", "remove the link"]);

    let place = Place::with_digits(2);
    fs::write(place.output(), "x").unwrap();
    add("a file in the output's place", place, &[], 3, &["cannot create ", "/out: "]);

    let place = Place::with_digits(2);
    symlink(place.input().join("results"), place.output()).unwrap();
    fs::create_dir(place.input().join("results")).unwrap();
    let says = ["/out: it lies in the input folder", "choose a folder outside"];
    add("an output that a link leads into the input", place, &[], 2, &says);

    let place = Place::with_digits(2);
    symlink(place.input(), place.output()).unwrap();
    add("an output that is the input", place, &[], 2, &["choose a folder outside"]);

    let place = Place::with_digits(2);
    add("an unknown backend", place, &["--backend", "tpu"], 2, &["`tpu`: unknown; choose one of"]);

    let place = Place::with_digits(2);
    let more = ["--max-batch", "8", "--preferred", "9"];
    add("a preferred size past the batch", place, &more, 2, &["preferred batch size 9", "8"]);

    let place = Place::with_digits(2);
    let says = ["max batch 1000000", "more than 65536"];
    add("a batch past all memory", place, &["--max-batch", "1m"], 2, &says);

    let place = Place::with_digits(2);
    let says = ["InstanceCount`: 10000 must be", "from 1 to 100"];
    add("too many instances", place, &["--instance-count", "10k"], 2, &says);

    let place = Place::with_digits(2);
    let says = ["cannot read /no/such/model.pth: No such file"];
    add("a model that is not there", place, &["--model", "/no/such/model.pth"], 3, &says);
    all
}

#[test]
fn a_job_that_cannot_be_done_is_refused_with_the_cause_and_the_fix() {
    for Refused { what, place, more, code, says } in refused() {
        let backend: &[&str] = if more.contains(&"--backend") { &[] } else { &["native"] };
        let mut args = place.job("native", &more);
        if backend.is_empty() {
            // The one that `job` put in would be given twice.
            args.drain(5..7);
        }
        let ended = run(args);
        assert_eq!(ended.code, Some(code.into()), "{what}: {ended}");
        assert_eq!(ended.stdout, "", "{what}");
        let lines: Vec<&str> = ended.stderr.lines().collect();
        assert_eq!(lines.len(), 1, "{what}: {ended}");
        assert!(lines[0].starts_with("error: "), "{what}: {ended}");
        for words in says {
            assert!(lines[0].contains(words), "{what}: {words:?} is not said\n{ended}");
        }
        let out = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "out");
        assert!(!files(&place.output()).iter().any(out), "{what}");
    }
}

#[test]
fn what_is_wrong_with_a_job_is_found_before_an_instance_is_started() {
    for Refused { what, place, more, .. } in refused() {
        let value = |flag| more.iter().position(|&own| own == flag).map(|at| more[at + 1]);
        let count = |flag| value(flag).map(|text| plimsoll::units::parse_count(text).unwrap());
        let mut record = place.null_job(|_| ());
        // Past what a request may say.
        let instances = count("--instance-count").unwrap_or(1);
        record.request.transform_resources.instance_count = instances;
        let local = &mut record.local;
        local.model = value("--model").map(Into::into);
        local.backend = value("--backend").unwrap_or("native").into();
        local.max_batch = count("--max-batch").unwrap_or(16) as usize;
        local.preferred = count("--preferred").map(|size| size as usize).into_iter().collect();
        let mut started = false;
        // Starting this one would be another error.
        let program = Path::new("/no/such/program");
        let stop = AtomicBool::new(false);
        let error = transform::run(record, Wishes::default(), &Mnist, program, &stop, &mut |_| {
            started = true;
        })
        .unwrap_err()
        .to_string();
        assert!(!started && !error.contains("/no/such/program"), "{what}: {error}");
    }
}

#[test]
fn an_output_within_the_input_is_refused_before_it_is_made() {
    let place = Place::with_digits(2);
    let mut args = place.job("null", &[]);
    for (output, left) in [("results", 2), ("a/b/c", 2), ("../in/d/../e", 2)] {
        args[4] = place.input().join(output).into();
        run(args.clone()).exits(2).complains("choose a folder outside");
        assert_eq!(fs::read_dir(place.input()).unwrap().count(), left, "{output} was made");
    }
}

#[test]
fn paths_that_are_not_utf8_are_refused_as_what_they_are() {
    let place = Place::with_digits(2);
    for at in [2, 4] {
        let mut args = place.job("null", &[]);
        args[at] = place.path("x").join(not_utf8()).into();
        if fs::create_dir_all(Path::new(&args[at])).is_err() {
            return skipped("paths that are not UTF-8: this file system has none");
        }
        run(args).exits(2).complains("is not UTF-8").complains("rename");
    }
    let mut args = place.job("null", &[]);
    let file = place.path("x").join(OsStr::from_bytes(b"\xff.safetensors"));
    model::save(&file, &Weights::zeros(), &Default::default()).unwrap();
    args.extend(["--model".into(), file.clone().into()]);
    run(args).exits(2).complains("is not UTF-8");
    let report = place.path("report");
    let args = ["sweep", "--synthetic", "--batch", "1", "--model"].map(OsStr::new);
    let args = args.into_iter().chain([file.as_os_str(), OsStr::new("--out"), report.as_os_str()]);
    run(args).exits(2).complains("is not UTF-8");
}

#[test]
fn a_model_that_is_none_is_refused_with_its_name() {
    let place = Place::with_digits(2);
    let path = place.path("model.pth");
    let file = path.to_str().unwrap();
    let shipped = place.path("whole.safetensors");
    model::save(&shipped, &Weights::fresh(1), &Default::default()).unwrap();
    let mut misshapen = fs::read(&shipped).unwrap();
    let at = misshapen.windows(8).position(|w| w == b"[50,320]").unwrap();
    misshapen[at..at + 8].copy_from_slice(b"[320,50]");
    let mut cut = fs::read(&shipped).unwrap();
    cut.truncate(1000);
    for (bytes, says) in [
        (&b""[..], "empty"),
        (b"not a model at all, but long enough to look at", ""),
        (&png(&digit(0)), ""),
        (&misshapen, "fc1.weight"),
        (&cut, ""),
    ] {
        fs::write(&path, bytes).unwrap();
        let ended = run(place.job("native", &["--model", file])).exits(3);
        assert!(ended.stderr.starts_with(&format!("error: {file}: ")), "{ended}");
        ended.complains(says);
        assert_eq!(place.written(), 0);
    }
    let folder = place.path("");
    let ended = run(place.job("native", &["--model", folder.to_str().unwrap()])).exits(3);
    ended.complains("cannot read ");
}

#[cfg(not(feature = "torch"))]
#[test]
fn a_build_without_libtorch_refuses_its_backends_and_says_what_to_do() {
    let place = Place::with_digits(2);
    for backend in ["torch", "torch-eager"] {
        run(place.job(backend, &[]))
            .exits(4)
            .complains(&format!("backend `{backend}` is not available"))
            .complains("use the native backend");
    }
}

#[test]
fn more_instances_than_cores_are_allowed_with_a_warning() {
    let place = Place::with_digits(9);
    let job = place.job("null", &["--instance-count", "3"]);
    // What this thread starts inherits its cores.
    let ended = std::thread::spawn(move || {
        pin(&own_cores()[..1]).unwrap();
        run(job)
    });
    let ended = ended.join().unwrap().exits(0);
    assert_eq!(
        ended.stderr, "warning: 3 instances share 1 core; they will be slower than 1 instance\n",
        "{ended}"
    );
    assert_eq!(place.outputs(), predictions("null", &place.input()));
}

#[test]
fn more_instances_than_objects_are_not_started() {
    let place = Place::with_digits(1);
    let ended = run(place.job("null", &["--instance-count", "100", "--json"])).exits(0);
    assert_eq!(
        ended.stderr,
        "warning: 99 of 100 instances have no object: an object is never divided, so that 1 would \
         do\n",
        "a crowd that never came was warned of"
    );
    assert_eq!(ended.json()["instances"].as_array().unwrap().len(), 1);
}

#[test]
fn a_configuration_that_cannot_be_meant_is_refused_with_its_line() {
    let place = Place::new();
    let path = place.path("sweep.toml");
    for (text, code, says) in [
        ("rounds = 3\nbatch = [1]\n", 2, "sweep.toml, line 2: unknown field `batch`"),
        ("batch_sizes = [8, 0]\n", 2, "`batch_sizes`: 0 must be from 1 to 65536"),
        ("batch_sizes = []\n", 2, "`batch_sizes`: [] needs at least one number"),
        ("instances = []\n", 2, "`instances`: [] needs at least one number"),
        ("backends = [\"tpu\"]\n", 2, "`backends`: tpu is not known; choose from "),
        ("window = \"1 fortnight\"\n", 2, "sweep.toml, line 1: "),
        ("<?xml version=\"1.0\"?>\n", 2, "sweep.toml, line 1: "),
    ] {
        fs::write(&path, text).unwrap();
        let out = place.path("report");
        let args = ["sweep".as_ref(), path.as_os_str(), "--out".as_ref(), out.as_os_str()];
        let ended = run(args).exits(code).complains(says);
        assert_eq!((ended.stdout.as_str(), ended.stderr.lines().count()), ("", 1), "{ended}");
        assert!(!out.exists(), "{text}");
    }
    run(["sweep", "/no/such/sweep.toml"]).exits(3).complains("cannot read /no/such/sweep.toml: ");
    run(["sweep", "/"]).exits(3).complains("cannot read /: ");
    fs::write(&path, b"rounds = 3 # \xff\n").unwrap();
    let ended = run(["sweep".as_ref(), path.as_os_str()]);
    assert_eq!(ended.code, Some(3), "{ended}");
}
