//! What becomes of an object's bytes, and of a prediction.

use crate::data::{self, Image};
use crate::error::{Error, Result};

/// An object's bytes as the model's input. A decoder that panics over an object fails that object
/// alone, and not the instance with all that is in flight.
///
/// # Errors
/// [`Error::Malformed`] for what is no picture, [`Error::Bug`] for what a decoder panics over.
pub(super) fn input(bytes: &[u8]) -> Result<Image> {
    std::panic::catch_unwind(|| data::decode(bytes))
        .unwrap_or_else(|_| Err(Error::Bug("image: its decoder panicked".into())))
}

/// A prediction as an output object, as the SageMaker MNIST notebook's handler writes it.
pub(super) fn output(class: u8) -> String {
    format!("{{\"predictions\": {class}}}")
}

/// The key of an object's output: the object's own and `.out`.
pub(super) fn output_key(key: &str) -> String {
    format!("{key}.out")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_what_pythons_json_dumps_writes() {
        assert_eq!(output(7), r#"{"predictions": 7}"#);
    }
}
