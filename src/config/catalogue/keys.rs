//! A table of a catalogue, read key by key: what a key holds is checked as it is taken, and what is
//! left at the end was not known.

use std::fmt::Display;

use toml::{Table, Value};

use crate::error::{Error, Result};

/// A key, and an example of what to write for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key(pub(super) &'static str, pub(super) &'static str);

/// The most of anything that is counted: more vCPUs or GPUs than any machine has.
const MOST: usize = 1_000_000;

/// The smallest and the largest figure: past anything that is priced or measured here, and near
/// enough to 1 that quotients of them are numbers.
const FIGURES: (f64, f64) = (1e-9, 1e12);

/// The keys of a table that were not taken yet.
#[derive(Debug)]
pub(super) struct Keys {
    /// "a.toml, machine `x`": where an error lies.
    place: String,
    /// `price.` within a table of that name.
    prefix: String,
    left: Table,
    asked: Vec<&'static str>,
    /// What else to do where a key is missing.
    hint: String,
}

impl Keys {
    pub(super) fn new(place: String, table: Table) -> Self {
        let (prefix, hint) = (String::new(), String::new());
        Self { place, prefix, left: table, asked: Vec::new(), hint }
    }

    /// Adds to the errors about keys that are missing from this table.
    pub(super) fn hint(&mut self, hint: String) {
        self.hint = hint;
    }

    /// A text that is not empty, without control characters.
    pub(super) fn text(&mut self, key: Key) -> Result<Option<String>> {
        let Some(value) = self.take(key) else { return Ok(None) };
        match value {
            Value::String(text) if text.trim().is_empty() => Err(self.wrong(key, "is empty")),
            Value::String(text) if text.chars().any(char::is_control) => {
                Err(self.wrong(key, "has control characters"))
            }
            Value::String(text) => Ok(Some(text.trim().to_owned())),
            other => Err(self.wrong(key, format_args!("{other} is not a text"))),
        }
    }

    /// One of a few words.
    pub(super) fn word(&mut self, key: Key, known: &[&str]) -> Result<Option<String>> {
        match self.text(key)? {
            Some(word) if !known.contains(&word.as_str()) => {
                let known = known.join(", ");
                Err(self.wrong(key, format_args!("\"{word}\" is not one of {known}")))
            }
            word => Ok(word),
        }
    }

    /// A day that the calendar has, as `2026-11-22`.
    pub(super) fn date(&mut self, key: Key) -> Result<Option<String>> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let text = match value {
            Value::String(text) => text,
            // TOML has dates of its own, without quotes.
            Value::Datetime(date) => date.to_string(),
            other => return Err(self.wrong(key, format_args!("{other} is not a date"))),
        };
        match day(&text) {
            Some(_) => Ok(Some(text)),
            None => Err(self.wrong(key, format_args!("{text:?} is not a day that there is"))),
        }
    }

    /// A whole number from 1 up.
    pub(super) fn count(&mut self, key: Key) -> Result<Option<usize>> {
        let Some(value) = self.take(key) else { return Ok(None) };
        match value {
            Value::Integer(n) => match usize::try_from(n) {
                Ok(n @ 1..=MOST) => Ok(Some(n)),
                _ => Err(self.wrong(key, format_args!("{n} is not from 1 to {MOST}"))),
            },
            other => Err(self.wrong(key, format_args!("{other} is not a whole number"))),
        }
    }

    /// A number above 0.
    pub(super) fn positive(&mut self, key: Key) -> Result<Option<f64>> {
        self.number(key, FIGURES.0, "above 0, from 1e-9 to 1e12")
    }

    /// A number from 0 up.
    pub(super) fn not_negative(&mut self, key: Key) -> Result<Option<f64>> {
        self.number(key, 0.0, "from 0 to 1e12")
    }

    /// A table, whose keys are to be taken in turn.
    pub(super) fn table(&mut self, key: Key) -> Result<Option<Self>> {
        let Some(value) = self.take(key) else { return Ok(None) };
        match value {
            Value::Table(left) => Ok(Some(Self {
                place: self.place.clone(),
                prefix: format!("{}{}.", self.prefix, key.0),
                left,
                asked: Vec::new(),
                hint: String::new(),
            })),
            other => Err(self.wrong(key, format_args!("{other} is not a table"))),
        }
    }

    /// What was given, or else what the machine has that is changed.
    pub(super) fn or<T>(&self, key: Key, given: Option<T>, before: Option<T>) -> Result<T> {
        given
            .or(before)
            .ok_or_else(|| self.refused(key.0, format!("is missing; write {}{}", key.1, self.hint)))
    }

    /// What has to be given.
    pub(super) fn required<T>(&self, key: Key, given: Option<T>) -> Result<T> {
        self.or(key, given, None)
    }

    /// That every key of the table was known.
    pub(super) fn end(self) -> Result<()> {
        let Some(key) = self.left.keys().next() else { return Ok(()) };
        let near = nearest(key, self.asked.iter().copied());
        let meant = near.map_or(String::new(), |near| format!("write `{near}` if that is meant; "));
        let known = self.asked.join(", ");
        let key = key.escape_debug().to_string();
        Err(self.refused(&key, format!("is not a key; {meant}there are {known}")))
    }

    /// An error about a key: what is wrong with it, and what to write instead.
    pub(super) fn wrong(&self, key: Key, reason: impl Display) -> Error {
        self.refused(key.0, format!("{reason}; write {}", key.1))
    }

    fn refused(&self, key: &str, reason: String) -> Error {
        Error::invalid(format!("{}, `{}{key}`", self.place, self.prefix), reason)
    }

    fn take(&mut self, key: Key) -> Option<Value> {
        self.asked.push(key.0);
        self.left.remove(key.0)
    }

    fn number(&mut self, key: Key, least: f64, right: &str) -> Result<Option<f64>> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let number = match value {
            Value::Float(number) => number,
            Value::Integer(n) => n as f64,
            other => return Err(self.wrong(key, format_args!("{other} is not a number"))),
        };
        if (least..=FIGURES.1).contains(&number) {
            // Without the sign of a zero, which equals it and would be printed.
            return Ok(Some(number + 0.0));
        }
        Err(self.wrong(key, format_args!("{number} is not a number {right}")))
    }
}

/// The midnight (UTC) that a day begins with, if the text is one that the calendar has.
pub(super) fn day(text: &str) -> Option<std::time::SystemTime> {
    let shaped = text.len() == 10
        && text.bytes().enumerate().all(|(i, byte)| match i {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    shaped.then(|| humantime::parse_rfc3339(&format!("{text}T00:00:00Z")).ok()).flatten()
}

/// The name that is written most like another one, if any is.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |known: &str| strsim::jaro_winkler(name, known);
    known
        .into_iter()
        .filter(|known| likeness(known) > 0.85)
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
}
