//! Which revision of Plimsoll is being measured.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The revision of Plimsoll's checkout that `folder` lies in, `-dirty` where tracked files were
/// changed; absent outside of one and without git. The revision of someone else's checkout, where
/// a user happens to stand, would say nothing of the figures.
pub(super) fn revision(folder: &Path) -> Option<String> {
    let checkout = checkout(folder)?;
    let output = Command::new("git")
        .args(["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"])
        .current_dir(checkout)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let revision = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !revision.is_empty()).then_some(revision)
}

/// The top of Plimsoll's checkout, at `folder` or above it.
fn checkout(folder: &Path) -> Option<PathBuf> {
    // A worktree has a file where a clone has a folder.
    let top = folder.ancestors().find(|folder| folder.join(".git").exists())?;
    let manifest: toml::Table = fs::read_to_string(top.join("Cargo.toml")).ok()?.parse().ok()?;
    let name = manifest.get("package")?.get("name")?.as_str()?;
    (name == env!("CARGO_PKG_NAME")).then(|| top.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(folder: &Path, args: &[&str]) {
        let status = Command::new("git")
            .args(["-c", "user.name=A", "-c", "user.email=a@example.org"])
            .args(args)
            .current_dir(folder)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "{args:?}");
    }

    #[test]
    fn the_checkout_is_plimsolls_or_none() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("src/measure");
        fs::create_dir_all(&deep).unwrap();
        fs::write(root.path().join("Cargo.toml"), "[package]\nname = \"plimsoll\"\n").unwrap();
        assert_eq!(checkout(&deep), None, "no .git");
        fs::create_dir(root.path().join(".git")).unwrap();
        assert_eq!(checkout(&deep), Some(root.path().to_owned()));
        for manifest in ["[package]\nname = \"other\"\n", "[workspace]\n", "not toml"] {
            fs::write(root.path().join("Cargo.toml"), manifest).unwrap();
            assert_eq!(checkout(&deep), None, "{manifest}");
        }
    }

    #[test]
    fn a_changed_checkout_is_dirty() {
        if Command::new("git").arg("--version").output().is_err() {
            println!("skipped: there is no git on this machine");
            return;
        }
        let root = tempfile::tempdir().unwrap();
        let manifest = root.path().join("Cargo.toml");
        fs::write(&manifest, "[package]\nname = \"plimsoll\"\n").unwrap();
        git(root.path(), &["init", "-q"]);
        git(root.path(), &["add", "."]);
        git(root.path(), &["commit", "-q", "-m", "first"]);
        let clean = revision(root.path()).unwrap();
        assert!(clean.len() == 12 && clean.bytes().all(|b| b.is_ascii_hexdigit()), "{clean}");
        fs::write(&manifest, "[package]\nname = \"plimsoll\"\nversion = \"1.0.0\"\n").unwrap();
        assert_eq!(revision(root.path()), Some(format!("{clean}-dirty")));
    }
}
