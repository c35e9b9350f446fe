//! `plimsoll catalogue`, with files of the user's own over the one that comes with the program.

use std::ffi::OsString;
use std::fs;

use crate::support::{Ended, run};

/// Runs `plimsoll catalogue` with the files, given as their texts, and the names.
fn catalogue(files: &[&str], names: &[&str]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let mut args: Vec<OsString> = vec!["catalogue".into()];
    for (index, text) in files.iter().enumerate() {
        let path = folder.path().join(format!("{index}.toml"));
        fs::write(&path, text).unwrap();
        args.extend(["--catalog".into(), path.into()]);
    }
    run(args.into_iter().chain(names.iter().map(Into::into)))
}

#[test]
fn the_shipped_machine_types_are_shown_with_their_prices() {
    let ended = catalogue(&[], &[]).exits(0).says("ml.c5.xlarge").says("$0.204").says("[1] AWS ");
    let line = ended.stdout.lines().find(|line| line.starts_with("p5.48xlarge ")).unwrap();
    for word in ["8 x H100 80 GB", "$55.04", "us-east-1", "2026-07-13"] {
        assert!(line.contains(word), "{word}: {line}");
    }
    // A price of 2023 is old on any day from now on.
    catalogue(&[], &["Standard_D4s_v5"]).exits(0).says("2023-12-18, old").says("Old prices are of");
    let ours = run(["catalog", "ml.g5"]).exits(0).says("ml.g5.48xlarge");
    assert!(!ours.stdout.contains("ml.g6."), "{ours}");
}

#[test]
fn files_add_and_change_machines_one_after_the_other() {
    let price = "price = { usd_per_hour = 0.1, region = \"mine\", date = \"2026-11-01\", source = \
                 \"my bill\" }";
    let cheaper = format!("[[machine]]\nname = \"c5.xlarge\"\n{price}\n");
    let desk = "[[machine]]\nname = \"the desk\"\nlike = \"c5.xlarge\"\nprovider = \"owned\"\nowned = { \
                purchase_usd = 8766, years = 1, watts = 500, usd_per_kwh = 0.5, date = \"2026-11-01\" }\n";
    let ended = catalogue(&[&cheaper, desk], &["c5.xlarge", "the desk"]).exits(0);
    let line = |name: &str| ended.stdout.lines().find(|line| line.starts_with(name)).unwrap();
    assert!(line("c5.xlarge").contains("$0.10  mine"), "{ended}");
    assert!(line("the desk").contains("$1.25  owned"), "{ended}");
    ended.says("[1] my bill").says("2 machine types.");
}

#[test]
fn a_file_that_is_wrong_is_refused_with_the_machine_the_key_and_what_to_write() {
    for (text, says) in [
        (
            "[[machine]]\nname = \"c5.xlarge\"\nclock = 3\n",
            "0.toml, machine `c5.xlarge`, `clock`: is",
        ),
        (
            "[[machine]]\nname = \"c5.xlarge\"\nvcpus = 0\n",
            "`vcpus`: 0 is not from 1 to 1000000; wr",
        ),
        ("[[machine]]\nname = \"c5.xlarge\n", "0.toml, line 2: "),
    ] {
        let ended = catalogue(&[text], &[]).exits(2).complains(says);
        assert_eq!(ended.stdout, "");
    }
    run(["catalogue", "--catalog", "/no/such.toml"]).complains("cannot read /no/such.toml");
    let unknown = catalogue(&[], &["ml.c5.xlagre"]).exits(2);
    unknown.complains("`ml.c5.xlagre`: is no machine type of the catalogue; `ml.c5.xlarge` is");
}
