//! The Net in 32-bit floats, on one instruction set.

use super::answers::Answers;
use super::kernel::Kernel;
use super::simd::{Simd, Task};
use super::{batch, single};
use crate::data::IMAGE_PIXELS;
use crate::model::Weights;

/// Groups of images by [`batch`], and a rest of few images one by one by [`single`]. `BLOCK` and
/// `REST` are those of [`batch::Layers`]; `A`, `B` and `C` those of [`single::Layers`].
pub(super) struct Floats<
    S: Simd,
    const BLOCK: usize,
    const REST: usize,
    const A: usize,
    const PA: usize,
    const B: usize,
    const PB: usize,
    const C: usize,
> {
    simd: S,
    batch: batch::Layers<BLOCK, REST>,
    single: single::Layers<S::Vector, A, B, C>,
    /// The most images that are faster one by one than as a group.
    singly: usize,
}

impl<
    S: Simd,
    const BLOCK: usize,
    const REST: usize,
    const A: usize,
    const PA: usize,
    const B: usize,
    const PB: usize,
    const C: usize,
> Floats<S, BLOCK, REST, A, PA, B, PB, C>
{
    pub(super) fn new(simd: S, weights: &Weights, singly: usize) -> Self {
        Self {
            simd,
            batch: batch::Layers::new(weights),
            single: single::Layers::new(simd, weights),
            singly,
        }
    }
}

/// Room for both ways.
pub(super) struct Scratch<V> {
    batch: Box<batch::Scratch<V>>,
    single: Box<single::Scratch>,
}

impl<
    S: Simd,
    const BLOCK: usize,
    const REST: usize,
    const A: usize,
    const PA: usize,
    const B: usize,
    const PB: usize,
    const C: usize,
> Kernel for Floats<S, BLOCK, REST, A, PA, B, PB, C>
{
    type Scratch = Scratch<S::Vector>;
    const LANES: usize = S::LANES;

    fn scratch(&self) -> Self::Scratch {
        Scratch { batch: batch::Scratch::new(self.simd.splat(0.0)), single: single::Scratch::new() }
    }

    fn run(&self, scratch: &mut Self::Scratch, pixels: &[u8], answers: Answers<'_>) {
        self.simd.run(Pass { kernel: self, scratch, pixels, answers });
    }
}

/// Some images through a kernel.
struct Pass<'a, K: Kernel> {
    kernel: &'a K,
    scratch: &'a mut K::Scratch,
    pixels: &'a [u8],
    answers: Answers<'a>,
}

impl<
    S: Simd,
    const BLOCK: usize,
    const REST: usize,
    const A: usize,
    const PA: usize,
    const B: usize,
    const PB: usize,
    const C: usize,
> Task<S> for Pass<'_, Floats<S, BLOCK, REST, A, PA, B, PB, C>>
{
    #[inline(always)]
    fn run(self, simd: S) {
        let Self { kernel, scratch, pixels, mut answers } = self;
        let images = answers.classes.len();
        let rest = images % S::LANES;
        let grouped = if rest <= kernel.singly { images - rest } else { images };
        let (groups, rest) = pixels.split_at(grouped * IMAGE_PIXELS);
        for (i, pixels) in groups.chunks(S::LANES * IMAGE_PIXELS).enumerate() {
            let answers = answers.part(i * S::LANES, S::LANES);
            batch::group(simd, &kernel.batch, &mut scratch.batch, pixels, answers);
        }
        for (i, pixels) in rest.chunks_exact(IMAGE_PIXELS).enumerate() {
            let answers = answers.part(grouped + i, 1);
            single::image::<S, A, PA, B, PB, C>(
                simd,
                &kernel.single,
                &mut scratch.single,
                pixels,
                answers,
            );
        }
    }
}

/// A kernel of wide vectors that leaves a rest of few images to one of narrow vectors, which wastes
/// fewer lanes.
#[cfg(target_arch = "x86_64")]
pub(super) struct Halved<W, N> {
    pub(super) wide: W,
    pub(super) narrow: N,
    /// The most images of a rest that the wide kernel does better, one by one.
    pub(super) singly: usize,
}

#[cfg(target_arch = "x86_64")]
impl<W: Kernel, N: Kernel> Kernel for Halved<W, N> {
    type Scratch = (W::Scratch, N::Scratch);
    const LANES: usize = W::LANES;

    fn scratch(&self) -> Self::Scratch {
        (self.wide.scratch(), self.narrow.scratch())
    }

    fn run(&self, scratch: &mut Self::Scratch, pixels: &[u8], mut answers: Answers<'_>) {
        let images = answers.classes.len();
        let rest = images % W::LANES;
        let narrow = if self.singly < rest && rest <= N::LANES { rest } else { 0 };
        let (first, last) = pixels.split_at((images - narrow) * IMAGE_PIXELS);
        self.wide.run(&mut scratch.0, first, answers.part(0, images - narrow));
        if narrow > 0 {
            self.narrow.run(&mut scratch.1, last, answers.part(images - narrow, narrow));
        }
    }
}
