//! How throughput grows with workers: the universal scalability law.

use super::Interval;

/// A fitted universal scalability law,
/// `X(n) = l n / (1 + s (n - 1) + k n (n - 1))`
/// (N. J. Gunther, "A general theory of computational scalability based on rational functions",
/// arXiv:0808.1431, 2008). Each [`Interval`] holds the fit to the medians, and the middle 95% of
/// the fits to rounds that were drawn anew.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usl {
    /// `l`: what one worker reaches, images a second.
    pub lambda: Interval,
    /// `s`: contention, the share of the work that no two workers do at once.
    pub sigma: Interval,
    /// `k`: coherence, what each pair of workers costs one another.
    pub kappa: Interval,
    /// The count of workers of the highest throughput, `sqrt((1 - s) / k)`; absent where `k` may be
    /// zero, so that throughput may grow without end.
    pub peak_workers: Option<Interval>,
}

impl Usl {
    /// What the fitted law gives for so many workers, images a second.
    pub fn throughput(&self, workers: f64) -> f64 {
        let (s, k) = (self.sigma.median, self.kappa.median);
        let others = workers - 1.0;
        self.lambda.median * workers / (1.0 + s * others + k * workers * others)
    }
}

/// Fits the law to throughputs by worker count: `(workers, images a second in each round)`.
/// Absent for fewer than three different counts, which cannot tell three parameters.
pub fn usl(_by_workers: &[(usize, Vec<f64>)], _seed: u64) -> Option<Usl> {
    None
}
