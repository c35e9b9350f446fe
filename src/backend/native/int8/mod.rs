//! The Net in 8-bit integers: images side by side as in [`super::batch`], four numbers in a lane.
//!
//! A lane holds four bytes that are multiplied with four weights at a time: four input channels of
//! a place, or four pixels of the image. Every instruction set gives the same integers, whatever
//! the batch.

mod quantise;
mod simd;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::hint::black_box;

use self::quantise::{Layer, Net};
pub(super) use self::simd::Portable;
use self::simd::{QuadTask, Quads};
#[cfg(target_arch = "x86_64")]
pub(super) use self::x86::{Avx2, Avx512Vnni, AvxVnni};
use super::answers::Answers;
use super::batch::transpose;
use super::kernel::Kernel;
use super::shape::*;
use super::simd::MOST_LANES;
use crate::data::{IMAGE_PIXELS, IMAGE_SIDE};
use crate::model::Weights;

/// The largest weight: see [`simd`] for why it is no larger.
const MOST_WEIGHT: i8 = 64;

/// Fours of the channels that the convolutions leave, and of the first linear layer's outputs.
const FIRST_FOURS: usize = FIRST_CHANNELS.div_ceil(4);
const SECOND_FOURS: usize = SECOND_CHANNELS / 4;
const HIDDEN_FOURS: usize = HIDDEN.div_ceil(4);
/// Outputs of a linear layer that are summed at a time.
const LINEAR: usize = 10;

/// The image in fours, `[row, column]`: four pixels of a row from each place on; then, so far
/// behind, four of a column.
const DOWN: usize = IMAGE_PIXELS;
/// The 25 weights in seven fours: four of each row, four of the last column, and the last of all.
const IMAGE_TAPS: [u16; 7] = [
    0,
    IMAGE_SIDE as u16,
    2 * IMAGE_SIDE as u16,
    3 * IMAGE_SIDE as u16,
    4 * IMAGE_SIDE as u16,
    (DOWN + 4) as u16,
    (4 * IMAGE_SIDE + 4) as u16,
];
/// The first map in fours of channels, `[row, four, column]`.
const FIRST_MAP: Strides =
    Strides { channel: FIRST_SIDE, row: FIRST_FOURS * FIRST_SIDE, column: 1 };
static FIRST_TAPS: [u16; FIRST_FOURS * KERNEL] = FIRST_MAP.taps();

/// A layer as the kernel reads it, `BLOCK` outputs at a time.
struct Packed<const BLOCK: usize> {
    /// `[blocks, fours, BLOCK]`, four weights each.
    weights: Vec<[i32; BLOCK]>,
    /// `[blocks, BLOCK]`
    biases: Vec<[i32; BLOCK]>,
    /// `[outputs]`
    scales: Vec<f32>,
}

impl<const BLOCK: usize> Packed<BLOCK> {
    /// Packs so many fours, each of the inputs that `four` says, none where it says none.
    fn new(layer: &Layer, fours: usize, four: impl Fn(usize) -> [Option<usize>; 4]) -> Self {
        let inputs = layer.weights.len() / layer.biases.len();
        let quad = |output: usize, at: usize| {
            let weight =
                |input: Option<usize>| input.map_or(0, |i| layer.weights[output * inputs + i]);
            i32::from_le_bytes(four(at).map(|input| weight(input) as u8))
        };
        let blocks = layer.biases.len() / BLOCK;
        let of_block = |block: usize| {
            let quad = &quad;
            (0..fours).map(move |at| std::array::from_fn(|i| quad(block * BLOCK + i, at)))
        };
        Self {
            weights: (0..blocks).flat_map(of_block).collect(),
            biases: layer.biases.as_chunks().0.to_vec(),
            scales: layer.scales.clone(),
        }
    }
}

/// The Net in integers, on one instruction set, `BLOCK` channels at a time.
pub(super) struct Int8<Q, const BLOCK: usize> {
    quads: Q,
    conv1: Packed<BLOCK>,
    conv2: Packed<BLOCK>,
    fc1: Packed<LINEAR>,
    fc2: Packed<LINEAR>,
}

