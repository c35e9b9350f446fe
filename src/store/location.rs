//! Where objects lie: a folder, a part of a bucket, or nowhere.

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::key;
use crate::error::{Error, Result};
use crate::units::parse_count;

/// A base that keys lie below: `out`, `/a/b`, `file:///a/b`, `s3://bucket/dir`, `gs://bucket`,
/// `az://container/dir`, `null://1m`.
///
/// It always stands for a directory; `s3://bucket/dir` and `s3://bucket/dir/` are the same. As text
/// and in JSON it is its URI.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Location(pub(super) Place);

/// What a [`Location`] names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// A folder. The path is UTF-8, since it comes from text.
    Folder(PathBuf),
    /// A part of a bucket.
    Bucket {
        /// Whose bucket.
        cloud: Cloud,
        /// The bucket's name; Azure says container.
        bucket: String,
        /// What all keys begin with: "", or text that ends with '/'.
        key: String,
    },
    /// So many objects that are made up, and an output that forgets.
    Null(u64),
}

/// The kinds of bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Cloud {
    /// Amazon S3 and whatever speaks its protocol.
    S3,
    /// Google Cloud Storage.
    Google,
    /// Azure Blob Storage.
    Azure,
}

impl Cloud {
    const ALL: [Self; 3] = [Self::S3, Self::Google, Self::Azure];

    /// The scheme of its URIs.
    pub(super) fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Google => "gs",
            Self::Azure => "az",
        }
    }
}

impl Location {
    /// Reads a URI or a path. Keys of buckets are taken as they are written; a `file://` URI may
    /// have escapes (`%20`).
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the text and what would be right.
    pub fn parse(text: &str) -> Result<Self> {
        let fail = |reason: String| Error::invalid(format!("`{text}`"), reason);
        let Some((scheme, rest)) = scheme(text) else {
            return folder(text).map_err(fail);
        };
        if scheme == "file" {
            return folder(&file(rest).map_err(fail)?).map_err(fail);
        }
        if scheme == "null" {
            let count = rest.trim_end_matches('/');
            return parse_count(count).map(|n| Self(Place::Null(n))).map_err(|_| {
                fail("say how many objects to make up: null://1000, null://10k or null://1m".into())
            });
        }
        let Some(cloud) = Cloud::ALL.into_iter().find(|cloud| cloud.scheme() == scheme) else {
            return Err(fail(format!(
                "no store is known for {scheme}://; write a path, or file://, s3://, gs://, az:// \
                 or null://"
            )));
        };
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        if bucket.is_empty()
            || !bucket.chars().all(plain)
            || !bucket.contains(char::is_alphanumeric)
        {
            return Err(fail(format!(
                "not the name of a bucket; write {scheme}://bucket or {scheme}://bucket/folder"
            )));
        }
        let key = if key.is_empty() {
            String::new()
        } else {
            let named = key.strip_suffix('/').unwrap_or(key);
            key::for_bucket(named).map_err(|reason| fail(reason.to_owned()))?;
            format!("{named}/")
        };
        Ok(Self(Place::Bucket { cloud, bucket: bucket.to_owned(), key }))
    }

    /// Reads a literal prefix of keys as the base that they lie below, its part up to and with the
    /// last '/', and what they must begin with below it. So `s3://b/a/pre` is (`s3://b/a/`, `pre`).
    ///
    /// A path that is a folder is that folder and "", whether or not it ends with '/'.
    ///
    /// # Errors
    /// As [`Location::parse`].
    pub fn parse_prefix(text: &str) -> Result<(Self, String)> {
        let whole = Self::parse(text);
        if let Ok(Self(Place::Null(_))) = whole {
            return Ok((whole?, String::new()));
        }
        if let Ok(Self(Place::Folder(path))) = &whole {
            let name = path.file_name().and_then(|name| name.to_str());
            return Ok(match name {
                Some(name) if !text.ends_with('/') && !path.is_dir() => {
                    let parent = match path.parent() {
                        Some(parent) if parent != Path::new("") => parent,
                        _ => Path::new("."),
                    };
                    (Self(Place::Folder(parent.to_owned())), name.to_owned())
                }
                _ => (whole?, String::new()),
            });
        }
        // A bucket. Its name holds no '/', so that one after the scheme's belongs to the key.
        let start = text.find("://").map_or(0, |at| at + 3);
        match text[start..].rfind('/') {
            Some(at) => {
                let (base, rest) = text.split_at(start + at + 1);
                Ok((Self::parse(base)?, rest.to_owned()))
            }
            None => Ok((whole?, String::new())),
        }
    }

