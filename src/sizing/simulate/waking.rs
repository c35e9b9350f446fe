//! How late a machine wakes its threads, to draw from.

use super::spread::Spread;
use crate::record;

/// How late Linux ends a sleep where nothing was measured, in nanoseconds (`prctl(2)`,
/// `PR_SET_TIMERSLACK`).
const SLACK: f64 = 50_000.0;

/// How late a machine wakes its threads. By default in no time.
#[derive(Clone, Debug, Default)]
pub struct Waking {
    /// How late a sleep or a timed wait ends.
    timer: Option<Spread>,
    /// From the arrival of a request until a session that waits for it runs.
    thread: Option<Spread>,
}

impl Waking {
    /// As it was measured. Where it was not, timers are late by Linux's usual slack, and threads
    /// are woken in no time.
    pub fn of(measured: Option<&record::Waking>) -> Self {
        let timer = measured.and_then(|waking| Spread::of_percentiles(&[&waking.sleep]));
        let thread = measured.and_then(|waking| Spread::of_percentiles(&[&waking.notice]));
        Self { timer: timer.or_else(|| Some(Spread::constant(SLACK))), thread }
    }

    /// How late a timer is at this quantile, in nanoseconds.
    pub(super) fn timer(&self, quantile: f64) -> f64 {
        self.timer.as_ref().map_or(0.0, |late| late.at(quantile))
    }

    /// How late a thread that waits for a request is at this quantile, in nanoseconds.
    pub(super) fn thread(&self, quantile: f64) -> f64 {
        self.thread.as_ref().map_or(0.0, |late| late.at(quantile))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Latency;

    #[test]
    fn what_was_measured_counts_and_else_the_usual_slack() {
        let late = |ns| Latency { samples: 500, p50_ns: Some(ns), ..Latency::default() };
        let measured = record::Waking { sleep: late(73_000), notice: late(5_000) };
        let waking = Waking::of(Some(&measured));
        assert_eq!((waking.timer(0.5), waking.thread(0.9)), (73_000.0, 5_000.0));
        let waking = Waking::of(None);
        assert_eq!((waking.timer(0.5), waking.thread(0.9)), (SLACK, 0.0));
        assert_eq!(Waking::default().timer(0.5), 0.0);
    }
}
