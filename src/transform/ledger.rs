//! Which instance has which object, and which objects are finished: pure bookkeeping.

use std::collections::VecDeque;

/// Batches' worth of objects that may be with an instance at once. It bounds the messages under way
/// and what Ctrl-C waits for, and is deep enough that no instance waits for its parent.
const BATCHES: usize = 8;
/// The fewest objects that may be with an instance at once: messages should carry many.
const LEAST_CREDIT: usize = 1024;

/// The books of a job. Every object is with exactly one instance until it is finished, and is
/// finished exactly once.
#[derive(Debug)]
pub(super) struct Ledger {
    finished: Vec<bool>,
    left: usize,
    credit: usize,
    shares: Vec<Option<Share>>,
}

#[derive(Debug, Default)]
struct Share {
    waiting: VecDeque<u32>,
    sent: Vec<u32>,
    outstanding: usize,
}

impl Ledger {
    /// The books of `objects` objects and of their shares, one for each instance. What is in no
    /// share counts as finished. An instance's batches hold `max_batch`.
    pub(super) fn new(objects: usize, shares: Vec<Vec<u32>>, max_batch: usize) -> Self {
        let mut finished = vec![true; objects];
        let mut left = 0;
        for &object in shares.iter().flatten() {
            left += usize::from(std::mem::take(&mut finished[object as usize]));
        }
        let share = |waiting: Vec<u32>| Share { waiting: waiting.into(), ..Share::default() };
        Self {
            finished,
            left,
            credit: (BATCHES * max_batch).max(LEAST_CREDIT),
            shares: shares.into_iter().map(|waiting| Some(share(waiting))).collect(),
        }
    }

    /// Objects that are not finished.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// Whether an instance is left to do them.
    pub(super) fn anyone(&self) -> bool {
        self.shares.iter().any(Option::is_some)
    }

    /// Whether an instance has objects that it has not finished.
    pub(super) fn busy(&self, instance: usize) -> bool {
        self.shares[instance].as_ref().is_some_and(|share| share.outstanding > 0)
    }

    /// The next objects to send to an instance: none while it has enough. Half the credit is
    /// waited for, so that messages carry many.
    pub(super) fn next(&mut self, instance: usize) -> Vec<u32> {
        let Some(share) = &mut self.shares[instance] else { return Vec::new() };
        if share.outstanding > self.credit / 2 {
            return Vec::new();
        }
        let n = share.waiting.len().min(self.credit - share.outstanding);
        let objects: Vec<u32> = share.waiting.drain(..n).collect();
        share.outstanding += n;
        share.sent.retain(|&object| !self.finished[object as usize]);
        share.sent.extend(&objects);
        objects
    }

    /// Whether an instance has been sent all of its share. It inherits more where another dies.
    pub(super) fn is_sent(&self, instance: usize) -> bool {
        self.shares[instance].as_ref().is_none_or(|share| share.waiting.is_empty())
    }

    /// Notes that an instance has finished an object; `false` if it was finished before.
    pub(super) fn finish(&mut self, instance: usize, object: u32) -> bool {
        if let Some(share) = &mut self.shares[instance] {
            share.outstanding = share.outstanding.saturating_sub(1);
        }
        let Some(finished) = self.finished.get_mut(object as usize) else { return false };
        let first = !*finished;
        *finished = true;
        self.left -= usize::from(first);
        first
    }

    /// Strikes a dead instance off; the others take over what it had not finished.
    pub(super) fn bury(&mut self, instance: usize) {
        let Some(dead) = self.shares[instance].take() else { return };
        let orphans = dead.sent.into_iter().filter(|&o| !self.finished[o as usize]);
        let orphans: Vec<u32> = orphans.chain(dead.waiting).collect();
        let heirs = self.shares.iter().flatten().count().max(1);
        for (object, heir) in orphans.into_iter().zip((0..heirs).cycle()) {
            if let Some(share) = self.shares.iter_mut().flatten().nth(heir) {
                share.waiting.push_back(object);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Objects 0 to `objects`, dealt in turn to `instances`.
    fn dealt(objects: usize, instances: usize, max_batch: usize) -> Ledger {
        let share = |first| (first as u32..objects as u32).step_by(instances).collect();
        Ledger::new(objects, (0..instances).map(share).collect(), max_batch)
    }

    #[test]
    fn what_is_in_no_share_is_never_sent_and_not_waited_for() {
        let mut ledger = Ledger::new(6, vec![vec![5, 1], vec![2]], 8);
        assert_eq!((ledger.left(), ledger.busy(0)), (3, false));
        assert_eq!((ledger.next(0), ledger.next(1)), (vec![5, 1], vec![2]));
        assert!(ledger.busy(0) && ledger.finish(0, 5) && ledger.busy(0) && ledger.finish(0, 1));
        assert!(!ledger.busy(0) && !ledger.finish(0, 4), "it was no part of the work");
        assert_eq!(ledger.left(), 1);
    }

    #[test]
    fn an_instance_gets_no_more_than_its_credit() {
        let mut ledger = dealt(3 * LEAST_CREDIT, 2, 1);
        let first = ledger.next(0);
        assert_eq!((first.len(), ledger.is_sent(0)), (LEAST_CREDIT, false));
        assert!(ledger.next(0).is_empty());
        for &object in &first[..LEAST_CREDIT / 2] {
            assert!(ledger.finish(0, object));
        }
        assert_eq!((ledger.next(0).len(), ledger.is_sent(0)), (LEAST_CREDIT / 2, true));
        let mut large = dealt(3 * LEAST_CREDIT, 1, LEAST_CREDIT);
        assert_eq!(large.next(0).len(), 3 * LEAST_CREDIT, "eight batches would fit");
    }

    #[test]
    fn a_dead_instances_unfinished_objects_go_to_the_others() {
        let mut ledger = dealt(10, 2, 8);
        assert_eq!(ledger.next(0), [0, 2, 4, 6, 8]);
        ledger.finish(0, 2);
        assert!(ledger.next(1).len() == 5 && ledger.is_sent(1));
        ledger.bury(0);
        assert!(ledger.is_sent(0) && !ledger.is_sent(1));
        assert_eq!(ledger.next(1), [0, 4, 6, 8]);
        ledger.bury(1);
        assert!(!ledger.anyone());
        assert_eq!(ledger.left(), 9);
    }

    proptest! {
        /// For all histories of work and deaths, every object is finished exactly once as long as
        /// one instance lives.
        #[test]
        fn nothing_is_lost_and_nothing_is_done_twice(
            objects in 0usize..500, instances in 1usize..5,
            deaths in proptest::collection::vec((0usize..4, 0usize..100), 0..4),
        ) {
            let mut ledger = dealt(objects, instances, 8);
            let mut count = vec![0; objects];
            let mut hands: Vec<Vec<u32>> = vec![Vec::new(); instances];
            let mut living: Vec<usize> = (0..instances).collect();
            let mut deaths = deaths.into_iter();
            while ledger.left() > 0 {
                for &instance in &living {
                    hands[instance].extend(ledger.next(instance));
                    let half = hands[instance].len().div_ceil(2);
                    for object in hands[instance].drain(..half) {
                        prop_assert!(ledger.finish(instance, object));
                        count[object as usize] += 1;
                    }
                }
                if let Some((victim, _)) = deaths.next() && living.len() > 1 {
                    let victim = living.remove(victim % living.len());
                    ledger.bury(victim);
                    hands[victim].clear();
                }
            }
            prop_assert!(count.iter().all(|&n| n == 1));
        }
    }
}
