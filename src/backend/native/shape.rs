//! What lies between the layers, and where a kernel finds its inputs there.

use crate::data::IMAGE_SIDE;

/// Channels of the maps that the convolutions leave.
pub(super) const FIRST_CHANNELS: usize = 10;
pub(super) const SECOND_CHANNELS: usize = 20;
/// Sides of these maps after their pools.
pub(super) const FIRST_SIDE: usize = 12;
pub(super) const SECOND_SIDE: usize = 4;
/// Numbers in them.
pub(super) const FIRST: usize = FIRST_CHANNELS * FIRST_SIDE * FIRST_SIDE;
pub(super) const SECOND: usize = SECOND_CHANNELS * SECOND_SIDE * SECOND_SIDE;
/// Outputs of the first linear layer.
pub(super) const HIDDEN: usize = 50;
/// Weights of one output channel for one input channel.
pub(super) const KERNEL: usize = 25;

/// How far apart things lie in a map.
#[derive(Clone, Copy)]
pub(super) struct Strides {
    pub(super) channel: usize,
    pub(super) row: usize,
    pub(super) column: usize,
}

/// The one map of an image.
pub(super) const IMAGE: Strides = Strides { channel: 0, row: IMAGE_SIDE, column: 1 };

impl Strides {
    /// Where the inputs of a kernel of `N` weights lie, from that of its upper left corner in the
    /// first channel on: by channel, then row, then column, as the reference sums. A table, for
    /// the compiler unrolls loops that it can count, and then keeps more in registers than fit.
    pub(super) const fn taps<const N: usize>(self) -> [u16; N] {
        let mut taps = [0; N];
        let mut i = 0;
        while i < N {
            let (channel, row, column) = (i / KERNEL, i / 5 % 5, i % 5);
            taps[i] = (channel * self.channel + row * self.row + column * self.column) as u16;
            i += 1;
        }
        taps
    }

    /// Where the four places of a 2x2 pool lie, from the first on.
    pub(super) const fn pool(self) -> [usize; 4] {
        [0, self.column, self.row, self.row + self.column]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_finds_its_inputs_channel_by_channel() {
        let strides = Strides { channel: 1000, row: 100, column: 10 };
        let taps: [u16; 50] = strides.taps();
        assert_eq!(taps[..7], [0, 10, 20, 30, 40, 100, 110]);
        assert_eq!((taps[24], taps[25], taps[49]), (440, 1000, 1440));
        assert_eq!(strides.pool(), [0, 10, 100, 110]);
    }
}
