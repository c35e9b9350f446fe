//! From text to a path.

use super::element::Element;
use super::path::{JsonPath, MAX_CHARACTERS, Step, is_plain};
use crate::error::{Error, Result};

/// Said after every complaint about an operator.
const SUPPORTED: &str =
    "supported are .name, ['name','name'], [0,-1], [1:4] with its end included, .* and [*]";

impl JsonPath {
    /// Reads a path.
    ///
    /// # Errors
    /// [`Error::Invalid`] that points at the column, counted from 1 in characters, and says what is
    /// supported.
    pub fn parse(text: &str) -> Result<Self> {
        let refuse = |reason: String| Error::invalid(format!("JSONPath `{text}`"), reason);
        if text.is_empty() {
            return Err(refuse("it is empty; write $ for the whole".into()));
        }
        let characters = text.chars().count();
        if characters > MAX_CHARACTERS {
            return Err(refuse(format!(
                "it has {characters} characters; at most {MAX_CHARACTERS} are allowed"
            )));
        }
        let mut reader = Reader { left: text, column: 1 };
        let steps = reader
            .steps()
            .map_err(|reason| refuse(format!("column {}: {reason}", reader.column)))?;
        Ok(Self { steps })
    }
}

impl std::str::FromStr for JsonPath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

/// What is left to read, and which column it begins at.
struct Reader<'a> {
    left: &'a str,
    column: usize,
}

