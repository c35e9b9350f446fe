//! What may not be read or written, and disks without room.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::support::{
    Ended, Place, check_one, end, files, install, is_root, marked, plimsoll, png, predictions, run,
    skipped,
};

type Runner = dyn Fn(&[OsString]) -> Ended;

/// The program, copied to where a user who may do nothing can run it. None where it cannot be: the
/// libraries it needs may lie where that user cannot go.
fn as_nobody(place: &Place) -> Option<Box<Runner>> {
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65_534;
    if !is_root() {
        // This user can be kept out as well as any.
        return Some(Box::new(|args| run(args)));
    }
    let program = place.path("plimsoll");
    install(Path::new(env!("CARGO_BIN_EXE_plimsoll")), &program);
    fs::set_permissions(place.path(""), fs::Permissions::from_mode(0o755)).unwrap();
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
         transform() {{ \"$program\" transform --backend null --input \"$in\" --output \"$1\" --job-name job; }}\n\
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
    let list = fs::read_to_string(place.path("disk.plimsoll/job/failures.jsonl")).unwrap();
    assert!(!written.is_empty() && list.lines().count() > 30, "{ended}");
    assert_eq!(written.len() + list.lines().count(), 60, "{ended}");
}
