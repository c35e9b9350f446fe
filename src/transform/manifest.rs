//! The manifest: which objects a job is over, where they are not all those of a prefix.
//!
//! ```text
//! [{"prefix": "s3://bucket/some/dir/"}, "relative/path/one", "relative/path/two"]
//! ```
//!
//! A suffix is appended to the prefix verbatim; nothing comes between them. The array may be spread
//! over lines or stand on one, as writers of JSON Lines leave it. Source: the SageMaker API
//! reference, `TransformS3DataSource` and `S3DataSource`, which are silent on duplicates: here they
//! are refused, for an object can have only one output.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use crate::error::{Error, Result};

/// Schemes of prefixes; one without a scheme is a path on this machine.
const SCHEMES: [&str; 4] = ["s3", "gs", "az", "file"];
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A manifest, read and checked. All suffixes lie in one text, for there may be millions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    prefix: String,
    text: String,
    /// Where each suffix ends in `text`.
    ends: Vec<usize>,
}

impl Manifest {
    /// Reads a manifest. `what` names it in errors: its URI.
    ///
    /// # Errors
    /// [`Error::Malformed`] that names the place and what belongs there.
    pub fn parse(bytes: &[u8], what: &str) -> Result<Self> {
        let refuse = |reason: String| Error::malformed(format!("manifest {what}"), reason);
        let whole = bytes.len();
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        let mut manifest = Self::default();
        // A string is at least as long written as meant: one allocation, and no copies in growing.
        manifest.text.reserve_exact(bytes.len());
        let mut json = serde_json::Deserializer::from_slice(bytes);
        Whole(&mut manifest).deserialize(&mut json).map_err(|error| refuse(error.to_string()))?;
        let end = json.into_iter::<IgnoredAny>().byte_offset();
        let rest = bytes[end..].trim_ascii_start();
        match rest.first() {
            None => {}
            Some(b'[') => {
                return Err(refuse(
                    "it holds a second array; a manifest is one, so put its suffixes into the \
                     first or run a job for each"
                        .into(),
                ));
            }
            Some(_) => {
                let at = whole - rest.len();
                return Err(refuse(format!("there is text after the array, at byte {at}")));
            }
        }
        manifest.text.shrink_to_fit();
        manifest.ends.shrink_to_fit();
        check_prefix(&manifest.prefix).map_err(refuse)?;
        manifest.check_suffixes().map_err(refuse)?;
        Ok(manifest)
    }

    /// What every suffix is appended to: a URI or a path.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// How many suffixes there are: at least one.
    #[expect(clippy::len_without_is_empty, reason = "an empty one is refused")]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// A suffix, from 0, in the manifest's order.
    pub fn suffix(&self, i: usize) -> &str {
        let start = i.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[i]]
    }

    /// The suffixes in the manifest's order.
    pub fn suffixes(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|i| self.suffix(i))
    }

    /// The whole URI of an object, from 0.
    pub fn uri(&self, i: usize) -> String {
        format!("{}{}", self.prefix, self.suffix(i))
    }

    /// What may be wrong where the objects are not found: a prefix that does not end with a slash.
    pub fn doubt(&self) -> Option<String> {
        let open = !self.prefix.ends_with('/') && !self.suffix(0).starts_with('/');
        open.then(|| {
            format!(
                "the manifest's prefix `{}` does not end with a slash, and suffixes are appended \
                 to it verbatim: the first object is `{}`",
                self.prefix,
                self.uri(0)
            )
        })
    }

    fn check_suffixes(&self) -> Result<(), String> {
        if self.ends.is_empty() {
            return Err("it has no suffix; after the prefix comes at least one string".into());
        }
        for (i, suffix) in self.suffixes().enumerate() {
            if suffix.is_empty() && self.prefix.ends_with('/') {
                return Err(format!("suffix {} is empty, and no object is named by it", i + 1));
            }
            if let Some((scheme, _)) = suffix.split_once("://")
                && !scheme.is_empty()
                && scheme.bytes().all(|b| b.is_ascii_alphanumeric())
            {
                return Err(format!(
                    "suffix {}, `{suffix}`, is a whole URI; suffixes are appended to the prefix, so \
                     that a manifest cannot span buckets: write one manifest and run one job for \
                     each",
                    i + 1
                ));
            }
        }
        self.check_distinct()
    }

    /// Sorting numbers takes four bytes a suffix, and little time where they are sorted already.
    fn check_distinct(&self) -> Result<(), String> {
        let count = u32::try_from(self.len())
            .map_err(|_| "it has more than 4,294,967,295 suffixes; split it".to_owned())?;
        let mut order: Vec<u32> = (0..count).collect();
        order.sort_unstable_by_key(|&i| (self.suffix(i as usize), i));
        let twins = |pair: &&[u32]| self.suffix(pair[0] as usize) == self.suffix(pair[1] as usize);
        match order.windows(2).filter(twins).min_by_key(|pair| pair[1]) {
            None => Ok(()),
            Some(pair) => Err(format!(
                "suffixes {} and {} are the same, `{}`: an object has one output; remove one",
                u64::from(pair[0]) + 1,
                u64::from(pair[1]) + 1,
                self.suffix(pair[0] as usize)
            )),
        }
    }
}

