//! Random numbers whose stream is part of the format: the same on every machine and in every
//! version of the libraries, which is why nothing but raw bits is taken from them.

use rand_pcg::Pcg64;
use rand_pcg::rand_core::Rng as _;

use crate::data::Split;

/// The chance of one image.
pub(super) struct Random(Pcg64);

impl Random {
    pub(super) fn new(seed: u64, split: Split, index: u64) -> Self {
        let split = match split {
            Split::Train => 1,
            Split::Test => 2,
        };
        // Neighbouring states of one generator give related streams; hashing pulls them apart.
        let high = mix(seed ^ mix(split));
        let low = mix(high ^ mix(index));
        Self(Pcg64::new(u128::from(high) << 64 | u128::from(low), u128::from(mix(low))))
    }

    /// A whole number from 0 to below `end`, which is small: the bias is `end` in 2^32.
    pub(super) fn below(&mut self, end: usize) -> usize {
        (((self.0.next_u64() >> 32) * end as u64) >> 32) as usize
    }

    /// Uniform from `low` to below `high`.
    pub(super) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Nearly normal, mean 0 and deviation 1, never past 3.5: the sum of four uniform numbers.
    pub(super) fn normal(&mut self) -> f32 {
        const SQRT_3: f32 = 1.732_050_8;
        (self.unit() + self.unit() + self.unit() + self.unit() - 2.0) * SQRT_3
    }

    /// Uniform from 0 to below 1, in steps of 2^-24, which f32 holds exactly.
    fn unit(&mut self) -> f32 {
        (self.0.next_u64() >> 40) as f32 / 16_777_216.0
    }
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014), after its increment.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
