//! How good weights are.

use crate::backend::{self, Outputs, Predictions, SessionOptions};
use crate::data::Dataset;
use crate::error::Result;
use crate::model::Weights;
use crate::staging::Pool;

/// How well weights do on labelled images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// Mean negative log-likelihood of the labels.
    pub loss: f64,
    /// Images whose most probable class is their label.
    pub correct: usize,
    /// All images.
    pub images: usize,
}

impl Evaluation {
    /// The share of images that are classified as labelled, from 0 to 1.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.images as f64
    }
}

/// Runs the images through a session of the `torch` backend, as a job would.
///
/// # Errors
/// [`Error::Unavailable`](crate::error::Error::Unavailable) in a build without libtorch, and
/// whatever its session says.
pub fn evaluate(weights: &Weights, data: &Dataset) -> Result<Evaluation> {
    // One thread does 10,000 images in a fraction of a second; a team of them would have to be
    // woken while the replicas' threads still own the cores.
    let options = SessionOptions {
        max_batch: 256,
        threads: 1,
        outputs: Outputs::Scores,
        precision: Default::default(),
    };
    let backend = backend::by_name("torch")?;
    let mut session = backend.open(weights, &options)?;
    let pool = Pool::new(&*backend.host_alloc(), 1, options.max_batch)?;
    let mut predictions = Predictions::default();
    let (mut loss, mut correct) = (0.0, 0);
    let batches = data.images.chunks(options.max_batch);
    for (images, labels) in batches.zip(data.labels.chunks(options.max_batch)) {
        let mut slot = pool.take();
        slot.fill(images);
        let ticket = session.submit(slot)?;
        session.wait(ticket, &mut predictions)?;
        for (i, &label) in labels.iter().enumerate() {
            loss -= f64::from(predictions.scores[i][usize::from(label)]);
            correct += usize::from(predictions.classes[i] == label);
        }
    }
    let images = data.images.len();
    Ok(Evaluation { loss: loss / images as f64, correct, images })
}

#[cfg(all(test, feature = "torch"))]
mod tests {
    use super::*;
    use crate::data::{IMAGE_PIXELS, Image};
    use crate::model::Parameter::Fc2Bias;

    /// Zero weights see nothing, so the biases of the last layer are the logits of every image.
    #[test]
    fn loss_and_accuracy_are_what_a_hand_computes() {
        let mut weights = Weights::zeros();
        weights.get_mut(Fc2Bias)[4] = 3f32.ln();
        let labels: Vec<u8> = (0..300).map(|i| if i % 3 == 0 { 4 } else { 7 }).collect();
        let data = Dataset {
            images: vec![Image([9; IMAGE_PIXELS]); labels.len()],
            labels,
            description: "nothing to see".into(),
            synthetic: true,
        };
        let got = evaluate(&weights, &data).unwrap();
        // Probabilities: 3/12 for class 4, 1/12 for each of the others.
        let want = (4f64.ln() + 2.0 * 12f64.ln()) / 3.0;
        assert!((got.loss - want).abs() < 1e-6, "{} and {want}", got.loss);
        assert_eq!((got.correct, got.images), (100, 300));
        assert!((got.accuracy() - 1.0 / 3.0).abs() < 1e-12);
    }
}
