//! Which instance gets which objects: pure, and four bytes an object.
//!
//! SageMaker partitions objects by key and does not say how; an object is never divided. So the way
//! is named and chosen:
//!
//! | way | an instance gets | for |
//! | --- | --- | --- |
//! | key-order | a contiguous run of the sorted keys | outputs that lie together |
//! | round-robin | every n-th key | objects alike, or whose size follows the key |
//! | size-balanced | the largest first, each to whoever has the fewest bytes | objects unlike |
//!
//! Size-balanced is Graham's LPT rule (Bounds on multiprocessing timing anomalies, 1969): the
//! largest share is at most 4/3 - 1/(3n) of the best possible.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use serde::{Deserialize, Serialize};

use super::terms::Partition;
use crate::units;

/// Imbalances up to this are not worth a word: timing varies by as much.
const NOTEWORTHY: f64 = 1.2;

/// The objects of each instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shares {
    /// All objects, instance by instance, in the order of their keys within each.
    objects: Vec<u32>,
    /// Where each instance's begin in it; one more entry than there are instances.
    starts: Vec<usize>,
}

/// Shares `objects`, which are numbered in the order of their keys, out among `instances`; 0 are
/// taken for 1. `size` gives the bytes of an object, and is only asked for
/// [`Partition::SizeBalanced`].
pub fn partition(
    way: Partition,
    objects: usize,
    size: &dyn Fn(usize) -> u64,
    instances: usize,
) -> Shares {
    let instances = instances.max(1);
    let owners: Vec<u32> = match way {
        Partition::KeyOrder => (0..objects).map(|o| (o * instances / objects) as u32).collect(),
        Partition::RoundRobin => (0..objects).map(|o| (o % instances) as u32).collect(),
        Partition::SizeBalanced => largest_first(objects, size, instances),
    };
    let mut starts = vec![0; instances + 1];
    for &owner in &owners {
        starts[owner as usize + 1] += 1;
    }
    for i in 0..instances {
        starts[i + 1] += starts[i];
    }
    let mut next = starts.clone();
    let mut grouped = vec![0; objects];
    for (object, &owner) in owners.iter().enumerate() {
        let place = &mut next[owner as usize];
        grouped[*place] = object as u32;
        *place += 1;
    }
    Shares { objects: grouped, starts }
}

/// The owner of each object by the LPT rule. Instances with as many bytes take turns by the number
/// of their objects, so that empty objects are shared out too.
fn largest_first(objects: usize, size: &dyn Fn(usize) -> u64, instances: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..objects as u32).collect();
    order.sort_unstable_by_key(|&object| (Reverse(size(object as usize)), object));
    let mut idlest: BinaryHeap<Reverse<(u64, u32, u32)>> =
        (0..instances as u32).map(|instance| Reverse((0, 0, instance))).collect();
    let mut owners = vec![0; objects];
    for object in order {
        let Some(mut top) = idlest.peek_mut() else { break };
        let Reverse((bytes, count, instance)) = &mut *top;
        owners[object as usize] = *instance;
        *bytes = bytes.saturating_add(size(object as usize));
        *count += 1;
    }
    owners
}

impl Shares {
    /// How many instances there are.
    pub fn instances(&self) -> usize {
        self.starts.len() - 1
    }

    /// The objects of an instance, in the order of their keys.
    pub fn of(&self, instance: usize) -> impl ExactSizeIterator<Item = u32> + '_ {
        self.objects[self.starts[instance]..self.starts[instance + 1]].iter().copied()
    }
}

/// How evenly objects are shared out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Balance {
    /// Objects of each instance.
    pub objects: Vec<u64>,
    /// Bytes of each instance, where the sizes are known.
    pub bytes: Option<Vec<u64>>,
    /// Instances without an object.
    pub idle: usize,
    /// The largest share over the mean share, in bytes where they are known, else in objects: 1 is
    /// perfect, and the job takes about this much longer than it could.
    pub imbalance: f64,
}

