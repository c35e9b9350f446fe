//! `scripts/libtorch.sh` on machines that lack something: one sentence that says what to do.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the script uses of any Unix, beside bash itself.
const TOOLS: [&str; 9] =
    ["awk", "bash", "dirname", "env", "flock", "grep", "ln", "mkdir", "readlink"];

/// A checkout with nothing but the script, and a PATH of its own.
struct Machine {
    root: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let machine = Self { root };
        fs::create_dir_all(machine.path("checkout/scripts")).unwrap();
        fs::create_dir_all(machine.path("bin")).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/libtorch.sh");
        fs::copy(script, machine.path("checkout/scripts/libtorch.sh")).unwrap();
        for tool in TOOLS {
            let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
                .map(|folder| folder.join(tool))
                .find(|path| path.exists())
                .unwrap_or_else(|| panic!("{tool} is not on the PATH"));
            symlink(found, machine.path("bin").join(tool)).unwrap();
        }
        machine
    }

    fn path(&self, below: &str) -> PathBuf {
        self.root.path().join(below)
    }

    /// Puts a program there that runs this shell text.
    fn with(self, name: &str, text: &str) -> Self {
        let path = self.path("bin").join(name);
        fs::write(&path, format!("#!/usr/bin/env bash\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// A folder that looks like libtorch of that version.
    fn libtorch(&self, version: &str) -> PathBuf {
        let folder = self.path(&format!("libtorch-{version}"));
        fs::create_dir_all(folder.join("lib")).unwrap();
        fs::write(folder.join("lib/libtorch_cpu.so"), "").unwrap();
        fs::write(folder.join("build-version"), format!("{version}+cpu\n")).unwrap();
        folder
    }

    /// Runs the script; gives whether it succeeded and all that it said.
    fn run(&self, libtorch: Option<&Path>) -> (bool, String) {
        let mut command = Command::new(self.path("bin/bash"));
        command.arg(self.path("checkout/scripts/libtorch.sh"));
        command.env_clear().env("PATH", self.path("bin")).env("HOME", self.path("home"));
        command.envs(libtorch.map(|folder| ("LIBTORCH", folder)));
        let done = command.output().unwrap();
        let said = [done.stdout, done.stderr].concat();
        (done.status.success(), String::from_utf8(said).unwrap())
    }
}

#[test]
fn without_a_compiler_it_says_how_to_get_one_or_go_without() {
    let (done, said) = Machine::new().run(None);
    assert!(!done);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("no C++ compiler") && said.contains("apt-get install g++"), "{said}");
    assert!(said.contains("cargo build --no-default-features"), "{said}");
}

#[test]
fn without_python_it_says_so() {
    let (done, said) = Machine::new().with("c++", "").run(None);
    assert!(!done);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("no python3 found"), "{said}");
}

#[test]
fn without_room_on_the_disk_it_says_how_much_it_needs() {
    let full = "echo Filesystem 1024-blocks Used Available; echo disk 100 98 2097152";
    let machine = Machine::new().with("c++", "").with("python3", "exit 1").with("df", full);
    let (done, said) = machine.run(None);
    assert!(!done);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("needs 9 GB") && said.contains("2 GB free"), "{said}");
    assert!(said.contains("PLIMSOLL_CACHE_DIR"), "{said}");
}

#[test]
fn a_libtorch_of_the_wrong_version_is_refused_by_name() {
    let machine = Machine::new().with("c++", "");
    let wrong = machine.libtorch("2.9.0");
    let (done, said) = machine.run(Some(&wrong));
    assert!(!done);
    assert!(said.contains(&format!("LIBTORCH={} holds no libtorch 2.11.0", wrong.display())));
}

#[test]
fn the_right_libtorch_is_linked_and_found_again() {
    let machine = Machine::new().with("c++", "");
    let right = machine.libtorch("2.11.0");
    let (done, said) = machine.run(Some(&right));
    assert!(done, "{said}");
    assert_eq!(fs::read_link(machine.path("checkout/.libtorch")).unwrap(), right);
    // The link alone is enough the next time.
    let (done, said) = machine.run(None);
    assert!(done, "{said}");
    assert_eq!(said.trim(), right.to_str().unwrap());
}
