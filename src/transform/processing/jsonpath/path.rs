//! What a path is made of, and how it is written.

use std::fmt;

use super::element::Element;

/// The most characters that SageMaker takes.
pub const MAX_CHARACTERS: usize = 63;

/// A path: which parts of a value are meant. See the table of [its module](super).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath {
    pub(super) steps: Vec<Step>,
}

/// One step down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::transform::processing) enum Step {
    /// Members of an object, at least one, each named once.
    Names(Vec<String>),
    /// Elements of an array, at least one.
    Elements(Vec<Element>),
    /// Every member or element.
    All,
}

impl Step {
    /// Whether it leads to one place, whatever the value is.
    pub(super) fn single(&self) -> bool {
        match self {
            Self::Names(names) => names.len() == 1,
            Self::Elements(elements) => matches!(elements[..], [Element::At(_)]),
            Self::All => false,
        }
    }
}

impl JsonPath {
    /// Whether it is `$`: the whole.
    pub fn is_whole(&self) -> bool {
        self.steps.is_empty()
    }

    pub(in crate::transform::processing) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether it gives one value rather than an array of them.
    pub(super) fn gives_one(&self) -> bool {
        let Some((last, before)) = self.steps.split_last() else { return true };
        before.iter().all(Step::single) && (last.single() || matches!(last, Step::Names(_)))
    }
}

impl fmt::Display for JsonPath {
    /// In a form that parses to the same path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        self.steps.iter().try_for_each(|step| step.fmt(f))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Names(names) => match &names[..] {
                [name] if !name.is_empty() && name.chars().all(is_plain) => write!(f, ".{name}"),
                _ => bracketed(f, names.iter().map(Quoted)),
            },
            Self::Elements(elements) => bracketed(f, elements),
            Self::All => f.write_str(".*"),
        }
    }
}

/// Whether a character may stand in a name after a dot.
pub(super) fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-')
}

fn bracketed(
    f: &mut fmt::Formatter<'_>,
    parts: impl IntoIterator<Item: fmt::Display>,
) -> fmt::Result {
    for (i, part) in parts.into_iter().enumerate() {
        write!(f, "{}{part}", if i == 0 { '[' } else { ',' })?;
    }
    f.write_str("]")
}

struct Quoted<'a>(&'a String);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("'")?;
        for c in self.0.chars() {
            if matches!(c, '\'' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        f.write_str("'")
    }
}
