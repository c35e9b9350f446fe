//! Why a part of an object could not be used.

use std::fmt;

use crate::error::Error;

/// Why an object was refused, and where the fault lies.
#[derive(Debug)]
pub struct Refused {
    /// The record's number within the object, from 0, if the fault lies in one.
    pub record: Option<u64>,
    /// Where that record begins in the object, decompressed, in bytes.
    pub offset: Option<u64>,
    /// The cause.
    pub error: Error,
}

impl Refused {
    /// One that names its record.
    pub fn at(record: u64, offset: u64, error: Error) -> Self {
        Self { record: Some(record), offset: Some(offset), error }
    }
}

impl From<Error> for Refused {
    /// The object as a whole.
    fn from(error: Error) -> Self {
        Self { record: None, offset: None, error }
    }
}

impl fmt::Display for Refused {
    /// `record 3 at byte 120: image: zero bytes; not a picture`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.record, self.offset) {
            (Some(record), Some(offset)) => write!(f, "record {record} at byte {offset}: ")?,
            (Some(record), None) => write!(f, "record {record}: ")?,
            (None, Some(offset)) => write!(f, "at byte {offset}: ")?,
            (None, None) => {}
        }
        write!(f, "{}", self.error)
    }
}

impl std::error::Error for Refused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_it_knows_of_the_place() {
        let error = || Error::malformed("image", "zero bytes; not a picture");
        let cause = "image: zero bytes; not a picture";
        assert_eq!(Refused::from(error()).to_string(), cause);
        let placed = Refused::at(3, 120, error());
        assert_eq!(placed.to_string(), format!("record 3 at byte 120: {cause}"));
        let numbered = Refused { offset: None, ..placed };
        assert_eq!(numbered.to_string(), format!("record 3: {cause}"));
    }
}
