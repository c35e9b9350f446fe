//! What an output is called.

use crate::store::Location;
use crate::transform::terms::OutputKeys;

/// The key, below the output's base, of the output of the object `key` below `base`.
///
/// [`OutputKeys::Full`] puts the base's own key before it, which a bucket gives it; what lies in a
/// folder has no key but the one below it.
pub(in crate::transform) fn output_key(names: OutputKeys, base: &Location, key: &str) -> String {
    let before = match names {
        OutputKeys::Full if base.folder().is_none() => base.key(),
        OutputKeys::Full | OutputKeys::Relative => "",
    };
    [before, key, ".out"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_keys_begin_with_the_bases_own_in_a_bucket_and_nowhere_else() {
        for (names, base, expected) in [
            (OutputKeys::Relative, "s3://bucket/a/b/", "c/1.png.out"),
            (OutputKeys::Full, "s3://bucket/a/b/", "a/b/c/1.png.out"),
            (OutputKeys::Full, "s3://bucket", "c/1.png.out"),
            (OutputKeys::Full, "/a/b", "c/1.png.out"),
            (OutputKeys::Relative, "/a/b", "c/1.png.out"),
        ] {
            let base = Location::parse(base).unwrap();
            assert_eq!(output_key(names, &base, "c/1.png"), expected, "{names:?} {base}");
        }
    }
}
