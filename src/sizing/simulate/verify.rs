//! Simulated server cells, held against the measured ones.

use serde::Serialize;

use super::arrivals::Paced;
use super::chance::Chance;
use super::play::Count;
use super::times::Trust;
use super::waking::Waking;
use super::{BatchTimes, Server, Service};
use crate::config::Sweep;
use crate::error::Result;
use crate::load::{self, Poisson};
use crate::measure::Recorder;
use crate::record::{Cell, CellRecord, Check, Estimate, RunRecord, Scenario, Verdict};
use crate::units::{self, Nanos};

/// How often the batches of a round are drawn: its arrivals are the measured ones each time.
const DRAWS: u64 = 5;

/// How long requests go on after a window, so that its last ones meet company as they did.
const AFTER: Nanos = Nanos(50_000_000);

/// Within so much of the measured figure a simulated one is to be believed.
pub const BELIEVED: f64 = 0.1;

/// What a server cell answered like.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Answers {
    /// Median latency in nanoseconds; absent where there are too few requests.
    pub p50_ns: Option<u64>,
    /// 99th percentile.
    pub p99_ns: Option<u64>,
    /// Images of a batch, on average.
    pub images_per_batch: f64,
}

/// A server cell, as measured and as simulated from other cells.
#[derive(Clone, Debug, Serialize)]
pub struct Verified {
    /// Which cell.
    pub cell: Cell,
    /// Why its figures, or those of the cells that it was simulated from, may not be used; empty
    /// where they may.
    pub doubts: Vec<String>,
    /// The batch sizes that it was simulated from.
    pub from: Vec<usize>,
    /// As measured.
    pub measured: Answers,
    /// As simulated.
    pub simulated: Answers,
}

/// All server cells of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Verification {
    /// Whether the run says how late its machine wakes threads; where not, Linux's usual slack of
    /// timers is assumed.
    pub waking_measured: bool,
    /// Those that could be simulated.
    pub cells: Vec<Verified>,
    /// Those that could not, with the reason.
    pub left_out: Vec<(Cell, String)>,
}

impl Verified {
    /// By how much the simulated median is off, as a share of the measured one.
    pub fn p50_error(&self) -> Option<f64> {
        error(self.simulated.p50_ns, self.measured.p50_ns)
    }

    /// The same of the 99th percentile.
    pub fn p99_error(&self) -> Option<f64> {
        error(self.simulated.p99_ns, self.measured.p99_ns)
    }

    /// Whether it counts: nothing is in doubt, and both percentiles are known.
    pub fn counts(&self) -> bool {
        self.doubts.is_empty() && self.p50_error().is_some() && self.p99_error().is_some()
    }
}

impl Verification {
    /// Of the cells that count: how many they are, and of how many the simulated median and 99th
    /// percentile are to be believed.
    pub fn tally(&self) -> (usize, usize, usize) {
        let counted = || self.cells.iter().filter(|cell| cell.counts());
        let near = |error: fn(&Verified) -> Option<f64>| {
            counted().filter(|cell| error(cell).is_some_and(|e| e.abs() <= BELIEVED)).count()
        };
        (counted().count(), near(Verified::p50_error), near(Verified::p99_error))
    }
}

impl Verification {
    /// As lines of the history, of the cells that count: for the median and for the 99th
    /// percentile how many were to be believed, and the cell that was furthest off. Nothing where
    /// none counts.
    pub fn checks(&self, at: &str) -> Vec<Check> {
        let p50 = |answers: &Answers| answers.p50_ns;
        let p99 = |answers: &Answers| answers.p99_ns;
        [self.check(at, "p50", p50), self.check(at, "p99", p99)].into_iter().flatten().collect()
    }

    fn check(&self, at: &str, name: &str, of: fn(&Answers) -> Option<u64>) -> Option<Check> {
        let counted: Vec<(&Cell, f64, f64)> = self
            .cells
            .iter()
            .filter(|cell| cell.counts())
            .filter_map(|one| {
                Some((&one.cell, of(&one.simulated)? as f64, of(&one.measured)? as f64))
            })
            .collect();
        let off = |(_, simulated, measured): &(&Cell, f64, f64)| (simulated / measured - 1.0).abs();
        let believed = counted.iter().filter(|one| off(one) <= BELIEVED).count();
        let &(cell, value, measured) = counted.iter().max_by(|a, b| off(a).total_cmp(&off(b)))?;
        let Cell { backend, device, instances, batch, scenario, .. } = cell;
        Some(Check {
            at: at.to_owned(),
            what: format!(
                "{name} of {} simulated from cells of other scenarios, of which {believed} came \
                 within {:.0}%; furthest off was {scenario} on {backend}, {device}, {}, batch {batch}",
                units::counted(counted.len(), "server cell"),
                BELIEVED * 100.0,
                units::counted(*instances, "instance"),
            ),
            // What is to be believed is off by no more.
            predicted: Estimate {
                value,
                low: value / (1.0 + BELIEVED),
                high: value / (1.0 - BELIEVED),
            },
            measured,
            unit: "ns".into(),
        })
    }
}

fn error(simulated: Option<u64>, measured: Option<u64>) -> Option<f64> {
    let (simulated, measured) = (simulated? as f64, measured? as f64);
    (measured > 0.0).then(|| simulated / measured - 1.0)
}

