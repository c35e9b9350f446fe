//! The objects of a job: those that a prefix matches, or those that a manifest names.

use std::fmt::Write as _;
use std::path::Path;

use super::manifest::Manifest;
use super::terms::DataType;
use crate::error::{Error, Result};
use crate::store::{Listing, Location, Store};
use crate::units::{self, counted};

/// The largest manifest that is read, in bytes.
const MANIFEST_BYTES: u64 = 1 << 30;
/// Objects of a manifest that are looked for one by one; more are looked for in a listing.
const FEW: usize = 1000;
/// Objects, siblings and the like that a message names.
const NAMED: usize = 10;

/// The objects of a job.
#[derive(Debug)]
pub(super) struct Source {
    /// What their keys lie below.
    pub(super) base: Location,
    /// Their keys.
    pub(super) objects: Listing,
    /// What the keys of a prefix begin with; `None` for a manifest, which names its objects.
    pub(super) prefix: Option<String>,
    /// What may not be what was meant.
    pub(super) warnings: Vec<String>,
}

impl Source {
    /// Finds the objects of the input `uri`, with their `sizes` if those are wanted even where they
    /// cost a call each.
    ///
    /// # Errors
    /// What keeps the input from being listed or the manifest from being read; [`Error::Invalid`]
    /// where there is no object, [`Error::Malformed`] where one that a manifest names is missing.
    pub(super) fn find(uri: &str, kind: DataType, sizes: bool) -> Result<Self> {
        match kind {
            DataType::S3Prefix => of_prefix(uri, sizes),
            DataType::ManifestFile => of_manifest(uri),
        }
    }
}

fn of_prefix(uri: &str, sizes: bool) -> Result<Source> {
    let (base, start) = Location::parse_prefix(uri)?;
    let objects = Store::open(&base)?.list(&start, sizes)?;
    if objects.is_empty() && objects.unnameable().is_empty() {
        return Err(nothing(uri, &base, &start));
    }
    let warnings = bleed(uri, &objects, &start).into_iter().collect();
    Ok(Source { base, objects, prefix: Some(start), warnings })
}

fn nothing(uri: &str, base: &Location, start: &str) -> Error {
    let what = format!("input {uri}");
    let Some(folder) = base.folder() else {
        return Error::invalid(
            what,
            "no objects found under it; check that the bucket exists in the selected region, that \
             objects exist under that prefix, and that the credentials may list the bucket \
             (s3:ListBucket)",
        );
    };
    match folder.join(start).symlink_metadata() {
        Err(source) => Error::io("open", folder.join(start), source),
        Ok(_) => Error::invalid(what, "no objects found in it; check the path"),
    }
}

/// A literal prefix matches what begins with it and goes on otherwise than its writer thought of:
/// `s3://b/test_output` matches `test_output_pose/` as well. Source: aws/sagemaker-python-sdk,
/// issue 1106.
fn bleed(uri: &str, objects: &Listing, start: &str) -> Option<String> {
    if start.is_empty() {
        return None;
    }
    let (mut meant, mut siblings, mut folders) = (0, Vec::<(&str, u64)>::new(), 0);
    for index in 0..objects.len() {
        let key = objects.key(index);
        // Keys are in order, so that those of a sibling follow one another.
        let slash = key[start.len()..].find('/').map(|at| start.len() + at);
        let top = slash.map_or(key, |at| &key[..=at]);
        if slash.map_or(key, |at| &key[..at]) == start {
            meant += 1;
        } else if let Some((_, count)) = siblings.last_mut().filter(|(last, _)| *last == top) {
            *count += 1;
        } else {
            folders += usize::from(slash.is_some());
            siblings.push((top, 1));
        }
    }
    let one_of_many = meant > 0 && !siblings.is_empty();
    if !one_of_many && (folders == 0 || siblings.len() < 2) {
        // Files that begin alike, or the inside of a single folder: that is what prefixes are for.
        return None;
    }
    let mut named: Vec<String> = siblings
        .iter()
        .take(NAMED)
        .map(|(top, count)| match top.ends_with('/') {
            true => format!("{top} ({})", counted(*count as usize, "object")),
            false => (*top).to_owned(),
        })
        .collect();
    if siblings.len() > NAMED {
        named.push(format!("{} more", units::count((siblings.len() - NAMED) as u64)));
    }
    let named = named.join(", ");
    Some(if one_of_many {
        format!(
            "input {uri}: a prefix is taken literally, so that beside {} of {start} it also \
             matches {named}; end it with / to leave those out",
            counted(meant, "object"),
        )
    } else {
        format!(
            "input {uri}: a prefix is taken literally, so that it matches several siblings: \
             {named}; write one of them out, with / at its end, if not all are meant"
        )
    })
}

