//! Which instance has been silent for too long: pure bookkeeping.

use super::plan::Plan;
use crate::units::Nanos;

/// What reading, writing and a busy machine may add to the time of a request, in seconds.
const SLACK_S: u64 = 30;

/// How long an instance that has work may say nothing: every try of one request may take its whole
/// time.
pub(super) fn patience(plan: &Plan) -> Nanos {
    let tries = u64::from(plan.invocations_max_retries).saturating_add(1);
    let seconds = plan.invocations_timeout_s.saturating_mul(tries).saturating_add(SLACK_S);
    Nanos(seconds.saturating_mul(1_000_000_000))
}

/// The times at which instances were last heard.
#[derive(Debug)]
pub(super) struct Watch {
    patience: Nanos,
    heard: Vec<Nanos>,
}

impl Watch {
    /// All of `instances` count as heard `now`.
    pub(super) fn new(patience: Nanos, instances: usize, now: Nanos) -> Self {
        Self { patience, heard: vec![now; instances] }
    }

    /// Notes that an instance was heard, or was given work after it had none.
    pub(super) fn heard(&mut self, instance: usize, now: Nanos) {
        self.heard[instance] = now;
    }

    /// The instances that are `busy` and have said nothing for longer than the patience.
    pub(super) fn silent(&self, now: Nanos, busy: impl Fn(usize) -> bool) -> Vec<usize> {
        let late = |&instance: &usize| now - self.heard[instance] > self.patience;
        (0..self.heard.len()).filter(late).filter(|&instance| busy(instance)).collect()
    }

    /// What is said of an instance that was killed for its silence.
    pub(super) fn obituary(&self) -> String {
        format!("it had work and said nothing for {}, so it was killed", self.patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_silent_instance_that_has_work_is_given_up() {
        let mut watch = Watch::new(Nanos(100), 3, Nanos(0));
        assert!(watch.silent(Nanos(100), |_| true).is_empty(), "patience is not over yet");
        watch.heard(1, Nanos(50));
        assert_eq!(watch.silent(Nanos(101), |_| true), [0, 2]);
        assert_eq!(watch.silent(Nanos(101), |instance| instance != 0), [2]);
        watch.heard(2, Nanos(101));
        watch.heard(0, Nanos(101));
        assert_eq!(watch.silent(Nanos(151), |_| true), [1]);
    }
}
