//! Which machine a request goes to. Pure.

use std::collections::BTreeSet;

/// How requests are shared out among machines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Route {
    /// One after the other.
    RoundRobin,
    /// To the one with the fewest requests waiting or running.
    #[default]
    LeastOutstanding,
}

/// The share-out, with what it has to know of the machines.
#[derive(Debug)]
pub(super) struct Router {
    route: Route,
    outstanding: Vec<usize>,
    up: Vec<bool>,
    /// Of those that are up, by what is outstanding.
    order: BTreeSet<(usize, usize)>,
    next: usize,
}

impl Router {
    /// Of so many machines, all down yet.
    pub(super) fn new(route: Route, machines: usize) -> Self {
        Self {
            route,
            outstanding: vec![0; machines],
            up: vec![false; machines],
            order: BTreeSet::new(),
            next: 0,
        }
    }

    /// Where the next request goes; nowhere while all machines are down.
    pub(super) fn choose(&mut self) -> Option<usize> {
        let machines = self.up.len();
        match self.route {
            _ if machines == 1 => self.up[0].then_some(0),
            Route::LeastOutstanding => self.order.first().map(|&(_, machine)| machine),
            Route::RoundRobin => {
                let turn = (0..machines).map(|i| (self.next + i) % machines);
                let machine = turn.into_iter().find(|&machine| self.up[machine])?;
                self.next = (machine + 1) % machines;
                Some(machine)
            }
        }
    }

    /// More are outstanding at a machine.
    pub(super) fn add(&mut self, machine: usize, requests: usize) {
        self.set(machine, self.outstanding[machine] + requests);
    }

    /// Fewer are.
    pub(super) fn remove(&mut self, machine: usize, requests: usize) {
        self.set(machine, self.outstanding[machine].saturating_sub(requests));
    }

    /// A machine takes requests from now on.
    pub(super) fn up(&mut self, machine: usize) {
        self.up[machine] = true;
        self.set(machine, self.outstanding[machine]);
    }

    /// A machine takes none.
    pub(super) fn down(&mut self, machine: usize) {
        self.up[machine] = false;
        self.order.remove(&(self.outstanding[machine], machine));
    }

    fn set(&mut self, machine: usize, outstanding: usize) {
        let before = std::mem::replace(&mut self.outstanding[machine], outstanding);
        if self.route == Route::LeastOutstanding && self.up.len() > 1 && self.up[machine] {
            self.order.remove(&(before, machine));
            self.order.insert((outstanding, machine));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn round_robin_passes_over_machines_that_are_down() {
        let mut router = Router::new(Route::RoundRobin, 3);
        assert_eq!(router.choose(), None);
        (0..3).for_each(|machine| router.up(machine));
        assert_eq!([(); 4].map(|()| router.choose()), [Some(0), Some(1), Some(2), Some(0)]);
        router.down(1);
        assert_eq!([(); 3].map(|()| router.choose()), [Some(2), Some(0), Some(2)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever came and went, the machine that is chosen is up and has the fewest requests of
        /// all that are.
        #[test]
        fn the_least_loaded_machine_is_chosen(
            moves in prop::collection::vec((0usize..4, 0usize..5, 0usize..7), 0..60),
        ) {
            let mut router = Router::new(Route::LeastOutstanding, 5);
            for (what, machine, n) in moves {
                match what {
                    0 => router.add(machine, n),
                    1 => router.remove(machine, n),
                    2 => router.up(machine),
                    _ => router.down(machine),
                }
                let up = || (0..5).filter(|&machine| router.up[machine]);
                let least = up().map(|machine| router.outstanding[machine]).min();
                let chosen = router.order.first().map(|&(outstanding, _)| outstanding);
                prop_assert_eq!(chosen, least);
                prop_assert_eq!(router.order.len(), up().count());
            }
        }
    }
}
