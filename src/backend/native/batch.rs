//! The forward pass of a group of images, side by side in the lanes of vectors.
//!
//! The sums of one 2x2 pool of a block of output channels stay in registers until their largest is
//! known, so that neither the convolution's output nor the pool's input is ever in memory. A weight
//! is spread over a vector as it is read and serves four sums; an input serves a block.

use std::hint::black_box;

use super::answers::Answers;
use super::layers::{Layer, Part};
use super::shape::*;
use super::simd::{MOST_LANES, Simd};
use crate::data::IMAGE_PIXELS;
use crate::model::{CLASSES, MEAN, Parameter, STD, Weights, normalise};

/// Outputs of a linear layer that are summed at a time: enough to fill the pipelines.
const LINEAR: usize = 10;

/// Rows of the image in lanes; those of the first map, `[row, channel, column]`, so that the rows
/// that the second convolution reads lie together.
const FIRST_MAP: Strides =
    Strides { channel: FIRST_SIDE, row: FIRST_CHANNELS * FIRST_SIDE, column: 1 };
static IMAGE_TAPS: [u16; KERNEL] = IMAGE.taps();
static FIRST_TAPS: [u16; FIRST_CHANNELS * KERNEL] = FIRST_MAP.taps();

/// The Net's weights as this kernel reads them. The convolutions sum `BLOCK` output channels at a
/// time, the last ones `REST`.
pub(super) struct Layers<const BLOCK: usize, const REST: usize> {
    conv1: Layer<BLOCK, REST>,
    conv2: Layer<BLOCK, REST>,
    fc1: Part<LINEAR>,
    fc2: Part<LINEAR>,
}

impl<const BLOCK: usize, const REST: usize> Layers<BLOCK, REST> {
    pub(super) fn new(weights: &Weights) -> Self {
        use Parameter::*;
        Self {
            conv1: Layer::new(weights.get(Conv1Weight), weights.get(Conv1Bias)),
            conv2: Layer::new(weights.get(Conv2Weight), weights.get(Conv2Bias)),
            fc1: Part::new(weights.get(Fc1Weight), weights.get(Fc1Bias)),
            fc2: Part::new(weights.get(Fc2Weight), weights.get(Fc2Bias)),
        }
    }
}

/// What lies between the layers, a vector for each number.
#[repr(align(64))]
pub(super) struct Scratch<V> {
    /// The images' pixels side by side.
    bytes: [[u8; MOST_LANES]; IMAGE_PIXELS],
    /// `[row, column]`
    input: [V; IMAGE_PIXELS],
    /// As [`FIRST_MAP`] says.
    first: [V; FIRST],
    /// `[channel, row, column]`
    second: [V; SECOND],
    hidden: [V; HIDDEN],
}

impl<V: Copy> Scratch<V> {
    pub(super) fn new(zero: V) -> Box<Self> {
        Box::new(Self {
            bytes: [[0; MOST_LANES]; IMAGE_PIXELS],
            input: [zero; IMAGE_PIXELS],
            first: [zero; FIRST],
            second: [zero; SECOND],
            hidden: [zero; HIDDEN],
        })
    }
}

impl<V: Copy> Scratch<V> {
    /// The largest number that each layer but the last left of the last group, over all lanes.
    pub(super) fn largest<S: Simd<Vector = V>>(&self, simd: S) -> [f32; 3] {
        [&self.first[..], &self.second, &self.hidden].map(|vectors| {
            let zero = simd.splat(0.0);
            let largest = vectors.iter().fold(zero, |largest, &vector| simd.max(largest, vector));
            let mut lanes = [0.0; MOST_LANES];
            simd.store(largest, &mut lanes);
            lanes.into_iter().fold(0.0, f32::max)
        })
    }
}