impl<Q: Quads, const BLOCK: usize> Int8<Q, BLOCK> {
    /// Calibrates, rounds and packs.
    pub(super) fn new(quads: Q, weights: &Weights) -> Self {
        let net = Net::new(weights);
        let image = |four: usize| match four {
            0..5 => std::array::from_fn(|x| Some(5 * four + x)),
            5 => std::array::from_fn(|y| Some(5 * y + 4)),
            _ => [Some(KERNEL - 1), None, None, None],
        };
        // Taps run by four of channels, then place of the kernel.
        let first = |four: usize| {
            std::array::from_fn(|i| {
                let channel = 4 * (four / KERNEL) + i;
                (channel < FIRST_CHANNELS).then_some(channel * KERNEL + four % KERNEL)
            })
        };
        // `[place, four]` of what has been `[channel, place]`.
        let second = |four: usize| {
            let (place, four) = (four / SECOND_FOURS, four % SECOND_FOURS);
            std::array::from_fn(|i| Some((4 * four + i) * SECOND_SIDE * SECOND_SIDE + place))
        };
        let hidden =
            |four: usize| std::array::from_fn(|i| Some(4 * four + i).filter(|&i| i < HIDDEN));
        Self {
            quads,
            conv1: Packed::new(&net.conv1, IMAGE_TAPS.len(), image),
            conv2: Packed::new(&net.conv2, FIRST_TAPS.len(), first),
            fc1: Packed::new(&net.fc1, SECOND / 4, second),
            fc2: Packed::new(&net.fc2, HIDDEN_FOURS, hidden),
        }
    }
}

/// What lies between the layers, four bytes in each lane.
#[repr(align(64))]
pub(super) struct Scratch<V> {
    bytes: [[u8; MOST_LANES]; IMAGE_PIXELS],
    /// Fours of rows, and of columns from [`DOWN`] on.
    input: [V; 2 * IMAGE_PIXELS],
    first: [V; FIRST_SIDE * FIRST_FOURS * FIRST_SIDE],
    /// `[row, column, four]`
    second: [V; SECOND / 4],
    hidden: [V; HIDDEN_FOURS],
}

impl<Q: Quads, const BLOCK: usize> Kernel for Int8<Q, BLOCK> {
    type Scratch = Box<Scratch<Q::Vector>>;
    const LANES: usize = Q::LANES;

    fn scratch(&self) -> Self::Scratch {
        let zero = self.quads.splat(0);
        Box::new(Scratch {
            bytes: [[0; MOST_LANES]; IMAGE_PIXELS],
            input: [zero; 2 * IMAGE_PIXELS],
            first: [zero; FIRST_SIDE * FIRST_FOURS * FIRST_SIDE],
            second: [zero; SECOND / 4],
            hidden: [zero; HIDDEN_FOURS],
        })
    }

    fn run(&self, scratch: &mut Self::Scratch, pixels: &[u8], answers: Answers<'_>) {
        self.quads.run(Pass { net: self, scratch, pixels, answers });
    }
}

struct Pass<'a, Q: Quads, const BLOCK: usize> {
    net: &'a Int8<Q, BLOCK>,
    scratch: &'a mut Scratch<Q::Vector>,
    pixels: &'a [u8],
    answers: Answers<'a>,
}

impl<Q: Quads, const BLOCK: usize> QuadTask<Q> for Pass<'_, Q, BLOCK> {
    #[inline(always)]
    fn run(mut self, quads: Q) {
        for (i, pixels) in self.pixels.chunks(Q::LANES * IMAGE_PIXELS).enumerate() {
            let answers = self.answers.part(i * Q::LANES, Q::LANES);
            group(quads, self.net, self.scratch, pixels, answers);
        }
    }
}

