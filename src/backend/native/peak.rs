//! The multiply-adds that the machine does at best, to hold forward passes against.
//!
//! Chains of multiply-adds that depend on nothing but themselves, enough of them to fill the
//! pipelines (a core of today starts two in a clock and takes four clocks for each) and few enough
//! to stay in registers. Nothing is read from memory.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::isa::Isa;
use super::simd::{Simd, Task};
use crate::measure::host::in_parallel;

/// Links of each chain between two looks at the clock: some microseconds.
const LINKS: u32 = 2_000;

/// What a machine reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peak {
    /// The instruction set that was fastest: `avx512`, `avx2`, `neon`, `portable`.
    pub isa: &'static str,
    /// f32 operations a second of all threads together, a multiply-add counting as two.
    pub flop_per_s: f64,
}

/// Measures the multiply-add rate of so many threads at once, at least one, each on a core of its
/// own, for about `duration`. Every vector instruction set of the machine has its share of the
/// time, and the fastest counts: the widest vectors slow some processors down. Only a machine
/// without one runs portable code, whose multiplications and additions are two instructions on
/// x86-64 and fused elsewhere.
pub fn multiply_add_peak(threads: usize, duration: Duration) -> Peak {
    let mut sets = Isa::available();
    if sets.len() > 1 {
        sets.retain(|&isa| !matches!(isa, Isa::Portable(_)));
    }
    let share = duration / sets.len() as u32;
    let measure = |isa: Isa| Peak { isa: isa.name(), flop_per_s: rate(isa, threads, share) };
    sets.into_iter()
        .map(measure)
        .max_by(|a, b| a.flop_per_s.total_cmp(&b.flop_per_s))
        .expect("portable code runs everywhere; anything else is a bug in Plimsoll")
}

fn rate(isa: Isa, threads: usize, duration: Duration) -> f64 {
    in_parallel(
        threads,
        |_| chains(isa, LINKS),
        |_| {
            let start = Instant::now();
            let mut flop = 0;
            loop {
                flop += chains(isa, LINKS);
                let elapsed = start.elapsed();
                if elapsed >= duration {
                    return flop as f64 / elapsed.as_secs_f64();
                }
            }
        },
    )
}

/// Runs chains of so many links, and gives the operations that were.
fn chains(isa: Isa, links: u32) -> u64 {
    // As many chains as two constants leave registers for, and no more than fill the pipelines.
    match isa {
        Isa::Portable(simd) if cfg!(target_arch = "x86_64") => run::<_, 12>(simd, links),
        Isa::Portable(simd) => run::<_, 24>(simd, links),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(simd) => run::<_, 12>(simd, links),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(simd, _) => run::<_, 16>(simd, links),
        #[cfg(target_arch = "aarch64")]
        Isa::Neon(simd) => run::<_, 24>(simd, links),
    }
}

fn run<S: Simd, const CHAINS: usize>(simd: S, links: u32) -> u64 {
    simd.run(Chains::<CHAINS> { links });
    2 * (CHAINS * S::LANES) as u64 * u64::from(links)
}

/// A chain is `x = x / 2 + 1`, which settles at 2: neither too large nor too small a number ever
/// comes up, and either would slow the processor down.
struct Chains<const CHAINS: usize> {
    links: u32,
}

impl<S: Simd, const CHAINS: usize> Task<S> for Chains<CHAINS> {
    #[inline(always)]
    fn run(self, simd: S) {
        let (half, one) = (simd.splat(black_box(0.5)), simd.splat(black_box(1.0)));
        let mut all = [simd.splat(black_box(0.0)); CHAINS];
        for _ in 0..self.links {
            for chain in &mut all {
                *chain = simd.add_product(one, *chain, half);
            }
        }
        black_box(all);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Backend, Outputs, Predictions, SessionOptions};
    use super::super::Native;
    use super::*;
    use crate::model::{FLOP_PER_IMAGE, Weights};
    use crate::staging::{Heap, Pool};

    #[test]
    fn every_instruction_set_counts_what_it_does() {
        for isa in Isa::available() {
            let (lanes, chains_) = match isa {
                Isa::Portable(_) => (4, if cfg!(target_arch = "x86_64") { 12 } else { 24 }),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2(_) => (8, 12),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512(..) => (16, 16),
                #[cfg(target_arch = "aarch64")]
                Isa::Neon(_) => (4, 24),
            };
            assert_eq!(chains(isa, 7), 7 * 2 * lanes * chains_, "{}", isa.name());
        }
    }

    #[test]
    fn the_fastest_set_of_the_machine_is_named() {
        let peak = multiply_add_peak(1, Duration::from_millis(5));
        let names: Vec<_> = Isa::available().iter().map(|isa| isa.name()).collect();
        assert!(names.contains(&peak.isa), "{peak:?}");
        assert_eq!(peak.isa == "portable", names.len() == 1, "{peak:?}");
        assert!(peak.flop_per_s > 1e8 && peak.flop_per_s < 1e13, "{peak:?}");
    }

    #[test]
    fn no_forward_pass_is_faster_than_the_peak() {
        let options = SessionOptions {
            max_batch: 64,
            threads: 1,
            outputs: Outputs::Classes,
            precision: Default::default(),
        };
        let mut session = Native::default().open(&Weights::fresh(3), &options).unwrap();
        let pool = Pool::new(&Heap, 1, 64).unwrap();
        let images = super::super::super::conformance::images(5, 64);
        let (mut peak, mut pass) = (0.0f64, 0.0f64);
        // By turns, so that a machine that others slow down slows both; and on, where one of them
        // alone had luck, for a pass comes near the peak.
        for round in 0..100 {
            if round >= 10 && pass < peak {
                break;
            }
            peak = peak.max(multiply_add_peak(1, Duration::from_millis(6)).flop_per_s);
            let mut slot = pool.take();
            slot.fill(&images);
            let start = Instant::now();
            let ticket = session.submit(slot).unwrap();
            session.wait(ticket, &mut Predictions::default()).unwrap();
            let seconds = start.elapsed().as_secs_f64();
            pass = pass.max((64 * FLOP_PER_IMAGE) as f64 / seconds);
        }
        println!("peak {:.1} GFLOP/s, a pass {:.1}", peak / 1e9, pass / 1e9);
        assert!(pass < peak, "{pass:e} of {peak:e}");
    }
}
