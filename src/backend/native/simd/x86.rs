//! AVX2 with FMA, and AVX-512.

use std::arch::x86_64::*;

use super::{MOST_LANES, Simd, Task};

/// A set of x86-64: its name, the features that it takes, and its intrinsics.
macro_rules! set {
    (
        $(#[$doc:meta])* $name:ident, $features:literal, [$($feature:tt),+], $vector:ident, $lanes:literal,
        $splat:ident, $load:ident, $store:ident, $fma:ident, $max:ident, $widen:expr
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        impl Simd for $name {
            type Vector = $vector;
            const LANES: usize = $lanes;
            const FUSED: bool = true;

            #[inline(always)]
            fn run(self, task: impl Task<Self>) {
                #[target_feature(enable = $features)]
                fn compiled(task: impl Task<$name>, simd: $name) {
                    task.run(simd);
                }
                // SAFETY: see above.
                unsafe { compiled(task, self) }
            }

            #[inline(always)]
            fn splat(self, value: f32) -> $vector {
                // SAFETY: see above.
                unsafe { $splat(value) }
            }

            #[inline(always)]
            fn load(self, values: &[f32]) -> $vector {
                let values = &values[..$lanes];
                // SAFETY: see above.
                unsafe { $load(values.as_ptr()) }
            }

            #[inline(always)]
            fn widen(self, bytes: &[u8; MOST_LANES]) -> $vector {
                // SAFETY: see above.
                unsafe { $widen(_mm_loadu_si128(bytes.as_ptr().cast())) }
            }

            #[inline(always)]
            fn store(self, vector: $vector, values: &mut [f32]) {
                let values = &mut values[..$lanes];
                // SAFETY: see above.
                unsafe { $store(values.as_mut_ptr(), vector) }
            }

            #[inline(always)]
            fn add_product(self, sum: $vector, a: $vector, b: $vector) -> $vector {
                // SAFETY: see above.
                unsafe { $fma(a, b, sum) }
            }

            #[inline(always)]
            fn max(self, a: $vector, b: $vector) -> $vector {
                // SAFETY: see above.
                unsafe { $max(a, b) }
            }
        }
    };
}

set!(
    /// 8 lanes and fused multiply-add.
    Avx2, "avx2,fma", ["avx2", "fma"], __m256, 8,
    _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_fmadd_ps, _mm256_max_ps,
    |bytes| _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes))
);

set!(
    /// 16 lanes, fused multiply-add, twice the registers.
    Avx512, "avx512f", ["avx512f"], __m512, 16,
    _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_fmadd_ps, _mm512_max_ps,
    |bytes| _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes))
);
