//! Data processing: what of a record the model gets, what its result is joined with, and what of
//! the joined is written.
//!
//! ```text
//! record --InputFilter--> model --> result
//!    \---------JoinSource------------+--> joined --OutputFilter--> output
//! ```
//!
//! It works on text/csv, application/json and application/jsonlines, the same in and out, and
//! changes nothing that it is not told to: values and fields are copied as they are written.
//!
//! - **CSV**: a row is an array, so paths choose columns by index; it must be split and assembled by
//!   lines. Joined are the record's columns, then the result's.
//! - **JSON**: an object gains the member `SageMakerOutput`, as its last and in the place of any
//!   that it had; any other value becomes `{"SageMakerInput": ..., "SageMakerOutput": ...}`.
//! - **JSON Lines** need not be split: records are then paired with results line by line.
//!
//! Which paths there are, and how the documentation's contradictions are settled, is said in
//! [`jsonpath`]. Source: the SageMaker developer guide, "Associate Prediction Results with Input
//! Records", and the API reference, `DataProcessing`.

mod csv;
mod json;
pub mod jsonpath;
mod process;
mod rules;
#[cfg(test)]
mod tests;

pub use self::jsonpath::JsonPath;
pub use self::process::Processing;
