//! How many machines hold a service: requests of one image each, within a limit of latency.

use super::cost::Offer;
use super::estimate::{certain, each};
use super::machines::Known;
use super::pace::Way;
use super::simulate::{BatchTimes, Server, Trust};
use crate::config::Sweep;
use crate::measure::Recorder;
use crate::record::{Basis, Cell, CellRecord, Choice, Estimate, Scenario, Service, Verdict};
use crate::units::Nanos;

/// Requests that are simulated to tell the latency of the answer.
const REQUESTS: u64 = 20_000;

/// What one machine holds within the limit.
#[derive(Clone, Debug)]
pub(super) struct Capacity {
    /// How it is loaded.
    pub(super) way: Way,
    /// Measured, or predicted from what.
    pub(super) basis: Basis,
    /// Requests a second.
    pub(super) rate: Estimate,
    /// The quantile of latency there, in nanoseconds, where it is known.
    pub(super) latency_ns: Option<Estimate>,
}

/// What a machine that was measured holds: by its server cells where one of them was within the
/// limit, else by a simulation of its other cells.
pub(super) fn capacity(known: &Known<'_>, service: &Service, seed: u64) -> Option<Capacity> {
    measured(known, service).or_else(|| simulated(known, service, seed))
}

/// The highest rate of a valid server cell that was within the limit. It may be as high as the
/// next one that was not.
fn measured(known: &Known<'_>, service: &Service) -> Option<Capacity> {
    let cells = || known.runs.iter().flat_map(|run| &run.cells);
    let usable = |record: &&CellRecord| record.verdict == Verdict::Valid && record.cell.has_model();
    let rate = |record: &CellRecord| match record.cell.scenario {
        Scenario::Server(rate) => Some(rate as f64),
        _ => None,
    };
    let (held, latency, record) = cells()
        .filter(usable)
        .filter_map(|record| Some((rate(record)?, latency(record, service.quantile)?, record)))
        .filter(|(_, latency, _)| *latency <= service.limit_ns)
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    let way = Way::from(&record.cell);
    let beyond = cells()
        .filter(|other| Way::from(&other.cell) == way)
        .filter_map(rate)
        .filter(|&rate| rate > held)
        .fold(f64::INFINITY, f64::min);
    let high = if beyond.is_finite() { beyond } else { held };
    Some(Capacity {
        way,
        basis: Basis::Measured,
        rate: Estimate { value: held, low: held, high },
        latency_ns: Some(certain(latency as f64)),
    })
}

/// A quantile of a cell's latencies, where there are samples enough for it.
fn latency(record: &CellRecord, quantile: f64) -> Option<u64> {
    let recorder = Recorder::try_from(record.latency_histogram.clone()).ok()?;
    let enough = recorder.samples() >= crate::measure::samples_needed(quantile);
    enough.then(|| recorder.histogram().value_at_quantile(quantile))
}

/// What a simulation of the fastest valid cell holds, by the batch times of the cells that are like
/// it but for the batch. Requests fall to its worker processes by chance, so that what arrives at
/// each is a Poisson process too.
fn simulated(known: &Known<'_>, service: &Service, seed: u64) -> Option<Capacity> {
    let best = known.best_cells().into_iter().next()?;
    let run =
        known.runs.iter().find(|run| run.cells.iter().any(|cell| std::ptr::eq(cell, best)))?;
    let alike = |record: &&CellRecord| {
        let key = |cell: &Cell| Cell { batch: 0, ..cell.clone() };
        record.verdict == Verdict::Valid && key(&record.cell) == key(&best.cell)
    };
    let max_batch = run.cells.iter().filter(alike).map(|record| record.cell.batch).max()?;
    let max_delay = Sweep::parse(&run.config_toml, "the run's configuration").ok()?.max_delay;
    let server = Server {
        sessions: best.cell.sessions,
        max_batch,
        max_delay,
        queue_limit: None,
        times: BatchTimes::of_run(run, &best.cell, Trust::Valid).ok()?,
    };
    let of_one = server.highest_rate(service.quantile, Nanos(service.limit_ns), seed)?;
    let served = server.run(of_one.value, REQUESTS, seed).ok()?;
    let rate = each(of_one, |rate| rate * best.cell.instances as f64);
    Some(Capacity {
        way: Way { batch: max_batch, ..Way::from(&best.cell) },
        basis: Basis::Predicted {
            model: format!(
                "a simulation of requests that arrive by chance, driven by the batch times that \
                 were measured on {}",
                known.name
            ),
            measure_with: format!("plimsoll sweep --scenario server:{:.0}", rate.value),
        },
        rate,
        latency_ns: served.quantile(service.quantile).map(|time| certain(time.0 as f64)),
    })
}