/// Runs the Net over as many images as there are answers wanted, at most [`Simd::LANES`], `pixels`
/// being `[images, 28, 28]`.
#[inline(always)]
pub(super) fn group<S: Simd, const BLOCK: usize, const REST: usize>(
    simd: S,
    layers: &Layers<BLOCK, REST>,
    scratch: &mut Scratch<S::Vector>,
    pixels: &[u8],
    mut answers: Answers<'_>,
) {
    let Scratch { bytes, input, first, second, hidden } = scratch;
    transpose(pixels, bytes);
    for (input, bytes) in input.iter_mut().zip(&*bytes) {
        *input = normalised(simd, bytes);
    }
    let mut done = 0;
    for y in 0..SECOND_SIDE {
        // Rows of the first map as they are needed, so that they are read while they are near.
        while done < 2 * y + 6 {
            let input = &input[2 * done * IMAGE.row..][..6 * IMAGE.row];
            let output = &mut first[done * FIRST_MAP.row..][..FIRST_MAP.row];
            let maps = Maps { taps: &IMAGE_TAPS, row: IMAGE.row, stride: FIRST_SIDE };
            convolve::<S, BLOCK, REST, FIRST_SIDE>(simd, &layers.conv1, maps, input, output);
            done += 1;
        }
        let input = &first[2 * y * FIRST_MAP.row..][..6 * FIRST_MAP.row];
        let output = &mut second[y * SECOND_SIDE..];
        let stride = SECOND_SIDE * SECOND_SIDE;
        let maps = Maps { taps: &FIRST_TAPS, row: FIRST_MAP.row, stride };
        convolve::<S, BLOCK, REST, SECOND_SIDE>(simd, &layers.conv2, maps, input, output);
    }
    let zero = simd.splat(0.0);
    for (block, out) in hidden.chunks_exact_mut(LINEAR).enumerate() {
        for (out, sum) in out.iter_mut().zip(linear(simd, &layers.fc1, block, second)) {
            *out = simd.max(sum, zero);
        }
    }
    let mut logits = [[0.0; MOST_LANES]; CLASSES];
    for (logits, sum) in logits.iter_mut().zip(linear(simd, &layers.fc2, 0, hidden)) {
        simd.store(sum, logits);
    }
    for image in 0..answers.classes.len() {
        answers.put(image, logits.map(|lanes| lanes[image]));
    }
}

/// What the model sees of a pixel of each image. A fused set shifts and scales in one instruction,
/// within a rounding of what the reference does.
#[inline(always)]
fn normalised<S: Simd>(simd: S, bytes: &[u8; MOST_LANES]) -> S::Vector {
    if S::FUSED {
        let (scale, shift) = (simd.splat(1.0 / (255.0 * STD)), simd.splat(-MEAN / STD));
        simd.add_product(shift, simd.widen(bytes), scale)
    } else {
        simd.load(&bytes.map(normalise))
    }
}

/// Lays the images' pixels side by side. Lanes without an image hold anything: no lane reads
/// another.
#[inline(always)]
pub(super) fn transpose(pixels: &[u8], bytes: &mut [[u8; MOST_LANES]; IMAGE_PIXELS]) {
    for (eight, images) in pixels.chunks(8 * IMAGE_PIXELS).enumerate().take(MOST_LANES / 8) {
        for (column, out) in bytes.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let mut block = [0u64; 8];
            for (block, image) in block.iter_mut().zip(images.as_chunks::<IMAGE_PIXELS>().0) {
                *block = u64::from_le_bytes(image.as_chunks().0[column]);
            }
            transpose_block(&mut block);
            for (out, block) in out.iter_mut().zip(block) {
                out.as_chunks_mut().0[eight] = block.to_le_bytes();
            }
        }
    }
}

/// Transposes 8x8 bytes by swapping the corners of ever smaller squares.
#[inline(always)]
fn transpose_block(block: &mut [u64; 8]) {
    let mut swap = |apart: usize, mask: u64| {
        let shift = 8 * apart as u32;
        for i in (0..8).filter(|i| i & apart == 0) {
            let change = ((block[i] >> shift) ^ block[i + apart]) & mask;
            block[i] ^= change << shift;
            block[i + apart] ^= change;
        }
    };
    swap(4, 0x0000_0000_ffff_ffff);
    swap(2, 0x0000_ffff_0000_ffff);
    swap(1, 0x00ff_00ff_00ff_00ff);
}

/// What a convolution reads and writes.
#[derive(Clone, Copy)]
struct Maps<'a> {
    /// Where the inputs of a kernel lie.
    taps: &'a [u16],
    /// From one row of the input to the next.
    row: usize,
    /// From one output channel to the next.
    stride: usize,
}

