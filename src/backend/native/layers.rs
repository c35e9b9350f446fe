//! The weights, in the order in which the kernels read them.

use crate::model::{Parameter, Weights};

/// Outputs of a linear layer that are summed at a time.
pub(super) const LINEAR_BLOCK: usize = 10;

/// A layer whose outputs are summed `BLOCK` at a time.
pub(super) struct Layer<const BLOCK: usize> {
    /// `[blocks, inputs of an output, BLOCK]`: the weights of a block, input by input.
    pub(super) weights: Vec<[f32; BLOCK]>,
    /// `[blocks, BLOCK]`.
    pub(super) biases: Vec<[f32; BLOCK]>,
}

impl<const BLOCK: usize> Layer<BLOCK> {
    /// Interleaves weights that are `[outputs, inputs]`. `BLOCK` divides the outputs.
    fn new(weights: &[f32], biases: &[f32]) -> Self {
        debug_assert_eq!(biases.len() % BLOCK, 0);
        let inputs = weights.len() / biases.len();
        let interleave = |rows: &[f32]| -> Vec<[f32; BLOCK]> {
            (0..inputs).map(|i| std::array::from_fn(|out| rows[out * inputs + i])).collect()
        };
        Self {
            weights: weights.chunks_exact(BLOCK * inputs).flat_map(interleave).collect(),
            biases: biases.as_chunks().0.to_vec(),
        }
    }
}

/// Every layer of the Net.
pub(super) struct Layers<const BLOCK: usize> {
    pub(super) conv1: Layer<BLOCK>,
    pub(super) conv2: Layer<BLOCK>,
    pub(super) fc1: Layer<LINEAR_BLOCK>,
    pub(super) fc2: Layer<LINEAR_BLOCK>,
}

impl<const BLOCK: usize> Layers<BLOCK> {
    pub(super) fn new(weights: &Weights) -> Self {
        use Parameter::*;
        Self {
            conv1: Layer::new(weights.get(Conv1Weight), weights.get(Conv1Bias)),
            conv2: Layer::new(weights.get(Conv2Weight), weights.get(Conv2Bias)),
            fc1: Layer::new(weights.get(Fc1Weight), weights.get(Fc1Bias)),
            fc2: Layer::new(weights.get(Fc2Weight), weights.get(Fc2Bias)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_of_a_block_lie_side_by_side() {
        // Four outputs of three inputs; the tens digit is the output, the units digit the input.
        let weights = [0., 1., 2., 10., 11., 12., 20., 21., 22., 30., 31., 32.];
        let layer = Layer::<2>::new(&weights, &[0.0, 1.0, 2.0, 3.0]);
        let first = [[0.0, 10.0], [1.0, 11.0], [2.0, 12.0]];
        let second = [[20.0, 30.0], [21.0, 31.0], [22.0, 32.0]];
        assert_eq!(layer.weights, [first, second].concat());
        assert_eq!(layer.biases, [[0.0, 1.0], [2.0, 3.0]]);
    }
}
