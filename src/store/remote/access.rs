//! What buckets are reached by.

use std::fmt;

/// Settings of buckets, by the names of the environment variables that say them; the
/// [module](crate::store) lists them.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Access {
    variables: Vec<(String, String)>,
}

/// What the names of the variables begin with.
const PREFIXES: [&str; 5] = ["AWS_", "AZURE_", "GOOGLE_", "SERVICE_ACCOUNT", "IDENTITY_ENDPOINT"];

impl Access {
    /// Those of this process. Variables that are set to nothing are taken for unset.
    pub fn from_env() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        std::env::vars_os().filter_map(text).collect()
    }

    /// All variables and their values.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl FromIterator<(String, String)> for Access {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        let of_buckets = |(name, value): &(String, String)| {
            !value.is_empty() && PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        };
        let mut variables: Vec<_> = variables.into_iter().filter(of_buckets).collect();
        variables.sort();
        Self { variables }
    }
}

impl fmt::Debug for Access {
    /// The names alone: the values are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|(name, _)| name)).finish()
    }
}
