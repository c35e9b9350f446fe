//! One machine that serves requests.

use super::BatchTimes;
use crate::measure::Recorder;
use crate::record::Estimate;
use crate::units::Nanos;

/// One machine that serves requests of one image each.
#[derive(Clone, Debug)]
pub struct Server {
    /// Sessions side by side: those of all its worker processes.
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

/// What became of the requests.
#[derive(Clone, Debug, Default)]
pub struct Served {
    /// Of each request that was answered, from its arrival.
    pub latency: Recorder,
    /// Requests answered.
    pub answered: u64,
    /// Requests rejected, because the queue was full.
    pub rejected: u64,
    /// Batches.
    pub batches: u64,
    /// Requests answered a second.
    pub throughput_per_s: f64,
    /// Share of the sessions' time in which they were at work, 0 to 1.
    pub utilisation: f64,
}

impl Server {
    /// Serves so many requests, which arrive as a Poisson process of this rate.
    pub fn run(&self, _rate_per_s: f64, _requests: u64, _seed: u64) -> Served {
        Served::default()
    }

    /// The highest rate, in requests a second, at which this quantile of the latencies stays within
    /// the limit, with an interval over seeds; none where no rate does.
    pub fn highest_rate(&self, _quantile: f64, _limit: Nanos, _seed: u64) -> Option<Estimate> {
        None
    }
}
