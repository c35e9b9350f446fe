//! What is believed of a grid's throughputs before and after measurements.

use super::curves::Curves;
use super::posterior::{Expected, Observed, posterior};
use crate::record::Cell;
use crate::sweep::schedule::Seen;

/// Deviation of the level of one kind of backend from another: a factor of about 3 either way.
const LEVEL: f64 = 1.1;
/// How much of a law's constants the kinds have in common: all run the same model on the same cores.
const SHARED_BATCHES: f64 = 0.5;
const SHARED_WORKERS: f64 = 0.8;
const SHARED_THREADS: f64 = 0.3;
/// Deviation of a cell from its laws: caches, schedulers, kernels that change with the shape.
const DEVIATION: f64 = 0.15;
/// How far along the logarithm of batch, workers and threads such a deviation reaches.
const REACH: (f64, f64, f64) = (1.6, 1.4, 0.9);
/// Deviation of a single measurement, and of a cell from all of this.
const NOISE: f64 = 0.025;

/// The cells of a search.
#[derive(Debug)]
pub(super) struct Field {
    cells: Vec<Place>,
    batches: Curves,
    workers: Curves,
    threads: Curves,
}

/// A cell as the laws see it.
#[derive(Debug)]
struct Place {
    /// Which backend, on which device, in which precision and staging.
    kind: usize,
    batch: f64,
    /// Instances x sessions.
    workers: f64,
    threads: f64,
}

impl Field {
    /// The field of these cells on so many cores.
    pub(super) fn new(cells: &[&Cell], cores: usize) -> Self {
        let mut kinds = Vec::new();
        let places: Vec<Place> = cells
            .iter()
            .map(|cell| {
                let kind = (&cell.backend, &cell.device, &cell.precision, &cell.staging);
                let known = kinds.iter().position(|known| *known == kind);
                let kind = known.unwrap_or_else(|| {
                    kinds.push(kind);
                    kinds.len() - 1
                });
                Place {
                    kind,
                    batch: cell.batch as f64,
                    workers: (cell.instances * cell.sessions) as f64,
                    threads: cell.threads as f64,
                }
            })
            .collect();
        let cores = cores as f64;
        let all = |of: fn(&Place) -> f64| places.iter().map(of).collect::<Vec<f64>>();
        // Threads past the cores add nothing, and workers then have what is left.
        let effective: Vec<f64> = places
            .iter()
            .map(|place| place.workers.min((cores / place.threads).max(1.0)))
            .collect();
        let threads: Vec<f64> = places.iter().map(|place| place.threads.min(cores)).collect();
        Self {
            batches: Curves::of_batches(&all(|place| place.batch)),
            workers: Curves::of_workers(&effective),
            threads: Curves::of_threads(&threads),
            cells: places,
        }
    }

    /// What is to be expected of every cell's rate, as its logarithm, after what was seen.
    pub(super) fn expect(&self, seen: &[&Seen]) -> Vec<Expected> {
        let observed: Vec<Observed> = seen
            .iter()
            .enumerate()
            .filter_map(|(point, seen)| {
                let logs: Vec<f64> =
                    seen.rates.iter().filter(|&&rate| rate > 0.0).map(|rate| rate.ln()).collect();
                let n = logs.len() as f64;
                let value = logs.iter().sum::<f64>() / n;
                (n > 0.0).then_some(Observed { point, value, noise: NOISE * NOISE / n })
            })
            .collect();
        // The level of the machine is whatever it is: the mean of what was seen, less the laws'.
        let laws = |point: usize| {
            self.batches.mean(point) + self.workers.mean(point) + self.threads.mean(point)
        };
        let n = observed.len().max(1) as f64;
        let level = observed.iter().map(|one| one.value - laws(one.point)).sum::<f64>() / n;
        posterior(
            self.cells.len(),
            |point| level + laws(point),
            |a, b| self.covariance(a, b),
            &observed,
        )
    }

    fn covariance(&self, a: usize, b: usize) -> f64 {
        let (one, other) = (&self.cells[a], &self.cells[b]);
        let alike = one.kind == other.kind;
        let part = |shared: f64| if alike { 1.0 } else { shared };
        let near = |one: f64, other: f64, reach: f64| ((one / other).ln() / reach).powi(2);
        let distance = near(one.batch, other.batch, REACH.0)
            + near(one.workers, other.workers, REACH.1)
            + near(one.threads, other.threads, REACH.2);
        part(0.3) * LEVEL * LEVEL
            + part(SHARED_BATCHES) * self.batches.covariance(a, b)
            + part(SHARED_WORKERS) * self.workers.covariance(a, b)
            + part(SHARED_THREADS) * self.threads.covariance(a, b)
            + part(0.2) * DEVIATION * DEVIATION * (-distance / 2.0).exp()
            + if a == b { NOISE * NOISE } else { 0.0 }
    }
}
