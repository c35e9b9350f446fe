//! The model in plain Rust: always there, and the reference that every other backend is held to;
//! in 32-bit floats, and on request in 8-bit integers ([`int8`]).
//!
//! A session runs images in groups, side by side: each number of the Net becomes a vector with a
//! lane for each image ([`batch`]). The few images that are left over, and a batch of one, run one
//! by one, with lanes across output channels ([`single`]). Both are one body of code over the
//! vectors of an instruction set ([`simd`]), compiled for each set that it pays for ([`isa`]).
//!
//! Sums are accumulated in the reference's order: from the bias, by input channel, then row, then
//! column of the kernel. Portable code therefore agrees with the reference to the bit; the others
//! fuse each multiplication with its addition, which rounds once where the reference rounds twice,
//! and agree with one another to the bit.

mod answers;
mod batch;
#[cfg(test)]
mod counting;
mod engine;
mod floats;
mod int8;
mod isa;
mod kernel;
mod layers;
mod peak;
#[cfg(test)]
pub(super) mod reference;
mod shape;
mod simd;
mod single;
mod softmax;
mod team;

use self::engine::Engine;
use self::floats::Floats;
#[cfg(target_arch = "x86_64")]
use self::floats::Halved;
use self::int8::Int8;
use self::isa::Isa;
use self::kernel::Kernel;
pub use self::peak::{Peak, multiply_add_peak};
use super::sync::Synchronous;
use super::{Backend, Precision, Session, SessionOptions};
use crate::error::Result;
use crate::model::Weights;

/// The name of the instruction set that sessions run on; absent where the environment names one
/// that this machine lacks, so that none can be opened.
pub(super) fn instruction_set() -> Option<&'static str> {
    Isa::from_environment().ok().map(Isa::name)
}

/// The model in plain Rust.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Native {
    /// The instruction set to use; the environment's or the best there is where it is not said.
    isa: Option<Isa>,
}

/// The backend on each instruction set of this machine, the fastest last.
pub(super) fn on_each_set() -> Vec<(&'static str, Native)> {
    Isa::available().into_iter().map(|isa| (isa.name(), Native { isa: Some(isa) })).collect()
}

impl Backend for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn warms_up(&self) -> bool {
        false
    }

    fn open(&self, weights: &Weights, options: &SessionOptions) -> Result<Box<dyn Session>> {
        let isa = self.isa.map_or_else(Isa::from_environment, Ok)?;
        match options.precision {
            Precision::F32 => floats(isa, weights, options),
            Precision::Int8 => integers(isa, weights, options),
        }
    }
}

/// A session in 32-bit floats.
fn floats(isa: Isa, weights: &Weights, options: &SessionOptions) -> Result<Box<dyn Session>> {
    // Blocks, and the most images of a rest that run one by one: the fastest of those tried.
    // The four sums of each channel of a block have to fit the registers, of which a machine
    // has 16 or, with AVX-512 and NEON, 32.
    match isa {
        Isa::Portable(simd) => {
            session(Floats::<_, 1, 1, 1, 2, 1, 2, 7>::new(simd, weights, 3), options)
        }
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(simd) => session(Avx2Floats::new(simd, weights, 6), options),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(simd, narrow) => {
            let wide = Floats::<_, 5, 5, 1, 2, 2, 2, 4>::new(simd, weights, 6);
            let narrow = Avx2Floats::new(narrow, weights, 0);
            session(Halved { wide, narrow, singly: 6 }, options)
        }
        #[cfg(target_arch = "aarch64")]
        Isa::Neon(simd) => {
            session(Floats::<_, 5, 5, 3, 1, 5, 1, 7>::new(simd, weights, 2), options)
        }
    }
}

/// A session in 8-bit integers, by the instruction that multiplies and adds four of them where
/// the machine has it, and otherwise by what the set has.
fn integers(isa: Isa, weights: &Weights, options: &SessionOptions) -> Result<Box<dyn Session>> {
    #[cfg(target_arch = "x86_64")]
    {
        let vectors = matches!(isa, Isa::Avx2(_) | Isa::Avx512(..));
        if matches!(isa, Isa::Avx512(..))
            && let Some(quads) = int8::Avx512Vnni::find()
        {
            return session(Int8::<_, 5>::new(quads, weights), options);
        }
        if vectors && let Some(quads) = int8::AvxVnni::find() {
            return session(Int8::<_, 2>::new(quads, weights), options);
        }
        if vectors && let Some(quads) = int8::Avx2::find() {
            return session(Int8::<_, 2>::new(quads, weights), options);
        }
    }
    let _ = isa;
    session(Int8::<_, 2>::new(int8::Portable, weights), options)
}

#[cfg(target_arch = "x86_64")]
type Avx2Floats = Floats<simd::Avx2, 3, 2, 2, 1, 2, 1, 7>;

fn session<K: Kernel>(kernel: K, options: &SessionOptions) -> Result<Box<dyn Session>> {
    Ok(Box::new(Synchronous(Engine::new(kernel, options)?)))
}

#[cfg(test)]
mod tests {
    use super::super::conformance::{assert_close, conformance, images};
    use super::super::{Outputs, Predictions};
    use super::*;
    use crate::data::Image;
    use crate::staging::{Heap, Pool};

    #[test]
    fn native_conforms_with_every_instruction_set_of_this_machine() {
        for isa in Isa::available() {
            println!("{}", isa.name());
            conformance(&Native { isa: Some(isa) }, 1e-4);
        }
    }