/// Reads an object that is named by its whole URI.
///
/// # Errors
/// What keeps it from being read; [`Error::Malformed`] where it is not there or too large.
pub(super) fn read(uri: &str, limit: u64) -> Result<Vec<u8>> {
    let (base, key) = split(uri)?;
    let missing = || Error::malformed(uri, "not found; check the URI");
    match base.folder() {
        // The system's own words are better, and a folder may hold a key that ours could not.
        Some(folder) => {
            let path = folder.join(&key);
            std::fs::read(&path).map_err(|source| Error::io("read", path, source))
        }
        None => Store::open(&base)?.get(&key, limit)?.ok_or_else(missing),
    }
}

/// An object's URI or a manifest's prefix as the base that it lies below and what comes after the
/// last `/`, verbatim.
///
/// # Errors
/// [`Error::Invalid`] where the bucket's name is all there is.
pub(super) fn split(uri: &str) -> Result<(Location, String)> {
    let start = uri.find("://").map_or(0, |at| at + 3);
    match uri[start..].rfind('/') {
        Some(at) => {
            let (base, rest) = uri.split_at(start + at + 1);
            Ok((Location::parse(base)?, rest.to_owned()))
        }
        None if start > 0 => Err(Error::invalid(
            format!("`{uri}`"),
            "it names a bucket and nothing in it; write a / after the bucket's name",
        )),
        None => Ok((Location::parse(".")?, uri.to_owned())),
    }
}

fn of_manifest(uri: &str) -> Result<Source> {
    let manifest = Manifest::parse(&read(uri, MANIFEST_BYTES)?, uri)?;
    let (base, start) = split(manifest.prefix()).map_err(|error| error.within(uri))?;
    let store = Store::open(&base)?;
    let mut missing = Missing::default();
    let mut objects = Listing::default();
    let mut key = start.clone();
    let mut named = |i: usize| {
        key.truncate(start.len());
        key.push_str(manifest.suffix(i));
        key.clone()
    };
    if manifest.len() <= FEW {
        let keys: Vec<String> = (0..manifest.len()).map(&mut named).collect();
        let texts: Vec<&str> = keys.iter().map(String::as_str).collect();
        for (i, size) in store.sizes_of(&texts).into_iter().enumerate() {
            match size {
                Ok(Some(size)) => objects.push(&keys[i], Some(size))?,
                Ok(None) => missing.note(i, None),
                Err(error) => missing.note(i, Some(error)),
            }
        }
    } else {
        let there = store.list(&start, false)?;
        for i in 0..manifest.len() {
            let key = named(i);
            match there.find(&key) {
                Some(at) => objects.push(&key, there.size(at))?,
                None => missing.note(i, None),
            }
        }
    }
    if missing.count > 0 {
        return Err(missing.error(uri, &manifest, &store, &start));
    }
    Ok(Source { base, objects: objects.finish(), prefix: None, warnings: Vec::new() })
}

/// Objects that a manifest names and that are not there.
#[derive(Default)]
struct Missing {
    count: usize,
    first: Vec<(usize, Option<Error>)>,
}

