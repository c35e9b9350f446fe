//! From an object's bytes to the requests that SageMaker would make of them.
//!
//! A [`Splitter`] reads an object as a stream, cuts it into records as its [`Rules`] say, and
//! gathers these into [`Payload`]s. Each body is byte for byte what SageMaker would POST to
//! `/invocations`; the contents of its records, their numbers and their places in the object come
//! with it. What cannot be cut is [`Refused`], with the record and its place.
//!
//! | split | `SingleRecord` | `MultiRecord` |
//! | --- | --- | --- |
//! | `None` | the whole object | the whole object |
//! | `Line` | one line, without its end | as many lines as fit, with their ends |
//! | `RecordIO`, `TFRecord` | one record's content | as many records as fit, framing and all |
//!
//! The whole body has to fit the payload limit, framing and line ends included; a record that does
//! not fit by itself is refused, by name of the limit. An empty object has no records, except that
//! without a split it is one record of no bytes.
//!
//! Memory is one payload, the record that did not fit it, and a buffer of 64 KiB, however large the
//! object is and whatever its headers claim. That holds for compressed objects too. Only where
//! there is no payload limit can a payload be as large as the object.

mod line;
mod payload;
mod recordio;
mod refused;
mod rules;
mod source;
mod splitter;
#[cfg(test)]
mod tests;
mod tfrecord;

pub use self::payload::Payload;
pub use self::refused::Refused;
pub use self::rules::{MEBIBYTE, Rules};
pub use self::splitter::{MOST_RECORDS, Splitter};
