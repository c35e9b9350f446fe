//! The forward pass of one image: lanes across output channels.
//!
//! The same loops as those of [`super::batch`] with the parts swapped: inputs are spread over a
//! vector, weights are vectors already. The sums are added up in the same order, so that both ways
//! give the same numbers.

use std::hint::black_box;

use super::answers::Answers;
use super::shape::*;
use super::simd::{MOST_LANES, Simd};
use crate::data::IMAGE_PIXELS;
use crate::model::{MEAN, Parameter, STD, Weights, normalise};

/// Room for the channels of a place of the first map and of the second, and for the outputs of a
/// linear layer; each with the empty lanes of the last vector.
const FIRST_PLACE: usize = 16;
const SECOND_PLACE: usize = 32;
const OUTPUTS: usize = 64;

/// The first map, `[row, column, channel]`.
const FIRST_MAP: Strides =
    Strides { channel: 1, row: FIRST_SIDE * FIRST_PLACE, column: FIRST_PLACE };
static IMAGE_TAPS: [u16; KERNEL] = IMAGE.taps();
static FIRST_TAPS: [u16; FIRST_CHANNELS * KERNEL] = FIRST_MAP.taps();

/// Some of a layer's outputs, `N` vectors at a time.
struct Part<V, const N: usize> {
    /// Inputs of an output.
    inputs: usize,
    /// `[blocks, inputs, N]`
    weights: Vec<[V; N]>,
    /// `[blocks, N]`
    biases: Vec<[V; N]>,
}

impl<V: Copy, const N: usize> Part<V, N> {
    /// Lays out weights that are `[outputs, inputs]`; lanes beyond the last output are 0.
    fn new<S: Simd<Vector = V>>(simd: S, weights: &[f32], biases: &[f32], inputs: usize) -> Self {
        let vectors = |block: usize, value: &dyn Fn(usize) -> f32| -> [V; N] {
            std::array::from_fn(|n| {
                let first = (block * N + n) * S::LANES;
                let lanes: [f32; MOST_LANES] = std::array::from_fn(|lane| {
                    if first + lane < biases.len() { value(first + lane) } else { 0.0 }
                });
                simd.load(&lanes)
            })
        };
        let blocks = biases.len().div_ceil(N * S::LANES);
        let of_block = |block| {
            (0..inputs).map(move |i| vectors(block, &|output| weights[output * inputs + i]))
        };
        Self {
            inputs,
            weights: (0..blocks).flat_map(of_block).collect(),
            biases: (0..blocks).map(|block| vectors(block, &|output| biases[output])).collect(),
        }
    }
}

/// The Net's weights as this kernel reads them: `A` vectors of channels at a time in the first
/// convolution, `B` in the second, `C` in the linear layers.
pub(super) struct Layers<V, const A: usize, const B: usize, const C: usize> {
    conv1: Part<V, A>,
    conv2: Part<V, B>,
    /// The last channels, where they fill no more than one vector.
    conv2_rest: Part<V, 1>,
    fc1: Part<V, C>,
    fc2: Part<V, C>,
}

impl<V: Copy, const A: usize, const B: usize, const C: usize> Layers<V, A, B, C> {
    pub(super) fn new<S: Simd<Vector = V>>(simd: S, weights: &Weights) -> Self {
        use Parameter::*;
        let [conv2, bias] = [weights.get(Conv2Weight), weights.get(Conv2Bias)];
        let inputs = FIRST_CHANNELS * KERNEL;
        let rest = SECOND_CHANNELS % (B * S::LANES);
        let blocks = SECOND_CHANNELS - if rest <= S::LANES { rest } else { 0 };
        Self {
            conv1: Part::new(simd, weights.get(Conv1Weight), weights.get(Conv1Bias), KERNEL),
            conv2: Part::new(simd, &conv2[..blocks * inputs], &bias[..blocks], inputs),
            conv2_rest: Part::new(simd, &conv2[blocks * inputs..], &bias[blocks..], inputs),
            fc1: Part::new(simd, weights.get(Fc1Weight), weights.get(Fc1Bias), SECOND),
            fc2: Part::new(simd, weights.get(Fc2Weight), weights.get(Fc2Bias), HIDDEN),
        }
    }
}

/// What lies between the layers.
#[repr(align(64))]
pub(super) struct Scratch {
    input: [f32; IMAGE_PIXELS],
    /// As [`FIRST_MAP`] says.
    first: [f32; FIRST_SIDE * FIRST_SIDE * FIRST_PLACE],
    /// `[row, column, channel]`
    second: [f32; SECOND_SIDE * SECOND_SIDE * SECOND_PLACE],
    /// `[channel, row, column]`
    features: [f32; SECOND],
}

impl Scratch {
    pub(super) fn new() -> Box<Self> {
        Box::new(Self {
            input: [0.0; IMAGE_PIXELS],
            first: [0.0; FIRST_SIDE * FIRST_SIDE * FIRST_PLACE],
            second: [0.0; SECOND_SIDE * SECOND_SIDE * SECOND_PLACE],
            features: [0.0; SECOND],
        })
    }
}