impl Missing {
    fn note(&mut self, index: usize, error: Option<Error>) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push((index, error));
        }
    }

    fn error(self, uri: &str, manifest: &Manifest, store: &Store, start: &str) -> Error {
        let mut reason = format!(
            "{} of its {} cannot be found:",
            units::count(self.count as u64),
            counted(manifest.len(), "object")
        );
        for (i, error) in &self.first {
            // Writing into a text does not fail.
            let _ = write!(reason, " {}", manifest.uri(*i));
            if let Some(error) = error {
                let _ = write!(reason, " ({error})");
            }
            reason.push(',');
        }
        reason.pop();
        if self.count > self.first.len() {
            let more = (self.count - self.first.len()) as u64;
            let _ = write!(reason, " and {} more", units::count(more));
        }
        reason += "; ";
        reason += &self.fix(manifest, store, start);
        Error::malformed(format!("manifest {uri}"), reason)
    }

    /// The fix, where it is known: a slash that the prefix lacks is the usual mistake.
    fn fix(&self, manifest: &Manifest, store: &Store, start: &str) -> String {
        let prefix = manifest.prefix();
        if !prefix.ends_with('/') {
            let with_slash =
                |(i, _): &(usize, Option<Error>)| format!("{start}/{}", manifest.suffix(*i));
            let keys: Vec<String> = self.first.iter().map(with_slash).collect();
            let texts: Vec<&str> = keys.iter().map(String::as_str).collect();
            if store.sizes_of(&texts).iter().any(|size| matches!(size, Ok(Some(_)))) {
                return format!(
                    "its prefix lacks a slash, for suffixes are appended to it verbatim: write \
                     {prefix}/"
                );
            }
        }
        format!("check its prefix, {prefix}, to which its suffixes are appended verbatim")
    }
}