impl Balance {
    /// Weighs shares; `size` gives the bytes of an object.
    pub fn of(shares: &Shares, size: Option<&dyn Fn(usize) -> u64>) -> Self {
        let all = 0..shares.instances();
        let objects: Vec<u64> = all.clone().map(|i| shares.of(i).len() as u64).collect();
        let bytes = size.map(|size| {
            let sum =
                |i| shares.of(i).map(|object| size(object as usize)).fold(0, u64::saturating_add);
            all.map(sum).collect::<Vec<u64>>()
        });
        let idle = objects.iter().filter(|&&n| n == 0).count();
        let imbalance = imbalance(bytes.as_ref().unwrap_or(&objects));
        Self { objects, bytes, idle, imbalance }
    }

    /// What is worth saying about it, with what to do; `None` where it is fine.
    pub fn words(&self, way: Partition) -> Option<String> {
        let instances = self.objects.len();
        if self.idle > 0 {
            let have = if self.idle == 1 { "has" } else { "have" };
            return Some(format!(
                "{} of {instances} instances {have} no object: an object is never divided, so that \
                 {} would do",
                self.idle,
                instances - self.idle
            ));
        }
        if self.imbalance <= NOTEWORTHY {
            return None;
        }
        let (weights, say): (_, &dyn Fn(u64) -> String) = match &self.bytes {
            Some(bytes) => (bytes, &units::bytes),
            None => (&self.objects, &|n| format!("{} objects", units::count(n))),
        };
        let (largest, weight) = weights.iter().enumerate().max_by_key(|&(i, w)| (w, Reverse(i)))?;
        let fix = match (way, &self.bytes) {
            (Partition::KeyOrder | Partition::RoundRobin, Some(_)) => {
                "--partition size-balanced shares out by size"
            }
            _ => "an object is never divided: more and smaller objects would even it out",
        };
        Some(format!(
            "instance {largest} has {:.1} times the mean share ({} of {}); {fix}",
            self.imbalance,
            say(*weight),
            say(weights.iter().copied().fold(0, u64::saturating_add)),
        ))
    }
}

