//! Weights and activations as small integers.
//!
//! A real number is an integer times a scale. Weights have a scale for each output channel, what a
//! layer leaves has one for all: the largest value that the calibration saw, over 255. What is
//! larger is cut off. A bias is counted in the scale of its sum; a sum becomes the next layer's
//! byte by one multiplication.

use super::super::answers::Answers;
use super::super::batch;
use super::super::shape::KERNEL;
use super::super::simd::{MOST_LANES, Portable, Simd, Task};
use super::MOST_WEIGHT;
use crate::data::{IMAGE_PIXELS, Split, digits};
use crate::model::{MEAN, Parameter, STD, Weights};

/// Synthetic digits that the calibration looks at, from the seed that Plimsoll draws them with:
/// there on every machine, and the same ones.
const DIGITS: u64 = 256;
const SEED: u64 = 1;

/// A layer in integers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layer {
    /// `[outputs, inputs]`, each of them ±[`MOST_WEIGHT`] at most.
    pub(super) weights: Vec<i8>,
    /// In units of the sums.
    pub(super) biases: Vec<i32>,
    /// What a unit of each output's sum is, in units of what the layer leaves; of the last layer,
    /// in logits.
    pub(super) scales: Vec<f32>,
}

impl Layer {
    /// Rounds `[outputs, inputs]` weights. An input is an integer times `input`, and so is what
    /// the layer leaves with `output`.
    fn new(weights: &[f32], biases: &[f32], input: f32, output: f32) -> Self {
        let mut layer = Self { weights: Vec::new(), biases: Vec::new(), scales: Vec::new() };
        for (row, bias) in weights.chunks_exact(weights.len() / biases.len()).zip(biases) {
            let largest = row.iter().fold(0.0f32, |largest, weight| largest.max(weight.abs()));
            let scale = if largest > 0.0 { largest / f32::from(MOST_WEIGHT) } else { 1.0 };
            layer.weights.extend(row.iter().map(|weight| (weight / scale).round() as i8));
            layer.biases.push((bias / (scale * input)).round() as i32);
            layer.scales.push(scale * input / output);
        }
        layer
    }
}

/// The Net in integers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Net {
    pub(super) conv1: Layer,
    pub(super) conv2: Layer,
    pub(super) fc1: Layer,
    pub(super) fc2: Layer,
}

impl Net {
    /// Calibrates on the digits, and rounds. Pixels are used as they are: the normalisation goes
    /// into the first layer, which has no padding.
    pub(super) fn new(weights: &Weights) -> Self {
        use Parameter::*;
        let [first, second, hidden] = calibrate(weights).map(|largest| largest.max(1e-6) / 255.0);
        let kernels = weights.get(Conv1Weight).chunks_exact(KERNEL);
        let bias = |(bias, kernel): (&f32, &[f32])| bias - MEAN / STD * kernel.iter().sum::<f32>();
        let biases: Vec<f32> = weights.get(Conv1Bias).iter().zip(kernels).map(bias).collect();
        let pixel = 1.0 / (255.0 * STD);
        let layer =
            |weight, bias, from, to| Layer::new(weights.get(weight), weights.get(bias), from, to);
        Self {
            conv1: Layer::new(weights.get(Conv1Weight), &biases, pixel, first),
            conv2: layer(Conv2Weight, Conv2Bias, first, second),
            fc1: layer(Fc1Weight, Fc1Bias, second, hidden),
            fc2: layer(Fc2Weight, Fc2Bias, hidden, 1.0),
        }
    }
}

/// The largest number that each layer but the last leaves of the digits.
fn calibrate(weights: &Weights) -> [f32; 3] {
    let digits = (0..DIGITS).map(|i| digits::draw(SEED, Split::Train, i).0);
    let pixels: Vec<u8> = digits.flat_map(|image| image.0).collect();
    let mut largest = [0.0; 3];
    let layers = batch::Layers::<2, 1>::new(weights);
    Portable.run(Look { layers: &layers, pixels: &pixels, largest: &mut largest });
    largest
}

struct Look<'a> {
    layers: &'a batch::Layers<2, 1>,
    pixels: &'a [u8],
    largest: &'a mut [f32; 3],
}

impl<S: Simd> Task<S> for Look<'_> {
    #[inline(always)]
    fn run(self, simd: S) {
        let mut scratch = batch::Scratch::new(simd.splat(0.0));
        let mut classes = [0; MOST_LANES];
        for pixels in self.pixels.chunks_exact(S::LANES * IMAGE_PIXELS) {
            let answers = Answers { classes: &mut classes[..S::LANES], scores: &mut [] };
            batch::group(simd, self.layers, &mut scratch, pixels, answers);
            for (largest, now) in self.largest.iter_mut().zip(scratch.largest(simd)) {
                *largest = largest.max(now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_output_has_a_scale_of_its_own() {
        // Two outputs of two inputs; an input is an integer times a half, an output a quarter.
        let layer = Layer::new(&[0.64, -0.32, 6.4, 0.06], &[0.5, -1.0], 0.5, 0.25);
        assert_eq!(layer.weights, [64, -32, 64, 1]);
        assert_eq!(layer.biases, [100, -20]);
        let close = |a: f32, b: f32| (a - b).abs() < 1e-6;
        assert!(close(layer.scales[0], 0.01 * 0.5 / 0.25) && close(layer.scales[1], 0.2));
    }

    #[test]
    fn weights_of_zero_have_a_scale_all_the_same() {
        let net = Net::new(&Weights::zeros());
        for layer in [&net.conv1, &net.conv2, &net.fc1, &net.fc2] {
            assert!(layer.weights.iter().all(|&weight| weight == 0));
            assert!(layer.scales.iter().all(|scale| scale.is_finite()));
        }
    }

    #[test]
    fn the_same_weights_give_the_same_integers() {
        assert_eq!(Net::new(&Weights::fresh(5)), Net::new(&Weights::fresh(5)));
    }
}
