//! What of a schedule is due, and how to wait for the rest.

use std::iter::Peekable;

use crate::units::Nanos;

/// How much earlier than an arrival to wake: Linux ends a sleep up to 50 us late (`prctl(2)`,
/// `PR_SET_TIMERSLACK`), and waking takes some more. What is left when awake is spent spinning.
const EARLY: Nanos = Nanos(60_000);
/// How long to sleep where the next arrival is nearer than that. Spinning from arrival to arrival
/// would take a whole core from what is being measured; so at high rates requests go out in bursts,
/// late by this and a sleep's lateness at most.
const REST: Nanos = Nanos(100_000);

/// Follows a schedule whose times count from `start`.
#[derive(Debug)]
pub struct Pacer<S: Iterator<Item = Nanos>> {
    schedule: Peekable<S>,
    start: Nanos,
}

/// How to wait for the next arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// It is due.
    Not,
    /// It is so near that a sleep would miss it.
    Spin,
    /// Sleep so long, and ask again.
    Sleep(Nanos),
    /// There is none.
    Over,
}

impl<S: Iterator<Item = Nanos>> Pacer<S> {
    /// A schedule that starts at a clock's reading of `start`.
    pub fn new(schedule: S, start: Nanos) -> Self {
        Self { schedule: schedule.peekable(), start }
    }

    /// Adds the scheduled times, up to `most`, of those that are due at `now` and have not been
    /// given before.
    pub fn due(&mut self, now: Nanos, most: usize, due: &mut Vec<Nanos>) {
        let start = self.start;
        let next = || self.schedule.next_if(|&at| start + at <= now).map(|at| start + at);
        due.extend(std::iter::from_fn(next).take(most));
    }

    /// How to wait at `now`; `slept` says that the last wait was a sleep.
    pub fn rest(&mut self, now: Nanos, slept: bool) -> Rest {
        let Some(&at) = self.schedule.peek() else { return Rest::Over };
        let gap = self.start + at - now;
        if gap == Nanos(0) {
            Rest::Not
        } else if gap > EARLY {
            Rest::Sleep(gap - EARLY)
        } else if slept {
            Rest::Spin
        } else {
            Rest::Sleep(REST)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Constant;
    use super::*;

    fn us(us: u64) -> Nanos {
        Nanos(us * 1_000)
    }

    fn due(pacer: &mut Pacer<impl Iterator<Item = Nanos>>, now: Nanos) -> Vec<Nanos> {
        let mut due = Vec::new();
        pacer.due(now, 10, &mut due);
        due
    }

    #[test]
    fn what_is_due_is_given_once_with_its_scheduled_time() {
        let mut pacer = Pacer::new([us(0), us(10), us(10), us(20)].into_iter(), us(5));
        assert_eq!(due(&mut pacer, us(4)), []);
        assert_eq!(due(&mut pacer, us(15)), [us(5), us(15), us(15)]);
        assert_eq!(due(&mut pacer, us(15)), []);
        assert_eq!(due(&mut pacer, us(99)), [us(25)]);
        assert_eq!(pacer.rest(us(99), false), Rest::Over);
    }

    #[test]
    fn a_far_arrival_is_slept_for_and_the_last_of_it_spun() {
        let mut pacer = Pacer::new([us(1_000)].into_iter(), us(0));
        assert_eq!(pacer.rest(us(0), false), Rest::Sleep(us(940)));
        assert_eq!(pacer.rest(us(995), true), Rest::Spin);
        assert_eq!(pacer.rest(us(1_000), true), Rest::Not);
    }

    #[test]
    fn arrivals_too_near_for_a_sleep_are_rested_for_and_burst() {
        let mut pacer = Pacer::new(Constant::new(50_000.0).unwrap(), us(0));
        assert_eq!(due(&mut pacer, us(0)), [us(0)]);
        assert_eq!(pacer.rest(us(0), false), Rest::Sleep(us(100)));
        assert_eq!(due(&mut pacer, us(100)), [us(20), us(40), us(60), us(80), us(100)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// However late and seldom it is asked, every arrival is given, once, in order, and none
        /// before its time.
        #[test]
        fn no_arrival_is_lost(
            gaps in prop::collection::vec(0u64..200, 1..60),
            asked in prop::collection::vec(0u64..900, 0..40),
            most in 1usize..5,
        ) {
            let times: Vec<Nanos> =
                gaps.iter().scan(0, |at, gap| { *at += gap; Some(Nanos(*at)) }).collect();
            let mut pacer = Pacer::new(times.iter().copied(), Nanos(0));
            let (mut given, mut now) = (Vec::new(), 0);
            for step in asked {
                now += step;
                pacer.due(Nanos(now), most, &mut given);
                prop_assert!(given.iter().all(|at| at.0 <= now));
            }
            while pacer.rest(Nanos(u64::MAX), true) != Rest::Over {
                pacer.due(Nanos(u64::MAX), most, &mut given);
            }
            prop_assert_eq!(given, times);
        }
    }
}