fn imbalance(weights: &[u64]) -> f64 {
    let total: f64 = weights.iter().map(|&weight| weight as f64).sum();
    let largest = weights.iter().copied().max().unwrap_or(0) as f64;
    if total > 0.0 { largest * weights.len() as f64 / total } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WAYS: [Partition; 3] =
        [Partition::KeyOrder, Partition::RoundRobin, Partition::SizeBalanced];

    fn shared(way: Partition, sizes: &[u64], instances: usize) -> Vec<Vec<u32>> {
        let shares = partition(way, sizes.len(), &|object| sizes[object], instances);
        (0..shares.instances()).map(|i| shares.of(i).collect()).collect()
    }

    fn balance(way: Partition, sizes: &[u64], instances: usize) -> Balance {
        let size = |object: usize| sizes[object];
        Balance::of(&partition(way, sizes.len(), &size, instances), Some(&size))
    }

    #[test]
    fn the_three_ways_on_one_listing() {
        let sizes = [9, 1, 1, 7, 1, 5];
        assert_eq!(shared(Partition::KeyOrder, &sizes, 2), [[0, 1, 2], [3, 4, 5]]);
        assert_eq!(shared(Partition::RoundRobin, &sizes, 2), [[0, 2, 4], [1, 3, 5]]);
        assert_eq!(shared(Partition::SizeBalanced, &sizes, 2), [vec![0, 1, 2, 4], vec![3, 5]]);
    }

    #[test]
    fn a_hundred_objects_on_two_instances_are_fifty_each() {
        for way in WAYS {
            let shares = shared(way, &[0; 100], 2);
            assert_eq!(shares.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50], "{way:?}");
        }
    }

    #[test]
    fn idle_instances_are_counted_and_said() {
        let balance = balance(Partition::RoundRobin, &[5], 4);
        assert_eq!((balance.idle, balance.imbalance), (3, 4.0));
        assert_eq!(
            balance.words(Partition::RoundRobin).unwrap(),
            "3 of 4 instances have no object: an object is never divided, so that 1 would do"
        );
    }

    #[test]
    fn a_lopsided_partition_says_by_how_much_and_what_to_do() {
        let sizes = [4096, 1024, 4096, 1024];
        let lopsided = balance(Partition::RoundRobin, &sizes, 2);
        assert_eq!(lopsided.bytes.as_deref(), Some(&[8192, 2048][..]));
        assert_eq!(
            lopsided.words(Partition::RoundRobin).unwrap(),
            "instance 0 has 1.6 times the mean share (8.00 KiB of 10.0 KiB); --partition \
             size-balanced shares out by size"
        );
        assert_eq!(
            balance(Partition::SizeBalanced, &sizes, 2).words(Partition::SizeBalanced),
            None
        );
        let shares = partition(Partition::KeyOrder, 5, &|_| 0, 4);
        let by_count = Balance::of(&shares, None).words(Partition::KeyOrder).unwrap();
        assert!(
            by_count.contains("1.6 times the mean share (2 objects of 5 objects)"),
            "{by_count}"
        );
    }

    #[test]
    fn nothing_to_share_out_is_even() {
        let none = balance(Partition::KeyOrder, &[], 0);
        assert_eq!((none.objects, none.imbalance), (vec![0], 1.0));
    }

    /// The smallest possible largest share, found by trying everything.
    fn optimum(sizes: &[u64], loads: &mut [u64]) -> u64 {
        let Some((size, rest)) = sizes.split_first() else {
            return loads.iter().copied().max().unwrap();
        };
        let mut best = u64::MAX;
        for i in 0..loads.len() {
            loads[i] += size;
            best = best.min(optimum(rest, loads));
            loads[i] -= size;
        }
        best
    }

    proptest! {
        /// For all ways, every object has exactly one owner, and each instance's stand in the order
        /// of their keys.
        #[test]
        fn every_object_has_one_owner(
            sizes in proptest::collection::vec(0u64..1000, 0..200), instances in 0usize..9,
        ) {
            for way in WAYS {
                let shares = shared(way, &sizes, instances);
                prop_assert_eq!(shares.len(), instances.max(1));
                prop_assert!(shares.iter().all(|share| share.is_sorted()));
                let mut all = shares.concat();
                all.sort_unstable();
                prop_assert!(all.into_iter().eq(0..sizes.len() as u32));
            }
        }

        /// For all listings, runs of keys follow one another, and no two shares by count differ by
        /// more than one object.
        #[test]
        fn shares_by_count_are_even_and_runs_are_contiguous(
            objects in 0usize..300, instances in 1usize..9,
        ) {
            let sizes = vec![1; objects];
            let runs = shared(Partition::KeyOrder, &sizes, instances);
            prop_assert!(runs.concat().into_iter().eq(0..objects as u32));
            for shares in [runs, shared(Partition::RoundRobin, &sizes, instances)] {
                let counts: Vec<usize> = shares.iter().map(Vec::len).collect();
                prop_assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1);
            }
        }

        /// For all small listings, the largest share by size is within Graham's bound of the best
        /// that there is.
        #[test]
        fn the_largest_share_is_near_the_best_possible(
            sizes in proptest::collection::vec(0u64..50, 1..9), instances in 1usize..4,
        ) {
            let balance = balance(Partition::SizeBalanced, &sizes, instances);
            let largest = balance.bytes.unwrap().into_iter().max().unwrap();
            let best = optimum(&sizes, &mut vec![0; instances]);
            let n = instances as u64;
            prop_assert!(largest * 3 * n <= (4 * n - 1) * best, "{largest} against {best}");
        }

        /// For all listings, no share exceeds the mean by more than the largest object.
        #[test]
        fn no_share_exceeds_the_mean_by_more_than_an_object(
            sizes in proptest::collection::vec(0u64..1_000_000, 1..300), instances in 1usize..9,
        ) {
            let balance = balance(Partition::SizeBalanced, &sizes, instances);
            let largest = balance.bytes.unwrap().into_iter().max().unwrap();
            let mean = sizes.iter().sum::<u64>() / instances as u64;
            prop_assert!(largest <= mean + sizes.iter().max().unwrap() + 1);
        }
    }
}
