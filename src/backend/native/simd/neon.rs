//! NEON, which every 64-bit Arm has.

use std::arch::aarch64::*;

use super::{MOST_LANES, Simd, Task};

/// 4 lanes, fused multiply-add, 32 registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Neon;

// The intrinsics ask for nothing but the set, which the architecture includes; some compilers have
// them as unsafe functions all the same.
#[allow(
    unsafe_code,
    unused_unsafe,
    reason = "functions of an instruction set that is always there"
)]
impl Simd for Neon {
    type Vector = float32x4_t;
    const LANES: usize = 4;
    const FUSED: bool = true;

    #[inline(always)]
    fn run(self, task: impl Task<Self>) {
        task.run(self);
    }

    #[inline(always)]
    fn splat(self, value: f32) -> float32x4_t {
        // SAFETY: see above.
        unsafe { vdupq_n_f32(value) }
    }

    #[inline(always)]
    fn load(self, values: &[f32]) -> float32x4_t {
        let values = &values[..4];
        // SAFETY: four floats are there to be read, and no alignment is asked for.
        unsafe { vld1q_f32(values.as_ptr()) }
    }

    #[inline(always)]
    fn widen(self, bytes: &[u8; MOST_LANES]) -> float32x4_t {
        self.load(&[bytes[0], bytes[1], bytes[2], bytes[3]].map(f32::from))
    }

    #[inline(always)]
    fn store(self, vector: float32x4_t, values: &mut [f32]) {
        let values = &mut values[..4];
        // SAFETY: four floats are there to be written, and no alignment is asked for.
        unsafe { vst1q_f32(values.as_mut_ptr(), vector) }
    }

    #[inline(always)]
    fn add_product(self, sum: float32x4_t, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: see above.
        unsafe { vfmaq_f32(sum, a, b) }
    }

    #[inline(always)]
    fn max(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: see above.
        unsafe { vmaxq_f32(a, b) }
    }
}
