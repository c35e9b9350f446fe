//! Jobs.

use proptest::prelude::*;

use crate::sizing::simulate::spread::Spread;
use crate::sizing::simulate::{BatchTimes, Finished, Fleet, Job, StartUp};

/// A job whose batches take `fixed + marginal` times images, in nanoseconds.
fn constant(images: u64, machines: usize, sessions: usize, batch: usize) -> Job {
    let (times, fleet) = (BatchTimes::constant(1e6, 2e4), Fleet::default());
    Job { images, machines, sessions, batch, times, fleet, exact: false }
}

/// Seconds of a batch of so many images in such a job.
fn batch_s(images: u64) -> f64 {
    (1e6 + 2e4 * images as f64) / 1e9
}

/// What a job without noise takes: the batches of the machine with most of them, shared by its
/// sessions; the last of the job may be smaller.
fn closed_form(job: &Job) -> f64 {
    let (images, batch) = (job.images, job.batch as u64);
    let batches = images.div_ceil(batch);
    let last = images - (batches - 1) * batch;
    let (machines, sessions) = (job.machines as u64, job.sessions as u64);
    let mut longest: f64 = 0.0;
    for machine in 0..machines.min(batches) {
        let own = batches / machines + u64::from(machine < batches % machines);
        let whole = own.div_ceil(sessions) as f64 * batch_s(batch);
        // The last batch of the last machine saves time where its session has no other beside it.
        let saves = machine == machines.min(batches) - 1 && (own - 1).is_multiple_of(sessions);
        longest = longest.max(if saves { whole - batch_s(batch) + batch_s(last) } else { whole });
    }
    longest
}

fn drawn() -> BatchTimes {
    BatchTimes::drawn(vec![(1, Spread::exponential(1e6)), (64, Spread::exponential(8e6))])
}

fn any_job() -> impl Strategy<Value = Job> {
    let sizes = (1u64..20_000, 1usize..12, 1usize..4, 1usize..100);
    let fleet = (0.0f64..0.3, 0.0f64..0.5, 1.0f64..4.0, 0.0f64..20_000.0);
    (sizes, fleet, any::<bool>()).prop_map(|(sizes, fleet, exact)| {
        let (images, machines, sessions, batch) = sizes;
        let (spread, stragglers, slower, failures_per_hour) = fleet;
        let start_up = StartUp { typical: 0.2, low: 0.1, high: 0.5 };
        let fleet = Fleet { start_up, spread, stragglers, slower, failures_per_hour };
        Job { images, machines, sessions, batch, times: drawn(), fleet, exact }
    })
}

#[test]
fn a_billion_images_over_a_thousand_machines_are_done_once_each() {
    let fleet = Fleet {
        start_up: StartUp { typical: 218.0, low: 150.0, high: 400.0 },
        spread: 0.03,
        stragglers: 0.01,
        slower: 2.0,
        failures_per_hour: 0.05,
    };
    let times = drawn();
    let (mean, _) = times.moments(64);
    let job = Job { fleet, times, ..constant(1_000_000_000, 1_000, 2, 64) };
    let finished = job.run(1).unwrap();
    assert_eq!(finished.images, 1_000_000_000);
    assert_eq!(finished.batches, 1_000_000_000u64.div_ceil(64));
    // The stragglers keep their shares: they take twice as long as the others, at least.
    let alone = 1e9 / 64.0 / 1_000.0 / 2.0 * mean / 1e9;
    assert!(finished.seconds > 150.0 + 1.9 * alone && finished.seconds < 500.0 + 3.0 * alone);
    assert!(finished.lost > 0 && finished.taken_over > 0);
}

#[test]
fn sums_of_batches_end_when_single_batches_do() {
    // Over 20 seeds each, the ends of the job agree in mean and in deviation.
    let runs = |exact: bool| -> Vec<f64> {
        let job = Job { times: drawn(), exact, ..constant(400_000, 5, 2, 64) };
        (0..20).map(|seed| job.run(seed).unwrap().seconds).collect()
    };
    let moments = |runs: &[f64]| {
        let mean = runs.iter().sum::<f64>() / runs.len() as f64;
        let square = runs.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / runs.len() as f64;
        (mean, square.sqrt())
    };
    let ((exact, deviation), (sums, of_sums)) = (moments(&runs(true)), moments(&runs(false)));
    // A mean of 20 is known to within 3 of its deviations, each of the two.
    let error = 3.0 * (deviation.powi(2) + of_sums.powi(2)).sqrt() / 20f64.sqrt();
    assert!((exact - sums).abs() < error, "{exact} {sums}, to within {error}");
    assert!((0.5..2.0).contains(&(of_sums / deviation)), "{of_sums} {deviation}");
}

