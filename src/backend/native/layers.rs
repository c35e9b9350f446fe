//! The weights, in the order in which [`super::batch`] reads them.

/// A layer whose outputs are summed `BLOCK` at a time, the last ones `REST` at a time.
pub(super) struct Layer<const BLOCK: usize, const REST: usize> {
    pub(super) blocks: Part<BLOCK>,
    pub(super) rest: Part<REST>,
}

/// Some of a layer's outputs, `BLOCK` at a time.
pub(super) struct Part<const BLOCK: usize> {
    /// `[blocks, inputs of an output, BLOCK]`: the weights of a block, input by input.
    pub(super) weights: Vec<[f32; BLOCK]>,
    /// `[blocks, BLOCK]`.
    pub(super) biases: Vec<[f32; BLOCK]>,
}

impl<const BLOCK: usize, const REST: usize> Layer<BLOCK, REST> {
    /// Interleaves weights that are `[outputs, inputs]`: as many outputs by blocks as leave a
    /// multiple of `REST`, which has to be possible.
    pub(super) fn new(weights: &[f32], biases: &[f32]) -> Self {
        let (outputs, inputs) = (biases.len(), weights.len() / biases.len());
        let mut first = outputs - outputs % BLOCK;
        while !(outputs - first).is_multiple_of(REST) {
            first -= BLOCK;
        }
        let (blocks, rest) = weights.split_at(first * inputs);
        Self {
            blocks: Part::interleave(blocks, &biases[..first], inputs),
            rest: Part::interleave(rest, &biases[first..], inputs),
        }
    }
}

impl<const BLOCK: usize> Part<BLOCK> {
    /// Interleaves weights that are `[outputs, inputs]`. `BLOCK` divides the outputs.
    pub(super) fn new(weights: &[f32], biases: &[f32]) -> Self {
        Self::interleave(weights, biases, weights.len() / biases.len())
    }

    fn interleave(weights: &[f32], biases: &[f32], inputs: usize) -> Self {
        debug_assert_eq!(biases.len() % BLOCK, 0);
        let block = |rows: &[f32]| -> Vec<[f32; BLOCK]> {
            (0..inputs).map(|i| std::array::from_fn(|out| rows[out * inputs + i])).collect()
        };
        Self {
            weights: weights.chunks_exact(BLOCK * inputs).flat_map(block).collect(),
            biases: biases.as_chunks().0.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Outputs of two inputs; the tens digit is the output, the units digit the input.
    fn weights(outputs: usize) -> (Vec<f32>, Vec<f32>) {
        let weights = (0..outputs).flat_map(|out| [10.0 * out as f32, 10.0 * out as f32 + 1.0]);
        (weights.collect(), (0..outputs).map(|out| out as f32).collect())
    }

    #[test]
    fn the_weights_of_a_block_lie_side_by_side() {
        let (weights, biases) = weights(4);
        let part = Part::<2>::new(&weights, &biases);
        assert_eq!(part.weights, [[0.0, 10.0], [1.0, 11.0], [20.0, 30.0], [21.0, 31.0]]);
        assert_eq!(part.biases, [[0.0, 1.0], [2.0, 3.0]]);
    }

    #[test]
    fn what_blocks_leave_is_a_multiple_of_the_rest() {
        for (outputs, blocks) in [(20, 6), (10, 2), (3, 1), (2, 0)] {
            let (weights, biases) = weights(outputs);
            let layer = Layer::<3, 2>::new(&weights, &biases);
            assert_eq!(layer.blocks.biases.len(), blocks);
            assert_eq!(layer.rest.biases.len(), (outputs - 3 * blocks) / 2);
            let last = layer.rest.biases.last().map_or(outputs as f32 - 1.0, |last| last[1]);
            assert_eq!(last, outputs as f32 - 1.0);
        }
    }
}