/// Simulates every server cell of a run from the run's offline and closed-loop cells alone: with
/// the arrivals that it had, which its seed gives, its warm-up, its load generator's pacing, its
/// policy, and how late the machine wakes its threads.
///
/// # Errors
/// [`crate::error::Error::Invalid`] where the run's configuration cannot be read.
pub fn verify(run: &RunRecord) -> Result<Verification> {
    let delay = Sweep::parse(&run.config_toml, "the run's configuration")?.max_delay;
    let waking_measured = run.waking.is_some();
    let mut all = Verification { waking_measured, cells: Vec::new(), left_out: Vec::new() };
    for record in &run.cells {
        if !matches!(record.cell.scenario, Scenario::Server(_)) {
            continue;
        }
        match verified(run, record, delay) {
            Ok(verified) => all.cells.push(verified),
            Err(error) => all.left_out.push((record.cell.clone(), error.to_string())),
        }
    }
    Ok(all)
}

fn verified(run: &RunRecord, record: &CellRecord, delay: Nanos) -> Result<Verified> {
    let cell = &record.cell;
    // Those that can be trusted must reach as far as the cell's batches do.
    let reaches = |times: &BatchTimes| times.sizes().any(|size| size >= cell.batch);
    let (times, doubt) = match BatchTimes::of_run(run, cell, Trust::Valid) {
        Ok(times) if reaches(&times) => (times, None),
        _ => {
            let doubt = "the offline or closed-loop cells that it is simulated from are not all \
                         VALID, or none has as large a batch";
            (BatchTimes::of_run(run, cell, Trust::All)?, Some(doubt.to_owned()))
        }
    };
    let own = match &record.verdict {
        Verdict::Valid => &[][..],
        Verdict::Invalid(reasons) => reasons,
    };
    let batches = record.stages.compute.batch.samples;
    let images: u64 = record.rounds.iter().map(|round| round.images).sum();
    Ok(Verified {
        cell: cell.clone(),
        doubts: doubt.into_iter().chain(own.iter().cloned()).collect(),
        from: times.sizes().collect(),
        measured: Answers {
            p50_ns: record.latency.p50_ns,
            p99_ns: record.latency.p99_ns,
            images_per_batch: images as f64 / batches.max(1) as f64,
        },
        simulated: simulated(run, record, times, delay)?,
    })
}

/// The cell's rounds, played.
fn simulated(
    run: &RunRecord,
    record: &CellRecord,
    times: BatchTimes,
    max_delay: Nanos,
) -> Result<Answers> {
    let Cell { instances, batch: max_batch, sessions, scenario, .. } = record.cell;
    let Scenario::Server(rate) = scenario else {
        return Err(crate::error::Error::Bug("a cell that is no server was verified".into()));
    };
    let service = Service::one(Server { sessions, max_batch, max_delay, queue_limit: None, times });
    let waking = Waking::of(run.waking.as_ref());
    let (mut latency, mut images, mut batches) = (Recorder::new(), 0.0, 0.0);
    for (nth, round) in (0u64..).zip(&record.rounds) {
        let opens = Nanos((round.warmup_s * 1e9) as u64);
        let ends = opens + Nanos((round.seconds * 1e9) as u64);
        for index in 0..instances {
            // The schedule that this instance had in this round.
            let seed = load::seed(run.seed, nth, index as u64);
            let schedule = Poisson::new(rate as f64 / instances as f64, seed)?;
            for draw in 0..DRAWS {
                let seed = load::seed(seed, draw, 1);
                let paced = Paced::new(schedule.clone(), waking.clone(), Chance::new(seed, 0));
                let arrivals = paced.take_while(|arrival| arrival.since < ends + AFTER);
                let count = Count::Due(opens, ends);
                let served = service.serve(arrivals, count, seed, &mut |_| {})?;
                latency.merge(&served.latency);
                batches += served.batches() as f64;
                images += served.images_per_batch() * served.batches() as f64;
            }
        }
    }
    let percentiles = latency.percentiles();
    Ok(Answers {
        p50_ns: percentiles.p50_ns,
        p99_ns: percentiles.p99_ns,
        images_per_batch: images / f64::max(batches, 1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sizing::fixture;

    fn server(rate: u64, measured: [u64; 2], simulated: [u64; 2], doubts: &[&str]) -> Verified {
        let mut cell = fixture::cell("native", 2, 64, rate as f64).cell;
        cell.scenario = Scenario::Server(rate);
        let answers = |[p50, p99]: [u64; 2]| Answers {
            p50_ns: Some(p50),
            p99_ns: Some(p99),
            images_per_batch: 2.0,
        };
        Verified {
            cell,
            doubts: doubts.iter().map(|&doubt| doubt.to_owned()).collect(),
            from: vec![1, 64],
            measured: answers(measured),
            simulated: answers(simulated),
        }
    }

    #[test]
    fn the_history_has_the_worst_cell_of_those_that_count() {
        let cells = vec![
            server(1_000, [100, 1_000], [105, 1_050], &[]),
            server(5_000, [100, 1_000], [96, 1_300], &[]),
            server(9_000, [100, 1_000], [900, 9_000], &["it fell behind"]),
        ];
        let all = Verification { waking_measured: true, cells, left_out: vec![] };
        let checks = all.checks("2026-11-22T10:00:00Z");
        let [p50, p99] = &checks[..] else { panic!("{checks:?}") };
        assert_eq!((p50.measured, p50.predicted.value, p50.unit.as_str()), (100.0, 105.0, "ns"));
        assert!(p50.what.starts_with("p50 of 2 server cells"), "{}", p50.what);
        assert!(p50.what.contains("of which 2 came within 10%"), "{}", p50.what);
        assert!(p99.what.contains("of which 1 came within 10%"), "{}", p99.what);
        assert!(p99.what.contains("furthest off was server:5000 on native"), "{}", p99.what);
        // What is to be believed is what holds the measured figure.
        assert!(p50.predicted.low <= 100.0 && 100.0 <= p50.predicted.high);
        assert!(1_000.0 < p99.predicted.low);
        let nothing = Verification { waking_measured: true, cells: vec![], left_out: vec![] };
        assert!(nothing.checks("").is_empty());
    }
}
