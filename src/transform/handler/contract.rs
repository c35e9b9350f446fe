//! The four functions.

use std::path::Path;

use super::media::MediaType;
use super::model::Model;
use super::{Prediction, input, output};
use crate::data::Image;
use crate::error::Result;
use crate::model::{self, Weights};
use crate::transform::split::{Payload, Refused};

/// What becomes of requests and of predictions. One handler serves all threads of an instance.
pub trait Handler: Send + Sync {
    /// Loads the weights of the MNIST CNN, and says in words where they came from. `file` is the
    /// job's model; where it names none, the default takes the weights that Plimsoll comes with.
    ///
    /// # Errors
    /// Whatever keeps an instance from working at all.
    fn model_fn(&self, file: Option<&Path>) -> Result<(Weights, String)> {
        file.map_or_else(model::shipped, model::load)
    }

    /// Appends the images of a request to `images`, in the order of its records. `content_type` is
    /// as the job has it, parameters and all.
    ///
    /// # Errors
    /// [`Refused`] for what is no image, best with its record ([`Payload::refuse`]). The request's
    /// object fails; `images` may then hold some of the request's.
    fn input_fn(
        &self,
        payload: &Payload,
        content_type: &str,
        images: &mut Vec<Image>,
    ) -> Result<(), Refused> {
        input::decode(payload, content_type, images)
    }

    /// How images are predicted, where that is not the engine's own way. With `None` the engine
    /// stages the next batch while the device still runs this one, and a batch may carry images
    /// of many requests; with a function of one's own, batches are its own affair.
    fn predict_fn(&self) -> Option<&dyn Predict> {
        None
    }

    /// Appends to `response` what a request is answered with; `predictions` are those of its
    /// images, in order. `accept` is as the job has it, parameters and all.
    ///
    /// # Errors
    /// Whatever keeps the predictions from being written; the request's object fails.
    fn output_fn(
        &self,
        predictions: &[Prediction],
        accept: &str,
        response: &mut Vec<u8>,
    ) -> Result<()> {
        output::encode(predictions, accept, response)
    }

    /// The media types that `input_fn` reads. A job with another is refused before it starts.
    fn content_types(&self) -> &[&'static str] {
        MediaType::READ
    }

    /// The media types that `output_fn` writes. A job with another is refused before it starts.
    fn accepts(&self) -> &[&'static str] {
        MediaType::WRITTEN
    }
}

/// A way of predicting.
pub trait Predict: Send + Sync {
    /// Appends a prediction for each image to `out`, in order. `images` are a batch: of one request
    /// with `--faithful`, of any number of them otherwise.
    ///
    /// # Errors
    /// Whatever keeps the images from being predicted; the request's object fails.
    fn predict(
        &self,
        model: &mut Model<'_>,
        images: &[Image],
        out: &mut Vec<Prediction>,
    ) -> Result<()>;
}

/// The handler for the MNIST CNN: every function as it is by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mnist;

impl Handler for Mnist {}
