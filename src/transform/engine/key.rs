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
    /// The example of the API reference, `TransformOutput.S3OutputPath`, which leaves `dataset01` out
    /// of the output's key and yet keeps `input-name-prefix`. Here a prefix that does not end with a
    /// slash keeps both, and one that does keeps what follows it, as SageMaker's local mode does.
    #[test]
    fn the_references_example_keeps_what_follows_the_last_slash_of_the_prefix() {
        let object = "s3://bucket-name/input-name-prefix/dataset01/data.csv";
        for (prefix, names, expected) in [
            (
                "s3://bucket-name/input-name-prefix",
                OutputKeys::Relative,
                "input-name-prefix/dataset01/data.csv.out",
            ),
            ("s3://bucket-name/input-name-prefix/", OutputKeys::Relative, "dataset01/data.csv.out"),
            (
                "s3://bucket-name/input-name-prefix/dataset01/",
                OutputKeys::Full,
                "input-name-prefix/dataset01/data.csv.out",
            ),
        ] {
            let (base, start) = Location::parse_prefix(prefix).unwrap();
            let key = object.strip_prefix(&base.to_string()).unwrap();
            assert!(key.starts_with(&start), "{key} {start}");
            assert_eq!(output_key(names, &base, key), expected, "{names:?} {prefix}");
        }
    }
}
