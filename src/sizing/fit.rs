//! How the time of a job grows with its images: a line with an intercept.

use std::collections::BTreeSet;

use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng, SeedableRng};

use crate::record::Estimate;

/// Draws of the bootstrap.
const DRAWS: usize = 1_000;

/// Rounds of reweighting; ten bring the line to rest to more digits than any timing has.
const ROUNDS: usize = 12;

/// Residuals beyond so many standard deviations count less the further out they lie: 95% of the
/// efficiency of least squares where errors are normal (P. J. Huber, "Robust estimation of a
/// location parameter", Annals of Mathematical Statistics 35, 1964).
const HUBER: f64 = 1.345;

/// A standard deviation in median absolute deviations, for normal errors.
const DEVIATION: f64 = 1.482_6;

/// Fewer timings, or fewer sizes, do not tell an intercept from noise.
const LEAST_JOBS: usize = 6;
const LEAST_SIZES: usize = 3;

/// What a line may miss for each tenfold that a job lies beyond the largest that was timed, as a
/// share: caches of files fill up and clocks fall in ways that a short job does not show. No timing
/// tells this figure, so that it is a judgement; the history of checks is what it is held against.
const BEYOND: f64 = 0.02;

/// A job as far as its time goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Job {
    /// Images of one machine.
    pub(super) images: f64,
    /// Seconds that it took for them.
    pub(super) seconds: f64,
}

/// `seconds = intercept + each * images`, fitted to jobs.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Seconds that a job takes whatever its images; at least 0.
    pub(super) intercept: f64,
    /// Seconds an image.
    pub(super) each: f64,
    /// Standard deviation of a job from the line, as a share, outliers aside.
    pub(super) spread: f64,
    /// The most images of a job that it was fitted to.
    pub(super) largest: f64,
    /// Lines through jobs that might as well have been, each with the residual of one more.
    draws: Vec<(f64, f64, f64)>,
}

impl Line {
    /// Fits the line to jobs by their relative errors: `(a + b n) / t - 1` is kept small, so that
    /// short jobs weigh as much as long ones, and by Huber's loss, so that a job that something
    /// disturbed bends it little. Absent for fewer than six jobs of three sizes, for a time that is
    /// no number above zero, and where the time does not grow with the images.
    ///
    /// A line is drawn anew from residuals of the fit (B. Efron, "Bootstrap methods: another look
    /// at the jackknife", Annals of Statistics 7, 1979), made larger by what two fitted parameters
    /// take from `n` residuals and by Student's t of `n - 2` over the normal's quantile, since the
    /// residuals of few jobs are too small and their tails too light. The same seed gives the same
    /// draws.
    pub(super) fn fit(jobs: &[Job], seed: u64) -> Option<Self> {
        let sane = |job: &Job| {
            job.seconds.is_finite()
                && job.seconds > 0.0
                && job.images.is_finite()
                && job.images > 0.0
        };
        let sizes: BTreeSet<u64> = jobs.iter().map(|job| job.images as u64).collect();
        if jobs.len() < LEAST_JOBS || sizes.len() < LEAST_SIZES || !jobs.iter().all(sane) {
            return None;
        }
        let (a, b) = robust(jobs)?;
        let residuals: Vec<f64> =
            jobs.iter().map(|job| job.seconds / (a + b * job.images) - 1.0).collect();
        let n = jobs.len() as f64;
        let widen = (n / (n - 2.0)).sqrt() * student(n - 2.0) / NORMAL;
        let mut random = Pcg64::seed_from_u64(seed);
        let mut residual = || {
            let at = (random.next_u64() % residuals.len() as u64) as usize;
            // No job takes less than a tenth of its time.
            (residuals[at] * widen).max(-0.9)
        };
        let mut drawn = jobs.to_vec();
        let draws = (0..DRAWS)
            .filter_map(|_| {
                for (drawn, job) in drawn.iter_mut().zip(jobs) {
                    drawn.seconds = (a + b * job.images) * (1.0 + residual());
                }
                let (a, b) = robust(&drawn)?;
                Some((a, b, residual()))
            })
            .collect();
        let spread = scale(&residuals) * (n / (n - 2.0)).sqrt();
        let largest = jobs.iter().map(|job| job.images).fold(0.0, f64::max);
        Some(Self { intercept: a, each: b, spread, largest, draws })
    }

    /// Seconds of one more job, with the middle 95% of those that might as well be.
    pub(super) fn seconds(&self, images: f64) -> Estimate {
        let value = self.intercept + self.each * images;
        let mut drawn: Vec<f64> =
            self.draws.iter().map(|(a, b, residual)| (a + b * images) * (1.0 + residual)).collect();
        drawn.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| {
            let place = (share * drawn.len() as f64).ceil() as usize;
            drawn.get(place.clamp(1, drawn.len().max(1)) - 1).copied().unwrap_or(value)
        };
        let beyond = BEYOND * (images / self.largest).log10().max(0.0);
        Estimate {
            value,
            low: at(0.025).min(value) * (1.0 - beyond).max(0.0),
            high: at(0.975).max(value) * (1.0 + beyond),
        }
    }
}

