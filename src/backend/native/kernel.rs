//! The forward pass of one group of images, `LANES` side by side.
//!
//! The body is inlined into one function for each instruction set, so that the compiler makes
//! vector code of each. `FUSED` says whether the set has a fused multiply-add: without one,
//! [`f32::mul_add`] is a slow call into the C library.

use super::layers::{LINEAR_BLOCK, Layer, Layers};
use super::softmax::log_softmax;
use crate::data::{IMAGE_PIXELS, IMAGE_SIDE};
use crate::model::{CLASSES, normalise};

/// One number for each image of a group.
type Lanes<const LANES: usize> = [f32; LANES];

/// Sides of the maps that the two convolutions leave after their pools.
const FIRST_SIDE: usize = 12;
const SECOND_SIDE: usize = 4;
const FIRST: usize = 10 * FIRST_SIDE * FIRST_SIDE;
const SECOND: usize = 20 * SECOND_SIDE * SECOND_SIDE;
const HIDDEN: usize = 50;

/// Runs the Net over up to `LANES` images, `pixels` being `[rows.len(), 28, 28]`, and leaves their
/// log-probabilities in `rows`. To be called on a machine that has its instruction set.
pub(super) type Group<const LANES: usize, const BLOCK: usize> =
    unsafe fn(&Layers<BLOCK>, &mut Scratch<LANES>, &[u8], &mut [[f32; CLASSES]]);

/// What lies between the layers, `[channels, side, side]` of lanes. Aligned to a cache line, for a
/// vector that straddles two is read twice.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Scratch<const LANES: usize> {
    input: [Lanes<LANES>; IMAGE_PIXELS],
    first: [Lanes<LANES>; FIRST],
    second: [Lanes<LANES>; SECOND],
    hidden: [Lanes<LANES>; HIDDEN],
    logits: [Lanes<LANES>; CLASSES],
    /// What the model sees of each value of a pixel.
    normalised: [f32; 256],
}

impl<const LANES: usize> Scratch<LANES> {
    pub(super) fn new() -> Self {
        Self {
            input: [[0.0; LANES]; IMAGE_PIXELS],
            first: [[0.0; LANES]; FIRST],
            second: [[0.0; LANES]; SECOND],
            hidden: [[0.0; LANES]; HIDDEN],
            logits: [[0.0; LANES]; CLASSES],
            normalised: std::array::from_fn(|pixel| normalise(pixel as u8)),
        }
    }
}

/// [`Group`] on any machine; rounds as the reference does.
pub(super) fn portable(
    layers: &Layers<2>,
    scratch: &mut Scratch<4>,
    pixels: &[u8],
    rows: &mut [[f32; CLASSES]],
) {
    group::<4, 2, false>(layers, scratch, pixels, rows);
}

/// [`Group`] with AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
pub(super) fn avx2(
    layers: &Layers<1>,
    scratch: &mut Scratch<16>,
    pixels: &[u8],
    rows: &mut [[f32; CLASSES]],
) {
    group::<16, 1, true>(layers, scratch, pixels, rows);
}

/// [`Group`] with AVX-512.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
pub(super) fn avx512(
    layers: &Layers<5>,
    scratch: &mut Scratch<16>,
    pixels: &[u8],
    rows: &mut [[f32; CLASSES]],
) {
    group::<16, 5, true>(layers, scratch, pixels, rows);
}

#[inline(always)]
fn group<const LANES: usize, const BLOCK: usize, const FUSED: bool>(
    layers: &Layers<BLOCK>,
    scratch: &mut Scratch<LANES>,
    pixels: &[u8],
    rows: &mut [[f32; CLASSES]],
) {
    let Scratch { input, first, second, hidden, logits, normalised } = scratch;
    transpose(pixels, normalised, input);
    convolve::<LANES, BLOCK, FUSED, IMAGE_SIDE>(&layers.conv1, input, first);
    convolve::<LANES, BLOCK, FUSED, FIRST_SIDE>(&layers.conv2, first, second);
    linear::<LANES, FUSED>(&layers.fc1, second, hidden);
    for lanes in hidden.iter_mut() {
        *lanes = lanes.map(|value| value.max(0.0));
    }
    linear::<LANES, FUSED>(&layers.fc2, hidden, logits);
    for (lane, row) in rows.iter_mut().enumerate() {
        *row = std::array::from_fn(|class| logits[class][lane]);
        log_softmax(row);
    }
}

