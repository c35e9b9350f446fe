//! Input, output, models and configurations that are not as they should be: each is named with its
//! cause, has its exit code, and spoils nothing beside itself.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use plimsoll::data::{Image, encode_png};
use plimsoll::model::{self, Weights};
use plimsoll::pipeline::{own_cores, pin};
use plimsoll::transform::{self, Failure, Job};

use crate::support::{
    Ended, Place, digit, end, files, is_root, marked, not_utf8, plimsoll, png, predictions, run,
    skipped,
};

/// The list of failed objects, in the order of keys.
fn failures(place: &Place) -> Vec<Failure> {
    let list = fs::read_to_string(place.failures()).unwrap();
    list.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Puts `bytes` between good objects, runs the job, and holds it to have failed that one object,
/// with a reason that holds all of `says`, and no other.
#[track_caller]
fn fails_alone(name: &str, bytes: &[u8], more: &[&str], says: &[&str]) {
    let place = Place::with_digits(12);
    let answers = predictions("native", &place.input());
    place.put(name, bytes);
    let ended = run(place.job("native", more)).exits(1);
    check_one(&place, &ended, name, says);
    assert_eq!(place.outputs(), answers, "{ended}");
}

#[track_caller]
fn check_one(place: &Place, ended: &Ended, name: &str, says: &[&str]) {
    let failures = failures(place);
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!(failures[0].key, name);
    for words in says {
        assert!(failures[0].reason.contains(words), "{words:?} is not in {failures:?}");
    }
    let line = format!("failed: {name}: {}\n", failures[0].reason);
    assert!(ended.stderr.contains(&line), "{ended}");
    assert!(ended.stderr.contains("1 object failed; they and the reasons are in "), "{ended}");
    assert!(ended.stderr.contains("out.failures.jsonl"), "{ended}");
}

#[test]
fn an_object_of_no_bytes_fails_alone() {
    fails_alone("empty.png", b"", &[], &["zero bytes"]);
}

#[test]
fn a_truncated_picture_fails_alone() {
    let whole = png(&digit(3));
    for length in [9, 40, whole.len() / 2, whole.len() - 13] {
        fails_alone("cut.png", &whole[..length], &[], &["image: "]);
    }
}

#[test]
fn a_text_fails_alone() {
    fails_alone("notes.txt", b"Dear all,\nthe pictures are late.\n", &[], &["PNG", "JPEG"]);
}

#[test]
fn a_picture_that_claims_to_be_huge_fails_alone_and_at_once() {
    // A sound header of 40,000 x 40,000 pixels of 8-bit grey, and nothing behind it.
    let mut huge = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = b"IHDR".to_vec();
    header.extend(40_000u32.to_be_bytes());
    header.extend(40_000u32.to_be_bytes());
    header.extend([8, 0, 0, 0, 0]);
    huge.extend(13u32.to_be_bytes());
    huge.extend(&header);
    let mut crc = flate2::Crc::new();
    crc.update(&header);
    huge.extend(crc.sum().to_be_bytes());
    fails_alone("huge.png", &huge, &[], &["40000 x 40000 pixels are too many"]);
}

#[test]
fn an_object_past_the_limit_fails_alone() {
    let noise = Image(std::array::from_fn(|i| (i * i * 31 + i * 7) as u8));
    let mut large = encode_png(&noise).unwrap();
    large.resize(5_001, 0);
    fails_alone("large.png", &large, &["--max-object", "5k"], &["larger than", "5000 bytes"]);
}

#[test]
fn the_largest_limit_is_none() {
    let place = Place::with_digits(2);
    run(place.job("null", &["--max-object", "18446744073709551615"])).exits(0);
    assert_eq!(place.written(), 2);
}

#[test]
fn a_link_to_nowhere_fails_alone() {
    let place = Place::with_digits(4);
    let answers = predictions("native", &place.input());
    symlink("/no/such/file", place.input().join("link.png")).unwrap();
    let ended = run(place.job("native", &[])).exits(1);
    check_one(&place, &ended, "link.png", &["cannot read ", "link.png", "No such file"]);
    assert_eq!(place.outputs(), answers);
}

#[test]
fn a_pipe_without_a_writer_fails_alone_instead_of_keeping_the_job_for_ever() {
    let place = Place::with_digits(4);
    let answers = predictions("native", &place.input());
    let made = Command::new("mkfifo").arg(place.input().join("pipe.png")).status();
    if !made.is_ok_and(|status| status.success()) {
        return skipped("a pipe among the objects: there is no mkfifo here");
    }
    let ended = run(place.job("native", &[])).exits(1);
    check_one(&place, &ended, "pipe.png", &["not a file"]);
    assert_eq!(place.outputs(), answers);
}

#[test]
fn a_name_that_is_not_utf8_fails_alone() {
    let place = Place::with_digits(4);
    let answers = predictions("native", &place.input());
    if fs::write(place.input().join(not_utf8()), png(&digit(0))).is_err() {
        return skipped("a name that is not UTF-8: this file system has none");
    }
    let ended = run(place.job("native", &[])).exits(1).complains("its name is not UTF-8");
    assert_eq!(failures(&place).len(), 1, "{ended}");
    assert_eq!(place.outputs(), answers);
}

#[test]
fn a_name_that_leaves_no_room_for_its_outputs_fails_alone() {
    let place = Place::with_digits(4);
    let answers = predictions("native", &place.input());
    let name = "n".repeat(253);
    place.put(&name, &png(&digit(0)));
    let ended = run(place.job("native", &[])).exits(1);
    check_one(&place, &ended, &name, &["cannot write ", "too long"]);
    assert_eq!(place.outputs(), answers);
}

#[test]
fn a_name_with_control_characters_cannot_play_with_the_terminal() {
    let place = Place::new();
    place.put("\u{1b}[2Jgone\n\u{202e}.png", b"no picture");
    let ended = run(place.job("null", &[])).exits(1);
    let telling: Vec<char> = ended.stderr.chars().filter(|c| c.is_control()).collect();
    assert!(telling.iter().all(|&c| c == '\n'), "{telling:?}");
    assert_eq!(ended.stderr.lines().filter(|line| line.starts_with("failed: ")).count(), 1);
    assert_eq!(failures(&place)[0].key, "\u{1b}[2Jgone\n\u{202e}.png");
}

#[test]
fn an_output_that_cannot_take_its_place_fails_alone() {
    let place = Place::with_digits(4);
    fs::create_dir_all(place.output().join("002.png.out/in the way")).unwrap();
    let ended = run(place.job("native", &[])).exits(1);
    check_one(&place, &ended, "002.png", &["cannot write ", "002.png.out"]);
    let mut answers = predictions("native", &place.input());
    answers.remove(2);
    assert_eq!(place.outputs(), answers);
}

#[test]
fn a_list_of_failures_that_cannot_be_written_does_not_hide_the_summary() {
    let place = Place::with_digits(4);
    place.put("bad.png", b"no picture");
    fs::create_dir_all(place.failures().join("in the way")).unwrap();
    run(place.job("null", &[]))
        .exits(3)
        .says("4 of 5 objects in ")
        .complains("failed: bad.png: ")
        .complains("error: cannot write ")
        .complains("out.failures.jsonl");
    assert_eq!(place.written(), 4);
}

/// Jobs that fail as a whole, with what they must say and their exit code.
fn refused() -> Vec<(&'static str, Place, Vec<&'static str>, u8, Vec<String>)> {
    let mut all = Vec::new();
    let mut add = |what, place, more: &[&'static str], code, says: &[&str]| {
        let says = says.iter().map(ToString::to_string).collect();
        all.push((what, place, more.to_vec(), code, says));
    };
    add("an empty folder", Place::new(), &[], 2, &["/in: no objects found in it; check the path"]);

    let place = Place::new();
    fs::create_dir_all(place.input().join("only/empty/folders")).unwrap();
    add("a folder of empty folders", place, &[], 2, &["no objects found"]);

    let place = Place::new();
    fs::remove_dir(place.input()).unwrap();
    add("no folder", place, &[], 3, &["cannot open ", "/in: No such file or directory"]);

    let place = Place::new();
    fs::remove_dir(place.input()).unwrap();
    fs::write(place.input(), "x").unwrap();
    add("a file as input", place, &[], 2, &["/in: not a folder; give the folder"]);

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
    let says = ["instance count 10000", "more than 1024"];
    add("too many instances", place, &["--instance-count", "10k"], 2, &says);

    let place = Place::with_digits(2);
    let says = ["cannot read /no/such/model.pth: No such file"];
    add("a model that is not there", place, &["--model", "/no/such/model.pth"], 3, &says);
    all
}

#[test]
fn a_job_that_cannot_be_done_is_refused_with_the_cause_and_the_fix() {
    for (what, place, more, code, says) in refused() {
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
            assert!(lines[0].contains(&words), "{what}: {words:?} is not said\n{ended}");
        }
        let out = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "out");
        assert!(!files(&place.output()).iter().any(out), "{what}");
    }
}