/// A path for messages and for those who read files by themselves, where an URI is one.
pub(super) fn path(uri: &str) -> Result<Option<std::path::PathBuf>> {
    let location = Location::parse(uri)?;
    Ok(location.folder().map(Path::to_owned))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn place(keys: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for key in keys {
            let path = root.path().join(key);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, key).unwrap();
        }
        root
    }

    fn prefix(root: &tempfile::TempDir, start: &str) -> Result<Source> {
        let uri = format!("{}/{start}", root.path().display());
        Source::find(&uri, DataType::S3Prefix, false)
    }

    fn manifest(root: &tempfile::TempDir, text: &str) -> Result<Source> {
        let text = text.replace("ROOT", root.path().to_str().unwrap());
        fs::write(root.path().join("list.manifest"), text).unwrap();
        let uri = format!("{}/list.manifest", root.path().display());
        Source::find(&uri, DataType::ManifestFile, false)
    }

    fn keys(source: &Source) -> Vec<&str> {
        (0..source.objects.len()).map(|i| source.objects.key(i)).collect()
    }

    #[test]
    fn a_prefix_that_matches_siblings_says_which_and_how_many() {
        let root = place(&["out_/1", "out_/2", "out_pose/1", "out_a/1", "out_pose/sub/2", "x/1"]);
        fs::write(root.path().join("out_.csv"), "").unwrap();
        fs::rename(root.path().join("out_"), root.path().join("other")).unwrap();
        let source = prefix(&root, "out_").unwrap();
        assert_eq!(keys(&source), ["out_.csv", "out_a/1", "out_pose/1", "out_pose/sub/2"]);
        let said = &source.warnings[0];
        let named = "out_.csv, out_a/ (1 object), out_pose/ (2 objects); write one of them out";
        assert!(said.contains(named), "{said}");
    }

    #[test]
    fn siblings_are_told_from_what_was_meant() {
        let listing = |keys: &[&str]| {
            let mut listing = Listing::default();
            keys.iter().for_each(|key| listing.push(key, None).unwrap());
            listing.finish()
        };
        let both = listing(&["test_output/1", "test_output/2", "test_output_pose/1"]);
        assert_eq!(
            bleed("s3://b/test_output", &both, "test_output").unwrap(),
            "input s3://b/test_output: a prefix is taken literally, so that beside 2 objects of \
             test_output it also matches test_output_pose/ (1 object); end it with / to leave \
             those out"
        );
        // A key that sorts between does not tear a sibling apart.
        let torn = listing(&["a/1", "a-b", "a/2", "a"]);
        assert!(bleed("s3://b/a", &torn, "a").unwrap().contains("matches a-b; end"));
        for (keys, start) in [
            (&["test_output/1", "test_output/2"][..], "test_output"),
            (&["test_output/1", "test_output/2"], "test_out"),
            (&["img-1.png", "img-2.png"], "img-"),
            (&["data.csv"], "data.csv"),
            (&["a/1", "b/1"], ""),
        ] {
            assert_eq!(bleed("s3://b/x", &listing(keys), start), None, "{keys:?} {start}");
        }
    }

    #[test]
    fn what_is_not_there_is_said_in_the_stores_own_words() {
        let root = place(&["in/1"]);
        let text = prefix(&root, "no/such").unwrap_err().to_string();
        assert!(text.starts_with("cannot open ") && text.contains("No such file"), "{text}");
        fs::create_dir(root.path().join("empty")).unwrap();
        let text = prefix(&root, "empty").unwrap_err().to_string();
        assert!(text.contains("no objects found in it"), "{text}");
        let text = nothing("s3://b/x", &Location::parse("s3://b/").unwrap(), "x").to_string();
        assert!(text.starts_with("input s3://b/x: no objects found under it; check"), "{text}");
    }

    #[test]
    fn a_file_is_a_prefix_of_itself() {
        let root = place(&["in/a.png", "in/b.png"]);
        assert_eq!(keys(&prefix(&root, "in/a.png").unwrap()), ["a.png"]);
    }

    #[test]
    fn a_manifest_names_its_objects_below_its_prefixs_directory() {
        let root = place(&["images/7.png", "images/8.png", "images/sub/9.png", "images/10.png"]);
        let source = manifest(&root, r#"[{"prefix":"ROOT/images/"},"sub/9.png","8.png"]"#).unwrap();
        assert_eq!(keys(&source), ["8.png", "sub/9.png"]);
        assert_eq!(source.objects.size(0), Some("images/8.png".len() as u64));
        let source = manifest(&root, r#"[{"prefix":"ROOT/images/1"},"0.png"]"#).unwrap();
        assert_eq!(keys(&source), ["10.png"], "a suffix is appended verbatim");
    }

    #[test]
    fn the_slash_that_a_manifests_prefix_lacks_is_named() {
        let root = place(&["images/7.png", "images/8.png"]);
        let text = manifest(&root, r#"[{"prefix":"ROOT/images"},"7.png","8.png"]"#);
        let text = text.unwrap_err().to_string();
        assert!(text.contains("2 of its 2 objects cannot be found: "), "{text}");
        assert!(text.contains("/images7.png, "), "{text}");
        assert!(text.contains("lacks a slash") && text.ends_with("/images/"), "{text}");
    }

    #[test]
    fn missing_objects_are_named_up_to_ten_and_counted_however_many_the_manifest_names() {
        for named in [20, FEW + 5] {
            let root = place(&["in/3"]);
            let suffixes: Vec<String> = (0..named).map(|i| format!("\"{i}\"")).collect();
            let text = format!(r#"[{{"prefix":"ROOT/in/"}},{}]"#, suffixes.join(","));
            let text = manifest(&root, &text).unwrap_err().to_string();
            let count = units::count(named as u64 - 1);
            assert!(text.contains(&format!("{count} of its ")), "{text}");
            assert!(text.contains("/in/0, ") && text.contains("/in/10 and "), "{text}");
            assert!(!text.contains("/in/3") && !text.contains("/in/11"), "{text}");
            assert!(text.contains("check its prefix"), "{text}");
        }
    }

    #[test]
    fn keys_that_lead_out_of_the_folder_are_never_followed() {
        let root = place(&["in/3", "secret"]);
        for suffix in ["../secret", "/etc/passwd", "x/../../secret", "./3", "", "a//3"] {
            let text = format!(r#"[{{"prefix":"ROOT/in/"}},"3","{suffix}"]"#);
            assert!(manifest(&root, &text).is_err(), "{suffix}");
        }
    }
}
