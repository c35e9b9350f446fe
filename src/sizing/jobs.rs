//! Which small jobs to time, and what they say of a large one.

use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng, SeedableRng};

use super::compose;
use super::machines::gather;
use super::startup::Startup;
use super::{ImagesFrom, estimate};
use crate::error::{Error, Result};
use crate::record::{Estimate, Host, JobTiming};

/// Images of the jobs of a round: about 250, 500 and 1,000. The largest counts twice: of a job that
/// is a hundred times as large the time of an image tells nearly all, and it is best told by the
/// largest. They are prime, so that each ends with a batch that is not full, which waits for others
/// in vain: were it some sizes alone, that wait would be taken for the time of images.
pub const SIZES: [u64; 4] = [251, 499, 997, 997];

/// The largest batch of a timed job: with larger ones a job of a thousand images has too few
/// batches to show how they follow one another.
pub const LARGEST_BATCH: usize = 128;

/// The sizes of all jobs in the order in which they are to be run: each round in an order of its
/// own, so that a machine that slows down favours no size.
pub fn plan(rounds: usize, seed: u64) -> Vec<u64> {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut shuffled = || {
        let mut sizes = SIZES;
        // Fisher and Yates; the bias of the remainder is far below what a few rounds could show.
        for last in (1..sizes.len()).rev() {
            sizes.swap(last, (random.next_u64() % (last as u64 + 1)) as usize);
        }
        sizes
    };
    (0..rounds).flat_map(|_| shuffled()).collect()
}

/// Seconds from the start to the last image of a job of so many images, on the machine and in the
/// way of these timings, which are all of one.
///
/// # Errors
/// [`Error::Invalid`] where they tell no line: fewer than six, or of fewer than three sizes.
pub fn expected(timings: &[JobTiming], images: u64, seed: u64) -> Result<Estimate> {
    // Of one machine, whatever it was called when.
    let unnamed = |timing: &JobTiming| {
        let host = Host { machine_type: None, ..timing.host.clone() };
        JobTiming { machine_type: None, host, ..timing.clone() }
    };
    let timings: Vec<JobTiming> = timings.iter().map(unnamed).collect();
    let all = gather(&[], &timings, None);
    let few = || {
        Error::invalid(
            "the timings of small jobs",
            "too few, or of fewer than three sizes, so that they say nothing of a larger one; \
             measure them with plimsoll size --measure-jobs",
        )
    };
    let known = all.first().ok_or_else(few)?;
    let pace = compose::paces(known, ImagesFrom::Files, seed).into_iter().next();
    let pace = pace.filter(super::pace::Pace::is_fitted).ok_or_else(few)?;
    let run = pace.run(images);
    let Startup { start_s, load_s, .. } = Startup::of(Some(known), None);
    Ok(estimate::sum([start_s, load_s, run.run_s, estimate::certain(run.last_s)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sizing::fixture;

    #[test]
    fn every_round_has_every_size_in_an_order_of_its_own() {
        let order = plan(20, 1);
        assert_eq!(order.len(), 80);
        for round in order.chunks(4) {
            let mut sizes = round.to_vec();
            sizes.sort_unstable();
            assert_eq!(sizes, SIZES);
        }
        assert!(order.chunks(4).any(|round| round != &order[..4]));
        assert_eq!(order, plan(20, 1));
    }

    #[test]
    fn a_large_job_takes_its_start_and_its_images() {
        let seconds = expected(&fixture::timings(), 100_000, 1).unwrap();
        // 100 ms of start, 20 ms and 2.5 s of images.
        assert!((seconds.value / 2.62 - 1.0).abs() < 0.02, "{seconds:?}");
        assert!(seconds.low < 2.62 && 2.62 < seconds.high, "{seconds:?}");
        assert!(seconds.high / seconds.low < 1.3, "{seconds:?}");
    }

    #[test]
    fn too_few_timings_say_how_to_get_more() {
        for few in [&[][..], &[fixture::timing(100, 1.0)], &fixture::timings()[..6]] {
            let error = expected(few, 1_000, 1).unwrap_err().to_string();
            assert!(error.contains("plimsoll size --measure-jobs"), "{error}");
        }
    }
}
