//! The Net as its definition reads: one image, plain loops, 32-bit floats.
//!
//! Nothing here is for speed: it is what the tests hold every backend to. An output starts as its
//! bias and adds its products one by one, by input channel, then row, then column of the kernel
//! (by input for a linear layer); each product and each sum is rounded.

use crate::data::Image;
use crate::model::{CLASSES, Parameter, Weights, normalise};

/// Channels of square maps, `[channels, side, side]`, row-major.
#[derive(Clone, Debug, PartialEq)]
struct Maps {
    side: usize,
    values: Vec<f32>,
}

/// The log-probabilities of an image's classes.
pub(in crate::backend) fn log_probabilities(weights: &Weights, image: &Image) -> [f32; CLASSES] {
    forward(weights, image.0.iter().map(|&pixel| normalise(pixel)).collect())
}

/// The same of what the model sees of an image, `[28, 28]`.
fn forward(weights: &Weights, values: Vec<f32>) -> [f32; CLASSES] {
    use Parameter::*;
    let input = Maps { side: 28, values };
    let first = convolve(&input, weights.get(Conv1Weight), weights.get(Conv1Bias));
    let first = relu(max_pool(&first));
    let second = convolve(&first, weights.get(Conv2Weight), weights.get(Conv2Bias));
    let second = relu(max_pool(&second));
    let mut hidden = linear(&second.values, weights.get(Fc1Weight), weights.get(Fc1Bias));
    hidden.iter_mut().for_each(|value| *value = value.max(0.0));
    let logits = linear(&hidden, weights.get(Fc2Weight), weights.get(Fc2Bias));
    let mut row = [0.0; CLASSES];
    row.copy_from_slice(&logits);
    super::softmax::log_softmax(&mut row);
    row
}

/// Cross-correlation with 5x5 kernels, `[out, in, 5, 5]`, stride 1 and no padding: what PyTorch
/// calls a convolution. Each side shrinks by 4.
fn convolve(input: &Maps, kernels: &[f32], bias: &[f32]) -> Maps {
    let from = input.side;
    let channels = input.values.len() / (from * from);
    let side = from - 4;
    let mut values = Vec::with_capacity(bias.len() * side * side);
    for (out, &bias) in bias.iter().enumerate() {
        for y in 0..side {
            for x in 0..side {
                let mut sum = bias;
                for channel in 0..channels {
                    for ky in 0..5 {
                        for kx in 0..5 {
                            let pixel = input.values[(channel * from + y + ky) * from + x + kx];
                            sum += kernels[((out * channels + channel) * 5 + ky) * 5 + kx] * pixel;
                        }
                    }
                }
                values.push(sum);
            }
        }
    }
    Maps { side, values }
}

/// The largest of each 2x2 block.
fn max_pool(input: &Maps) -> Maps {
    let (from, side) = (input.side, input.side / 2);
    let mut values = Vec::with_capacity(input.values.len() / 4);
    for map in input.values.chunks_exact(from * from) {
        for y in 0..side {
            for x in 0..side {
                let at = |dy, dx| map[(2 * y + dy) * from + 2 * x + dx];
                values.push(at(0, 0).max(at(0, 1)).max(at(1, 0)).max(at(1, 1)));
            }
        }
    }
    Maps { side, values }
}

fn relu(mut maps: Maps) -> Maps {
    maps.values.iter_mut().for_each(|value| *value = value.max(0.0));
    maps
}