    /// The base that lies beside this one and is called like it with `suffix` after its name:
    /// `s3://b/out/` and `.plimsoll` give `s3://b/out.plimsoll/`. Nothing is beside the root of a
    /// bucket or of the file system, so there it lies below and is called `suffix`.
    #[must_use]
    pub fn beside(&self, suffix: &str) -> Self {
        Self(match &self.0 {
            Place::Folder(path) => Place::Folder(beside(path, suffix)),
            Place::Bucket { cloud, bucket, key } => {
                let key = format!("{}{suffix}/", key.strip_suffix('/').unwrap_or(key));
                Place::Bucket { cloud: *cloud, bucket: bucket.clone(), key }
            }
            Place::Null(_) => Place::Null(0),
        })
    }

    /// The base one level below, called `name`, which is a plain name without a '/'.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        Self(match &self.0 {
            Place::Folder(path) => Place::Folder(path.join(name)),
            Place::Bucket { cloud, bucket, key } => Place::Bucket {
                cloud: *cloud,
                bucket: bucket.clone(),
                key: format!("{key}{name}/"),
            },
            Place::Null(_) => Place::Null(0),
        })
    }

    /// The folder, where it is one.
    pub fn folder(&self) -> Option<&Path> {
        match &self.0 {
            Place::Folder(path) => Some(path),
            Place::Bucket { .. } | Place::Null(_) => None,
        }
    }

    /// The base's key within its bucket: "" or text that ends with '/'. For a folder its path.
    pub fn key(&self) -> &str {
        match &self.0 {
            // A path that was parsed is UTF-8.
            Place::Folder(path) => path.to_str().unwrap_or_default(),
            Place::Bucket { key, .. } => key,
            Place::Null(_) => "",
        }
    }

    /// Whether `other` is this base or lies below it. Folders are compared by where they lead to;
    /// what is not there yet of a path will be made in the last folder that is.
    pub fn holds(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Place::Folder(own), Place::Folder(other)) => {
                leads_to(other).starts_with(leads_to(own))
            }
            (
                Place::Bucket { cloud, bucket, key },
                Place::Bucket { cloud: of, bucket: its, key: below },
            ) => cloud == of && bucket == its && below.starts_with(key.as_str()),
            _ => false,
        }
    }
}

/// A scheme in lower case and what follows its `://`.
fn scheme(text: &str) -> Option<(String, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let mut chars = scheme.chars();
    let named = chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && chars.all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    named.then(|| (scheme.to_ascii_lowercase(), rest))
}

fn folder(path: &str) -> Result<Location, String> {
    if path.is_empty() {
        return Err("an empty path; write . for the current folder".into());
    }
    if path.contains('\0') {
        return Err("a path holds no NUL".into());
    }
    Ok(Location(Place::Folder(PathBuf::from(path))))
}

/// The path of a `file://` URI (RFC 8089): its host is this one, and bytes may be escaped.
fn file(rest: &str) -> Result<String, String> {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        return Err("files of other hosts cannot be read; write file:///folder".into());
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut parts = path.split('%');
    bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let byte = part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let Some(byte) = byte.filter(|_| !part.starts_with('+')) else {
            return Err("after % two hexadecimal digits must come; write %25 for % itself".into());
        };
        bytes.push(byte);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).map_err(|_| "the path is not UTF-8".into())
}

/// A path beside a folder. `.` and `..` have names only once they are followed.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let named = |path: &Path| {
        let name = path.file_name()?.to_str()?;
        Some(path.with_file_name(format!("{name}{suffix}")))
    };
    named(path).or_else(|| named(&path.canonicalize().ok()?)).unwrap_or_else(|| path.join(suffix))
}

