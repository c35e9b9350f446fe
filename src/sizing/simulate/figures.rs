//! What simulations come to, with intervals over seeds.

use serde::Serialize;

use super::service::KEEPS_UP;
use super::{Finished, Job, Served, Service};
use crate::error::{Error, Result};
use crate::load;
use crate::measure::{median_interval, samples_needed};
use crate::record::Estimate;

/// Seeds that each simulation is run with: the figure is the median, and the interval spans all
/// five (see [`median_interval`]).
pub const SEEDS: u64 = 5;

/// A simulated job.
#[derive(Clone, Debug, Serialize)]
pub struct JobFigures {
    /// Seconds from the request to the last image.
    pub seconds: Estimate,
    /// Seconds until the first machine was ready.
    pub first_ready_s: Estimate,
    /// Seconds until the last one was.
    pub last_ready_s: Estimate,
    /// Seconds after which half of the machines had no more to do.
    pub half_done_s: Estimate,
    /// Images a second from the moment when the first machine was ready.
    pub images_per_s: Estimate,
    /// Share of the sessions' time, from the request to the last image, in which a batch ran.
    pub busy_share: Estimate,
    /// Hours of machines from the request to the last image, all of them until the end.
    pub machine_hours: Estimate,
    /// Machines lost before the end.
    pub lost: Estimate,
    /// Batches that went to another machine.
    pub taken_over: Estimate,
}

/// A simulated service. A latency is absent where there are too few requests to give it, or the
/// request at that quantile was rejected.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceFigures {
    /// Median of the latencies, in nanoseconds.
    pub p50_ns: Option<Estimate>,
    /// 90th percentile.
    pub p90_ns: Option<Estimate>,
    /// 99th percentile.
    pub p99_ns: Option<Estimate>,
    /// 99.9th percentile.
    pub p999_ns: Option<Estimate>,
    /// Requests answered a second.
    pub throughput_per_s: Estimate,
    /// Share of the sessions' time in which a batch ran.
    pub utilisation: Estimate,
    /// Images of a batch, on average.
    pub images_per_batch: Estimate,
    /// Share of the requests that were rejected.
    pub rejected_share: Estimate,
    /// Machines lost.
    pub lost: Estimate,
    /// Requests that were tried again elsewhere.
    pub retried: Estimate,
    /// Whether the queues grew for as long as requests came: then the latencies tell of the
    /// simulation's length alone.
    pub overloaded: bool,
}

impl Job {
    /// Plays the job with several seeds, telling now and then how many batches are done, of
    /// [`Job::batches`] for each of [`SEEDS`].
    ///
    /// # Errors
    /// As [`Job::run`].
    pub fn figures(&self, seed: u64, told: &mut dyn FnMut(u64)) -> Result<JobFigures> {
        let one = |n| {
            let before = n * self.batches();
            self.run_telling(load::seed(seed, n, 0), &mut |done| told(before + done))
        };
        let runs: Vec<Finished> = (0..SEEDS).map(one).collect::<Result<_>>()?;
        let over = |figure: &dyn Fn(&Finished) -> f64| over(&runs, figure);
        Ok(JobFigures {
            seconds: over(&|run| run.seconds)?,
            first_ready_s: over(&|run| run.first_ready_s)?,
            last_ready_s: over(&|run| run.last_ready_s)?,
            half_done_s: over(&|run| run.half_done_s)?,
            images_per_s: over(&Finished::images_per_s)?,
            busy_share: over(&|run| run.busy_share)?,
            machine_hours: over(&|run| run.seconds / 3_600.0 * self.machines as f64)?,
            lost: over(&|run| run.lost as f64)?,
            taken_over: over(&|run| run.taken_over as f64)?,
        })
    }
}

