//! Machines that serve requests, and the highest rate that they hold.

use super::arrivals::{Arrival, prompt};
use super::figures::{SEEDS, estimate};
use super::fleet::Fleet;
use super::play::{Count, Play};
use super::router::Route;
use super::{Served, Server};
use crate::error::Result;
use crate::load::{self, Poisson};
use crate::record::Estimate;
use crate::units::Nanos;

/// Of so many requests one more comes before the first that counts.
const WARM_UP: u64 = 10;

/// Requests of one try of a rate: enough that 500 lie past the 99th percentile.
const TRY: u64 = 50_000;

/// Past a higher quantile as many must lie.
const PAST: f64 = 500.0;

/// A try lasts for so many times the limit, up to so many requests: a queue that grows must have
/// the time to pass it.
const LIMITS: f64 = 50.0;
const MOST: u64 = 200_000;

/// A rate of which less is answered is none that is held, as a server cell's verdict has it.
pub(super) const KEEPS_UP: f64 = 0.98;

/// Rates that are tried from the capacity down, each lower by this factor, before a highest one is
/// looked for between two of them: a latency need not rise with the rate, for batches fill sooner.
const STEPS: u32 = 40;
const STEP: f64 = 0.8;

/// A highest rate is found to this.
const EXACT: f64 = 0.005;

/// Machines that serve requests of one image each.
#[derive(Clone, Debug)]
pub struct Service {
    /// Each of them.
    pub server: Server,
    /// How many.
    pub machines: usize,
    /// How requests are shared out.
    pub route: Route,
    /// How the machines differ. All are there at first; a lost one is there again after its
    /// start-up, and what it had waiting or running is tried again elsewhere.
    pub fleet: Fleet,
}

impl Service {
    /// One machine that is never lost.
    pub fn one(server: Server) -> Self {
        Self { server, machines: 1, route: Route::default(), fleet: Fleet::default() }
    }

    /// Serves so many requests, which arrive as a Poisson process of this rate. A tenth as many
    /// more come before, so that the queues are not empty when the first is counted.
    ///
    /// # Errors
    /// [`crate::error::Error::Invalid`] for a rate or a largest batch that makes no sense.
    pub fn run(&self, rate_per_s: f64, requests: u64, seed: u64) -> Result<Served> {
        self.run_telling(rate_per_s, requests, seed, &mut |_| {})
    }

    /// The requests that are served for so many to count.
    pub fn all(requests: u64) -> u64 {
        requests + requests / WARM_UP
    }

    /// [`Service::run`], telling now and then how many requests have come, of
    /// [`Service::all`].
    ///
    /// # Errors
    /// As there.
    pub fn run_telling(
        &self,
        rate_per_s: f64,
        requests: u64,
        seed: u64,
        told: &mut dyn FnMut(u64),
    ) -> Result<Served> {
        let before = Self::all(requests) - requests;
        let schedule = Poisson::new(rate_per_s, load::seed(seed, 0, 0))?;
        let arrivals = prompt(schedule).take(Self::all(requests) as usize);
        self.serve(arrivals, Count::After(before), seed, told)
    }

    /// Serves these requests.
    pub(super) fn serve(
        &self,
        arrivals: impl Iterator<Item = Arrival>,
        count: Count,
        seed: u64,
        told: &mut dyn FnMut(u64),
    ) -> Result<Served> {
        Ok(Play::new(self, count, seed)?.serve(arrivals, told))
    }

    /// The highest rate, in requests a second, at which this quantile (above 0, below 1) of the
    /// latencies stays within the limit, with an interval over seeds; none where no rate does. A
    /// rejected request is one that is never answered.
    pub fn highest_rate(&self, quantile: f64, limit: Nanos, seed: u64) -> Option<Estimate> {
        let capacity = self.server.capacity_per_s() * self.machines.max(1) as f64;
        let least = TRY.max((PAST / (1.0 - quantile)) as u64);
        let holds = |rate: f64, seed: u64| {
            let lasting = (LIMITS * limit.seconds() * rate) as u64;
            let Ok(served) = self.run(rate, lasting.clamp(least, MOST.max(least)), seed) else {
                return false;
            };
            let in_time = served.quantile(quantile).is_some_and(|time| time <= limit);
            in_time && served.throughput_per_s >= KEEPS_UP * rate * (1.0 - served.rejected_share())
        };
        let highest = |from: f64, seed: u64| {
            let rates = (0..STEPS).map(|step| from.min(capacity) * STEP.powi(step as i32));
            let mut low = rates.into_iter().find(|&rate| holds(rate, seed))?;
            let mut high = (low / STEP).min(capacity);
            while high / low > 1.0 + EXACT {
                let middle = (low * high).sqrt();
                if holds(middle, seed) { low = middle } else { high = middle }
            }
            Some(low)
        };
        let first = highest(capacity, seed)?;
        // Other seeds find it near the first one's.
        let others = (1..SEEDS).filter_map(|n| highest(first / STEP, load::seed(seed, n, 0)));
        let rates: Vec<f64> = std::iter::once(first).chain(others).collect();
        estimate(&rates)
    }
}
