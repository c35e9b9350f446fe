//! Vectors of 32-bit floats, one type for each instruction set.
//!
//! A [`Simd`] is a proof: a value of the type exists only where the machine has the set, so its
//! methods are safe to call. Kernels are written once over the trait, inlined to the last line, and
//! compiled for a set by [`Simd::run`].

#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "aarch64")]
pub(super) use self::neon::Neon;
pub(super) use self::portable::Portable;
#[cfg(target_arch = "x86_64")]
pub(super) use self::x86::{Avx2, Avx512};

/// Lanes of the widest vector.
pub(super) const MOST_LANES: usize = 16;

/// Work that is to be compiled for an instruction set.
pub(super) trait Task<S> {
    /// Does it. Implementations are `#[inline(always)]`, and so is what they call, for code that is
    /// not inlined into [`Simd::run`] is compiled for the architecture's oldest machine.
    fn run(self, simd: S);
}

/// An instruction set that this machine has.
pub(super) trait Simd: Copy + Send + Sync + 'static {
    /// So many floats as fill a register, aligned to its width.
    type Vector: Copy + Send + Sync + 'static;

    /// Numbers in a vector, a power of two, at most [`MOST_LANES`].
    const LANES: usize;

    /// Whether [`Simd::add_product`] rounds once.
    const FUSED: bool;

    /// Compiles the task for this set, and runs it.
    fn run(self, task: impl Task<Self>);

    /// The same number in every lane.
    fn splat(self, value: f32) -> Self::Vector;

    /// The first [`Simd::LANES`] of some numbers; panics where there are fewer.
    fn load(self, values: &[f32]) -> Self::Vector;

    /// The first [`Simd::LANES`] of some bytes, as numbers.
    fn widen(self, bytes: &[u8; MOST_LANES]) -> Self::Vector;

    /// Puts the lanes into the first places of `values`; panics where there are fewer.
    fn store(self, vector: Self::Vector, values: &mut [f32]);

    /// `sum + a * b`.
    fn add_product(self, sum: Self::Vector, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// The larger of each two.
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
}