/// Where a path leads to, with the links in the part of it that is there followed.
fn leads_to(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut there = PathBuf::new();
    for part in whole.components() {
        match part {
            Component::ParentDir => drop(there.pop()),
            part => there.push(part),
        }
        there = there.canonicalize().unwrap_or(there);
    }
    there
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Folder(path) => path.display().fmt(f),
            Place::Bucket { cloud, bucket, key } => {
                write!(f, "{}://{bucket}/{key}", cloud.scheme())
            }
            Place::Null(objects) => write!(f, "null://{objects}"),
        }
    }
}

impl FromStr for Location {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl From<Location> for String {
    fn from(location: Location) -> Self {
        location.to_string()
    }
}

impl TryFrom<String> for Location {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Location {
        Location::parse(text).unwrap()
    }

    #[test]
    fn uris_and_paths_are_read() {
        for (text, shown, key, folder) in [
            ("out", "out", "out", Some("out")),
            ("/a/b/", "/a/b/", "/a/b/", Some("/a/b")),
            ("file:///a/b%20c%25", "/a/b c%", "/a/b c%", Some("/a/b c%")),
            ("file://localhost/a", "/a", "/a", Some("/a")),
            ("FILE:///a", "/a", "/a", Some("/a")),
            ("s3://b", "s3://b/", "", None),
            ("s3://b/", "s3://b/", "", None),
            ("S3://b/a b/%20", "s3://b/a b/%20/", "a b/%20/", None),
            ("s3://b/a/b/", "s3://b/a/b/", "a/b/", None),
            ("gs://b_1.x-y/a", "gs://b_1.x-y/a/", "a/", None),
            ("az://c/a", "az://c/a/", "a/", None),
            ("null://10k", "null://10000", "", None),
            ("null://1m/", "null://1000000", "", None),
        ] {
            let location = at(text);
            assert_eq!(location.to_string(), shown);
            assert_eq!(location.key(), key);
            assert_eq!(location.folder(), folder.map(Path::new));
            let json = serde_json::to_string(&location).unwrap();
            assert_eq!(serde_json::from_str::<Location>(&json).unwrap(), location);
        }
    }

