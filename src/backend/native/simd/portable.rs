//! Four lanes in arrays: code that the compiler makes vectors of on any machine.

use super::{MOST_LANES, Simd, Task};

/// What every machine of the architecture has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Portable;

/// Aligned as a register is: one that straddles two cache lines is read twice.
#[derive(Clone, Copy)]
#[repr(align(16))]
pub(in super::super) struct Four([f32; 4]);

impl Simd for Portable {
    type Vector = Four;
    const LANES: usize = 4;
    // On x86-64 without the instruction, `f32::mul_add` is a slow call into the C library.
    const FUSED: bool = false;

    #[inline(always)]
    fn run(self, task: impl Task<Self>) {
        task.run(self);
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Four {
        Four([value; 4])
    }

    #[inline(always)]
    fn load(self, values: &[f32]) -> Four {
        Four([values[0], values[1], values[2], values[3]])
    }

    #[inline(always)]
    fn widen(self, bytes: &[u8; MOST_LANES]) -> Four {
        Four([bytes[0], bytes[1], bytes[2], bytes[3]].map(f32::from))
    }

    #[inline(always)]
    fn store(self, vector: Four, values: &mut [f32]) {
        values[..4].copy_from_slice(&vector.0);
    }

    #[inline(always)]
    fn add_product(self, sum: Four, a: Four, b: Four) -> Four {
        Four(std::array::from_fn(|lane| sum.0[lane] + a.0[lane] * b.0[lane]))
    }

    #[inline(always)]
    fn max(self, a: Four, b: Four) -> Four {
        // Not `f32::max`, which for the sake of NaN is several instructions.
        Four(std::array::from_fn(|lane| if a.0[lane] > b.0[lane] { a.0[lane] } else { b.0[lane] }))
    }
}