/// One row of a 5x5 convolution, a 2x2 max pool and a ReLU: from six rows of the input, `SIDE`
/// columns of every output channel.
#[inline(always)]
fn convolve<S: Simd, const BLOCK: usize, const REST: usize, const SIDE: usize>(
    simd: S,
    layer: &Layer<BLOCK, REST>,
    maps: Maps<'_>,
    input: &[S::Vector],
    output: &mut [S::Vector],
) {
    convolve_part::<S, BLOCK, SIDE>(simd, &layer.blocks, maps, input, output);
    if !layer.rest.biases.is_empty() {
        let output = &mut output[layer.blocks.biases.len() * BLOCK * maps.stride..];
        convolve_part::<S, REST, SIDE>(simd, &layer.rest, maps, input, output);
    }
}

#[inline(always)]
fn convolve_part<S: Simd, const BLOCK: usize, const SIDE: usize>(
    simd: S,
    part: &Part<BLOCK>,
    maps: Maps<'_>,
    input: &[S::Vector],
    output: &mut [S::Vector],
) {
    let blocks = part.weights.chunks_exact(maps.taps.len()).zip(&part.biases).enumerate();
    for (block, (weights, bias)) in blocks {
        for x in 0..SIDE {
            // The compiler would spread the biases once for all columns, and run out of registers.
            let mut sums = black_box(bias).map(|bias| [simd.splat(bias); 4]);
            let input = &input[2 * x..];
            let rows = weights.as_chunks::<5>().0.iter().zip(maps.taps.iter().step_by(5));
            for (weights, &tap) in rows {
                let tap = usize::from(tap);
                let places = &input[tap..tap + maps.row + 6];
                let upper: &[S::Vector; 6] = places.first_chunk().expect("it is six long");
                let lower: &[S::Vector; 6] = places.last_chunk().expect("it is six long");
                let even = (upper, lower);
                // The same places, which the compiler may not know: it would keep a column's inputs
                // for the next, and run out of registers. To read them again costs nothing.
                let odd = black_box(even);
                for (column, weights) in weights.iter().enumerate() {
                    let (upper, lower) = if column % 2 == 0 { even } else { odd };
                    let weights: [_; BLOCK] = std::array::from_fn(|i| simd.splat(weights[i]));
                    let (left, right) = (column, column + 1);
                    let inputs = [upper[left], upper[right], lower[left], lower[right]];
                    for (place, input) in inputs.into_iter().enumerate() {
                        for (sums, &weight) in sums.iter_mut().zip(&weights) {
                            sums[place] = simd.add_product(sums[place], input, weight);
                        }
                    }
                }
            }
            for (channel, [a, b, c, d]) in sums.into_iter().enumerate() {
                let largest = simd.max(simd.max(a, b), simd.max(c, d));
                let at = (block * BLOCK + channel) * maps.stride + x;
                output[at] = simd.max(largest, simd.splat(0.0));
            }
        }
    }
}

/// A block of a linear layer's outputs.
#[inline(always)]
fn linear<S: Simd>(
    simd: S,
    part: &Part<LINEAR>,
    block: usize,
    input: &[S::Vector],
) -> [S::Vector; LINEAR] {
    let mut sums = part.biases[block].map(|bias| simd.splat(bias));
    for (weights, &input) in part.weights[block * input.len()..].iter().zip(input) {
        for (sum, &weight) in sums.iter_mut().zip(weights) {
            *sum = simd.add_product(*sum, input, simd.splat(weight));
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_transposed() {
        // The tens digit is the row.
        let row =
            |row: u8| u64::from_le_bytes(std::array::from_fn(|column| 10 * row + column as u8));
        let mut block = std::array::from_fn(|i| row(i as u8));
        transpose_block(&mut block);
        for (column, got) in block.into_iter().enumerate() {
            let want: [u8; 8] = std::array::from_fn(|row| 10 * row as u8 + column as u8);
            assert_eq!(got.to_le_bytes(), want);
        }
    }

    #[test]
    fn pixels_of_as_many_images_as_there_are_lie_side_by_side() {
        for images in 1..=MOST_LANES {
            let pixel = |image: usize, at: usize| (image * 31 + at * 7 + at / 256) as u8;
            let pixels: Vec<u8> =
                (0..images).flat_map(|i| (0..IMAGE_PIXELS).map(move |at| pixel(i, at))).collect();
            let mut bytes = [[0; MOST_LANES]; IMAGE_PIXELS];
            transpose(&pixels, &mut bytes);
            for (at, lanes) in bytes.iter().enumerate() {
                for (image, &lane) in lanes[..images].iter().enumerate() {
                    assert_eq!(lane, pixel(image, at), "pixel {at} of image {image} of {images}");
                }
            }
        }
    }
}