/// Runs the Net over as many images as there are answers wanted, at most [`Quads::LANES`].
#[inline(always)]
fn group<Q: Quads, const BLOCK: usize>(
    quads: Q,
    net: &Int8<Q, BLOCK>,
    scratch: &mut Scratch<Q::Vector>,
    pixels: &[u8],
    mut answers: Answers<'_>,
) {
    let Scratch { bytes, input, first, second, hidden } = scratch;
    transpose(pixels, bytes);
    fours(quads, bytes, input);
    let mut done = 0;
    for y in 0..SECOND_SIDE {
        while done < 2 * y + 6 {
            let input = &input[2 * done * IMAGE_SIDE..];
            let output = &mut first[done * FIRST_MAP.row..][..FIRST_MAP.row];
            let maps = Maps { taps: &IMAGE_TAPS, pool: IMAGE.pool(), four: FIRST_SIDE, column: 1 };
            convolve::<Q, BLOCK, FIRST_SIDE>(quads, &net.conv1, maps, input, output);
            done += 1;
        }
        let input = &first[2 * y * FIRST_MAP.row..][..6 * FIRST_MAP.row];
        let output = &mut second[y * SECOND_SIDE * SECOND_FOURS..];
        let maps =
            Maps { taps: &FIRST_TAPS, pool: FIRST_MAP.pool(), four: 1, column: SECOND_FOURS };
        convolve::<Q, BLOCK, SECOND_SIDE>(quads, &net.conv2, maps, input, output);
    }
    for block in 0..HIDDEN / LINEAR {
        for (i, sum) in linear(quads, &net.fc1, block, second).into_iter().enumerate() {
            let output = block * LINEAR + i;
            let byte = quads.scale_to_byte(sum, net.fc1.scales[output]);
            put(quads, &mut hidden[output / 4], output, byte);
        }
    }
    let mut logits =
        linear(quads, &net.fc2, 0, hidden).map(|sum| quads.lanes(sum).map(|n| n as f32));
    for (lanes, scale) in logits.iter_mut().zip(&net.fc2.scales) {
        lanes.iter_mut().for_each(|logit| *logit *= scale);
    }
    for image in 0..answers.classes.len() {
        answers.put(image, logits.map(|lanes| lanes[image]));
    }
}

/// Four pixels of a row from each place on, and four of a column.
#[inline(always)]
fn fours<Q: Quads>(
    quads: Q,
    bytes: &[[u8; MOST_LANES]; IMAGE_PIXELS],
    input: &mut [Q::Vector; 2 * IMAGE_PIXELS],
) {
    let (rows, columns) = input.split_at_mut(DOWN);
    // Backwards, each from the one behind it; the last places hold pixels of the next row, which
    // meet no weight but 0.
    let mut four = quads.splat(0);
    for (row, bytes) in rows.iter_mut().zip(bytes).rev() {
        four = quads.join::<1>(quads.widen(bytes), four);
        *row = four;
    }
    for column in 0..IMAGE_SIDE {
        let mut four = quads.splat(0);
        for row in (0..IMAGE_SIDE).rev() {
            let at = row * IMAGE_SIDE + column;
            four = quads.join::<1>(quads.widen(&bytes[at]), four);
            columns[at] = four;
        }
    }
}

/// Puts a byte into its place of four; the first of the four clears the others.
#[inline(always)]
fn put<Q: Quads>(quads: Q, four: &mut Q::Vector, output: usize, byte: Q::Vector) {
    *four = match output % 4 {
        0 => byte,
        1 => quads.join::<1>(*four, byte),
        2 => quads.join::<2>(*four, byte),
        _ => quads.join::<3>(*four, byte),
    };
}

/// What a convolution reads and writes.
#[derive(Clone, Copy)]
struct Maps<'a> {
    /// Where the inputs of a kernel lie, four by four.
    taps: &'a [u16],
    /// Where those of the other places of a pool lie, from the first on.
    pool: [usize; 4],
    /// In the output, from one four to the next, and from one column to the next.
    four: usize,
    column: usize,
}

