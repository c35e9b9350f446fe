//! The decision, without a thread or a clock.

use crate::error::{Error, Result};
use crate::units::Nanos;

/// No batch is larger, in images. Slots are allocated whole at the start: one of this size takes
/// 49 MiB, and no device gains anything from a larger one.
pub const LARGEST_BATCH: usize = 65_536;

/// When a batch closes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    max_batch: usize,
    max_delay: Nanos,
    preferred: Vec<usize>,
}

/// What to do with the images that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Close a batch of the oldest so many.
    Close(usize),
    /// Nothing yet; ask again at this time, or when more have come.
    WaitUntil(Nanos),
    /// Nothing waits; ask again when some have come.
    Wait,
}

impl Policy {
    /// A batch closes when `max_batch` images wait; or when a preferred size is reached (the
    /// largest that fits); or when the oldest has waited `max_delay`; or when no more will come.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a `max_batch` of 0 or past [`LARGEST_BATCH`], and for a preferred size
    /// of 0 or past `max_batch`.
    pub fn new(max_batch: usize, max_delay: Nanos, mut preferred: Vec<usize>) -> Result<Self> {
        if max_batch == 0 {
            return Err(Error::invalid("max batch", "0 images make no batch; give at least 1"));
        }
        if max_batch > LARGEST_BATCH {
            return Err(Error::invalid(
                format!("max batch {max_batch}"),
                format!("more than {LARGEST_BATCH} images take memory and gain nothing"),
            ));
        }
        if let Some(size) = preferred.iter().find(|&&size| size == 0 || size > max_batch) {
            return Err(Error::invalid(
                format!("preferred batch size {size}"),
                format!("not between 1 and the max batch, {max_batch}"),
            ));
        }
        preferred.sort_unstable();
        Ok(Self { max_batch, max_delay, preferred })
    }

    /// The largest batch.
    pub fn max_batch(&self) -> usize {
        self.max_batch
    }

    /// What to do at `now` with `waiting` images, the oldest of which came at `oldest`; `ended`
    /// says that no more will come.
    pub fn decide(&self, now: Nanos, waiting: usize, oldest: Nanos, ended: bool) -> Decision {
        if waiting == 0 {
            return Decision::Wait;
        }
        if waiting >= self.max_batch {
            return Decision::Close(self.max_batch);
        }
        if let Some(&size) = self.preferred.iter().rev().find(|&&size| size <= waiting) {
            return Decision::Close(size);
        }
        let due = oldest + self.max_delay;
        if ended || now >= due { Decision::Close(waiting) } else { Decision::WaitUntil(due) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(preferred: &[usize]) -> Policy {
        Policy::new(8, Nanos(100), preferred.to_vec()).unwrap()
    }

    #[test]
    fn a_full_batch_closes_at_once() {
        assert_eq!(policy(&[]).decide(Nanos(0), 9, Nanos(0), false), Decision::Close(8));
    }

    #[test]
    fn a_part_of_one_waits_for_the_oldest_images_delay() {
        let policy = policy(&[]);
        assert_eq!(policy.decide(Nanos(50), 3, Nanos(10), false), Decision::WaitUntil(Nanos(110)));
        assert_eq!(policy.decide(Nanos(110), 3, Nanos(10), false), Decision::Close(3));
    }

    #[test]
    fn the_end_flushes_what_waits() {
        assert_eq!(policy(&[]).decide(Nanos(0), 3, Nanos(0), true), Decision::Close(3));
        assert_eq!(policy(&[]).decide(Nanos(0), 0, Nanos(0), true), Decision::Wait);
    }

    #[test]
    fn the_largest_preferred_size_that_fits_closes_without_delay() {
        let policy = policy(&[2, 4]);
        assert_eq!(policy.decide(Nanos(0), 5, Nanos(0), false), Decision::Close(4));
        assert_eq!(policy.decide(Nanos(0), 3, Nanos(0), false), Decision::Close(2));
        assert_eq!(policy.decide(Nanos(0), 1, Nanos(0), false), Decision::WaitUntil(Nanos(100)));
    }

    #[test]
    fn sizes_that_make_no_sense_are_refused() {
        assert!(Policy::new(0, Nanos(0), vec![]).is_err());
        assert!(Policy::new(LARGEST_BATCH + 1, Nanos(0), vec![]).is_err());
        assert!(Policy::new(4, Nanos(0), vec![5]).is_err());
        assert!(Policy::new(4, Nanos(0), vec![0]).is_err());
    }

    proptest! {
        /// For all inputs a batch is never empty, never larger than `max_batch` nor than what
        /// waits, and no image waits past its delay.
        #[test]
        fn batches_are_within_bounds_and_in_time(
            now in 0u64..1000, waiting in 0usize..40, age in 0u64..1000, ended: bool,
            preferred in proptest::collection::vec(1usize..=8, 0..3),
        ) {
            let policy = Policy::new(8, Nanos(100), preferred).unwrap();
            let oldest = Nanos(now) - Nanos(age);
            match policy.decide(Nanos(now), waiting, oldest, ended) {
                Decision::Close(n) => prop_assert!(n >= 1 && n <= waiting && n <= 8),
                Decision::WaitUntil(due) => {
                    prop_assert!(due > Nanos(now) && !ended && waiting < 8);
                }
                Decision::Wait => prop_assert_eq!(waiting, 0),
            }
        }
    }
}
