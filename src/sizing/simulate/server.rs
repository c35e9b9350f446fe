//! One machine that serves requests.

use super::{BatchTimes, Served, Service};
use crate::error::Result;
use crate::record::Estimate;
use crate::units::Nanos;

/// One machine that serves requests of one image each.
#[derive(Clone, Debug)]
pub struct Server {
    /// Sessions side by side, which share a queue.
    pub sessions: usize,
    /// Largest batch, in images.
    pub max_batch: usize,
    /// How long a request may wait for others to share its batch.
    pub max_delay: Nanos,
    /// Requests that may wait at most; one that finds as many is rejected.
    pub queue_limit: Option<usize>,
    /// The time of a batch.
    pub times: BatchTimes,
}

impl Server {
    /// Serves so many requests, which arrive as a Poisson process of this rate. A tenth as many
    /// more come before, so that the queue is not empty when the first is counted.
    ///
    /// # Errors
    /// [`crate::error::Error::Invalid`] for a rate or a largest batch that makes no sense.
    pub fn run(&self, rate_per_s: f64, requests: u64, seed: u64) -> Result<Served> {
        Service::one(self.clone()).run(rate_per_s, requests, seed)
    }

    /// The highest rate, in requests a second, at which this quantile of the latencies stays within
    /// the limit, with an interval over seeds; none where no rate does.
    pub fn highest_rate(&self, quantile: f64, limit: Nanos, seed: u64) -> Option<Estimate> {
        Service::one(self.clone()).highest_rate(quantile, limit, seed)
    }

    /// Requests a second that it answers at most, in batches of the best size.
    pub fn capacity_per_s(&self) -> f64 {
        let sizes = 1..=self.max_batch;
        let rate = |images: usize| images as f64 * 1e9 / self.times.moments(images).0;
        let best = sizes.map(rate).fold(0.0, f64::max);
        best * self.sessions.max(1) as f64
    }
}
