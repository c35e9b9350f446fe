//! Errors, one variant for each cause that a caller can act on.
//!
//! A message is a lowercase fragment that names the thing and the cause and, where there is one,
//! ends with the fix. What the user can mend and what is a bug of Plimsoll's are worded apart.

use std::io;
use std::path::{Path, PathBuf};

/// The result of everything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused. `action` reads as "cannot {action} {path}".
    #[error("cannot {action} {}: {source}{}", path.display(), io_hint(source))]
    Io {
        /// What was tried: "read", "create", "list".
        action: &'static str,
        /// What it was tried on.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A store that is no folder refused, or was not reached.
    #[error("cannot {action} {uri}: {reason}")]
    Store {
        /// What was tried: "read", "write", "list".
        action: &'static str,
        /// What it was tried on.
        uri: String,
        /// What the store said, and what to do.
        reason: String,
    },
    /// Bytes that are not what they should be: a damaged picture, file or archive.
    #[error("{what}: {reason}")]
    Malformed {
        /// The thing: a path, an object's key, a tensor's name.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A configuration or an argument that cannot be meant.
    #[error("{what}: {reason}")]
    Invalid {
        /// The key or the flag.
        what: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// Something this machine or this build lacks.
    #[error("{what} is not available: {reason}")]
    Unavailable {
        /// What was asked for.
        what: String,
        /// Why it is not there, and what to do.
        reason: String,
    },
    /// A backend could not open a session or run a batch.
    #[error("backend {backend}: {reason}")]
    Backend {
        /// The backend's name.
        backend: &'static str,
        /// What happened.
        reason: String,
    },
    /// An instance (a worker process) died or broke its protocol.
    #[error("instance {index}: {reason}")]
    Instance {
        /// Which one, from 0.
        index: usize,
        /// What happened.
        reason: String,
    },
    /// The user asked to stop.
    #[error("interrupted: {0}")]
    Interrupted(String),
    /// A state that should be impossible.
    #[error("{0} (this is a bug in Plimsoll; please report it)")]
    Bug(String),
}

impl Error {
    /// An [`Error::Io`] that names the path.
    pub fn io(action: &'static str, path: impl AsRef<Path>, source: io::Error) -> Self {
        Self::Io { action, path: path.as_ref().to_owned(), source }
    }

    /// An [`Error::Malformed`].
    pub fn malformed(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Malformed { what: what.into(), reason: reason.into() }
    }

    /// The same error, said to lie in `place`: a file, an entry of an archive. Causes that are not
    /// about bytes name their place themselves and stay as they are.
    #[must_use]
    pub(crate) fn within(self, place: impl std::fmt::Display) -> Self {
        match self {
            Self::Malformed { what, reason } => {
                Self::Malformed { what: format!("{place}: {what}"), reason }
            }
            other => other,
        }
    }

    /// An [`Error::Invalid`].
    pub fn invalid(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { what: what.into(), reason: reason.into() }
    }

    /// An [`Error::Unavailable`].
    pub fn unavailable(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Unavailable { what: what.into(), reason: reason.into() }
    }

    /// An [`Error::Backend`].
    pub fn backend(backend: &'static str, reason: impl Into<String>) -> Self {
        Self::Backend { backend, reason: reason.into() }
    }
}

/// The fix for the causes that have one.
fn io_hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; free some space or choose another folder"
        }
        io::ErrorKind::PermissionDenied => "; check its owner and mode",
        io::ErrorKind::ReadOnlyFilesystem => "; choose a folder on a writable file system",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_says_what_to_do() {
        let error = Error::io("write", "/out/a.png.out", io::ErrorKind::StorageFull.into());
        assert_eq!(
            error.to_string(),
            "cannot write /out/a.png.out: no storage space; free some space or choose another folder"
        );
    }

    #[test]
    fn a_bug_is_worded_as_one() {
        let text = Error::Bug("slot 3 was returned twice".into()).to_string();
        assert!(text.contains("bug in Plimsoll"), "{text}");
    }
}
