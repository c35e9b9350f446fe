//! How late a machine wakes its threads.

use super::spread::Spread;

/// How late a machine wakes its threads.
#[derive(Clone, Debug, Default)]
pub struct Waking {
    /// How late a sleep or a timed wait ends.
    timer: Option<Spread>,
    /// From the arrival of a request until a session that waits for it runs.
    thread: Option<Spread>,
}

impl Waking {
    pub(super) fn timer(&self, quantile: f64) -> f64 {
        self.timer.as_ref().map_or(0.0, |late| late.at(quantile))
    }

    pub(super) fn thread(&self, quantile: f64) -> f64 {
        self.thread.as_ref().map_or(0.0, |late| late.at(quantile))
    }
}
