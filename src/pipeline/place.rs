//! Which cores an instance owns.

use serde::{Deserialize, Serialize};

/// An instance's share of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// Its number, from 0.
    pub index: usize,
    /// The processors it may run on, by the system's numbers.
    pub cores: Vec<usize>,
}

/// Shares `cores` out among `instances`: contiguous runs, as even as they go, disjoint as long as
/// there are enough. More instances than cores share them in turn.
pub fn place(cores: &[usize], instances: usize) -> Vec<Placement> {
    let total = cores.len();
    (0..instances)
        .map(|index| {
            let cores = if instances <= total {
                cores[index * total / instances..(index + 1) * total / instances].to_vec()
            } else {
                cores.get(index % total.max(1)).copied().into_iter().collect()
            };
            Placement { index, cores }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn two_instances_halve_four_cores() {
        let cores: Vec<_> = place(&[0, 1, 2, 3], 2).into_iter().map(|p| p.cores).collect();
        assert_eq!(cores, [vec![0, 1], vec![2, 3]]);
    }

    #[test]
    fn more_instances_than_cores_share_them_in_turn() {
        let cores: Vec<_> = place(&[4, 5], 3).into_iter().map(|p| p.cores).collect();
        assert_eq!(cores, [vec![4], vec![5], vec![4]]);
    }

    proptest! {
        /// For all machines with enough cores, every core has exactly one owner and shares differ
        /// by one at most.
        #[test]
        fn cores_are_shared_out_evenly(total in 1usize..200, instances in 1usize..64) {
            prop_assume!(instances <= total);
            let all: Vec<usize> = (0..total).collect();
            let placed = place(&all, instances);
            let owned: Vec<usize> = placed.iter().flat_map(|p| p.cores.clone()).collect();
            prop_assert_eq!(owned, all);
            let sizes: Vec<usize> = placed.iter().map(|p| p.cores.len()).collect();
            prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1);
        }
    }
}