impl Capacity {
    /// What one machine holds that does so many times as much.
    pub(super) fn scaled(&self, times: Estimate, way: Way, basis: Basis) -> Self {
        let rate = Estimate {
            value: self.rate.value * times.value,
            low: self.rate.low * times.low,
            high: self.rate.high * times.high,
        };
        Self { way, basis, rate, latency_ns: None }
    }

    /// As many machines as hold the service even if each holds no more than the low end; none
    /// where more than `most` would be needed.
    pub(super) fn choice(&self, offer: &Offer, service: &Service, most: u64) -> Option<Choice> {
        let machines = |rate: f64| (service.rate_per_s / rate).ceil().max(1.0);
        let needed = machines(self.rate.low);
        if needed.is_nan() || needed > most as f64 {
            return None;
        }
        let usd = offer.price.usd_per_hour;
        let cost_usd = Estimate {
            value: needed * usd,
            low: machines(self.rate.high) * usd,
            high: needed * usd,
        };
        let per_million = each(cost_usd, |usd| usd / (service.rate_per_s * 3_600.0) * 1e6);
        let watts = offer.watts.map(|watts| watts * needed / service.rate_per_s);
        Some(Choice {
            basis: self.basis.clone(),
            useful_share: service.rate_per_s / (needed * self.rate.value),
            latency_ns: self.latency_ns,
            joules_per_image: watts,
            ..offer.choice(needed as u64, self.rate, cost_usd, per_million)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::RunRecord;
    use crate::sizing::cost::tests::offer;
    use crate::sizing::fixture;
    use crate::sizing::machines::gather;

    const WITHIN_20_MS: Service =
        Service { rate_per_s: 5_000.0, quantile: 0.99, limit_ns: 20_000_000 };

    /// A server cell whose latencies are all the same.
    fn server(rate: u64, latency_ms: u64) -> CellRecord {
        let mut cell = fixture::cell("native", 4, 64, rate as f64);
        cell.cell.scenario = Scenario::Server(rate);
        let mut recorder = Recorder::new();
        (0..1_000).for_each(|_| recorder.record(Nanos(latency_ms * 1_000_000)));
        cell.latency_histogram = recorder.into();
        cell
    }

    fn held(cells: Vec<CellRecord>) -> Option<Capacity> {
        let runs = [RunRecord { cells, ..fixture::run() }];
        measured(&gather(&runs, &[], None)[0], &WITHIN_20_MS)
    }

    #[test]
    fn the_highest_measured_rate_within_the_limit_counts() {
        let found = held(vec![server(1_000, 2), server(2_000, 12), server(3_000, 40)]).unwrap();
        assert_eq!(found.rate, Estimate { value: 2_000.0, low: 2_000.0, high: 3_000.0 });
        assert!((found.latency_ns.unwrap().value / 12e6 - 1.0).abs() < 1e-3);
        assert_eq!(found.basis, Basis::Measured);
    }

    #[test]
    fn cells_that_are_too_slow_invalid_or_short_of_samples_hold_nothing() {
        assert!(held(vec![server(3_000, 40)]).is_none());
        let mut invalid = server(1_000, 2);
        invalid.verdict = Verdict::Invalid(vec!["it fell behind".into()]);
        assert!(held(vec![invalid]).is_none());
        let mut few = server(1_000, 2);
        let mut recorder = Recorder::new();
        (0..458).for_each(|_| recorder.record(Nanos(2_000_000)));
        few.latency_histogram = recorder.into();
        assert!(held(vec![few]).is_none());
        assert!(held(vec![fixture::cell("native", 4, 64, 9e9)]).is_none());
    }

    #[test]
    fn machines_are_enough_for_the_rate_and_paid_by_the_hour() {
        let held = held(vec![server(2_000, 12), server(3_000, 40)]).unwrap();
        let choice = held.choice(&offer("m"), &WITHIN_20_MS, 1_000).unwrap();
        // 5,000 a second over 2,000: three. 3,000 a second may do with two.
        assert_eq!(choice.machines, 3);
        assert!((choice.cost_usd.value - 10.8).abs() < 1e-9);
        assert!((choice.cost_usd.low - 7.2).abs() < 1e-9);
        assert!((choice.useful_share - 5.0 / 6.0).abs() < 1e-9);
        // USD 10.8 for 18 million.
        assert!((choice.usd_per_million.value - 0.6).abs() < 1e-9);
        assert_eq!((choice.phases, choice.total_s), (None, None));
        assert!(held.choice(&offer("m"), &WITHIN_20_MS, 2).is_none());
    }
}