/// One row of a 5x5 convolution, a 2x2 max pool and a ReLU, `SIDE` columns of every channel.
#[inline(always)]
fn convolve<Q: Quads, const BLOCK: usize, const SIDE: usize>(
    quads: Q,
    layer: &Packed<BLOCK>,
    maps: Maps<'_>,
    input: &[Q::Vector],
    output: &mut [Q::Vector],
) {
    let pool = maps.pool;
    let blocks = layer.weights.chunks_exact(maps.taps.len()).zip(&layer.biases).enumerate();
    for (block, (weights, bias)) in blocks {
        for x in 0..SIDE {
            // As in `batch::convolve_part`.
            let mut sums = black_box(bias).map(|bias| [quads.splat(bias); 4]);
            let input = &input[2 * x..];
            for (weights, &tap) in weights.iter().zip(maps.taps) {
                let tap = usize::from(tap);
                let places = &input[tap..tap + pool[3] + 1];
                let weights: [_; BLOCK] = std::array::from_fn(|i| quads.splat(weights[i]));
                for (place, at) in pool.into_iter().enumerate() {
                    for (sums, &weight) in sums.iter_mut().zip(&weights) {
                        sums[place] = quads.dot(sums[place], places[at], weight);
                    }
                }
            }
            for (i, [a, b, c, d]) in sums.into_iter().enumerate() {
                let largest = quads.max(quads.max(a, b), quads.max(c, d));
                let channel = block * BLOCK + i;
                let byte = quads.scale_to_byte(largest, layer.scales[channel]);
                let four = &mut output[channel / 4 * maps.four + x * maps.column];
                put(quads, four, channel, byte);
            }
        }
    }
}

/// A block of a linear layer's sums.
#[inline(always)]
fn linear<Q: Quads>(
    quads: Q,
    layer: &Packed<LINEAR>,
    block: usize,
    input: &[Q::Vector],
) -> [Q::Vector; LINEAR] {
    let mut sums = layer.biases[block].map(|bias| quads.splat(bias));
    for (weights, &input) in layer.weights[block * input.len()..].iter().zip(input) {
        for (sum, &weight) in sums.iter_mut().zip(weights) {
            *sum = quads.dot(*sum, input, quads.splat(weight));
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The extremes, through every set of this machine: nothing is cut off on the way.
    #[test]
    fn the_largest_products_add_up_to_the_last_unit() {
        struct Extremes;
        impl<Q: Quads> QuadTask<Q> for Extremes {
            fn run(self, quads: Q) {
                let bytes = |four: [u8; 4]| quads.splat(i32::from_le_bytes(four));
                for (four, weights) in [
                    ([255; 4], [64i8; 4]),
                    ([255; 4], [-64; 4]),
                    ([255, 0, 128, 1], [-64, 64, 63, -1]),
                    ([1, 2, 3, 4], [5, -6, 7, -8]),
                ] {
                    let products =
                        four.iter().zip(weights).map(|(&a, b)| i32::from(a) * i32::from(b));
                    let want = 1_000 + products.sum::<i32>();
                    let weights = bytes(weights.map(|weight| weight as u8));
                    let got = quads.dot(quads.splat(1_000), bytes(four), weights);
                    assert_eq!(quads.lanes(got)[..Q::LANES], vec![want; Q::LANES], "{four:?}");
                }
            }
        }
        struct Scales;
        impl<Q: Quads> QuadTask<Q> for Scales {
            fn run(self, quads: Q) {
                for (sum, scale, want) in [
                    (5, 0.5, 2),
                    (7, 0.5, 4),
                    (-3, 0.5, 0),
                    (4_000_000, 0.001, 255),
                    (254, 1.0, 254),
                ] {
                    let got = quads.lanes(quads.scale_to_byte(quads.splat(sum), scale));
                    assert_eq!(got[..Q::LANES], vec![want; Q::LANES], "{sum} x {scale}");
                }
            }
        }
        Portable.run(Extremes);
        Portable.run(Scales);
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(quads) = Avx2::find() {
                quads.run(Extremes);
                quads.run(Scales);
            }
            if let Some(quads) = AvxVnni::find() {
                quads.run(Extremes);
                quads.run(Scales);
            }
            if let Some(quads) = Avx512Vnni::find() {
                quads.run(Extremes);
                quads.run(Scales);
            }
        }
    }
}
