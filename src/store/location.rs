//! Where objects lie: a folder, a part of a bucket, or nowhere.

use std::fmt;
use std::path::{Path, PathBuf};
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
        let key = key.strip_suffix('/').unwrap_or(key);
        if !key.is_empty() {
            key::for_bucket(key).map_err(|reason| fail(reason.to_string()))?;
        }
        let key = if key.is_empty() { String::new() } else { format!("{key}/") };
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

    /// The URI of the object `key` below this base, for messages.
    pub(super) fn uri(&self, key: &str) -> String {
        match &self.0 {
            Place::Folder(path) => path.join(key).display().to_string(),
            Place::Bucket { .. } => format!("{self}{key}"),
            Place::Null(_) => format!("{self}/{key}"),
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

/// The whole path of a folder, with the links in the part of it that is there followed.
fn leads_to(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut missing = PathBuf::new();
    for there in whole.ancestors() {
        if let Ok(real) = there.canonicalize() {
            return real.join(missing);
        }
        missing = there.file_name().map_or(PathBuf::new(), |name| Path::new(name).join(&missing));
    }
    whole
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
