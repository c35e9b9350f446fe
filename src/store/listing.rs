//! The keys of a job's objects, kept small: a million of them are some tens of megabytes.

use std::fs;
use std::path::Path;

use crate::error::{Error, Result};

/// Keys in order, in one allocation.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    text: String,
    // Where each key lies in `text`, in the keys' order.
    spans: Vec<(u32, u32)>,
    unnameable: Vec<String>,
}

impl Listing {
    /// Lists every file below `root`, in the order of keys. Links are followed.
    ///
    /// # Errors
    /// [`Error::Io`] naming the folder that cannot be read, [`Error::Invalid`] for a link to a
    /// folder that holds it and past four gigabytes of names.
    pub fn of_folder(root: &Path) -> Result<Self> {
        let mut listing = Self::default();
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            let path = root.join(&folder);
            let fail = |source| Error::io("list", &path, source);
            for entry in fs::read_dir(&path).map_err(fail)? {
                let entry = entry.map_err(fail)?;
                let Ok(name) = entry.file_name().into_string() else {
                    let lossy = entry.path().to_string_lossy().into_owned();
                    listing.unnameable.push(lossy);
                    continue;
                };
                let key = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                let kind = entry.file_type().map_err(fail)?;
                if kind.is_dir() || kind.is_symlink() && leads_to_folder(&entry.path())? {
                    folders.push(key);
                } else {
                    listing.push(&key)?;
                }
            }
        }
        let text = &listing.text;
        listing.spans.sort_unstable_by_key(|&(start, end)| &text[start as usize..end as usize]);
        Ok(listing)
    }

    fn push(&mut self, key: &str) -> Result<()> {
        let start = self.text.len();
        self.text.push_str(key);
        let span = |n: usize| {
            u32::try_from(n).map_err(|_| {
                Error::invalid("input", "more than 4 GiB of names; split the job by folder")
            })
        };
        self.spans.push((span(start)?, span(self.text.len())?));
        Ok(())
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The key of that number.
    pub fn key(&self, index: usize) -> &str {
        let (start, end) = self.spans[index];
        &self.text[start as usize..end as usize]
    }

    /// Paths whose names are not UTF-8, which no key can be.
    pub fn unnameable(&self) -> &[String] {
        &self.unnameable
    }
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

    #[cfg(unix)]
    #[test]
    fn links_are_followed_but_not_in_circles() {
        let root = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::write(elsewhere.path().join("1.png"), "x").unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), root.path().join("link")).unwrap();
        let listing = Listing::of_folder(root.path()).unwrap();
        assert_eq!(listing.key(0), "link/1.png");
        std::os::unix::fs::symlink(root.path(), root.path().join("circle")).unwrap();
        let error = Listing::of_folder(root.path()).unwrap_err().to_string();
        assert!(error.contains("holds it"), "{error}");
    }

    #[test]
    fn keys_are_paths_below_the_folder_in_order() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("b/c")).unwrap();
        for name in ["z.png", "b/2.png", "b/c/1.png", "a b é.png"] {
            fs::write(root.path().join(name), "x").unwrap();
        }
        let listing = Listing::of_folder(root.path()).unwrap();
        let keys: Vec<_> = (0..listing.len()).map(|i| listing.key(i)).collect();
        assert_eq!(keys, ["a b é.png", "b/2.png", "b/c/1.png", "z.png"]);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = Listing::of_folder(Path::new("/no/such/folder")).unwrap_err().to_string();
        assert!(error.starts_with("cannot list /no/such/folder"), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_name_that_is_not_utf8_is_set_aside() {
        use std::os::unix::ffi::OsStrExt;
        let root = tempfile::tempdir().unwrap();
        let name = std::ffi::OsStr::from_bytes(b"bad\xff.png");
        fs::write(root.path().join(name), "x").unwrap();
        let listing = Listing::of_folder(root.path()).unwrap();
        assert!(listing.is_empty());
        assert_eq!(listing.unnameable().len(), 1);
    }
}