    /// Predictions, session after session, of the first so many images.
    struct Runs<'a> {
        session: Box<dyn Session>,
        pool: Pool,
        images: &'a [Image],
    }

    impl<'a> Runs<'a> {
        fn new(
            isa: Isa,
            precision: Precision,
            weights: &Weights,
            threads: usize,
            images: &'a [Image],
        ) -> Self {
            let max_batch = images.len();
            let outputs = Outputs::Scores;
            let options = SessionOptions { max_batch, threads, outputs, precision };
            let session = Native { isa: Some(isa) }.open(weights, &options).unwrap();
            Self { session, pool: Pool::new(&Heap, 1, max_batch).unwrap(), images }
        }

        fn first(&mut self, count: usize, into: &mut Predictions) {
            let mut slot = self.pool.take();
            slot.fill(&self.images[..count]);
            let ticket = self.session.submit(slot).unwrap();
            self.session.wait(ticket, into).unwrap();
        }
    }

    #[test]
    fn portable_code_agrees_with_the_reference_to_the_bit() {
        let weights = Weights::fresh(21);
        let images = images(21, 31);
        let mut runs =
            Runs::new(Isa::Portable(simd::Portable), Precision::F32, &weights, 1, &images);
        // Groups and a rest; one image; a rest alone.
        for count in [31, 1, 2] {
            let mut got = Predictions::default();
            runs.first(count, &mut got);
            for (row, image) in got.scores.iter().zip(&images) {
                let want = reference::log_probabilities(&weights, image);
                assert_close(row, &want, 0.0, "to the bit");
            }
        }
    }

    #[test]
    fn sets_that_fuse_agree_with_one_another_to_the_bit_whatever_the_batch() {
        let weights = Weights::fresh(22);
        let images = images(22, 49);
        let mut all = Vec::new();
        for isa in Isa::available() {
            if matches!(isa, Isa::Portable(_)) {
                continue;
            }
            for threads in 1..4 {
                let mut runs = Runs::new(isa, Precision::F32, &weights, threads, &images);
                for count in 1..=images.len() {
                    let mut got = Predictions::default();
                    runs.first(count, &mut got);
                    assert_eq!((got.classes.len(), got.scores.len()), (count, count));
                    all.push(got);
                }
            }
        }
        let longest = all.iter().find(|got| got.scores.len() == images.len()).cloned();
        for got in &all {
            let want = &longest.as_ref().unwrap().scores[..got.scores.len()];
            assert_eq!(got.scores, want, "{} images", got.scores.len());
        }
    }

    #[test]
    fn a_batch_allocates_nothing_once_the_first_is_done() {
        // One test, for threads of all of them are counted together.
        let counted = counting::allocations(|| drop(std::hint::black_box(vec![1u8; 100])));
        assert!(counted > 0, "allocations are counted");
        let images = images(23, 40);
        let precisions = [Precision::F32, Precision::Int8];
        for (isa, precision) in
            Isa::available().into_iter().flat_map(|isa| precisions.map(|one| (isa, one)))
        {
            for threads in [1, 2, 3] {
                let mut runs = Runs::new(isa, precision, &Weights::fresh(23), threads, &images);
                let mut got = Predictions::default();
                // The first makes room for the answers; the slots are the pool's.
                runs.first(3, &mut got);
                let mut slots: Vec<_> = Vec::with_capacity(1);
                for count in [40, 1, 7, 16, 33, 40, 2] {
                    slots.push(runs.pool.take());
                    slots[0].fill(&images[..count]);
                    let allocations = counting::allocations(|| {
                        let ticket = runs.session.submit(slots.pop().unwrap()).unwrap();
                        runs.session.wait(ticket, &mut got).unwrap();
                    });
                    assert_eq!(allocations, 0, "{} images, {threads} threads", count);
                }
            }
        }
    }

    #[test]
    fn int8_gives_the_same_integers_on_every_set_and_whatever_the_batch() {
        let weights = Weights::fresh(24);
        let images = images(24, 37);
        let mut want = Predictions::default();
        for isa in Isa::available() {
            for threads in [1, 2] {
                let mut runs = Runs::new(isa, Precision::Int8, &weights, threads, &images);
                for count in [37, 1, 8, 9, 20] {
                    let mut got = Predictions::default();
                    runs.first(count, &mut got);
                    if want.scores.is_empty() {
                        want = got.clone();
                    }
                    assert_eq!(got.scores, want.scores[..count], "{count} on {}", isa.name());
                    assert_eq!(got.classes, want.classes[..count], "{count} on {}", isa.name());
                }
            }
        }
    }

    #[test]
    fn int8_reads_digits_as_f32_does_but_for_a_few() {
        let (weights, _) = crate::model::shipped().unwrap();
        let draw = |i| crate::data::digits::draw(7, crate::data::Split::Test, i).0;
        let images: Vec<Image> = (0..1000).map(draw).collect();
        let isa = *Isa::available().last().unwrap();
        let [floats, integers] = [Precision::F32, Precision::Int8].map(|precision| {
            let mut got = Predictions::default();
            Runs::new(isa, precision, &weights, 1, &images).first(images.len(), &mut got);
            got
        });
        let others = floats.classes.iter().zip(&integers.classes).filter(|(a, b)| a != b).count();
        println!("{others} of {} in another class", images.len());
        assert!(others <= 5, "{others}");
    }
}