impl Service {
    /// Serves so many requests with each of several seeds, telling now and then how many have come,
    /// of a tenth more than asked for and for each of [`SEEDS`].
    ///
    /// # Errors
    /// As [`Service::run`].
    pub fn figures(
        &self,
        rate_per_s: f64,
        requests: u64,
        seed: u64,
        told: &mut dyn FnMut(u64),
    ) -> Result<ServiceFigures> {
        let one = |n| {
            let (before, seed) = (n * Self::all(requests), load::seed(seed, n, 0));
            self.run_telling(rate_per_s, requests, seed, &mut |came| told(before + came))
        };
        let runs: Vec<Served> = (0..SEEDS).map(one).collect::<Result<_>>()?;
        let over = |figure: &dyn Fn(&Served) -> f64| over(&runs, figure);
        let latency = |quantile: f64| {
            let of = |run: &Served| {
                let enough = run.answered + run.rejected >= samples_needed(quantile);
                run.quantile(quantile).filter(|_| enough).map(|time| time.0 as f64)
            };
            let all: Option<Vec<f64>> = runs.iter().map(of).collect();
            all.and_then(|all| estimate(&all))
        };
        let coming = |run: &Served| rate_per_s * (1.0 - run.rejected_share());
        Ok(ServiceFigures {
            p50_ns: latency(0.5),
            p90_ns: latency(0.9),
            p99_ns: latency(0.99),
            p999_ns: latency(0.999),
            throughput_per_s: over(&|run| run.throughput_per_s)?,
            utilisation: over(&|run| run.utilisation)?,
            images_per_batch: over(&Served::images_per_batch)?,
            rejected_share: over(&Served::rejected_share)?,
            lost: over(&|run| run.lost as f64)?,
            retried: over(&|run| run.retried as f64)?,
            overloaded: runs
                .iter()
                .any(|run| run.throughput_per_s < KEEPS_UP * coming(run) && run.utilisation > 0.98),
        })
    }
}

/// A figure of all runs.
fn over<R>(runs: &[R], figure: impl Fn(&R) -> f64) -> Result<Estimate> {
    let all: Vec<f64> = runs.iter().map(figure).collect();
    estimate(&all).ok_or_else(|| Error::Bug("a simulated figure is no number".into()))
}

/// The median with its interval; the order of the figures does not matter to it, nor does a seed
/// for so few of them.
pub(super) fn estimate(all: &[f64]) -> Option<Estimate> {
    let found = median_interval(all, 0)?;
    Some(Estimate { value: found.median, low: found.low, high: found.high })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sizing::simulate::{BatchTimes, Fleet, Server};
    use crate::units::Nanos;

    #[test]
    fn an_estimate_spans_its_seeds() {
        let found = estimate(&[3.0, 1.0, 2.0, 5.0, 4.0]).unwrap();
        assert_eq!((found.value, found.low, found.high), (3.0, 1.0, 5.0));
        assert!(estimate(&[f64::NAN]).is_none());
    }

    #[test]
    fn a_jobs_figures_belong_together() {
        let times = BatchTimes::constant(1e6, 1e4);
        let fleet = Fleet { spread: 0.1, ..Fleet::default() };
        let (images, machines, sessions, batch) = (100_000, 8, 1, 100);
        let job = Job { images, machines, sessions, batch, times, fleet, exact: false };
        let mut told = 0;
        let figures = job.figures(1, &mut |done| told = done).unwrap();
        assert_eq!(told, SEEDS * job.batches());
        assert!(figures.seconds.low < figures.seconds.high);
        assert!(figures.half_done_s.value < figures.seconds.value);
        let hours = figures.seconds.value * 8.0 / 3_600.0;
        assert!((figures.machine_hours.value / hours - 1.0).abs() < 1e-9);
        assert_eq!((figures.lost.high, figures.taken_over.high), (0.0, 0.0));
    }

    #[test]
    fn a_services_figures_say_when_it_is_overloaded() {
        let server = Server {
            sessions: 1,
            max_batch: 1,
            max_delay: Nanos(0),
            queue_limit: None,
            times: BatchTimes::constant(1e5, 0.0),
        };
        let at = |rate, server: Server| {
            Service::one(server).figures(rate, 20_000, 1, &mut |_| {}).unwrap()
        };
        assert!(!at(8_000.0, server.clone()).overloaded);
        let past = at(12_000.0, server.clone());
        assert!(past.overloaded && (past.throughput_per_s.value / 10_000.0 - 1.0).abs() < 0.01);
        // One that turns away what it cannot hold is not.
        let limited = at(12_000.0, Server { queue_limit: Some(5), ..server });
        assert!(!limited.overloaded, "{limited:?}");
        // More than what a session that never idles has no time for.
        let rejected = limited.rejected_share.value;
        assert!((1.0 / 6.0..0.25).contains(&rejected), "{limited:?}");
        let answered = limited.throughput_per_s.value / 12_000.0;
        assert!((answered + rejected - 1.0).abs() < 0.02, "{limited:?}");
        assert!(limited.p50_ns.is_some() && limited.p90_ns.is_none(), "{limited:?}");
    }
}