/// A linear layer with weights `[out, in]`.
fn linear(input: &[f32], weights: &[f32], bias: &[f32]) -> Vec<f32> {
    let rows = weights.chunks_exact(input.len());
    let sum = |(row, &bias): (&[f32], &f32)| {
        row.iter().zip(input).fold(bias, |sum, (weight, value)| sum + weight * value)
    };
    rows.zip(bias).map(sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A map of `side` whose values count up from 0.
    fn counting(side: usize) -> Maps {
        Maps { side, values: (0..side * side).map(|i| i as f32).collect() }
    }

    #[test]
    fn a_kernel_with_a_single_one_moves_the_picture() {
        // The one lies at row 1, column 3; no flip, for it is a correlation.
        let mut kernel = [0.0; 25];
        kernel[5 + 3] = 1.0;
        let got = convolve(&counting(6), &kernel, &[100.0]);
        assert_eq!(got, Maps { side: 2, values: vec![109.0, 110.0, 115.0, 116.0] });
    }

    #[test]
    fn a_convolution_sums_over_its_input_channels() {
        let input = Maps { side: 5, values: [[1.0; 25], [10.0; 25]].concat() };
        let kernels = [[1.0; 25], [0.5; 25], [0.0; 25], [-1.0; 25]].concat();
        let got = convolve(&input, &kernels, &[0.0, 1.0]);
        assert_eq!(got, Maps { side: 1, values: vec![25.0 + 125.0, 1.0 - 250.0] });
    }

    #[test]
    fn a_pool_keeps_the_largest_of_each_block() {
        let mut input = counting(4);
        input.values[0] = 50.0;
        assert_eq!(max_pool(&input), Maps { side: 2, values: vec![50.0, 7.0, 13.0, 15.0] });
    }

    #[test]
    fn a_linear_layer_is_a_row_times_the_input_plus_the_bias() {
        let got = linear(&[1.0, 2.0, 3.0], &[1.0, 0.0, -1.0, 0.5, 0.5, 0.5], &[0.0, 10.0]);
        assert_eq!(got, [-2.0, 13.0]);
    }

    #[test]
    fn zero_weights_make_every_digit_equally_probable() {
        let row = log_probabilities(&Weights::zeros(), &Image([77; 784]));
        for value in row {
            assert!((value - (0.1f32).ln()).abs() < 1e-6, "{value}");
        }
    }

    /// The whole Net with one path of ones through it, worked out by hand: the first channel of
    /// each convolution passes the kernel's centre on, the first hidden unit sums the first map.
    #[test]
    fn one_path_through_the_net_gives_what_a_hand_computes() {
        let mut weights = Weights::zeros();
        weights.get_mut(Parameter::Conv1Weight)[12] = 1.0;
        weights.get_mut(Parameter::Conv2Weight)[12] = 1.0;
        weights.get_mut(Parameter::Fc1Weight)[..16].fill(1.0);
        weights.get_mut(Parameter::Fc2Weight)[3 * 50] = 1.0;
        // White throughout: each of the 16 values of the second map is a white pixel.
        let logit = 16.0 * normalise(255);
        let total = 9.0 + logit.exp();
        let row = log_probabilities(&weights, &Image([255; 784]));
        assert!((row[3] - (logit - total.ln())).abs() < 1e-4, "{row:?}");
        assert!((row[0] + total.ln()).abs() < 1e-4, "{row:?}");
        // Black is below the mean: ReLU stops it, and every digit is as probable.
        let row = log_probabilities(&weights, &Image([0; 784]));
        assert!((row[3] - (0.1f32).ln()).abs() < 1e-6, "{row:?}");
    }

    /// The weights that undo the normalisation give, of normalised pixels, what the given weights
    /// give of pixels divided by 255: on noise, and on pictures with ink at every edge.
    #[test]
    fn weights_without_normalisation_undo_it() {
        for seed in 0..4 {
            let weights = Weights::fresh(seed);
            let folded = weights.without_normalisation();
            let noise = |i: usize| ((i * (31 + seed as usize) * 7919) >> 3) as u8;
            for image in [
                Image(std::array::from_fn(noise)),
                Image([255; 784]),
                Image([0; 784]),
                Image(std::array::from_fn(|i| if i % 28 == 27 || i < 28 { 255 } else { 0 })),
            ] {
                let plain = image.0.iter().map(|&pixel| f32::from(pixel) / 255.0).collect();
                let expected = forward(&weights, plain);
                let got = log_probabilities(&folded, &image);
                for (got, expected) in got.iter().zip(expected) {
                    assert!((got - expected).abs() < 1e-5, "{got} {expected}");
                }
                assert_ne!(expected, log_probabilities(&weights, &image), "it makes a difference");
            }
        }
    }

    /// A single bright pixel comes out at the one unit that its place leads to.
    #[test]
    fn a_bright_pixel_reaches_the_unit_that_its_place_leads_to() {
        let mut weights = Weights::zeros();
        weights.get_mut(Parameter::Conv1Weight)[0] = 1.0;
        weights.get_mut(Parameter::Conv2Weight)[0] = 1.0;
        // Row 9 of the image -> 4 of 12 -> 2 of 4; column 14 -> 7 of 12 -> 3 of 4.
        weights.get_mut(Parameter::Fc1Weight)[2 * 4 + 3] = 1.0;
        weights.get_mut(Parameter::Fc2Weight)[0] = 1.0;
        let mut image = Image([0; 784]);
        image.0[9 * 28 + 14] = 255;
        let logit = normalise(255);
        let row = log_probabilities(&weights, &image);
        assert!((row[0] - (logit - (9.0 + logit.exp()).ln())).abs() < 1e-5, "{row:?}");
    }
}
