//! What the process was told about where MNIST may be.

use std::env;
use std::path::PathBuf;

use super::MIRRORS;

/// Where to look for MNIST.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// A folder that somebody named; nothing else is looked at then.
    pub named: Option<PathBuf>,
    /// Where downloads are kept; none on a machine that has no such place.
    pub cache: Option<PathBuf>,
    /// Base addresses that hold the four gzipped files, tried in this order.
    pub mirrors: Vec<String>,
    /// Whether the network is to be left alone.
    pub offline: bool,
}

impl Surroundings {
    /// As the environment has them: `PLIMSOLL_MNIST_DIR`, [`cache_dir`], the public mirrors, and
    /// `PLIMSOLL_OFFLINE`, which counts unless it is empty or 0.
    pub fn of_process() -> Self {
        Self {
            named: variable("PLIMSOLL_MNIST_DIR").map(PathBuf::from),
            cache: cache_dir(),
            mirrors: MIRRORS.map(str::to_owned).to_vec(),
            offline: variable("PLIMSOLL_OFFLINE").is_some_and(|value| value != "0"),
        }
    }
}

/// The folder in which downloaded MNIST files are kept: `mnist` in `$PLIMSOLL_CACHE_DIR`, else in
/// `$XDG_CACHE_HOME/plimsoll`, else in `~/.cache/plimsoll`.
pub fn cache_dir() -> Option<PathBuf> {
    cache_dir_of(|name| variable(name).map(PathBuf::from))
}

fn cache_dir_of(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let plimsoll = variable("PLIMSOLL_CACHE_DIR")
        // The XDG base directory specification: relative paths are invalid and ignored.
        .or_else(|| {
            let dir = variable("XDG_CACHE_HOME").filter(|dir| dir.is_absolute())?;
            Some(dir.join("plimsoll"))
        })
        .or_else(|| Some(variable("HOME")?.join(".cache/plimsoll")))?;
    Some(plimsoll.join("mnist"))
}

/// A variable that is set and not empty.
fn variable(name: &str) -> Option<std::ffi::OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Option<PathBuf> {
        cache_dir_of(|name| {
            let (_, value) = variables.iter().find(|(key, _)| *key == name)?;
            Some(PathBuf::from(value))
        })
    }

    #[test]
    fn the_cache_is_where_the_most_particular_variable_says() {
        let home = ("HOME", "/home/ada");
        let xdg = ("XDG_CACHE_HOME", "/big/cache");
        let own = ("PLIMSOLL_CACHE_DIR", "/own");
        assert_eq!(with(&[home, xdg, own]), Some("/own/mnist".into()));
        assert_eq!(with(&[home, xdg]), Some("/big/cache/plimsoll/mnist".into()));
        assert_eq!(with(&[home]), Some("/home/ada/.cache/plimsoll/mnist".into()));
        assert_eq!(
            with(&[home, ("XDG_CACHE_HOME", "relative")]),
            Some("/home/ada/.cache/plimsoll/mnist".into())
        );
        assert_eq!(with(&[]), None);
    }
}
