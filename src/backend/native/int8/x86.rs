//! AVX2, and the sets that multiply bytes and add them up in one instruction.

use std::arch::x86_64::*;

use super::super::simd::MOST_LANES;
use super::simd::{QuadTask, Quads};

/// A set of x86-64: its name, the features that it takes, and its intrinsics.
macro_rules! set {
    (
        $(#[$doc:meta])* $name:ident, $features:literal, [$($feature:tt),+], $vector:ident, $lanes:literal,
        $splat:ident, $widen:ident, $or:ident, $left:ident, $dot:expr, $max:ident,
        $min:ident, $float:ident, $scale:ident, $times:ident, $round:ident, $store:ident
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub(in super::super) struct $name(());

        impl $name {
            /// Where this machine has it.
            pub(in super::super) fn find() -> Option<Self> {
                ($(is_x86_feature_detected!($feature))&&+).then_some(Self(()))
            }
        }

        // SAFETY (of every block below): a value of this type is made by `find` alone, where the
        // machine has the features that the functions need. Loads and stores are of arrays at
        // least as long as a vector, and ask for no alignment.
        #[allow(unsafe_code, reason = "functions of an instruction set, on a machine that has it")]
        impl Quads for $name {
            type Vector = $vector;
            const LANES: usize = $lanes;

            #[inline(always)]
            fn run(self, task: impl QuadTask<Self>) {
                #[target_feature(enable = $features)]
                fn compiled(task: impl QuadTask<$name>, quads: $name) {
                    task.run(quads);
                }
                // SAFETY: see above.
                unsafe { compiled(task, self) }
            }

            #[inline(always)]
            fn splat(self, value: i32) -> $vector {
                // SAFETY: see above.
                unsafe { $splat(value) }
            }

            #[inline(always)]
            fn widen(self, bytes: &[u8; MOST_LANES]) -> $vector {
                // SAFETY: see above.
                unsafe { $widen(_mm_loadu_si128(bytes.as_ptr().cast())) }
            }

            #[inline(always)]
            fn join<const BYTES: i32>(self, low: $vector, high: $vector) -> $vector {
                // SAFETY: see above.
                unsafe {
                    let high = match BYTES {
                        0 => high,
                        1 => $left::<8>(high),
                        2 => $left::<16>(high),
                        _ => $left::<24>(high),
                    };
                    $or(low, high)
                }
            }

            #[inline(always)]
            fn dot(self, sum: $vector, bytes: $vector, weights: $vector) -> $vector {
                // SAFETY: see above.
                unsafe { $dot(sum, bytes, weights) }
            }

            #[inline(always)]
            fn max(self, a: $vector, b: $vector) -> $vector {
                // SAFETY: see above.
                unsafe { $max(a, b) }
            }

            #[inline(always)]
            fn scale_to_byte(self, sum: $vector, scale: f32) -> $vector {
                // SAFETY: see above. Rounding is to the nearest: no Rust program changes that.
                unsafe {
                    let rounded = $round($times($float(sum), $scale(scale)));
                    $min($max(rounded, $splat(0)), $splat(255))
                }
            }

            #[inline(always)]
            fn lanes(self, vector: $vector) -> [i32; MOST_LANES] {
                let mut lanes = [0; MOST_LANES];
                // SAFETY: see above.
                unsafe { $store(lanes.as_mut_ptr().cast(), vector) }
                lanes
            }
        }
    };
}

set!(
    /// 8 lanes; three instructions for the products of four bytes.
    Avx2, "avx2", ["avx2"], __m256i, 8,
    _mm256_set1_epi32, _mm256_cvtepu8_epi32, _mm256_or_si256, _mm256_slli_epi32,
    |sum, bytes, weights| {
        // Pairs in 16 bits, then pairs of these in 32.
        let pairs = _mm256_maddubs_epi16(bytes, weights);
        _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
    },
    _mm256_max_epi32, _mm256_min_epi32, _mm256_cvtepi32_ps, _mm256_set1_ps, _mm256_mul_ps,
    _mm256_cvtps_epi32, _mm256_storeu_si256
);

set!(
    /// 8 lanes; one instruction.
    AvxVnni, "avx2,avxvnni", ["avx2", "avxvnni"], __m256i, 8,
    _mm256_set1_epi32, _mm256_cvtepu8_epi32, _mm256_or_si256, _mm256_slli_epi32,
    _mm256_dpbusd_avx_epi32,
    _mm256_max_epi32, _mm256_min_epi32, _mm256_cvtepi32_ps, _mm256_set1_ps, _mm256_mul_ps,
    _mm256_cvtps_epi32, _mm256_storeu_si256
);

set!(
    /// 16 lanes; one instruction.
    Avx512Vnni, "avx512f,avx512vnni", ["avx512f", "avx512vnni"], __m512i, 16,
    _mm512_set1_epi32, _mm512_cvtepu8_epi32, _mm512_or_si512, shift_left,
    _mm512_dpbusd_epi32,
    _mm512_max_epi32, _mm512_min_epi32, _mm512_cvtepi32_ps, _mm512_set1_ps, _mm512_mul_ps,
    _mm512_cvtps_epi32, _mm512_storeu_si512
);

/// AVX-512 counts its shifts in unsigned numbers.
#[inline]
#[target_feature(enable = "avx512f")]
fn shift_left<const BITS: i32>(vector: __m512i) -> __m512i {
    _mm512_sll_epi32(vector, _mm_cvtsi32_si128(BITS))
}
