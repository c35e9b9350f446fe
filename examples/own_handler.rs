//! A handler of one's own: digits of black ink on white paper, answered with a confidence.
//!
//! ```text
//! cargo run --release --example own_handler -- transform --input IN --output OUT --probabilities
//! ```
//!
//! The model knows white ink on black, so that pictures of paper have to be inverted before it sees
//! them. The answer to a picture is `{"digit": 7, "confidence": 0.998}`. All else stays as it is:
//! the ways to split, batch and assemble, the instances and the reports. The program has all of
//! Plimsoll's commands; a job's instances are started from this very program, handler and all.

use std::io::Write;
use std::process::ExitCode;

use plimsoll::data::Image;
use plimsoll::error::{Error, Result};
use plimsoll::transform::handler::{Handler, Mnist, Prediction};
use plimsoll::transform::split::{Payload, Refused};

/// Black ink on white paper.
pub(crate) struct Paper;

impl Handler for Paper {
    /// Reads whatever the default handler reads, and inverts it.
    fn input_fn(
        &self,
        payload: &Payload,
        content_type: &str,
        images: &mut Vec<Image>,
    ) -> Result<(), Refused> {
        // Images of other requests may be there already; these are not ours to touch.
        let before = images.len();
        Mnist.input_fn(payload, content_type, images)?;
        for image in &mut images[before..] {
            for pixel in &mut image.0 {
                *pixel = 255 - *pixel;
            }
        }
        Ok(())
    }

    /// Writes one JSON object for each image: a request of several images gets lines of them.
    fn output_fn(
        &self,
        predictions: &[Prediction],
        _accept: &str,
        response: &mut Vec<u8>,
    ) -> Result<()> {
        for (i, Prediction { class, probabilities }) in predictions.iter().enumerate() {
            let Some(probabilities) = probabilities else {
                return Err(Error::invalid("confidence", "not there; run with `--probabilities`"));
            };
            let confidence = probabilities[usize::from(*class)];
            let line_end = if i == 0 { "" } else { "\n" };
            write!(response, "{line_end}{{\"digit\": {class}, \"confidence\": {confidence:.3}}}")
                .map_err(|error| Error::Bug(format!("memory cannot be written to: {error}")))?;
        }
        Ok(())
    }

    /// Of what the job may accept, this handler writes these two. A job with another is refused
    /// before it starts.
    fn accepts(&self) -> &[&'static str] {
        &["application/json", "application/jsonlines"]
    }
}

fn main() -> ExitCode {
    plimsoll::cli::main_with(Paper, std::env::args_os())
}
