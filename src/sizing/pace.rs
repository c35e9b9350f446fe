//! How fast one machine does a job's images when it is loaded in one way, and how sure that is.

#[cfg(test)]
use super::estimate::certain;
use super::estimate::over;
use super::fit::Line;
use crate::record::{Basis, Cell, Estimate, JobTiming};

/// How a machine is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// Backend, by name.
    pub(super) backend: String,
    /// `cpu` or `cuda:N`.
    pub(super) device: String,
    /// Arithmetic.
    pub(super) precision: String,
    /// Worker processes.
    pub(super) instances: usize,
    /// Threads of one forward pass.
    pub(super) threads: usize,
    /// Largest batch, in images.
    pub(super) batch: usize,
}

impl Way {
    /// Whether a GPU does the inference.
    pub(super) fn on_gpu(&self) -> bool {
        self.device != "cpu"
    }
}

impl From<&Cell> for Way {
    fn from(cell: &Cell) -> Self {
        Self {
            backend: cell.backend.clone(),
            device: cell.device.clone(),
            precision: cell.precision.clone(),
            instances: cell.instances,
            threads: cell.threads,
            batch: cell.batch,
        }
    }
}

impl From<&JobTiming> for Way {
    fn from(job: &JobTiming) -> Self {
        Self {
            backend: job.backend.clone(),
            device: job.device.clone(),
            precision: "f32".into(),
            instances: job.instances,
            threads: job.threads,
            batch: job.batch,
        }
    }
}

/// Where the time of a machine's images comes from.
#[derive(Clone, Debug)]
pub(super) enum Law {
    /// Jobs of it.
    Jobs(Line),
    /// Images a second, and seconds of the last batch.
    Rate {
        /// Images a second.
        rate: Estimate,
        /// Seconds that the last batch takes while no other is worked on.
        last_batch_s: f64,
    },
}

/// How fast one machine is in one way.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    /// How it is loaded.
    pub(super) way: Way,
    /// Measured, or predicted from what.
    pub(super) basis: Basis,
    /// Relative standard deviation of its rate between rounds, or between jobs.
    pub(super) spread: f64,
    /// Where its time comes from.
    pub(super) law: Law,
}

/// What so many images take on one machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Run {
    /// Images a second.
    pub(super) rate: Estimate,
    /// Seconds of the images at that rate.
    pub(super) run_s: Estimate,
    /// Seconds that come to it whatever the images: the ramp and the last batch.
    pub(super) last_s: f64,
}

impl Pace {
    /// What so many images take. The ends of the rate are those at this many: of a fitted line they
    /// come closer together the nearer the jobs that it was fitted to are.
    pub(super) fn run(&self, images: u64) -> Run {
        let images = images as f64;
        match &self.law {
            Law::Rate { rate, last_batch_s } => {
                Run { rate: *rate, run_s: over(images, *rate), last_s: *last_batch_s }
            }
            Law::Jobs(line) => {
                let all = line.seconds(images);
                // The intercept is part of the fit, and its error is told with the run's.
                let without = |seconds: f64| (seconds - line.intercept).max(seconds * 0.01);
                let run_s = Estimate {
                    value: line.each * images,
                    low: without(all.low).min(line.each * images),
                    high: without(all.high),
                };
                Run { rate: over(images, run_s), run_s, last_s: line.intercept }
            }
        }
    }

    /// Images a second as the number of images grows.
    pub(super) fn rate(&self) -> f64 {
        match &self.law {
            Law::Jobs(line) => 1.0 / line.each,
            Law::Rate { rate, .. } => rate.value,
        }
    }

    /// Whether it is a line through jobs.
    pub(super) fn is_fitted(&self) -> bool {
        matches!(self.law, Law::Jobs(_))
    }

    /// Whether it was measured.
    pub(super) fn is_measured(&self) -> bool {
        self.basis == Basis::Measured
    }
}

/// What a machine that takes no other time than this does: a rate that is certain.
#[cfg(test)]
pub(super) fn steady(rate: f64) -> Pace {
    let way = Way::from(&Cell::on_cpu("native", 4, 128, 1));
    let law = Law::Rate { rate: certain(rate), last_batch_s: 0.0 };
    Pace { way, basis: Basis::Measured, spread: 0.0, law }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sizing::fit::Job;

    #[test]
    fn a_line_is_split_into_its_slope_and_its_intercept() {
        let jobs: Vec<Job> = [250.0, 500.0, 1_000.0]
            .repeat(3)
            .into_iter()
            .map(|images| Job { images, seconds: 0.02 + 25e-6 * images })
            .collect();
        let law = Law::Jobs(Line::fit(&jobs, 1).unwrap());
        let pace = Pace { law, ..steady(1.0) };
        let run = pace.run(1_000_000);
        assert!((run.run_s.value - 25.0).abs() < 1e-6 && (run.last_s - 0.02).abs() < 1e-9);
        assert!((run.rate.value - 40_000.0).abs() < 1e-3 && (pace.rate() - 40_000.0).abs() < 1e-3);
        // The rate's interval is the run's, turned over.
        assert!((run.rate.low * run.run_s.high / 1e6 - 1.0).abs() < 1e-12);
        assert!(run.rate.low < run.rate.value && run.rate.value < run.rate.high);
    }

    #[test]
    fn a_rate_takes_as_long_as_it_says() {
        let run = steady(50.0).run(100);
        assert_eq!((run.run_s, run.rate, run.last_s), (certain(2.0), certain(50.0), 0.0));
    }
}
