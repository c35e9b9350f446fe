//! Who computes which part of a batch.

use std::ops::Range;

/// The part of `images` images that replica `index` of `replicas` takes: consecutive, together
/// all of them, and their sizes differ by one at the most. It is empty where there are fewer
/// images than replicas.
pub(super) fn share(images: usize, replicas: usize, index: usize) -> Range<usize> {
    images * index / replicas..images * (index + 1) / replicas
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// For all batches and replicas: the shares are the batch, in order, evenly cut.
        #[test]
        fn the_shares_are_the_batch(images in 0usize..300, replicas in 1usize..20) {
            let shares: Vec<_> = (0..replicas).map(|i| share(images, replicas, i)).collect();
            let joined: Vec<usize> = shares.iter().cloned().flatten().collect();
            prop_assert_eq!(joined, (0..images).collect::<Vec<_>>());
            let sizes = shares.iter().map(ExactSizeIterator::len);
            prop_assert!(sizes.clone().max().unwrap() - sizes.min().unwrap() <= 1);
        }
    }
}