#[test]
fn a_machine_that_is_lost_leaves_its_work_to_the_others() {
    let fleet = Fleet { failures_per_hour: 3_600.0, ..Fleet::default() };
    let job = Job { fleet, ..constant(100_000, 10, 1, 10) };
    let finished = job.run(3).unwrap();
    assert!(finished.lost > 0 && finished.taken_over > 0);
    assert_eq!((finished.images, finished.batches), (100_000, 10_000));
    let undisturbed = Job { fleet: Fleet::default(), ..job }.run(3).unwrap();
    assert!(finished.seconds > undisturbed.seconds);
}

#[test]
fn a_straggler_keeps_the_job_waiting() {
    let fleet = Fleet { stragglers: 0.2, slower: 2.0, ..Fleet::default() };
    let slow = Job { fleet, ..constant(100_000, 20, 1, 10) }.run(1).unwrap();
    let even = constant(100_000, 20, 1, 10).run(1).unwrap();
    assert!((slow.seconds / even.seconds - 2.0).abs() < 1e-6, "{slow:?}");
    assert!((slow.half_done_s / even.seconds - 1.0).abs() < 1e-6, "{slow:?}");
    assert!(slow.busy_share < 0.7 && even.busy_share > 0.999, "{slow:?} {even:?}");
}

#[test]
fn a_job_that_cannot_end_or_has_nothing_to_do_is_refused() {
    let fleet = Fleet { failures_per_hour: 1e12, ..Fleet::default() };
    let error = Job { fleet, ..constant(1_000, 2, 1, 10) }.run(1).unwrap_err().to_string();
    assert!(error.contains("the job does not end"), "{error}");
    assert!(constant(0, 1, 1, 1).run(1).is_err());
    assert!(constant(1, 0, 1, 1).run(1).is_err());
    assert!(constant(1, 1, 0, 1).run(1).is_err());
    assert!(constant(1, 1, 1, 0).run(1).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Without noise a job takes what can be reckoned, drawn batch by batch or in sums.
    #[test]
    fn a_job_without_noise_takes_the_closed_form(
        images in 1u64..3_000_000, machines in 1usize..20, sessions in 1usize..5,
        batch in 1usize..200, exact: bool,
    ) {
        let images = if exact { images.min(100_000) } else { images };
        let job = Job { exact, ..constant(images, machines, sessions, batch) };
        let Finished { seconds, images: done, .. } = job.run(1).unwrap();
        let formula = closed_form(&job);
        prop_assert!((seconds - formula).abs() < 1e-6, "{} of {}", seconds, formula);
        prop_assert_eq!(done, images);
    }

    /// Every image is done once, whatever is lost on the way.
    #[test]
    fn no_image_is_done_twice_or_never(job in any_job(), seed in any::<u64>()) {
        let finished = job.run(seed).unwrap();
        prop_assert_eq!(finished.images, job.images);
        prop_assert_eq!(finished.batches, job.images.div_ceil(job.batch as u64));
        prop_assert!(finished.seconds > 0.1 && (0.0..=1.0).contains(&finished.busy_share));
        prop_assert!(finished.half_done_s <= finished.seconds);
    }

    #[test]
    fn the_same_seed_plays_the_same_job(job in any_job(), seed in any::<u64>()) {
        prop_assert_eq!(job.run(seed).unwrap(), job.run(seed).unwrap());
    }

    /// Without noise and with the same start for all, one machine more never makes a job slower.
    #[test]
    fn more_machines_are_never_slower(
        images in 1u64..1_000_000, machines in 1usize..20, sessions in 1usize..5,
        batch in 1usize..200,
    ) {
        let fleet = Fleet { start_up: StartUp::always(3.0), ..Fleet::default() };
        let seconds = |machines| {
            let job = Job { fleet, ..constant(images, machines, sessions, batch) };
            job.run(1).unwrap().seconds
        };
        prop_assert!(seconds(machines + 1) <= seconds(machines) + 1e-9);
    }
}
