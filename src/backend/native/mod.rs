//! The model in plain Rust: always there, and the reference that every other backend is held to.
//!
//! A session runs images in groups, side by side: each number of the Net becomes an array of
//! lanes, one an image, and the compiler turns arithmetic on arrays into vector instructions. One
//! body of code ([`kernel`]) is compiled for each instruction set that it pays for ([`isa`]).
//!
//! Sums are accumulated in the reference's order: from the bias, by input channel, then row, then
//! column of the kernel. Portable code therefore agrees with the reference to the bit; the others
//! fuse each multiplication with its addition, which rounds once where the reference rounds twice.

mod engine;
mod isa;
mod kernel;
mod layers;
mod peak;
#[cfg(test)]
pub(super) mod reference;
mod softmax;

use self::engine::Engine;
use self::isa::Isa;
pub use self::peak::{Peak, multiply_add_peak};
use super::sync::Synchronous;
use super::{Backend, Session, SessionOptions};
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

impl Backend for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn open(&self, weights: &Weights, options: &SessionOptions) -> Result<Box<dyn Session>> {
        // Lanes, and output channels at a time: the fastest of those tried. The four sums of each
        // channel have to fit the registers: 16 of 4 or 8 numbers each, and 32 of 16.
        Ok(match self.isa.map_or_else(Isa::from_environment, Ok)? {
            Isa::Portable => session::<4, 2>(kernel::portable, weights, options)?,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => session::<16, 1>(kernel::avx2, weights, options)?,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => session::<16, 5>(kernel::avx512, weights, options)?,
        })
    }
}

fn session<const LANES: usize, const BLOCK: usize>(
    group: kernel::Group<LANES, BLOCK>,
    weights: &Weights,
    options: &SessionOptions,
) -> Result<Box<dyn Session>> {
    Ok(Box::new(Synchronous(Engine::new(group, weights, options)?)))
}

#[cfg(test)]
mod tests {
    use super::super::conformance::{assert_close, conformance, images};
    use super::super::{Outputs, Predictions};
    use super::*;
    use crate::staging::{Heap, Pool};

    #[test]
    fn native_conforms_with_every_instruction_set_of_this_machine() {
        for isa in Isa::available() {
            println!("{}", isa.name());
            conformance(&Native { isa: Some(isa) }, 1e-4);
        }
    }

    #[test]
    fn portable_code_agrees_with_the_reference_to_the_bit() {
        let weights = Weights::fresh(21);
        let images = images(21, 30);
        let options = SessionOptions { max_batch: 30, threads: 1, outputs: Outputs::Scores };
        let native = Native { isa: Some(Isa::Portable) };
        let mut session = native.open(&weights, &options).unwrap();
        let mut slot = Pool::new(&Heap, 1, 30).unwrap().take();
        slot.fill(&images);
        let ticket = session.submit(slot).unwrap();
        let mut got = Predictions::default();
        session.wait(ticket, &mut got).unwrap();
        for (row, image) in got.scores.iter().zip(&images) {
            assert_close(row, &reference::log_probabilities(&weights, image), 0.0, "to the bit");
        }
    }
}
