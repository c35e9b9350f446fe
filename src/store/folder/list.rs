//! Listing a folder.

use std::fs;
use std::path::Path;

use super::{Folder, PART};
use crate::error::{Error, Result};
use crate::store::Listing;

impl Folder {
    /// Every file whose key begins with `start`. Links are followed.
    pub(in crate::store) fn list(&self, start: &str, sizes: bool) -> Result<Listing> {
        let mut listing = Listing::default();
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            let path = self.root.join(&folder);
            let fail = |source| Error::io("list", &path, source);
            for entry in fs::read_dir(&path).map_err(fail)? {
                let entry = entry.map_err(fail)?;
                let name = match entry.file_name().into_string() {
                    Ok(name) => name,
                    Err(name) => {
                        let key = below(&folder, &name.to_string_lossy());
                        if key.starts_with(start) {
                            listing.set_aside(entry.path().to_string_lossy().into_owned());
                        }
                        continue;
                    }
                };
                if name.starts_with(PART) {
                    continue;
                }
                let key = below(&folder, &name);
                if !may_hold(&key, start) {
                    continue;
                }
                let kind = entry.file_type().map_err(fail)?;
                if kind.is_dir() || kind.is_symlink() && leads_to_folder(&entry.path())? {
                    folders.push(key);
                } else if key.starts_with(start) {
                    let facts = sizes.then(|| fs::metadata(entry.path()));
                    // One that cannot be looked at fails once it is read.
                    listing.push(&key, facts.and_then(Result::ok).map(|facts| facts.len()))?;
                }
            }
        }
        Ok(listing.finish())
    }
}

fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Whether a key, or one below it where it is a folder, can begin with `start`.
fn may_hold(key: &str, start: &str) -> bool {
    key.starts_with(start) || start.strip_prefix(key).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether a link leads to a folder. One that leads nowhere is listed as the object that it fails
/// to be; one that leads to a folder above itself would never end.
fn leads_to_folder(link: &Path) -> Result<bool> {
    let Ok(target) = link.canonicalize() else { return Ok(false) };
    let holder = link.parent().and_then(|folder| folder.canonicalize().ok()).unwrap_or_default();
    if holder.starts_with(&target) {
        return Err(Error::invalid(
            format!("link {}", link.display()),
            "it leads to a folder that holds it; remove the link",
        ));
    }
    Ok(target.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(root: &Path, start: &str) -> Result<Listing> {
        Folder::attach(root).list(start, false)
    }

    fn keys(listing: &Listing) -> Vec<&str> {
        (0..listing.len()).map(|i| listing.key(i)).collect()
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_but_not_in_circles() {
        let root = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::write(elsewhere.path().join("1.png"), "x").unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), root.path().join("link")).unwrap();
        let listing = list(root.path(), "").unwrap();
        assert_eq!(listing.key(0), "link/1.png");
        std::os::unix::fs::symlink(root.path(), root.path().join("circle")).unwrap();
        let error = list(root.path(), "").unwrap_err().to_string();
        assert!(error.contains("holds it"), "{error}");
    }

    #[test]
    fn keys_are_paths_below_the_folder_in_order_with_their_sizes() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("b/c")).unwrap();
        for name in ["z.png", "b/2.png", "b/c/1.png", "a b é.png"] {
            fs::write(root.path().join(name), name).unwrap();
        }
        fs::write(root.path().join(format!("b/{PART}1-1")), "unfinished").unwrap();
        let listing = Folder::attach(root.path()).list("", true).unwrap();
        assert_eq!(keys(&listing), ["a b é.png", "b/2.png", "b/c/1.png", "z.png"]);
        for i in 0..listing.len() {
            assert_eq!(listing.size(i), Some(listing.key(i).len() as u64));
        }
        assert_eq!(list(root.path(), "").unwrap().size(0), None);
    }

    #[test]
    fn a_prefix_is_taken_literally_across_folders() {
        let root = tempfile::tempdir().unwrap();
        for name in ["a/b/1", "a/b2", "a/c/1", "ab/1", "a.png", "b/a"] {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        for (start, expected) in [
            ("a", vec!["a.png", "a/b/1", "a/b2", "a/c/1", "ab/1"]),
            ("a/", vec!["a/b/1", "a/b2", "a/c/1"]),
            ("a/b", vec!["a/b/1", "a/b2"]),
            ("a/b/", vec!["a/b/1"]),
            ("a/b/1", vec!["a/b/1"]),
            ("a/b/1/", vec![]),
            ("/a", vec![]),
        ] {
            assert_eq!(keys(&list(root.path(), start).unwrap()), expected, "{start}");
        }
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = list(Path::new("/no/such/folder"), "").unwrap_err().to_string();
        assert!(error.starts_with("cannot list /no/such/folder"), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_name_that_is_not_utf8_is_set_aside() {
        use std::os::unix::ffi::OsStrExt;
        let root = tempfile::tempdir().unwrap();
        let name = std::ffi::OsStr::from_bytes(b"bad\xff.png");
        fs::write(root.path().join(name), "x").unwrap();
        let listing = list(root.path(), "b").unwrap();
        assert!(listing.is_empty());
        assert_eq!(listing.unnameable().len(), 1);
        assert!(list(root.path(), "c").unwrap().unnameable().is_empty());
    }
}