/// Whether suffixes can be appended to it.
fn check_prefix(prefix: &str) -> Result<(), String> {
    if prefix.is_empty() {
        return Err("its prefix is empty; give a URI such as s3://bucket/dir/, or a path".into());
    }
    let Some((scheme, rest)) = prefix.split_once("://") else { return Ok(()) };
    if !SCHEMES.contains(&scheme) {
        return Err(format!(
            "the prefix `{prefix}` has the unknown scheme `{scheme}`; known are {} and plain paths",
            SCHEMES.map(|scheme| format!("{scheme}://")).join(", ")
        ));
    }
    match rest.split_once('/') {
        Some((bucket, _)) if scheme == "file" || !bucket.is_empty() => Ok(()),
        Some(_) => Err(format!("the prefix `{prefix}` names no bucket")),
        None => Err(format!(
            "the prefix `{prefix}` has no slash after the bucket, and suffixes are appended to it \
             verbatim; write `{prefix}/`"
        )),
    }
}

/// The array, read into a manifest.
struct Whole<'m>(&'m mut Manifest);

impl<'de> DeserializeSeed<'de> for Whole<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON array, as in [{\"prefix\": \"s3://bucket/dir/\"}, \"one\", \"two\"]")
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        let hint = "it is a JSON object, where a manifest is an array; augmented manifests cannot be \
                    transformed";
        Err(A::Error::custom(hint))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        let first = array.next_element_seed(First)?;
        self.0.prefix = first.ok_or_else(|| {
            A::Error::custom("the array is empty; its first element is {\"prefix\": ...}")
        })?;
        while array.next_element_seed(Suffix(&mut self.0.text))?.is_some() {
            self.0.ends.push(self.0.text.len());
        }
        Ok(())
    }
}

/// The first element: an object with a prefix and nothing else.
struct First;

impl<'de> DeserializeSeed<'de> for First {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<String, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for First {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{\"prefix\": \"s3://bucket/dir/\"} as the first element")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<String, A::Error> {
        let mut prefix = None;
        while let Some(key) = object.next_key::<String>()? {
            if key != "prefix" {
                let hint = format!("the first element has the member `{key}`; only prefix may be");
                return Err(A::Error::custom(hint));
            }
            if prefix.replace(object.next_value()?).is_some() {
                return Err(A::Error::custom("the first element has two prefixes"));
            }
        }
        prefix.ok_or_else(|| A::Error::custom("the first element lacks its prefix"))
    }
}

/// A later element, appended to the text.
struct Suffix<'t>(&'t mut String);

