//! The parameters' values.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::spec::{MEAN, PARAMETERS, Parameter, STD};
use crate::error::{Error, Result};

/// The values of every parameter of the Net, row-major, in the right shapes by construction.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    values: [Vec<f32>; PARAMETERS.len()],
}

impl Weights {
    /// Gathers the parameters that `find` returns with their shapes.
    ///
    /// # Errors
    /// [`Error::Malformed`] naming the first tensor that is missing or misshapen, with both shapes.
    pub fn gather(
        mut find: impl FnMut(&'static str) -> Option<(Vec<usize>, Vec<f32>)>,
    ) -> Result<Self> {
        let mut weights = Self::zeros();
        for parameter in PARAMETERS {
            let (shape, values) = find(parameter.name()).ok_or_else(|| {
                let want = parameter.shape();
                Error::malformed(
                    format!("tensor {}", parameter.name()),
                    format!("missing; the MNIST CNN needs it with shape {want:?}"),
                )
            })?;
            if shape != parameter.shape() || values.len() != parameter.count() {
                return Err(Error::malformed(
                    format!("tensor {}", parameter.name()),
                    format!("shape {shape:?}, but the MNIST CNN needs {:?}", parameter.shape()),
                ));
            }
            weights.values[parameter as usize] = values;
        }
        Ok(weights)
    }

    /// Refuses values that no prediction could come from.
    ///
    /// # Errors
    /// [`Error::Malformed`] naming the tensor and the place of the first NaN or infinite value.
    pub fn check_finite(&self) -> Result<()> {
        for parameter in PARAMETERS {
            let values = self.get(parameter);
            if let Some(place) = values.iter().position(|value| !value.is_finite()) {
                return Err(Error::malformed(
                    format!("tensor {}", parameter.name()),
                    format!(
                        "value {place} of {} is {}, so no prediction would mean anything; train \
                         again, perhaps with a lower learning rate",
                        values.len(),
                        values[place]
                    ),
                ));
            }
        }
        Ok(())
    }

    /// All zeros.
    pub fn zeros() -> Self {
        Self { values: PARAMETERS.map(|p| vec![0.0; p.count()]) }
    }

    /// Fresh weights as PyTorch initialises these layers: uniform in plus or minus one over the
    /// square root of the fan-in. The same seed gives the same weights on every machine.
    pub fn fresh(seed: u64) -> Self {
        let mut random = Pcg64::seed_from_u64(seed);
        Self {
            values: PARAMETERS.map(|p| {
                let bound = 1.0 / (p.fan_in() as f32).sqrt();
                (0..p.count()).map(|_| random.random_range(-bound..bound)).collect()
            }),
        }
    }

    /// Weights that make of normalised pixels what these make of pixels that are only divided by
    /// 255. Backends normalise by themselves; a model that was trained, or is to be run, without
    /// that is run with these weights instead.
    ///
    /// With `n = (x - MEAN) / STD`, a sum `b + Σ w x` is `(b + MEAN Σ w) + Σ (STD w) n`, so only the
    /// first convolution changes. It has no padding, so each of its outputs sums over a whole
    /// kernel, and the equality holds at the edges too. It is exact but for the rounding to 32 bits.
    #[must_use]
    pub fn without_normalisation(&self) -> Self {
        let (mean, std) = (f64::from(MEAN), f64::from(STD));
        let mut weights = self.clone();
        let kernels = self.get(Parameter::Conv1Weight).chunks_exact(Parameter::Conv1Bias.fan_in());
        for (bias, kernel) in weights.get_mut(Parameter::Conv1Bias).iter_mut().zip(kernels) {
            let sum: f64 = kernel.iter().copied().map(f64::from).sum();
            *bias = (f64::from(*bias) + mean * sum) as f32;
        }
        for weight in weights.get_mut(Parameter::Conv1Weight) {
            *weight = (f64::from(*weight) * std) as f32;
        }
        weights
    }

    /// One parameter's values, row-major in [`Parameter::shape`].
    pub fn get(&self, parameter: Parameter) -> &[f32] {
        &self.values[parameter as usize]
    }

    /// One parameter's values, to change in place.
    pub fn get_mut(&mut self, parameter: Parameter) -> &mut [f32] {
        &mut self.values[parameter as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tensor_is_named_with_its_shape() {
        let error = Weights::gather(|_| None).unwrap_err().to_string();
        assert_eq!(
            error,
            "tensor conv1.weight: missing; the MNIST CNN needs it with shape [10, 1, 5, 5]"
        );
    }

    #[test]
    fn a_misshapen_tensor_is_named_with_both_shapes() {
        let error = Weights::gather(|_| Some((vec![3], vec![0.0; 3]))).unwrap_err().to_string();
        assert_eq!(error, "tensor conv1.weight: shape [3], but the MNIST CNN needs [10, 1, 5, 5]");
    }

    #[test]
    fn without_normalisation_only_the_first_convolution_changes() {
        let weights = Weights::fresh(3);
        let folded = weights.without_normalisation();
        for parameter in PARAMETERS {
            let first = matches!(parameter, Parameter::Conv1Weight | Parameter::Conv1Bias);
            assert_eq!(weights.get(parameter) != folded.get(parameter), first, "{parameter:?}");
        }
    }

    #[test]
    fn fresh_weights_depend_on_the_seed_alone() {
        assert_eq!(Weights::fresh(1), Weights::fresh(1));
        assert_ne!(Weights::fresh(1), Weights::fresh(2));
    }
}
