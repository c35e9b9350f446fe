//! What became of a service's requests.

use crate::measure::Recorder;
use crate::units::Nanos;

/// What became of the requests that counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Served {
    /// Requests that came.
    pub requests: u64,
    /// Of them, those that were answered.
    pub answered: u64,
    /// Of them, those that were rejected, because a queue was full.
    pub rejected: u64,
    /// Latencies of those that were answered, from when they were due.
    pub latency: Recorder,
    /// Requests answered a second, while requests came.
    pub throughput_per_s: f64,
    /// Share of the sessions' time in which a batch ran, while requests came, 0 to 1.
    pub utilisation: f64,
    /// Batches of each size, from 0 images, that began while requests came.
    pub batch_sizes: Vec<u64>,
    /// Machines that were lost.
    pub lost: u64,
    /// Requests that were tried again elsewhere.
    pub retried: u64,
    pub(super) completed: u64,
    pub(super) busy: f64,
}

impl Served {
    /// A quantile of the latencies, a rejected request counting as one that is never answered. None
    /// where the request at that quantile is one of those, or there is none.
    pub fn quantile(&self, quantile: f64) -> Option<Nanos> {
        let all = self.answered + self.rejected;
        let of_answered = quantile * all as f64 / self.answered as f64;
        let known = self.answered > 0 && of_answered <= 1.0;
        known.then(|| Nanos(self.latency.histogram().value_at_quantile(of_answered)))
    }

    /// Share of the requests that were rejected.
    pub fn rejected_share(&self) -> f64 {
        self.rejected as f64 / self.requests.max(1) as f64
    }

    /// Batches that began while requests came.
    pub fn batches(&self) -> u64 {
        self.batch_sizes.iter().sum()
    }

    /// Images of a batch, on average; 0 where there was none.
    pub fn images_per_batch(&self) -> f64 {
        let images = |(size, &batches): (usize, &u64)| size as u64 * batches;
        let images: u64 = self.batch_sizes.iter().enumerate().map(images).sum();
        images as f64 / self.batches().max(1) as f64
    }

    /// Notes a batch that keeps a session so long.
    pub(super) fn busy(&mut self, images: usize, takes: Nanos) {
        if self.batch_sizes.len() <= images {
            self.batch_sizes.resize(images + 1, 0);
        }
        self.batch_sizes[images] += 1;
        self.busy += takes.seconds();
    }

    /// The rates, over so many seconds of so many sessions.
    pub(super) fn over(mut self, seconds: f64, sessions: usize) -> Self {
        if seconds > 0.0 {
            self.throughput_per_s = self.completed as f64 / seconds;
            self.utilisation = (self.busy / (seconds * sessions as f64)).min(1.0);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejected_request_is_one_that_is_never_answered() {
        let mut served = Served { answered: 90, rejected: 10, ..Served::default() };
        (1..=90).for_each(|ns| served.latency.record(Nanos(ns)));
        assert_eq!(served.quantile(0.5), Some(Nanos(50)));
        assert_eq!(served.quantile(0.9), Some(Nanos(90)));
        assert_eq!(served.quantile(0.91), None);
        assert_eq!(Served::default().quantile(0.5), None);
    }

    #[test]
    fn batches_are_counted_by_their_size() {
        let mut served = Served::default();
        for images in [4, 4, 1] {
            served.busy(images, Nanos(500_000_000));
        }
        assert_eq!((served.batches(), served.images_per_batch()), (3, 3.0));
        assert_eq!(served.over(2.0, 3).utilisation, 0.25);
    }
}
