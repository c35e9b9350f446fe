//! What the rounds of one cell add up to.

use super::check::{Agreement, Allowance, Reference};
use super::runner::Measurement;
use super::stages::{StageTimes, latency};
use super::traffic::Traffic;
use crate::measure::host::Pressure;
use crate::measure::{
    Evidence, Guard, Interval, Recorder, Supply, median, median_interval, reasons,
};
use crate::record::{Cell, CellRecord, Round, Scenario, Throttling, Verdict};
use crate::units::Nanos;

/// One cell's rounds so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    rounds: Vec<Round>,
    latency: Recorder,
    stages: StageTimes,
    traffic: Traffic,
    agreement: Option<Agreement>,
    peak_rss_bytes: Option<u64>,
    failure: Option<String>,
}

impl Tally {
    /// Adds a round that began `at_s` seconds into the run, and gives it as it is recorded.
    pub(super) fn add(
        &mut self,
        (round, position): (usize, usize),
        at_s: f64,
        measured: &Measurement,
        agreement: Option<Agreement>,
    ) -> &Round {
        let Measurement { images, seconds, warmup_s, steady, .. } = *measured;
        let rate = if seconds > 0.0 { images as f64 / seconds } else { 0.0 };
        self.rounds.push(Round {
            round,
            position,
            images,
            seconds,
            throughput_images_per_s: rate,
            warmup_s,
            steady,
            at_s,
            idle_share: measured.idle_share,
            throttling: measured.throttling,
        });
        self.latency.merge(&measured.latency);
        self.stages.merge(&measured.stages);
        self.traffic.merge(&measured.traffic);
        self.agreement = self.agreement.into_iter().chain(agreement).reduce(Agreement::worst);
        self.peak_rss_bytes = self.peak_rss_bytes.max(measured.peak_rss_bytes);
        &self.rounds[self.rounds.len() - 1]
    }

    /// Notes that a round failed. The cell is INVALID whatever else is known of it.
    pub(super) fn fail(&mut self, round: usize, reason: impl std::fmt::Display) {
        self.failure = Some(format!("round {} failed: {reason}", round + 1));
    }

    /// Whether a round has failed.
    pub(super) fn failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Whether there is anything to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.rounds.is_empty() && self.failure.is_none()
    }

    /// The cell's row.
    pub(super) fn record(self, cell: &Cell, reference: &Reference, seed: u64) -> CellRecord {
        let rates: Vec<f64> =
            self.rounds.iter().map(|round| round.throughput_images_per_s).collect();
        let throughput = median_interval(&rates, seed);
        let verdict = self.verdict(cell, reference, rates, throughput);
        let load = (cell.scenario != Scenario::Offline && !self.rounds.is_empty())
            .then(|| self.traffic.load(self.rounds.iter().map(|round| round.seconds).sum()));
        let Interval { median, low, high } =
            throughput.unwrap_or(Interval { median: 0.0, low: 0.0, high: 0.0 });
        CellRecord {
            cell: cell.clone(),
            throughput_images_per_s: median,
            throughput_ci95: (low, high),
            latency: latency(&self.latency),
            latency_histogram: self.latency.into(),
            load,
            stages: self.stages.stages(),
            agreement: self.agreement.map_or(0.0, |agreement| agreement.share()),
            max_score_difference: self.agreement.and_then(|agreement| agreement.max_difference),
            accuracy: self.agreement.and_then(|agreement| agreement.accuracy()),
            peak_rss_bytes: self.peak_rss_bytes,
            verdict,
            rounds: self.rounds,
        }
    }

    fn verdict(
        &self,
        cell: &Cell,
        reference: &Reference,
        rates: Vec<f64>,
        throughput: Option<Interval>,
    ) -> Verdict {
        let guard = match self.agreement {
            _ if !cell.has_model() => Guard::NoModel,
            Some(agreement) => agreement.guard(Allowance::of(&cell.precision, reference.tolerance)),
            None => Guard::Missing,
        };
        let count = |test: fn(&Round) -> bool| self.rounds.iter().filter(|r| test(r)).count();
        let evidence = Evidence {
            rounds: self.rounds.len(),
            steady_rounds: count(|round| round.steady),
            empty_rounds: count(|round| round.images == 0),
            samples: self.latency.samples(),
            // What arrives decides a server's throughput, and chance how even that is.
            throughput: throughput.filter(|_| !matches!(cell.scenario, Scenario::Server(_))),
            supply: self.supply(cell),
            rates,
            pressure: self.rounds.iter().map(|round| pressure(round.throttling)).collect(),
            guard,
        };
        let mut all: Vec<String> = self.failure.iter().cloned().collect();
        // What a failure left unmeasured is no news beside the failure itself.
        if !(self.failed() && self.rounds.is_empty()) {
            all.extend(reasons(&evidence));
        }
        if all.is_empty() { Verdict::Valid } else { Verdict::Invalid(all) }
    }

    /// What supplied the cell's sessions. Whether the null backend was, tells nothing of a cell
    /// that is never one to choose.
    fn supply(&self, cell: &Cell) -> Supply {
        match cell.scenario {
            _ if !cell.has_model() => Supply::Itself,
            Scenario::Closed(_) => Supply::Itself,
            Scenario::Offline => {
                let shares: Vec<f64> = self.rounds.iter().map(|round| round.idle_share).collect();
                Supply::Feeder { idle_share: median(&shares).unwrap_or(0.0) }
            }
            Scenario::Server(_) => Supply::Schedule {
                rounds: self.rounds.len() as u64,
                offered: self.traffic.offered,
                issued: self.traffic.issued,
                completed: self.rounds.iter().map(|round| round.images).sum(),
                lateness_p99: self.traffic.lateness.percentiles().p99_ns.map(Nanos),
                latency_p50: self.latency.percentiles().p50_ns.map(Nanos),
            },
        }
    }
}

/// As the verdict reads it.
fn pressure(throttling: Throttling) -> Pressure {
    let Throttling { quota_share, stolen_share, thermal_events } = throttling;
    Pressure { quota_share, stolen_share, thermal_events }
}
