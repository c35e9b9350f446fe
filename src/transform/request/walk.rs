//! Whether a JSON value has the fields of a request, with the types and within the limits of the
//! table.

use serde_json::{Map, Value};

use super::fields::{Fate, Field, Kind, MAX_VARIABLES, Need, VARIABLE_NAME, VARIABLE_TEXT};
use super::forms::Form;
use crate::error::{Error, Result};

/// Whether what is required must be there already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// Yes: this is all of the request.
    Whole,
    /// No: flags may add to it.
    Part,
}

/// Checks `map`, which stands at `at` in a request ("" for the request itself), against `fields`.
/// A null is taken as a field that is not there, as the SDKs have it.
///
/// # Errors
/// [`Error::Invalid`] that names the first wrong field by its path, and what would be right.
pub(super) fn check(
    map: &Map<String, Value>,
    fields: &[Field],
    at: &str,
    extent: Extent,
) -> Result<()> {
    if let Some(name) = map.keys().find(|name| fields.iter().all(|field| field.name != **name)) {
        return Err(unknown(name, fields, at));
    }
    for field in fields {
        let path = join(at, field.name);
        match (map.get(field.name), field.need) {
            (None | Some(Value::Null), Need::Required(flag)) if extent == Extent::Whole => {
                return Err(missing(&path, flag));
            }
            (None | Some(Value::Null), _) => {}
            (Some(value), _) => {
                if let Fate::Refused(why) = field.fate {
                    return Err(wrong(&path, format!("is refused: {why}")));
                }
                one(value, &field.kind, &path, extent)?;
            }
        }
    }
    Ok(())
}

fn one(value: &Value, kind: &Kind, path: &str, extent: Extent) -> Result<()> {
    match (kind, value) {
        (Kind::Text { least, most, form }, Value::String(text)) => {
            self::text(text, *least, *most, *form, path)
        }
        (Kind::Whole { least, most }, Value::Number(number)) => {
            let within = |n: u64| (*least..=*most).contains(&n);
            if number.as_u64().is_some_and(within) {
                return Ok(());
            }
            let most =
                if *most == u64::from(u32::MAX) { "up".into() } else { format!("to {most}") };
            Err(wrong(path, format!("{number} must be a whole number from {least} {most}")))
        }
        (Kind::Truth, Value::Bool(_)) => Ok(()),
        (Kind::Word { known, refused }, Value::String(text)) => word(text, known, refused, path),
        (Kind::Environment, Value::Object(map)) => environment(map, path),
        (Kind::List { most, fields }, Value::Array(all)) => {
            if all.len() > *most {
                return Err(wrong(path, format!("has {} entries; at most {most}", all.len())));
            }
            all.iter().enumerate().try_for_each(|(i, value)| {
                // What is in a list is there whole: no flag adds to it.
                one(value, &Kind::Part(fields), &format!("{path}[{i}]"), Extent::Whole)
            })
        }
        (Kind::Part(fields), Value::Object(map)) => check(map, fields, path, extent),
        (kind, value) => Err(wrong(path, format!("{} must be {}", shown(value), asked_for(kind)))),
    }
}

fn text(text: &str, least: usize, most: usize, form: Option<Form>, path: &str) -> Result<()> {
    let length = text.chars().count();
    if length < least {
        return Err(wrong(path, format!("is empty; write at least {least} character")));
    }
    if length > most {
        return Err(wrong(path, format!("has {length} characters; at most {most}")));
    }
    match form {
        Some(form) if !(form.holds)(text) => {
            Err(wrong(path, format!("{} is not allowed; {}", quoted(text), form.asks)))
        }
        _ => Ok(()),
    }
}

fn word(text: &str, known: &[&str], refused: &[(&str, &str)], path: &str) -> Result<()> {
    if known.contains(&text) {
        return Ok(());
    }
    if let Some((_, why)) = refused.iter().find(|(word, _)| *word == text) {
        return Err(wrong(path, format!("{text} is refused: {why}")));
    }
    let choices = known.join(", ");
    Err(wrong(path, format!("{} is not known; choose from {choices}", quoted(text))))
}

fn environment(map: &Map<String, Value>, path: &str) -> Result<()> {
    if map.len() > MAX_VARIABLES {
        return Err(wrong(path, format!("has {} variables; at most {MAX_VARIABLES}", map.len())));
    }
    map.iter().try_for_each(|(name, value)| {
        one(&Value::String(name.clone()), &VARIABLE_NAME, path, Extent::Whole)?;
        one(value, &VARIABLE_TEXT, &join(path, name), Extent::Whole)
    })
}

/// What a path of fields is, one further.
pub(super) fn join(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

pub(super) fn wrong(path: &str, reason: impl Into<String>) -> Error {
    Error::invalid(format!("`{path}`"), reason)
}

fn missing(path: &str, flag: Option<&str>) -> Error {
    let flag = flag.map_or_else(String::new, |flag| format!(" or give {flag}"));
    wrong(path, format!("is missing; write it into the request{flag}"))
}

fn unknown(name: &str, fields: &[Field], at: &str) -> Error {
    let names = fields.iter().map(|field| field.name);
    let hint = match nearest(name, names.clone()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("choose from {}", names.collect::<Vec<_>>().join(", ")),
    };
    let path = join(at, &clipped(name));
    wrong(&path, format!("is no field of a CreateTransformJob request; {hint}"))
}

/// The name that is most like another, if any is like it at all. Case and underscores do not
/// count, for the SDKs of some languages spell names with them.
fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |name: &str| name.replace(['_', '-'], "").to_lowercase();
    let name = plain(&clipped(name));
    let likeness = |known: &str| strsim::jaro_winkler(&name, &plain(known));
    names
        .map(|known| (likeness(known), known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

fn asked_for(kind: &Kind) -> String {
    match kind {
        Kind::Text { .. } => "a text, in quotes".into(),
        Kind::Whole { .. } => "a whole number, without quotes".into(),
        Kind::Truth => "true or false, without quotes".into(),
        Kind::Word { known, .. } => format!("one of {}, in quotes", known.join(", ")),
        Kind::Environment => "an object of texts: {\"NAME\": \"value\"}".into(),
        Kind::List { fields, .. } | Kind::Part(fields) => {
            let names: Vec<_> = fields.iter().map(|field| field.name).collect();
            let some =
                if matches!(kind, Kind::List { .. }) { "a list of objects" } else { "an object" };
            format!("{some} with {}", names.join(", "))
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
    }
}

fn quoted(text: &str) -> String {
    format!("{:?}", clipped(text))
}

/// As much of a text as an error has room for.
fn clipped(text: &str) -> String {
    const ROOM: usize = 80;
    match text.char_indices().nth(ROOM) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
