//! Families of curves, as means and covariances.

/// A law with unknown constants, as what it says of points on average and how points go together:
/// the mean and the covariance over many settings of the constants. A Gaussian process of these two
/// is the law's, as far as the first two moments go.
#[derive(Clone, Debug)]
pub(super) struct Curves {
    /// For each point the law's value at each setting, less their mean.
    around: Vec<Vec<f64>>,
    mean: Vec<f64>,
}

impl Curves {
    /// The logarithm of a law at these points, under each of the settings alike.
    fn new<S>(points: &[f64], settings: &[S], law: impl Fn(f64, &S) -> f64) -> Self {
        let mut mean = Vec::with_capacity(points.len());
        let around = points
            .iter()
            .map(|&point| {
                let values: Vec<f64> = settings.iter().map(|set| law(point, set).ln()).collect();
                let middle = values.iter().sum::<f64>() / values.len() as f64;
                mean.push(middle);
                values.into_iter().map(|value| value - middle).collect()
            })
            .collect();
        Self { around, mean }
    }

    pub(super) fn mean(&self, point: usize) -> f64 {
        self.mean[point]
    }

    pub(super) fn covariance(&self, one: usize, other: usize) -> f64 {
        let (one, other) = (&self.around[one], &self.around[other]);
        one.iter().zip(other).map(|(a, b)| a * b).sum::<f64>() / one.len() as f64
    }

    /// Images a second over the batch size, where a batch of `b` takes `a + c b`: up to a factor
    /// `b / (b + h)`, with `h = a / c` the batch size that reaches half of the most. From a quarter
    /// of an image (no fixed cost to speak of) to 256 images (a device behind a slow link).
    pub(super) fn of_batches(sizes: &[f64]) -> Self {
        let halves: Vec<f64> = (-4..=16).map(|octave| 2f64.powf(f64::from(octave) / 2.0)).collect();
        Self::new(sizes, &halves, |b, h| b / (b + h))
    }

    /// Throughput over the number of workers by the universal scalability law, `n / (1 + s (n - 1) +
    /// k n (n - 1))` (N. J. Gunther, "Guerrilla Capacity Planning", Springer, 2007), from workers
    /// that do not disturb each other to workers that add nothing.
    pub(super) fn of_workers(counts: &[f64]) -> Self {
        let mut settings = Vec::new();
        for contention in [0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8] {
            settings.extend([0.0, 0.002, 0.01, 0.05].map(|coherency| (contention, coherency)));
        }
        Self::new(counts, &settings, |n, (s, k)| {
            n / (1.0 + s * (n - 1.0).max(0.0) + k * n * (n - 1.0).max(0.0))
        })
    }

    /// Throughput over the threads of a pass by Amdahl's law with the serial share `s`, `t / (1 + s
    /// (t - 1))`; a share above 1 is a cost of threads that outweighs their use.
    pub(super) fn of_threads(counts: &[f64]) -> Self {
        let serial: Vec<f64> = (0..=12).map(|tenth| f64::from(tenth) / 10.0).collect();
        Self::new(counts, &serial, |t, s| t / (1.0 + s * (t - 1.0)))
    }
}
