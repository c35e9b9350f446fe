//! What the program says of itself, and to whom it says nothing.

use std::process::Stdio;

use crate::support::{end, plimsoll, run};

const COMMANDS: [&[&str]; 17] = [
    &["transform"],
    &["jobs"],
    &["jobs", "list"],
    &["jobs", "describe"],
    &["jobs", "stop"],
    &["jobs", "wait"],
    &["sweep"],
    &["report"],
    &["compare"],
    &["size"],
    &["catalogue"],
    &["train"],
    &["data"],
    &["data", "fetch"],
    &["data", "sample"],
    &["doctor"],
    &["completions"],
];

#[test]
fn every_command_has_a_help_that_names_it() {
    for command in COMMANDS {
        let long = run(command.iter().chain([&"--help"])).exits(0);
        assert_eq!(long.stderr, "");
        let long = long.says(&format!("Usage: plimsoll {}", command.join(" ")));
        assert!(long.stdout.lines().all(|line| line.chars().count() <= 100), "{long}");
        run(command.iter().chain([&"-h"])).exits(0).says("Usage: plimsoll ");
    }
}

#[test]
fn the_help_lists_every_command_and_every_exit_code() {
    let help = run(["--help"]).exits(0);
    for command in COMMANDS {
        assert!(help.stdout.contains(&format!("\n  {} ", command[0])), "{} {help}", command[0]);
    }
    // Those who would start an instance by hand have no use for it.
    assert!(!help.stdout.contains("\n  instance "), "{help}");
    let help = help.says("Exit codes:");
    use plimsoll::cli::exit;
    for code in [
        exit::OK,
        exit::PARTIAL,
        exit::USAGE,
        exit::INPUT,
        exit::UNAVAILABLE,
        exit::FAILED,
        exit::BUG,
        exit::TIMEOUT,
        exit::INTERRUPTED,
    ] {
        assert!(help.stdout.contains(&format!("\n  {code:<4} ")), "{code} {help}");
    }
}

#[test]
fn the_version_is_the_packages() {
    let ended = run(["--version"]).exits(0);
    assert_eq!(ended.stdout, format!("plimsoll {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_command_line_that_cannot_be_meant_is_refused_on_standard_error() {
    for (args, says) in [
        (&[][..], "Usage: plimsoll"),
        (&["transfrom"], "transform"),
        (&["transform"], "--input <URI>"),
        (&["transform", "--output", "out"], "--input <URI>"),
        (&["transform", "--input", "a", "--output", "b", "--max-batch", "0"], "at least 1"),
        (&["transform", "--input", "a", "--output", "b", "--preferred", "4,"], "--preferred"),
        (&["transform", "--input", "a", "--output", "b", "--max-delay", "5"], "write 500us, 2ms"),
        (&["sweep", "--rounds", "0"], "at least 1"),
        (&["sweep", "--label", " "], "write ml.g5.xlarge, or what you call the machine"),
        (&["sweep", "--batch", "8,x"], "not a count; write 1000"),
        (&["sweep", "--synthetic", "--data-dir", "x"], "cannot be used with"),
        (&["compare", "base"], "<NEW>"),
        (&["compare", "a", "b", "--threshold", "3"], "write 3% or 0.03"),
        (&["completions", "tcsh"], "possible values: "),
    ] {
        let ended = run(args).exits(2).complains(says);
        assert_eq!(ended.stdout, "", "{args:?}");
    }
}

#[test]
fn completions_are_scripts_that_name_the_program() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(["completions", shell]).exits(0);
        assert!(script.stdout.lines().count() > 20, "{script}");
        for word in ["plimsoll", "transform", "instance-count", "dry-run"] {
            assert!(script.stdout.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn a_reader_that_has_gone_away_is_no_error() {
    let mut child = plimsoll(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_standard_output_that_is_full_is_an_error() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = plimsoll(["completions", "bash"]);
    let child = command.stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.starts_with("error: cannot write standard output: No space left"), "{said}");
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn offline_means_that_nothing_is_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = plimsoll(["data", "fetch", "--dir"]);
    command.arg(folder.path());
    end(command).exits(4).complains("PLIMSOLL_OFFLINE is set; unset it to fetch");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