impl<'de> DeserializeSeed<'de> for Suffix<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Suffix<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a suffix: a string to append to the prefix")
    }

    fn visit_str<E>(self, suffix: &str) -> Result<(), E> {
        self.0.push_str(suffix);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        let hint = "there is an object after the first element; a manifest has one prefix, and all \
                    else are strings";
        Err(A::Error::custom(hint))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Manifest> {
        Manifest::parse(text.as_bytes(), "m.json")
    }

    #[test]
    fn the_documented_example_is_read() {
        let manifest = parse(
            r#"[ {"prefix": "s3://customer_bucket/some/prefix/"}, "relative/path/to/custdata-1", "relative/path/custdata-2" ]"#,
        )
        .unwrap();
        assert_eq!(manifest.prefix(), "s3://customer_bucket/some/prefix/");
        let suffixes: Vec<&str> = manifest.suffixes().collect();
        assert_eq!(suffixes, ["relative/path/to/custdata-1", "relative/path/custdata-2"]);
        assert_eq!(manifest.uri(0), "s3://customer_bucket/some/prefix/relative/path/to/custdata-1");
        assert_eq!(manifest.doubt(), None);
    }

    #[test]
    fn one_line_of_json_lines_is_the_same_as_an_array_over_lines() {
        let line = parse("[{\"prefix\": \"s3://b/d/\"}, \"a\", \"b\"]\n").unwrap();
        let lines = "\u{feff}[\n  {\"prefix\": \"s3://b/d/\"},\n  \"a\",\n  \"b\"\n]\r\n \n";
        assert_eq!(parse(lines).unwrap(), line);
    }

    #[test]
    fn each_refusal_names_the_place_and_what_belongs_there() {
        for (text, part) in [
            ("", "EOF while parsing a value"),
            ("s3://b/d/", "expected value at line 1 column 1"),
            (r#"{"prefix": "s3://b/d/"}"#, "it is a JSON object, where a manifest is an array"),
            (r#""a""#, "expected a JSON array, as in"),
            ("[]", "the array is empty"),
            (r#"["a", "b"]"#, r#"expected {"prefix""#),
            (r#"[["s3://b/"], "b"]"#, r#"expected {"prefix""#),
            (r#"[{}, "b"]"#, "lacks its prefix"),
            (r#"[{"prefix": 7}, "b"]"#, "expected a string"),
            (r#"[{"prefix": "s3://b/", "x": 1}, "b"]"#, "the member `x`; only prefix"),
            (r#"[{"prefix": "s3://b/", "prefix": "s3://c/"}, "b"]"#, "two prefixes"),
            (r#"[{"prefix": ""}, "b"]"#, "its prefix is empty"),
            (r#"[{"prefix": "s3://b"}, "b"]"#, "write `s3://b/`"),
            (r#"[{"prefix": "s3:///d/"}, "b"]"#, "names no bucket"),
            (r#"[{"prefix": "https://b/d/"}, "b"]"#, "unknown scheme `https`"),
            (r#"[{"prefix": "s3://b/"}]"#, "it has no suffix"),
            (r#"[{"prefix": "s3://b/"}, 7]"#, "expected a suffix: a string"),
            (r#"[{"prefix": "s3://b/"}, ""]"#, "suffix 1 is empty"),
            (r#"[{"prefix": "s3://b/"}, "a", {"prefix": "s3://c/"}]"#, "one prefix"),
            (r#"[{"prefix": "s3://b/"}, "a", "s3://c/x"]"#, "suffix 2, `s3://c/x`, is a whole URI"),
            (r#"[{"prefix": "s3://b/"}, "b", "a", "c", "a"]"#, "suffixes 2 and 4 are the same"),
            (r#"[{"prefix": "s3://b/"}, "\u0061", "a"]"#, "suffixes 1 and 2 are the same, `a`"),
            (
                "[{\"prefix\": \"s3://b/\"}, \"a\"]\n[{\"prefix\": \"s3://b/\"}, \"b\"]",
                "second array",
            ),
            (r#"[{"prefix": "s3://b/"}, "a"] x"#, "text after the array, at byte 29"),
            (r#"[{"prefix": "s3://b/"}, "a""#, "EOF while parsing"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(
                error.starts_with("manifest m.json: ") && error.contains(part),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn paths_and_other_clouds_are_prefixes_too() {
        for prefix in ["/data/in/", "data/", "file:///data/", "gs://b/", "az://c/d", "s3://b/a pre"]
        {
            let text = serde_json::json!([{ "prefix": prefix }, "a b/é"]).to_string();
            assert_eq!(parse(&text).unwrap().uri(0), format!("{prefix}a b/é"));
        }
    }

    #[test]
    fn a_prefix_without_a_slash_is_doubted() {
        let doubt = parse(r#"[{"prefix": "s3://b/dir"}, "a.png"]"#).unwrap().doubt();
        assert!(doubt.is_some_and(|doubt| doubt.contains("`s3://b/dira.png`")));
        let slash = parse(r#"[{"prefix": "s3://b/dir"}, "/a.png"]"#).unwrap();
        assert_eq!((slash.doubt(), slash.uri(0)), (None, "s3://b/dir/a.png".into()));
    }

    #[test]
    fn a_million_suffixes_take_their_text_and_eight_bytes_each() {
        let mut text = String::from(r#"[{"prefix": "s3://bucket/some/dir/"}"#);
        for i in 0..1_000_000 {
            text.push_str(&format!(",\"part-{}/{i:07}.png\"", i % 7));
        }
        text.push(']');
        let manifest = parse(&text).unwrap();
        assert_eq!(manifest.len(), 1_000_000);
        assert_eq!(manifest.suffix(999_999), "part-0/0999999.png");
        let held = manifest.text.capacity() + manifest.ends.capacity() * size_of::<usize>();
        assert!(held < 30_000_000, "{held}");
    }

    proptest! {
        /// For all distinct suffixes, what is written is read.
        #[test]
        fn suffixes_come_back_verbatim(
            suffixes in proptest::collection::hash_set("[a-z/ .\"\\\\é\n%]{1,8}", 1..20),
        ) {
            let suffixes: Vec<String> = suffixes.into_iter().collect();
            let mut array = vec![serde_json::json!({ "prefix": "s3://b/" })];
            array.extend(suffixes.iter().cloned().map(serde_json::Value::from));
            let manifest = parse(&serde_json::Value::from(array).to_string()).unwrap();
            prop_assert_eq!(manifest.suffixes().collect::<Vec<_>>(), suffixes);
        }

        /// For all bytes, a manifest is read or refused, and nothing else happens.
        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Manifest::parse(&bytes, "m.json");
        }
    }
}