#[test]
fn what_is_wrong_with_a_job_is_found_before_an_instance_is_started() {
    for (what, place, more, ..) in refused() {
        let value = |flag| more.iter().position(|&own| own == flag).map(|at| more[at + 1]);
        let count = |flag| value(flag).map(|text| plimsoll::units::parse_count(text).unwrap());
        let job = Job {
            input: place.input(),
            output: place.output(),
            model: value("--model").map(PathBuf::from),
            backend: value("--backend").unwrap_or("native").into(),
            instances: count("--instance-count").unwrap_or(1) as usize,
            max_batch: count("--max-batch").unwrap_or(16) as usize,
            max_delay_ns: 0,
            preferred: count("--preferred").map(|size| size as usize).into_iter().collect(),
            max_object_bytes: 1 << 20,
        };
        let mut started = false;
        // Starting this one would be another error.
        let program = Path::new("/no/such/program");
        let error = transform::run(&job, program, &AtomicBool::new(false), &mut |_| started = true)
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
    let mut args = place.job("null", &["--model"]);
    let file = place.path("x").join(OsStr::from_bytes(b"\xff.safetensors"));
    model::save(&file, &Weights::zeros(), &Default::default()).unwrap();
    args.push(file.into());
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
    let ended = run(place.job("null", &["--instance-count", "2", "--json"])).exits(0);
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

/// The program, copied to where a user who may do nothing can run it. None where it cannot be: the
/// libraries it needs may lie where that user cannot go.
fn as_nobody(place: &Place) -> Option<Box<dyn Fn(&[OsString]) -> Ended>> {
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65_534;
    if !is_root() {
        // This user can be kept out as well as any.
        return Some(Box::new(|args| run(args)));
    }
    let program = place.path("plimsoll");
    fs::copy(env!("CARGO_BIN_EXE_plimsoll"), &program).unwrap();
    for folder in [program.as_path(), &place.path("")] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let command = move |args: &[OsString]| {
        let plain = plimsoll(args);
        let mut command = Command::new(&program);
        command.args(plain.get_args()).uid(NOBODY).gid(NOBODY).current_dir("/");
        command.env("PLIMSOLL_OFFLINE", "1").stdin(std::process::Stdio::null());
        command
    };
    let works = command(&["--version".into()]).output().is_ok_and(|o| o.status.success());
    if works { Some(Box::new(move |args| end(command(args)))) } else { None }
}

#[test]
fn a_file_that_may_not_be_read_fails_alone() {
    let place = Place::with_digits(4);
    let answers = predictions("native", &place.input());
    place.put("secret.png", &png(&marked(1)));
    fs::create_dir(place.output()).unwrap();
    let mode = fs::Permissions::from_mode;
    fs::set_permissions(place.input().join("secret.png"), mode(0o000)).unwrap();
    fs::set_permissions(place.path(""), mode(0o777)).unwrap();
    fs::set_permissions(place.output(), mode(0o777)).unwrap();
    let Some(run) = as_nobody(&place) else {
        return skipped(
            "a file that may not be read: root may read all, and no one else can run us",
        );
    };
    fs::set_permissions(place.path(""), mode(0o777)).unwrap();
    let ended = run(&place.job("native", &[])).exits(1);
    check_one(&place, &ended, "secret.png", &["Permission denied", "check its owner and mode"]);
    assert_eq!(place.outputs(), answers);
}

#[test]
fn a_folder_that_may_not_be_written_or_read_is_found_before_any_work() {
    let place = Place::with_digits(4);
    fs::create_dir(place.output()).unwrap();
    let mode = fs::Permissions::from_mode;
    fs::set_permissions(place.output(), mode(0o555)).unwrap();
    let Some(run) = as_nobody(&place) else {
        return skipped(
            "folders that are closed: root is kept out of none, and no one else can run",
        );
    };
    let ended = run(&place.job("native", &[])).exits(3).complains("error: cannot write to ");
    assert!(ended.stderr.contains("/out: Permission denied"), "{ended}");
    assert!(ended.stderr.contains("check its owner and mode"), "{ended}");

    let mut args = place.job("native", &[]);
    args[4] = place.output().join("new").into();
    run(&args).exits(3).complains("error: cannot create ");
    assert_eq!(place.written(), 0);

    fs::set_permissions(place.output(), mode(0o777)).unwrap();
    fs::create_dir(place.input().join("closed")).unwrap();
    fs::set_permissions(place.input().join("closed"), mode(0o000)).unwrap();
    run(&place.job("native", &[])).exits(3).complains("error: cannot list ").complains("closed");
    assert_eq!(place.written(), 0);
    fs::set_permissions(place.input().join("closed"), mode(0o700)).unwrap();
}

/// Runs a shell script in which `$disk` is a disk of `size` bytes that nobody else sees, `$job` is
/// the job's command, and what is left in `$kept` stays. None where there can be no such disk.
fn on_a_small_disk(place: &Place, size: &str, script: &str) -> Option<Ended> {
    let (disk, kept) = (place.path("disk"), place.path("kept"));
    fs::create_dir_all(&disk).unwrap();
    fs::create_dir_all(&kept).unwrap();
    let text = format!(
        "mount -t tmpfs -o size={size} tmpfs \"$disk\" || exit 77\n\
         transform() {{ \"$program\" transform --backend null --input \"$in\" --output \"$1\"; }}\n\
         {script}"
    );
    let mut command = Command::new("unshare");
    command.args(if is_root() { &["--mount"][..] } else { &["--mount", "--map-root-user"] });
    command.args(["sh", "-c", &text]).env("program", env!("CARGO_BIN_EXE_plimsoll"));
    command.env("in", place.input()).env("disk", disk).env("kept", kept);
    if Command::new("unshare").arg("--version").output().is_err() {
        return None;
    }
    let ended = end(command);
    let refused = ended.code == Some(77) || ended.stderr.starts_with("unshare: ");
    (!refused).then_some(ended)
}

#[test]
fn a_disk_that_is_full_is_found_before_any_work() {
    let place = Place::with_digits(4);
    let script = "cat /dev/zero >\"$disk/fill\" 2>\"$kept/dd\"; mkdir \"$disk/out\"; \
                  transform \"$disk/out\"; code=$?; ls -A \"$disk/out\" >\"$kept/ls\"; exit $code";
    let Some(ended) = on_a_small_disk(&place, "64k", script) else {
        return skipped("a full disk: no small one can be mounted here");
    };
    ended
        .exits(3)
        .complains("error: cannot write to ")
        .complains("No space left on device")
        .complains("free some space or choose another folder");
    assert_eq!(fs::read_to_string(place.path("kept/ls")).unwrap(), "", "something was left");
}

#[test]
fn a_disk_that_fills_up_fails_the_objects_it_has_no_room_for_and_leaves_no_part() {
    let place = Place::with_digits(60);
    // A page an output: most of them do not fit. The list goes to the disk's parent folder.
    let script = "transform \"$disk\"; code=$?; cp -r \"$disk\" \"$kept/out\"; exit $code";
    let Some(ended) = on_a_small_disk(&place, "100k", script) else {
        return skipped("a disk that fills up: no small one can be mounted here");
    };
    let ended = ended.exits(1).complains("No space left on device (os error 28); free some space");
    let answers = predictions("null", &place.input());
    let written = files(&place.path("kept/out"));
    for path in &written {
        let key = path.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(path).unwrap();
        assert!(answers.contains(&(key.into(), text)), "{key}: {ended}");
    }
    let list = fs::read_to_string(place.path("disk.failures.jsonl")).unwrap();
    assert!(!written.is_empty() && list.lines().count() > 30, "{ended}");
    assert_eq!(written.len() + list.lines().count(), 60, "{ended}");
}