/// Lays the images' pixels side by side, normalised. Lanes without an image keep what they held:
/// no lane reads another.
#[inline(always)]
fn transpose<const LANES: usize>(
    pixels: &[u8],
    normalised: &[f32; 256],
    input: &mut [Lanes<LANES>; IMAGE_PIXELS],
) {
    for (lane, image) in pixels.as_chunks::<IMAGE_PIXELS>().0.iter().enumerate().take(LANES) {
        for (lanes, &pixel) in input.iter_mut().zip(image) {
            lanes[lane] = normalised[usize::from(pixel)];
        }
    }
}

/// A 5x5 convolution of maps of side `FROM`, a 2x2 max pool and a ReLU. The sums of one 2x2 block
/// of `BLOCK` output channels stay in registers until their largest is known.
#[inline(always)]
fn convolve<const LANES: usize, const BLOCK: usize, const FUSED: bool, const FROM: usize>(
    layer: &Layer<BLOCK>,
    input: &[Lanes<LANES>],
    output: &mut [Lanes<LANES>],
) {
    let side = (FROM - 4) / 2;
    // The five weights of one row of a kernel, for one input channel.
    let kernel_rows = layer.weights.as_chunks::<5>().0;
    let rows_of_a_block = 5 * input.len() / (FROM * FROM);
    for y in 0..side {
        for x in 0..side {
            // Blocks within places: the places' inputs are read again while they are near.
            let blocks = kernel_rows.chunks_exact(rows_of_a_block).zip(&layer.biases);
            for (block, (kernels, bias)) in blocks.enumerate() {
                let mut sums = bias.map(|bias| [[bias; LANES]; 4]);
                for (map, kernel) in input.chunks_exact(FROM * FROM).zip(kernels.as_chunks::<5>().0)
                {
                    for (ky, weights) in kernel.iter().enumerate() {
                        let at = (2 * y + ky) * FROM + 2 * x;
                        let (upper, lower) = (&map[at..at + 6], &map[at + FROM..at + FROM + 6]);
                        for (kx, weights) in weights.iter().enumerate() {
                            let inputs = [upper[kx], upper[kx + 1], lower[kx], lower[kx + 1]];
                            for (sums, &weight) in sums.iter_mut().zip(weights) {
                                for (sum, input) in sums.iter_mut().zip(&inputs) {
                                    add_product::<LANES, FUSED>(sum, input, weight);
                                }
                            }
                        }
                    }
                }
                for (channel, [a, b, c, d]) in sums.iter().enumerate() {
                    let at = ((block * BLOCK + channel) * side + y) * side + x;
                    output[at] = std::array::from_fn(|lane| {
                        a[lane].max(b[lane]).max(c[lane].max(d[lane])).max(0.0)
                    });
                }
            }
        }
    }
}

/// A linear layer.
#[inline(always)]
fn linear<const LANES: usize, const FUSED: bool>(
    layer: &Layer<LINEAR_BLOCK>,
    input: &[Lanes<LANES>],
    output: &mut [Lanes<LANES>],
) {
    let blocks = layer.weights.chunks_exact(input.len()).zip(&layer.biases);
    for ((weights, bias), output) in blocks.zip(output.chunks_exact_mut(LINEAR_BLOCK)) {
        let mut sums = bias.map(|bias| [bias; LANES]);
        for (weights, input) in weights.iter().zip(input) {
            for (sum, &weight) in sums.iter_mut().zip(weights) {
                add_product::<LANES, FUSED>(sum, input, weight);
            }
        }
        output.copy_from_slice(&sums);
    }
}

/// `sum += input * weight`, lane by lane.
#[inline(always)]
fn add_product<const LANES: usize, const FUSED: bool>(
    sum: &mut Lanes<LANES>,
    input: &Lanes<LANES>,
    weight: f32,
) {
    for (sum, &input) in sum.iter_mut().zip(input) {
        *sum = if FUSED { input.mul_add(weight, *sum) } else { *sum + input * weight };
    }
}
