//! JSON taken apart one level at a time, as text.
//!
//! A record is cut up and never rebuilt from values: a number keeps its digits (`1.0`, `1e400`,
//! twenty places), members keep their order and their spelling, and what the path does not enter is
//! only skipped. `serde_json::Value` with its `preserve_order` would keep the order but not the
//! numbers, its `arbitrary_precision` both but at a price for every JSON of this crate.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// What a JSON value is, as far as paths care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    Scalar,
}

impl Kind {
    /// By its first character; whether the rest is sound is not looked at.
    pub(super) fn of(json: &str) -> Self {
        match json.trim_ascii_start().as_bytes().first() {
            Some(b'{') => Self::Object,
            Some(b'[') => Self::Array,
            _ => Self::Scalar,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::Scalar => "a value that is neither object nor array",
        })
    }
}

/// The bytes as text, without the space around them.
pub(super) fn text(bytes: &[u8]) -> Result<&str, String> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| format!("not JSON: byte {} is not UTF-8", error.valid_up_to()))?;
    Ok(text.trim_ascii())
}

/// Whether it is one JSON value and no more.
pub(super) fn check(json: &str) -> Result<(), String> {
    serde_json::from_str::<IgnoredAny>(json).map(drop).map_err(not_json)
}

/// The members of an object that have these names, in the order of the names. Of members that share
/// a name the last counts, as almost everywhere.
pub(super) fn members<'j>(
    object: &'j str,
    names: &[String],
) -> Result<Vec<Option<&'j str>>, String> {
    let mut found = vec![None; names.len()];
    for (key, value) in pairs(object)? {
        if let Some(which) = names.iter().position(|name| is(key, name)) {
            found[which] = Some(value.get());
        }
    }
    Ok(found)
}

/// The elements of an array, or the values of an object's members.
pub(super) fn children(json: &str) -> Result<Vec<&RawValue>, String> {
    match Kind::of(json) {
        Kind::Object => Ok(pairs(json)?.into_iter().map(|(_, value)| value).collect()),
        _ => elements(json),
    }
}

/// The elements of an array.
pub(super) fn elements(array: &str) -> Result<Vec<&RawValue>, String> {
    serde_json::from_str(array).map_err(not_json)
}

/// Appends an object of these members.
pub(super) fn write_object<'a>(
    members: impl IntoIterator<Item = (&'a str, &'a str)>,
    out: &mut Vec<u8>,
) {
    out.push(b'{');
    for (i, (name, value)) in members.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write_member(name, value, out);
    }
    out.push(b'}');
}

fn write_member(name: &str, value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(serde_json::Value::from(name).to_string().as_bytes());
    out.push(b':');
    out.extend_from_slice(value.as_bytes());
}

/// Appends an object as it is written, but with the member `name` as its last, in the place of any
/// that it had of that name.
pub(super) fn write_with(
    object: &str,
    name: &str,
    value: &str,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let pairs = pairs(object)?;
    let mut others = pairs.len();
    if pairs.iter().any(|(key, _)| is(key, name)) {
        out.push(b'{');
        others = 0;
        for (key, value) in pairs.iter().filter(|(key, _)| !is(key, name)) {
            if others > 0 {
                out.push(b',');
            }
            others += 1;
            out.extend_from_slice(key.get().as_bytes());
            out.push(b':');
            out.extend_from_slice(value.get().as_bytes());
        }
    } else {
        let open = object.trim_ascii_end().strip_suffix('}').unwrap_or_default();
        out.extend_from_slice(open.trim_ascii_end().as_bytes());
    }
    if others > 0 {
        out.push(b',');
    }
    write_member(name, value, out);
    out.push(b'}');
    Ok(())
}

/// The members of an object as they are written, keys with their quotes.
fn pairs(object: &str) -> Result<Vec<(&RawValue, &RawValue)>, String> {
    serde_json::from_str::<Pairs<'_>>(object).map(|pairs| pairs.0).map_err(not_json)
}

/// Whether a key as written means `name`.
fn is(key: &RawValue, name: &str) -> bool {
    let key = key.get();
    if key.contains('\\') {
        return serde_json::from_str::<String>(key).is_ok_and(|key| key == name);
    }
    key.strip_prefix('"').and_then(|key| key.strip_suffix('"')) == Some(name)
}

fn not_json(error: serde_json::Error) -> String {
    format!("not JSON: {error}")
}

struct Pairs<'j>(Vec<(&'j RawValue, &'j RawValue)>);

impl<'de: 'j, 'j> Deserialize<'de> for Pairs<'j> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_map(PairsVisitor).map(Self)
    }
}

struct PairsVisitor;

impl<'j> Visitor<'j> for PairsVisitor {
    type Value = Vec<(&'j RawValue, &'j RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(pairs)
    }
}
