//! The Net by the oneDNN operations that tch binds.
//!
//! A dense convolution reorders its weights, inputs and outputs at each call, and a dense max pool
//! is not vectorised here; between oneDNN's own tensors (blocked by channels) neither is so. It is
//! the graph that TorchScript's `optimize_for_inference` makes, which tch does not bind.

use tch::{Kind, TchError, Tensor};

use super::session::Net;
use super::tensors;
use crate::backend::SessionOptions;
use crate::error::{Error, Result};
use crate::model::{MEAN, Parameter, STD, Weights};

/// Images a thread that go through the model together. The first convolution leaves 37 KB an image
/// (16 channels of 24 x 24 floats, 10 of them used and 6 padding), so that larger chunks outgrow
/// the caches; smaller ones pay the calls more often. On one processor 64 and 128 were alike and
/// 32 a tenth slower; on another, 64 was a fifth faster than 128.
const CHUNK_PER_THREAD: usize = 64;

/// The Net on oneDNN's tensors.
pub(super) struct OneDnn {
    conv1: Convolution,
    conv2: Convolution,
    fc1: Linear,
    fc2: Linear,
}

struct Convolution {
    weight: Tensor,
    bias: Tensor,
}

struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Net for OneDnn {
    const NAME: &'static str = "torch";

    fn load(weights: &Weights, images: usize) -> Result<Self> {
        if !tch::utils::has_mkldnn() {
            return Err(Error::unavailable(
                format!("backend `{}`", Self::NAME),
                "this libtorch was built without oneDNN; use the backend torch-eager",
            ));
        }
        Self::of(weights, images as i64).map_err(tensors::error(Self::NAME))
    }

    fn logits(&self, pixels: &Tensor) -> Result<Tensor, TchError> {
        let x = pixels.f_to_kind(Kind::Float)?.f_to_mkldnn(None)?;
        let x = self.conv1.pooled(&x)?.f_relu_()?;
        let x = self.conv2.pooled(&x)?.f_to_dense(None, false)?.f_flatten(1, -1)?.f_relu_()?;
        let x = self.fc1.of(&x)?.f_relu_()?;
        self.fc2.of(&x)
    }

    fn chunk(options: &SessionOptions) -> usize {
        CHUNK_PER_THREAD * options.threads
    }
}

impl OneDnn {
    fn of(weights: &Weights, images: i64) -> Result<Self, TchError> {
        use Parameter::*;
        let weights = normalising(weights);
        let convolution =
            |weight, bias, input: [i64; 4]| Convolution::of(&weights, weight, bias, input);
        let linear = |weight, bias| {
            Ok::<_, TchError>(Linear {
                weight: tensors::parameter(&weights, weight)?,
                bias: tensors::parameter(&weights, bias)?,
            })
        };
        Ok(Self {
            conv1: convolution(Conv1Weight, Conv1Bias, [images, 1, 28, 28])?,
            conv2: convolution(Conv2Weight, Conv2Bias, [images, 10, 12, 12])?,
            fc1: linear(Fc1Weight, Fc1Bias)?,
            fc2: linear(Fc2Weight, Fc2Bias)?,
        })
    }
}

impl Convolution {
    /// Weights in the layout that oneDNN wants for inputs of that shape; others it reorders again
    /// at each call.
    fn of(
        weights: &Weights,
        weight: Parameter,
        bias: Parameter,
        input: [i64; 4],
    ) -> Result<Self, TchError> {
        let weight = tensors::parameter(weights, weight)?
            .f_to_mkldnn(None)?
            .f_mkldnn_reorder_conv2d_weight([0, 0], [1, 1], [1, 1], 1, &input[..])?;
        let bias = tensors::parameter(weights, bias)?.f_to_mkldnn(None)?;
        Ok(Self { weight, bias })
    }

    /// The convolution and the 2x2 max pool after it.
    fn pooled(&self, x: &Tensor) -> Result<Tensor, TchError> {
        let x =
            x.f_mkldnn_convolution(&self.weight, Some(&self.bias), [0, 0], [1, 1], [1, 1], 1)?;
        x.f_mkldnn_max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false)
    }
}

impl Linear {
    fn of(&self, x: &Tensor) -> Result<Tensor, TchError> {
        x.f_linear(&self.weight, Some(&self.bias))
    }
}

/// The same Net for raw bytes: (x/255 - mean)/std is linear and the first convolution pads
/// nothing, so its weights and biases can do the normalising, and two passes over the images fall
/// away.
fn normalising(weights: &Weights) -> Weights {
    let (mean, std) = (f64::from(MEAN), f64::from(STD));
    let mut folded = weights.clone();
    let kernels = weights.get(Parameter::Conv1Weight);
    for weight in folded.get_mut(Parameter::Conv1Weight) {
        *weight = (f64::from(*weight) / (255.0 * std)) as f32;
    }
    let biases = folded.get_mut(Parameter::Conv1Bias);
    let taps = kernels.len() / biases.len();
    for (bias, kernel) in biases.iter_mut().zip(kernels.chunks_exact(taps)) {
        let sum: f64 = kernel.iter().map(|&w| f64::from(w)).sum();
        *bias = (f64::from(*bias) - sum * mean / std) as f32;
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model;

    #[test]
    fn the_folded_convolution_gives_what_the_normalised_one_gives() {
        let weights = Weights::fresh(3);
        let folded = normalising(&weights);
        let patch: Vec<u8> = (0..25).map(|i| (i * 41 % 256) as u8).collect();
        let sum = |kernel: &[f32], bias: f32, see: &dyn Fn(u8) -> f32| {
            bias + kernel.iter().zip(&patch).map(|(w, &p)| w * see(p)).sum::<f32>()
        };
        for channel in 0..10 {
            let at = channel * 25..(channel + 1) * 25;
            let plain = sum(
                &weights.get(Parameter::Conv1Weight)[at.clone()],
                weights.get(Parameter::Conv1Bias)[channel],
                &model::normalise,
            );
            let fold = sum(
                &folded.get(Parameter::Conv1Weight)[at],
                folded.get(Parameter::Conv1Bias)[channel],
                &f32::from,
            );
            assert!((plain - fold).abs() < 1e-5, "channel {channel}: {plain} and {fold}");
        }
    }
}
