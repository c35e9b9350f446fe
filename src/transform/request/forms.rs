//! What texts of a request must look like. The API gives these as regular expressions; each is
//! small enough to be said as a condition.

/// A condition on a text, and what it asks for in words.
#[derive(Clone, Copy)]
pub(super) struct Form {
    pub(super) holds: fn(&str) -> bool,
    pub(super) asks: &'static str,
}

/// `[a-zA-Z0-9](-*[a-zA-Z0-9])*`
pub(super) const JOB_NAME: Form = Form {
    holds: is_name,
    asks: "write letters, digits and hyphens, a letter or a digit first and last",
};

/// `[a-zA-Z0-9]([\-a-zA-Z0-9]*[a-zA-Z0-9])?`, which is the same in other words.
pub(super) const MODEL_NAME: Form = JOB_NAME;

/// `[a-zA-Z_][a-zA-Z0-9_]*`
pub(super) const VARIABLE: Form =
    Form { holds: is_variable, asks: "write letters, digits and underscores, not a digit first" };

/// `[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*`
pub(super) const AMI: Form = Form {
    holds: |text| text.split('-').all(|part| is_word(part) && !part.is_empty()),
    asks: "write words of letters and digits with a hyphen between them, such as \
           al2-ami-sagemaker-batch-gpu-535",
};

/// `ml.FAMILY.SIZE`; which there are changes with the years, so that it is no list.
pub(super) const INSTANCE_TYPE: Form =
    Form { holds: is_instance_type, asks: "write ml.FAMILY.SIZE, such as ml.c5.xlarge" };

/// The API's `(https|s3)://([^/]+)/?(.*)`, less https and with the other stores that there are
/// here.
pub(super) const URI: Form = Form {
    holds: is_uri,
    asks: "write s3://bucket/key, gs://bucket/key, az://container/key, file:///path or a path",
};

/// The API's pattern of a place that is in S3 for certain.
pub(super) const ANY_URI: Form = Form {
    holds: |text| after_scheme(text).is_some_and(|(_, rest)| !bucket(rest).is_empty()),
    asks: "write s3://bucket/key",
};

/// Schemes of stores that can be read and written here; `null` is for measuring without a disk.
const SCHEMES: [&str; 5] = ["s3", "gs", "az", "file", "null"];

fn is_word(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
}

fn is_variable(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && text.starts_with(|c: char| !c.is_ascii_digit())
}

fn is_instance_type(text: &str) -> bool {
    let mut parts = text.split('.');
    let word = |part: Option<&str>| {
        part.is_some_and(|part| {
            let sound = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            !part.is_empty() && part.bytes().all(sound)
        })
    };
    parts.next() == Some("ml") && word(parts.next()) && word(parts.next()) && parts.next().is_none()
}

fn is_uri(text: &str) -> bool {
    match after_scheme(text) {
        Some(("file", rest)) => !rest.is_empty(),
        Some((scheme, rest)) => SCHEMES.contains(&scheme) && !bucket(rest).is_empty(),
        None => !text.is_empty() && !text.contains('\0'),
    }
}

/// The scheme of a URI and what follows `://`.
fn after_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    (!scheme.is_empty() && scheme.chars().all(sound)).then_some((scheme, rest))
}

fn bucket(rest: &str) -> &str {
    rest.split('/').next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(form: Form, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!((form.holds)(text), "{text}");
        }
        for text in bad {
            assert!(!(form.holds)(text), "{text}");
        }
    }

    #[test]
    fn names_begin_and_end_with_a_letter_or_a_digit() {
        check(JOB_NAME, &["a", "7", "a-b", "a--b", "A1-2"], &["", "-", "-a", "a-", "a_b", "é"]);
    }

    #[test]
    fn variables_do_not_begin_with_a_digit() {
        check(VARIABLE, &["A", "_", "_9", "a_B9"], &["9A", "A-B", "A B", "A=B", "É"]);
    }

    #[test]
    fn system_images_are_words_with_hyphens() {
        check(AMI, &["a", "al2-ami-sagemaker-batch-gpu-470"], &["", "a--b", "-a", "a-", "a.b"]);
    }

    #[test]
    fn instance_types_have_three_parts() {
        check(
            INSTANCE_TYPE,
            &["ml.c5.xlarge", "ml.g4dn.12xlarge"],
            &["c5.xlarge", "ml.c5", "ml..xlarge", "ml.c5.xlarge.", "ML.C5.XLARGE", ""],
        );
    }

    #[test]
    fn places_have_a_known_scheme_and_a_bucket_or_are_paths() {
        check(
            URI,
            &["s3://b", "s3://b/", "gs://b/k", "az://c/k", "file:///a", "null://1m", "a/b", "/a"],
            &["", "s3://", "s3:///k", "https://b/k", "hdfs://b/k", "file://", "a\0b"],
        );
        check(ANY_URI, &["s3://b/k", "https://b/k"], &["s3://", "b/k"]);
    }
}
