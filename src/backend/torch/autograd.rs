//! A replica that learns, by libtorch's automatic differentiation.

use tch::{Kind, Reduction, TchError, Tensor};

use super::eager::{self, Dropout};
use super::{tensors, threads};
use crate::backend::argmax;
use crate::backend::learner::{DROPPED_CHANNELS, DROPPED_FEATURES, Learner, Share, Tally};
use crate::error::Result;
use crate::model::{CLASSES, PARAMETERS, Weights};

const NAME: &str = "torch";

/// The Net in eager mode, with gradients.
pub(super) struct Autograd {
    // In the order of `PARAMETERS`.
    parameters: [Tensor; PARAMETERS.len()],
}

impl Autograd {
    /// A replica on the calling thread.
    pub(super) fn open(threads: usize) -> Result<Self> {
        threads::set(NAME, threads)?;
        let parameters = tensors::all(&Weights::zeros()).map_err(tensors::error(NAME))?;
        for parameter in &parameters {
            // It gives a second handle to the same tensor.
            let _ = parameter.f_set_requires_grad(true).map_err(tensors::error(NAME))?;
        }
        Ok(Self { parameters })
    }
}

impl Learner for Autograd {
    fn set_weights(&mut self, weights: &Weights) -> Result<()> {
        let _no_gradients = tch::no_grad_guard();
        self.copy_in(weights).map_err(tensors::error(NAME))
    }

    fn learn(&mut self, share: &Share<'_>, gradient: &mut Weights) -> Result<Tally> {
        self.run(share, gradient).map_err(tensors::error(NAME))
    }
}

impl Autograd {
    fn copy_in(&mut self, weights: &Weights) -> Result<(), TchError> {
        for (tensor, parameter) in self.parameters.iter_mut().zip(PARAMETERS) {
            tensor.f_copy_(&tensors::parameter(weights, parameter)?)?;
        }
        Ok(())
    }

    fn run(&self, share: &Share<'_>, gradient: &mut Weights) -> Result<Tally, TchError> {
        let images = share.labels.len();
        let inputs = tensors::with_pixels(share.pixels, eager::normalise)?;
        let dropout = share.dropout.map(|dropout| factors(dropout, images)).transpose()?;
        let logits = eager::logits(&self.parameters, &inputs, dropout.as_ref())?;
        let labels = Tensor::f_from_slice(share.labels)?.f_to_kind(Kind::Int64)?;
        let loss = logits.f_log_softmax(1, None)?.f_nll_loss(
            &labels,
            None::<&Tensor>,
            Reduction::Sum,
            -100,
        )?;
        let gradients = Tensor::f_run_backward(&[&loss], &self.parameters, false, false)?;
        for (tensor, parameter) in gradients.iter().zip(PARAMETERS) {
            tensor.f_copy_data(gradient.get_mut(parameter), parameter.count())?;
        }
        let mut rows = vec![[0.0; CLASSES]; images];
        logits.f_detach()?.f_copy_data(rows.as_flattened_mut(), images * CLASSES)?;
        let correct = rows.iter().zip(share.labels).filter(|&(row, &label)| argmax(row) == label);
        Ok(Tally { loss: loss.f_double_value(&[])?, correct: correct.count() })
    }
}

fn factors(dropout: crate::backend::learner::Dropout, images: usize) -> Result<Dropout, TchError> {
    let (channels, features) = dropout.factors(images);
    Ok(Dropout {
        channels: tensors::floats(&channels, &[images, DROPPED_CHANNELS, 1, 1])?,
        features: tensors::floats(&features, &[images, DROPPED_FEATURES])?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::IMAGE_PIXELS;
    use crate::model::Parameter;

    fn pixels(images: usize) -> Vec<u8> {
        (0..images * IMAGE_PIXELS).map(|i| (i * i / 7 % 256) as u8).collect()
    }

    fn loss(learner: &mut Autograd, weights: &Weights, share: &Share<'_>) -> f64 {
        learner.set_weights(weights).unwrap();
        learner.learn(share, &mut Weights::zeros()).unwrap().loss
    }

    /// Central differences; a step large enough for f32's rounding and small enough for the loss
    /// to be nearly straight.
    #[test]
    fn the_gradient_is_the_slope_of_the_loss() {
        let mut learner = Autograd::open(1).unwrap();
        let weights = Weights::fresh(9);
        let pixels = pixels(3);
        for dropout in
            [None, Some(crate::backend::learner::Dropout { rate: 0.5, seed: 2, first: 0 })]
        {
            let share = Share { pixels: &pixels, labels: &[3, 0, 9], dropout };
            let mut gradient = Weights::zeros();
            learner.set_weights(&weights).unwrap();
            learner.learn(&share, &mut gradient).unwrap();
            for parameter in [Parameter::Fc2Weight, Parameter::Fc1Bias, Parameter::Conv2Bias] {
                for index in [0, parameter.count() - 1] {
                    let [mut up, mut down] = [weights.clone(), weights.clone()];
                    up.get_mut(parameter)[index] += 1e-3;
                    down.get_mut(parameter)[index] -= 1e-3;
                    let rise = loss(&mut learner, &up, &share) - loss(&mut learner, &down, &share);
                    let slope = rise / 2e-3;
                    let got = f64::from(gradient.get(parameter)[index]);
                    let off = (slope - got).abs();
                    assert!(off < 0.02 * got.abs().max(0.1), "{parameter:?} {got} and {slope}");
                }
            }
        }
    }

    #[test]
    fn a_label_that_is_no_digit_is_an_error() {
        let mut learner = Autograd::open(1).unwrap();
        let share = Share { pixels: &pixels(1), labels: &[10], dropout: None };
        let error = learner.learn(&share, &mut Weights::zeros()).unwrap_err().to_string();
        assert!(error.contains("Target 10 is out of bounds"), "{error}");
    }
}