impl Reader<'_> {
    fn steps(&mut self) -> Result<Vec<Step>, String> {
        if !self.take('$') {
            return Err("a path begins with $".into());
        }
        let mut steps = Vec::new();
        while let Some(next) = self.peek() {
            steps.push(match next {
                '.' => self.after_dot()?,
                '[' => self.bracket()?,
                _ => return Err(format!("`{next}` cannot follow here; {SUPPORTED}")),
            });
        }
        Ok(steps)
    }

    fn after_dot(&mut self) -> Result<Step, String> {
        self.take('.');
        match self.peek() {
            Some('*') => {
                self.take('*');
                Ok(Step::All)
            }
            Some('[') => self.bracket(),
            Some('.') => Err(format!("a search at any depth, .., is not supported; {SUPPORTED}")),
            Some(c) if is_plain(c) => {
                let mut name = String::new();
                while let Some(c) = self.peek().filter(|&c| is_plain(c)) {
                    name.push(c);
                    self.take(c);
                }
                match self.peek() {
                    Some('(') => Err(format!("functions are not supported; {SUPPORTED}")),
                    _ => Ok(Step::Names(vec![name])),
                }
            }
            Some(c) => Err(format!("`{c}` cannot begin a name; put an odd name as ['name']")),
            None => Err("a name is missing after the dot".into()),
        }
    }

    fn bracket(&mut self) -> Result<Step, String> {
        self.take('[');
        self.skip_spaces();
        match self.peek() {
            Some('*') => {
                self.take('*');
                self.skip_spaces();
                if self.take(']') { Ok(Step::All) } else { Err(self.unclosed("a * stands alone")) }
            }
            Some('\'' | '"') => self.names(),
            Some('0'..='9' | '-' | ':') => self.elements(),
            Some('?') => Err(format!("filters are not supported; {SUPPORTED}")),
            Some('(') => Err(format!("scripts are not supported; {SUPPORTED}")),
            Some(']') => Err(format!("the bracket is empty; {SUPPORTED}")),
            Some(c) if is_plain(c) => {
                Err("a name within brackets needs quotes, as in ['name']".into())
            }
            Some(c) => Err(format!("`{c}` cannot stand within brackets; {SUPPORTED}")),
            None => Err("the bracket is not closed; end it with ]".into()),
        }
    }

    fn names(&mut self) -> Result<Step, String> {
        let mut names = Vec::new();
        loop {
            let (column, left) = (self.column, self.left);
            let name = self.quoted()?;
            if names.contains(&name) {
                (self.column, self.left) = (column, left);
                return Err(format!("'{name}' is named twice"));
            }
            names.push(name);
            if self.last("names in quotes")? {
                return Ok(Step::Names(names));
            }
        }
    }

    fn quoted(&mut self) -> Result<String, String> {
        let quote = match self.peek() {
            Some(quote @ ('\'' | '"')) => quote,
            _ => return Err("a name in quotes belongs here: names and numbers do not mix".into()),
        };
        self.take(quote);
        let mut name = String::new();
        loop {
            let Some(c) = self.peek() else {
                return Err(format!("the quoted name is not closed; end it with {quote}"));
            };
            match c {
                '.' => {
                    return Err("children of children within brackets are not supported; write \
                                .child.grandchild outside of them"
                        .into());
                }
                '\\' => {
                    self.take(c);
                    match self.peek() {
                        Some(escaped @ ('\'' | '"' | '\\')) => name.push(escaped),
                        _ => return Err("a \\ stands only before a quote or another \\".into()),
                    }
                }
                _ if c == quote => {
                    self.take(c);
                    return Ok(name);
                }
                _ => name.push(c),
            }
            self.take_any();
        }
    }

    fn elements(&mut self) -> Result<Step, String> {
        let mut elements = Vec::new();
        loop {
            elements.push(self.element()?);
            if self.last("indices and slices")? {
                return Ok(Step::Elements(elements));
            }
        }
    }

    fn element(&mut self) -> Result<Element, String> {
        let first = self.number()?;
        self.skip_spaces();
        if self.take(':') {
            self.skip_spaces();
            let (column, left) = (self.column, self.left);
            let last = self.number()?;
            self.skip_spaces();
            if self.peek() == Some(':') {
                return Err("a slice with a step is not supported; write [first:last]".into());
            }
            if let (Some(first), Some(last)) = (first, last)
                && (first < 0) == (last < 0)
                && last < first
            {
                (self.column, self.left) = (column, left);
                return Err(format!("the slice ends at {last}, before it begins at {first}"));
            }
            return Ok(Element::Slice(first, last));
        }
        first.map(Element::At).ok_or_else(|| match self.peek() {
            Some('*') => "a * stands alone within its brackets".into(),
            _ => "an index or a slice belongs here, as in [0,5:]".into(),
        })
    }

    /// A whole number, if one stands here.
    fn number(&mut self) -> Result<Option<i64>, String> {
        let sign = usize::from(self.left.starts_with('-'));
        let digits = self.left[sign..].find(|c: char| !c.is_ascii_digit());
        let end = digits.map_or(self.left.len(), |end| sign + end);
        if end == 0 {
            return Ok(None);
        }
        let number = self.left[..end].parse().map_err(|_| match end == sign {
            true => "a - is not followed by a number".to_owned(),
            false => format!("{} is too large for an index", &self.left[..end]),
        })?;
        self.left = &self.left[end..];
        self.column += end;
        Ok(Some(number))
    }

    /// Passes a comma, or the bracket that closes the list.
    fn last(&mut self, list_of: &str) -> Result<bool, String> {
        self.skip_spaces();
        if self.take(']') {
            return Ok(true);
        }
        if !self.take(',') {
            return Err(self.unclosed(&format!("{list_of} are divided by commas")));
        }
        self.skip_spaces();
        Ok(false)
    }

    fn unclosed(&self, rule: &str) -> String {
        match self.peek() {
            None => "the bracket is not closed; end it with ]".into(),
            Some(c) => format!("`{c}` cannot follow here: {rule}, and ] ends them"),
        }
    }

    fn peek(&self) -> Option<char> {
        self.left.chars().next()
    }

    fn take(&mut self, c: char) -> bool {
        let there = self.peek() == Some(c);
        if there {
            self.take_any();
        }
        there
    }

    fn take_any(&mut self) {
        let mut characters = self.left.chars();
        self.column += usize::from(characters.next().is_some());
        self.left = characters.as_str();
    }

    fn skip_spaces(&mut self) {
        while self.take(' ') {}
    }
}
