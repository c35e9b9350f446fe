//! What a path selects of a JSON text.

use super::path::{JsonPath, Step};
use crate::error::{Error, Result};
use crate::transform::processing::json;

impl JsonPath {
    /// Appends what the path selects of `json`, one JSON value, to `out`: values stand there as
    /// they were written, numbers with all their digits and members in their order.
    ///
    /// Only the levels that the path enters are taken apart. After an error `out` is as it was.
    ///
    /// # Errors
    /// [`Error::Malformed`] that names the path: `json` is not JSON, it lacks what the path names,
    /// or nothing is selected.
    pub fn apply(&self, json: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        let done = json::text(json).and_then(|json| self.write(json, out));
        done.map_err(|reason| {
            out.truncate(start);
            Error::malformed(self.to_string(), reason)
        })
    }

    fn write(&self, json: &str, out: &mut Vec<u8>) -> Result<(), String> {
        let mut sink = Sink { out, array: !self.gives_one(), values: 0 };
        descend(json, &self.steps, false, &mut sink)?;
        if sink.values == 0 {
            return Err("it selects nothing".into());
        }
        if sink.array {
            out.push(b']');
        }
        Ok(())
    }
}

/// Where selected values go.
struct Sink<'a> {
    out: &'a mut Vec<u8>,
    array: bool,
    values: usize,
}

impl Sink<'_> {
    /// Begins the next value.
    fn next(&mut self) -> &mut Vec<u8> {
        match (self.values, self.array) {
            (0, true) => self.out.push(b'['),
            (0, false) => {}
            _ => self.out.push(b','),
        }
        self.values += 1;
        self.out
    }
}

/// Takes the first of `steps` into `json`, and so on. `lenient` is set below a `*`: what lacks a
/// step is passed over. The path's length bounds the recursion.
fn descend(json: &str, steps: &[Step], lenient: bool, sink: &mut Sink<'_>) -> Result<(), String> {
    let Some((step, rest)) = steps.split_first() else {
        json::check(json)?;
        sink.next().extend_from_slice(json.as_bytes());
        return Ok(());
    };
    let wanted = match step {
        Step::Names(_) => json::Kind::Object,
        Step::Elements(_) => json::Kind::Array,
        Step::All => json::Kind::of(json),
    };
    if json::Kind::of(json) != wanted || wanted == json::Kind::Scalar {
        json::check(json)?;
        return match lenient {
            true => Ok(()),
            false => Err(format!("{} has no {}", json::Kind::of(json), words(step))),
        };
    }
    match step {
        Step::Names(names) => {
            let found = json::members(json, names)?;
            if !lenient && let Some(missing) = found.iter().position(Option::is_none) {
                return Err(format!("there is no member `{}`", names[missing]));
            }
            let mut found = (names.iter().zip(found))
                .filter_map(|(name, value)| Some((name.as_str(), value?)))
                .peekable();
            if names.len() > 1 && rest.is_empty() {
                if found.peek().is_some() {
                    json::write_object(found, sink.next());
                }
                return Ok(());
            }
            for (_, value) in found {
                descend(value, rest, lenient, sink)?;
            }
        }
        Step::Elements(elements) => {
            let values = json::elements(json)?;
            for element in elements {
                match element.resolve(values.len()) {
                    Ok(range) => {
                        for value in &values[range] {
                            descend(value.get(), rest, lenient, sink)?;
                        }
                    }
                    Err(_) if lenient => {}
                    Err(reason) => return Err(reason),
                }
            }
        }
        Step::All => {
            for value in json::children(json)? {
                descend(value.get(), rest, true, sink)?;
            }
        }
    }
    Ok(())
}

/// What a step looks for.
fn words(step: &Step) -> &'static str {
    match step {
        Step::Names(_) => "members to name",
        Step::Elements(_) => "elements to count",
        Step::All => "members or elements",
    }
}
