//! Requests, as they reach the server.

use crate::load::{Pacer, Poisson, Rest};
use crate::units::Nanos;

use super::chance::Chance;
use super::waking::Waking;

/// A request on its way to a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrival {
    /// When it reaches the server.
    pub(super) at: Nanos,
    /// When it was due: its latency counts from then.
    pub(super) since: Nanos,
}

/// Requests that reach the server when they are due, as those of many users do.
pub(super) fn prompt(schedule: Poisson) -> impl Iterator<Item = Arrival> {
    schedule.map(|at| Arrival { at, since: at })
}

/// Requests as the load generator of a sweep issues them: it sleeps and spins as its pacer says,
/// and what has become due meanwhile goes out together.
pub(super) struct Paced {
    pacer: Pacer<Poisson>,
    /// The same schedule, to see how long a spin takes.
    next: std::iter::Peekable<Poisson>,
    waking: Waking,
    chance: Chance,
    now: Nanos,
    due: Vec<Nanos>,
    given: usize,
}

impl Paced {
    /// A generator on a machine that wakes its threads like this.
    pub(super) fn new(schedule: Poisson, waking: Waking, chance: Chance) -> Self {
        Self {
            pacer: Pacer::new(schedule.clone(), Nanos(0)),
            next: schedule.peekable(),
            waking,
            chance,
            now: Nanos(0),
            due: Vec::new(),
            given: 0,
        }
    }
}

impl Iterator for Paced {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let mut slept = false;
        while self.given == self.due.len() {
            match self.pacer.rest(self.now, slept) {
                Rest::Over => return None,
                Rest::Spin => self.now = self.next.peek().copied().unwrap_or(self.now),
                Rest::Sleep(time) => {
                    let late = self.waking.timer(self.chance.uniform());
                    self.now = self.now + time + Nanos(late as u64);
                    slept = true;
                }
                Rest::Not => {
                    self.due.clear();
                    self.given = 0;
                    self.pacer.due(self.now, usize::MAX, &mut self.due);
                    let given = |at: &Nanos| *at <= self.now;
                    while self.next.next_if(given).is_some() {}
                }
            }
        }
        self.given += 1;
        Some(Arrival { at: self.now, since: self.due[self.given - 1] })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever the rate, a generator issues every request of the schedule, in order, and none
        /// before it is due; on a machine that wakes in time none is late by more than its rest.
        #[test]
        fn every_request_is_issued_in_its_turn(rate in 10.0f64..1e6, seed in any::<u64>()) {
            let schedule = Poisson::new(rate, seed).unwrap();
            let paced = Paced::new(schedule.clone(), Waking::default(), Chance::new(seed, 0));
            let mut last = Nanos(0);
            for (arrival, due) in paced.zip(schedule).take(2_000) {
                prop_assert_eq!(arrival.since, due);
                prop_assert!(arrival.at >= due && arrival.at >= last);
                prop_assert!(arrival.at - due <= Nanos(100_000));
                last = arrival.at;
            }
        }
    }
}