    #[test]
    fn what_names_no_store_is_refused_with_the_fix() {
        for (text, says) in [
            ("", "write . for the current folder"),
            ("a\0b", "NUL"),
            ("http://host/a", "s3://"),
            ("s3://", "write s3://bucket"),
            ("s3:///a", "write s3://bucket"),
            ("s3://a b/c", "not the name of a bucket"),
            ("s3://../c", "not the name of a bucket"),
            ("s3://b//", "//"),
            ("s3://b//a", "//"),
            ("s3://b/a/../c", ".."),
            ("gs://b/a\n", "control character"),
            ("file://host/a", "write file:///folder"),
            ("file:///a%2", "hexadecimal"),
            ("file:///a%+1", "hexadecimal"),
            ("file:///a%00", "NUL"),
            ("file:///%ff", "UTF-8"),
            ("null://many", "null://1000"),
        ] {
            let error = Location::parse(text).unwrap_err();
            assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
            assert!(error.to_string().contains(says), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_prefix_is_a_base_and_what_keys_begin_with() {
        for (text, base, rest) in [
            ("s3://b/a/pre", "s3://b/a/", "pre"),
            ("s3://b/a/", "s3://b/a/", ""),
            ("s3://b/pre", "s3://b/", "pre"),
            ("s3://b/", "s3://b/", ""),
            ("s3://b", "s3://b/", ""),
            ("s3://b/a/..", "s3://b/a/", ".."),
            ("null://5", "null://5", ""),
        ] {
            assert_eq!(
                Location::parse_prefix(text).unwrap(),
                (at(base), rest.to_owned()),
                "{text}"
            );
        }
        assert!(Location::parse_prefix("s3://b//a").is_err());
    }

    #[test]
    fn a_path_is_a_prefix_unless_it_is_a_folder() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("in")).unwrap();
        fs::write(root.path().join("in/a.png"), "x").unwrap();
        let text = |below: &str| format!("{}/{below}", root.path().display());
        for (below, base, rest) in [
            ("in", "in", ""),
            ("in/", "in/", ""),
            ("in/a", "in", "a"),
            ("in/a.png", "in", "a.png"),
            ("none/", "none/", ""),
            ("none/x", "none", "x"),
        ] {
            let expected = (at(&text(base)), rest.to_owned());
            assert_eq!(Location::parse_prefix(&text(below)).unwrap(), expected, "{below}");
            let uri = format!("file://{}", text(below));
            assert_eq!(Location::parse_prefix(&uri).unwrap(), expected, "{uri}");
        }
        let expected = (at("."), "no-such-thing".to_owned());
        assert_eq!(Location::parse_prefix("no-such-thing").unwrap(), expected);
    }

    #[test]
    fn what_lies_beside_and_below_is_named_after_the_base() {
        for (text, beside, child) in [
            ("s3://b/out", "s3://b/out.plimsoll/", "s3://b/out/x/"),
            ("s3://b", "s3://b/.plimsoll/", "s3://b/x/"),
            ("/a/out/", "/a/out.plimsoll", "/a/out/x"),
            ("out", "out.plimsoll", "out/x"),
            ("/", "/.plimsoll", "/x"),
            ("null://5", "null://0", "null://0"),
        ] {
            assert_eq!(at(text).beside(".plimsoll"), at(beside), "{text}");
            assert_eq!(at(text).child("x"), at(child), "{text}");
        }
        let here = std::env::current_dir().unwrap().canonicalize().unwrap();
        let beside = at(".").beside(".plimsoll");
        assert_eq!(beside.key(), format!("{}.plimsoll", here.display()));
    }

    #[test]
    fn a_base_holds_itself_and_what_lies_below_it() {
        for (base, below) in [
            ("s3://b", "s3://b/a"),
            ("s3://b/a", "s3://b/a/"),
            ("s3://b/a", "s3://b/a/b"),
            ("/no/such", "/no/such/folder"),
            ("/no/such", "/no/./such"),
            ("/no/such", "/no/other/../such/folder"),
        ] {
            assert!(at(base).holds(&at(below)), "{base} {below}");
        }
        for (base, other) in [
            ("s3://b/a", "s3://b/ab"),
            ("s3://b/a/b", "s3://b/a"),
            ("s3://b/a", "s3://c/a"),
            ("s3://b/a", "gs://b/a"),
            ("/no/such", "/no/such2"),
            ("/no/such", "s3://no/such"),
            ("null://1", "null://1"),
        ] {
            assert!(!at(base).holds(&at(other)), "{base} {other}");
        }
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| Location(Place::Folder(root.path().join(name)));
        fs::create_dir(root.path().join("in")).unwrap();
        std::os::unix::fs::symlink(root.path().join("in"), root.path().join("link")).unwrap();
        assert!(path("in").holds(&path("link/new/out")));
        assert!(path("link").holds(&path("in")));
        assert!(!path("in").holds(&path("in2")) && !path("in").holds(&path("")));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_as_the_same(
            text in r"(s3://|gs://|az://|null://|file:///|/)?[a-z0-9]{1,3}(/|\.|%41|[^\x00%]){0,8}",
        ) {
            if let Ok(location) = Location::parse(&text) {
                prop_assert_eq!(at(&location.to_string()), location.clone());
                if location.folder().is_none() {
                    let (base, rest) = Location::parse_prefix(&location.to_string()).unwrap();
                    prop_assert_eq!((base, rest.as_str()), (location, ""));
                }
            }
        }

        #[test]
        fn a_base_holds_its_children_and_not_what_lies_beside_it(
            base in "(s3://b|/no/such|s3://b/x/y)", name in "[a-z.]{1,5}z",
        ) {
            let base = at(&base).child("out");
            prop_assert!(base.holds(&base.child(&name)));
            prop_assert!(!base.child(&name).holds(&base));
            let beside = base.beside(&format!(".{name}"));
            prop_assert!(!base.holds(&beside));
            prop_assert!(!base.beside(".x").holds(&base));
        }
    }
}
