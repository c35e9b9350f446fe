//! The requests of a closed loop, shared out.

/// How many of `outstanding` requests the instance of this index (from 0) keeps going, of so many
/// instances, at least one: as equal a share as whole requests allow, the larger ones first.
pub fn share(outstanding: u64, instances: usize, index: usize) -> u64 {
    let instances = instances.max(1) as u64;
    outstanding / instances + u64::from((index as u64) < outstanding % instances)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn shares_add_up_and_differ_by_one_at_most(all in 0u64..10_000, instances in 1usize..40) {
            let shares: Vec<u64> = (0..instances).map(|i| share(all, instances, i)).collect();
            prop_assert_eq!(shares.iter().sum::<u64>(), all);
            prop_assert!(shares[0] - shares[instances - 1] <= 1);
            prop_assert!(shares.is_sorted_by(|a, b| a >= b));
        }
    }
}