/// The quantile of the normal distribution that an interval of 95% ends at.
const NORMAL: f64 = 1.959_964;

/// The same of Student's t with so many degrees of freedom, to 1% from three on (M. Abramowitz and
/// I. A. Stegun, "Handbook of Mathematical Functions", 26.7.5).
fn student(freedom: f64) -> f64 {
    let z = NORMAL;
    let terms = [
        z,
        (z.powi(3) + z) / 4.0,
        (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0,
        (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0,
    ];
    terms.iter().enumerate().map(|(power, term)| term / freedom.powi(power as i32)).sum()
}

/// Intercept and slope by Huber's loss of relative errors: least squares, reweighted.
fn robust(jobs: &[Job]) -> Option<(f64, f64)> {
    let mut weights = vec![1.0; jobs.len()];
    let mut line = weighted(jobs, &weights)?;
    for _ in 0..ROUNDS {
        let residuals: Vec<f64> =
            jobs.iter().map(|job| (line.0 + line.1 * job.images) / job.seconds - 1.0).collect();
        let bound = HUBER * scale(&residuals);
        if bound <= 1e-12 {
            break;
        }
        for (weight, residual) in weights.iter_mut().zip(&residuals) {
            *weight = (bound / residual.abs()).min(1.0);
        }
        line = weighted(jobs, &weights)?;
    }
    Some(line)
}

/// The weighted least squares of `(a + b n) / t = 1` with `a >= 0` and `b > 0`.
fn weighted(jobs: &[Job], weights: &[f64]) -> Option<(f64, f64)> {
    // Images are counted in thousands, so that the sums are of one size.
    let [mut uu, mut uv, mut vv, mut u, mut v] = [0.0; 5];
    for (job, w) in jobs.iter().zip(weights) {
        let (one, images) = (1.0 / job.seconds, job.images / 1e3 / job.seconds);
        uu += w * one * one;
        uv += w * one * images;
        vv += w * images * images;
        u += w * one;
        v += w * images;
    }
    let determinant = uu * vv - uv * uv;
    let free = (determinant > 1e-12 * uu * vv)
        .then(|| ((u * vv - v * uv) / determinant, (v * uu - u * uv) / determinant))
        .filter(|(a, _)| *a >= 0.0);
    let (a, b) = free.unwrap_or((0.0, v / vv));
    (b.is_finite() && b > 0.0).then_some((a, b / 1e3))
}

/// The standard deviation of residuals around zero, by their median size.
fn scale(residuals: &[f64]) -> f64 {
    let mut sizes: Vec<f64> = residuals.iter().map(|residual| residual.abs()).collect();
    sizes.sort_unstable_by(f64::total_cmp);
    sizes.get(sizes.len() / 2).map_or(0.0, |median| DEVIATION * median)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Jobs on a machine that takes `a + b n` seconds, each disturbed by a share of about `noise`:
    /// the sum of twelve even draws is as good as normal. One in `outliers` takes up to twice as
    /// long.
    fn made_up(a: f64, b: f64, noise: f64, outliers: u64, rounds: usize, seed: u64) -> Vec<Job> {
        let mut random = Pcg64::seed_from_u64(seed);
        let mut even = || (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        let mut jobs = Vec::new();
        for images in [250.0, 500.0, 1_000.0, 1_000.0].repeat(rounds) {
            let normal: f64 = (0..12).map(|_| even()).sum::<f64>() - 6.0;
            let late = if even() * (outliers as f64) < 1.0 { even() } else { 0.0 };
            let seconds = (a + b * images) * (1.0 + noise * normal).max(0.3) * (1.0 + late);
            jobs.push(Job { images, seconds });
        }
        jobs
    }

    /// Huber's loss of a line, with the scale that the fit itself ends at.
    fn loss(jobs: &[Job], bound: f64, (a, b): (f64, f64)) -> f64 {
        let of = |job: &Job| {
            let residual = ((a + b * job.images) / job.seconds - 1.0).abs();
            if residual <= bound {
                residual * residual / 2.0
            } else {
                bound * (residual - bound / 2.0)
            }
        };
        jobs.iter().map(of).sum()
    }

    #[test]
    fn a_line_without_noise_is_found_to_the_last_digits() {
        let jobs = made_up(0.012, 3e-5, 0.0, u64::MAX, 2, 1);
        let line = Line::fit(&jobs, 1).unwrap();
        assert!((line.intercept - 0.012).abs() < 1e-9 && (line.each - 3e-5).abs() < 1e-12);
        assert!(line.spread < 1e-9);
        let far = line.seconds(1_000.0);
        assert!((far.value - 0.042).abs() < 1e-9 && far.high - far.low < 1e-6, "{far:?}");
    }

    #[test]
    fn what_was_not_seen_is_less_certain_the_further_off_it_is() {
        let line = Line::fit(&made_up(0.01, 3e-5, 0.0, u64::MAX, 2, 1), 1).unwrap();
        let width = |images: f64| {
            let seconds = line.seconds(images);
            (seconds.high - seconds.low) / seconds.value / 2.0
        };
        assert!(width(1_000.0) < 1e-6);
        assert!((width(10_000.0) - BEYOND).abs() < 1e-6);
        assert!((width(100_000.0) - 2.0 * BEYOND).abs() < 1e-6);
    }

    #[test]
    fn jobs_that_something_held_up_bend_the_line_little() {
        let mut jobs = made_up(0.01, 3e-5, 0.01, u64::MAX, 4, 3);
        for job in jobs.iter_mut().step_by(7) {
            job.seconds *= 3.0;
        }
        let line = Line::fit(&jobs, 1).unwrap();
        assert!((line.each / 3e-5 - 1.0).abs() < 0.06, "{line:?}");
    }

    #[test]
    fn too_little_is_no_line() {
        let jobs = made_up(0.01, 3e-5, 0.01, u64::MAX, 3, 1);
        let of = |wanted: &[f64]| -> Vec<Job> {
            jobs.iter().copied().filter(|job| wanted.contains(&job.images)).collect()
        };
        assert!(Line::fit(&jobs, 1).is_some());
        assert!(Line::fit(&of(&[500.0, 1_000.0]), 1).is_none(), "two sizes");
        assert!(Line::fit(&jobs[..5], 1).is_none(), "five jobs");
        for bad in [0.0, f64::NAN, f64::INFINITY, -1.0] {
            let mut jobs = jobs.clone();
            jobs[3].seconds = bad;
            assert!(Line::fit(&jobs, 1).is_none(), "{bad}");
        }
    }

    #[test]
    fn students_quantiles_are_those_of_the_tables() {
        for (freedom, published) in [(4.0, 2.776), (10.0, 2.228), (30.0, 2.042), (1e9, 1.960)] {
            let found = student(freedom);
            assert!((found / published - 1.0).abs() < 0.01, "{freedom}: {found}");
        }
    }

    /// How often the interval for a job of so many images holds what it takes.
    fn coverage(noise: f64, outliers: u64, images: f64) -> f64 {
        const MACHINES: u64 = 120;
        let holds = |seed: &u64| {
            // Machines differ in both parameters.
            let (a, b) = (0.002 * (1 + seed % 12) as f64, 1e-5 * (1 + seed % 7) as f64);
            let line = Line::fit(&made_up(a, b, noise, outliers, 6, *seed), 1).unwrap();
            let found = line.seconds(images);
            let truth = a + b * images;
            found.low <= truth && truth <= found.high
        };
        (0..MACHINES).filter(holds).count() as f64 / MACHINES as f64
    }

    #[test]
    fn the_interval_holds_the_truth_in_nine_of_ten_machines_a_hundredfold_off() {
        for (noise, outliers) in [(0.01, u64::MAX), (0.05, u64::MAX), (0.08, 10), (0.03, 6)] {
            let held = coverage(noise, outliers, 100_000.0);
            assert!(held >= 0.9, "{noise} {outliers}: {held}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_line_nearby_has_a_smaller_loss(
            a in 0.0f64..0.1, each_us in 1.0f64..1_000.0, noise in 0.001f64..0.1, seed in any::<u64>(),
        ) {
            let jobs = made_up(a, each_us * 1e-6, noise, 8, 4, seed);
            let found = robust(&jobs).unwrap();
            let residuals: Vec<f64> = jobs
                .iter()
                .map(|job| (found.0 + found.1 * job.images) / job.seconds - 1.0)
                .collect();
            let bound = HUBER * scale(&residuals);
            let least = loss(&jobs, bound, found);
            // The loss is convex: where no step of a thousandth helps, nothing further off does.
            for (da, db) in [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0), (1.0, -1.0), (-1.0, 1.0)] {
                let unit = found.0 + found.1 * 500.0;
                let near = (found.0 + da * 0.02 * unit, found.1 + db * 0.02 * unit / 500.0);
                if near.0 >= 0.0 && near.1 > 0.0 {
                    prop_assert!(loss(&jobs, bound, near) >= least * 0.999, "{:?} {:?}", found, near);
                }
            }
        }

        #[test]
        fn the_unit_of_time_and_the_count_of_images_do_not_matter(
            seed in any::<u64>(), unit in 1e-3f64..1e3, more in 1e-2f64..1e4,
        ) {
            let jobs = made_up(0.01, 3e-5, 0.05, 10, 4, seed);
            let turned: Vec<Job> = jobs
                .iter()
                .map(|job| Job { images: job.images * more, seconds: job.seconds * unit })
                .collect();
            let (line, other) = (robust(&jobs).unwrap(), robust(&turned).unwrap());
            prop_assert!((other.1 * more / unit / line.1 - 1.0).abs() < 1e-6);
        }

        #[test]
        fn an_interval_holds_its_figure(seed in any::<u64>(), images in 1.0f64..1e9) {
            let line = Line::fit(&made_up(0.01, 3e-5, 0.05, 10, 4, seed), seed).unwrap();
            let seconds = line.seconds(images);
            prop_assert!(0.0 <= seconds.low && seconds.low <= seconds.value);
            prop_assert!(seconds.value <= seconds.high);
        }
    }
}