/// Runs the Net over one image, `pixels` being `[28, 28]`. The convolutions do `PA` and `PB` places
/// at a time.
#[inline(always)]
pub(super) fn image<
    S,
    const A: usize,
    const PA: usize,
    const B: usize,
    const PB: usize,
    const C: usize,
>(
    simd: S,
    layers: &Layers<S::Vector, A, B, C>,
    scratch: &mut Scratch,
    pixels: &[u8],
    mut answers: Answers<'_>,
) where
    S: Simd,
{
    let Scratch { input, first, second, features } = scratch;
    for (input, &pixel) in input.iter_mut().zip(pixels) {
        *input = if S::FUSED {
            f32::from(pixel).mul_add(1.0 / (255.0 * STD), -MEAN / STD)
        } else {
            normalise(pixel)
        };
    }
    let maps = Maps { taps: &IMAGE_TAPS, strides: IMAGE, side: FIRST_SIDE, place: FIRST_PLACE };
    convolve::<S, A, PA>(simd, &layers.conv1, maps, input, first);
    let maps =
        Maps { taps: &FIRST_TAPS, strides: FIRST_MAP, side: SECOND_SIDE, place: SECOND_PLACE };
    convolve::<S, B, PB>(simd, &layers.conv2, maps, first, second);
    let done = layers.conv2.biases.len() * B * S::LANES;
    if done < SECOND_CHANNELS {
        convolve::<S, 1, 2>(simd, &layers.conv2_rest, maps, first, &mut second[done..]);
    }
    for (channel, features) in features.chunks_exact_mut(SECOND_SIDE * SECOND_SIDE).enumerate() {
        for (feature, place) in features.iter_mut().zip(second.chunks_exact(SECOND_PLACE)) {
            *feature = place[channel];
        }
    }
    let sums = linear(simd, &layers.fc1, features);
    let hidden: [f32; HIDDEN] = std::array::from_fn(|i| sums[i].max(0.0));
    let sums = linear(simd, &layers.fc2, &hidden);
    answers.put(0, std::array::from_fn(|class| sums[class]));
}

/// What a convolution reads and writes.
#[derive(Clone, Copy)]
struct Maps<'a> {
    /// Where the inputs of a kernel lie.
    taps: &'a [u16],
    strides: Strides,
    /// Of the map that it leaves.
    side: usize,
    /// Numbers of a place of that map.
    place: usize,
}

/// A 5x5 convolution, a 2x2 max pool and a ReLU, `P` columns at a time. Blocks of channels come
/// first, so that the weights of one are near for all places.
#[inline(always)]
fn convolve<S: Simd, const N: usize, const P: usize>(
    simd: S,
    part: &Part<S::Vector, N>,
    maps: Maps<'_>,
    input: &[f32],
    output: &mut [f32],
) {
    let Maps { taps, strides, side, place } = maps;
    let pool = strides.pool();
    let blocks = part.weights.chunks_exact(taps.len()).zip(&part.biases).enumerate();
    for (block, (weights, bias)) in blocks {
        for y in 0..side {
            for x in (0..side).step_by(P) {
                let input = &input[2 * y * strides.row + 2 * x * strides.column..];
                let mut sums = black_box(bias).map(|bias| [[bias; 4]; P]);
                let rows = weights.as_chunks::<5>().0.iter().zip(taps.iter().step_by(5));
                for (weights, &tap) in rows {
                    let tap = usize::from(tap);
                    let last = (2 * P + 3) * strides.column + strides.row;
                    let inputs = &input[tap..tap + last + 1];
                    for (column, weights) in weights.iter().enumerate() {
                        for p in 0..P {
                            for (corner, at) in pool.into_iter().enumerate() {
                                let input =
                                    simd.splat(inputs[(column + 2 * p) * strides.column + at]);
                                for (sums, &weight) in sums.iter_mut().zip(weights) {
                                    let sum = &mut sums[p][corner];
                                    *sum = simd.add_product(*sum, input, weight);
                                }
                            }
                        }
                    }
                }
                for (n, sums) in sums.into_iter().enumerate() {
                    for (p, [a, b, c, d]) in sums.into_iter().enumerate() {
                        let largest = simd.max(simd.max(a, b), simd.max(c, d));
                        let at = (y * side + x + p) * place + (block * N + n) * S::LANES;
                        simd.store(simd.max(largest, simd.splat(0.0)), &mut output[at..]);
                    }
                }
            }
        }
    }
}

/// A linear layer.
#[inline(always)]
fn linear<S: Simd, const N: usize>(
    simd: S,
    part: &Part<S::Vector, N>,
    input: &[f32],
) -> [f32; OUTPUTS] {
    let mut output = [0.0; OUTPUTS];
    let blocks = part.weights.chunks_exact(part.inputs).zip(&part.biases).enumerate();
    for (block, (weights, bias)) in blocks {
        let mut sums = *bias;
        for (weights, &input) in weights.iter().zip(input) {
            let input = simd.splat(input);
            for (sum, &weight) in sums.iter_mut().zip(weights) {
                *sum = simd.add_product(*sum, input, weight);
            }
        }
        for (n, sum) in sums.into_iter().enumerate() {
            simd.store(sum, &mut output[(block * N + n) * S::LANES..]);
        }
    }
    output
}
