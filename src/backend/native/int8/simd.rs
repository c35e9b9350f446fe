//! Vectors of 32-bit integers, each of which is four bytes too: what an 8-bit network needs.
//!
//! As [`super::super::simd`]: a [`Quads`] exists only where the machine has its set. All sets give
//! the same integers: products of a byte up to 255 and a weight of ±[`super::MOST_WEIGHT`] are
//! added in pairs to at most 32,640, which 16 bits hold, so that no sum is ever cut off.

use super::super::simd::MOST_LANES;

/// Work that is to be compiled for an instruction set.
pub(in super::super) trait QuadTask<Q> {
    /// Does it. `#[inline(always)]`, as [`super::super::simd::Task::run`] is.
    fn run(self, quads: Q);
}

/// An instruction set that this machine has.
pub(in super::super) trait Quads: Copy + Send + Sync + 'static {
    /// So many 32-bit integers as fill a register.
    type Vector: Copy + Send + Sync + 'static;

    /// Numbers in a vector, a power of two, at most [`MOST_LANES`].
    const LANES: usize;

    /// Compiles the task for this set, and runs it.
    fn run(self, task: impl QuadTask<Self>);

    /// The same number in every lane.
    fn splat(self, value: i32) -> Self::Vector;

    /// The first [`Quads::LANES`] of some bytes, as numbers.
    fn widen(self, bytes: &[u8; MOST_LANES]) -> Self::Vector;

    /// `low | high << 8 * BYTES`.
    fn join<const BYTES: i32>(self, low: Self::Vector, high: Self::Vector) -> Self::Vector;

    /// Lane by lane, adds to `sum` the products of `bytes`'s four (0 to 255) and `weights`'s four
    /// (of either sign).
    fn dot(self, sum: Self::Vector, bytes: Self::Vector, weights: Self::Vector) -> Self::Vector;

    /// The larger of each two.
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// Each number times `scale`, rounded to the nearest integer, of two to the even one, and kept
    /// within 0 to 255. The product is a 32-bit float.
    fn scale_to_byte(self, sum: Self::Vector, scale: f32) -> Self::Vector;

    /// The lanes.
    fn lanes(self, vector: Self::Vector) -> [i32; MOST_LANES];
}

/// Four lanes in arrays.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Portable;

/// Aligned as a register is.
#[derive(Clone, Copy)]
#[repr(align(16))]
pub(in super::super) struct Four([i32; 4]);

impl Four {
    #[inline(always)]
    fn each(f: impl FnMut(usize) -> i32) -> Self {
        Self(std::array::from_fn(f))
    }
}

impl Quads for Portable {
    type Vector = Four;
    const LANES: usize = 4;

    #[inline(always)]
    fn run(self, task: impl QuadTask<Self>) {
        task.run(self);
    }

    #[inline(always)]
    fn splat(self, value: i32) -> Four {
        Four([value; 4])
    }

    #[inline(always)]
    fn widen(self, bytes: &[u8; MOST_LANES]) -> Four {
        Four::each(|lane| i32::from(bytes[lane]))
    }

    #[inline(always)]
    fn join<const BYTES: i32>(self, low: Four, high: Four) -> Four {
        Four::each(|lane| low.0[lane] | high.0[lane] << (8 * BYTES))
    }

    #[inline(always)]
    fn dot(self, sum: Four, bytes: Four, weights: Four) -> Four {
        Four::each(|lane| {
            let (bytes, weights) = (bytes.0[lane], weights.0[lane]);
            // Shifts, which the compiler makes vectors of, and not arrays of bytes.
            let product = |at: i32| ((bytes >> at) & 0xff) * ((weights << (24 - at)) >> 24);
            sum.0[lane] + (product(0) + product(8) + product(16) + product(24))
        })
    }

    #[inline(always)]
    fn max(self, a: Four, b: Four) -> Four {
        Four::each(|lane| a.0[lane].max(b.0[lane]))
    }

    #[inline(always)]
    fn scale_to_byte(self, sum: Four, scale: f32) -> Four {
        Four::each(|lane| (sum.0[lane] as f32 * scale).round_ties_even().clamp(0.0, 255.0) as i32)
    }

    #[inline(always)]
    fn lanes(self, vector: Four) -> [i32; MOST_LANES] {
        let mut lanes = [0; MOST_LANES];
        lanes[..4].copy_from_slice(&vector.0);
        lanes
    }
}
