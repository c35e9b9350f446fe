//! The monotonic clock, and one that tests turn by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::units::Nanos;

/// A monotonic clock. Readings of one clock compare; readings of two do not.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    Monotonic(Instant),
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// The system's monotonic clock, zero now.
    pub fn monotonic() -> Self {
        Self(Source::Monotonic(Instant::now()))
    }

    /// A clock that stands still until [`Clock::advance`] is called; clones share its hand.
    pub fn manual() -> Self {
        Self(Source::Manual(Arc::default()))
    }

    /// Time since the clock's zero.
    pub fn now(&self) -> Nanos {
        match &self.0 {
            Source::Monotonic(zero) => Nanos::from(zero.elapsed()),
            Source::Manual(hand) => Nanos(hand.load(Ordering::Acquire)),
        }
    }

    /// Moves a manual clock on. Does nothing to a monotonic one, which no one can move.
    pub fn advance(&self, by: Nanos) {
        if let Source::Manual(hand) = &self.0 {
            hand.fetch_add(by.0, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_a_manual_clock_share_its_hand() {
        let clock = Clock::manual();
        let other = clock.clone();
        clock.advance(Nanos(7));
        assert_eq!(other.now(), Nanos(7));
    }

    #[test]
    fn the_monotonic_clock_never_goes_back() {
        let clock = Clock::monotonic();
        let first = clock.now();
        assert!(clock.now() >= first);
    }
}
