//! Runs over a scripted bench: no clock, no process, the same figures every time.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::*;
use crate::backend::{self, Backend, DeviceTimes, Null, Outputs, SessionOptions};
use crate::config::Sweep;
use crate::data::{Image, Split, digits};
use crate::model;
use crate::pipeline::BatchTimes;
use crate::record::{Scenario, Verdict};
use crate::staging::Pool;
use crate::sweep::instance::predict;
use crate::sweep::schedule::{Budget, Whole};
use crate::units::Nanos;

/// A bench that does as told: given the cell, how often it was measured before, and how many
/// measurements came before this. Each takes a second.
struct Scripted<F> {
    script: F,
    clock: Clock,
    before: usize,
}

impl<F: FnMut(&Cell, usize, usize) -> Result<Measurement>> Bench for Scripted<F> {
    fn measure(&mut self, cell: &Cell, nth: usize) -> Result<Measurement> {
        self.clock.advance(Nanos(1_000_000_000));
        self.before += 1;
        (self.script)(cell, nth, self.before - 1)
    }
}

/// Notes what it is told, and sets a flag after some measurements.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) completed: Vec<(usize, usize)>,
    steps: Vec<(usize, usize)>,
    pub(super) measured: usize,
    full_disk: bool,
    stop_after: Option<(usize, &'static AtomicBool)>,
}

impl Observer for Notes {
    fn begins(&mut self, at: Step<'_>) {
        self.steps.push((at.done, at.total));
    }

    fn measured(&mut self, _: Step<'_>, _: Result<&Round, &Error>) -> Result<()> {
        self.measured += 1;
        if let Some((after, flag)) = self.stop_after {
            flag.store(self.measured >= after, Ordering::Relaxed);
        }
        Ok(())
    }

    fn completed(&mut self, record: &CellRecord) -> Result<()> {
        if self.full_disk {
            return Err(Error::io(
                "write",
                "/out/results.csv",
                std::io::ErrorKind::StorageFull.into(),
            ));
        }
        self.completed.push((record.cell.batch, self.measured));
        Ok(())
    }
}

fn cell(batch: usize) -> Cell {
    Cell::on_cpu("native", 1, batch, 1)
}

pub(super) fn cells(n: usize) -> Vec<Cell> {
    (1..=n).map(cell).collect()
}

fn reference() -> Reference {
    let predictions = Predictions { classes: vec![3, 1, 4, 1], scores: Vec::new() };
    Reference { predictions, labels: Some(vec![3, 1, 4, 2]), tolerance: 1e-3 }
}

/// A sound round of one second at so many images a second.
pub(super) fn at(rate: u64) -> Measurement {
    let mut latency = Recorder::new();
    (0..10).for_each(|_| latency.record(Nanos(1_000_000)));
    Measurement {
        images: rate,
        seconds: 1.0,
        warmup_s: 0.5,
        steady: true,
        latency,
        predictions: vec![reference().predictions],
        peak_rss_bytes: Some(rate),
        ..Measurement::default()
    }
}

fn sweep(
    cells: &[Cell],
    rounds: usize,
    seed: u64,
    notes: &mut Notes,
    script: impl FnMut(&Cell, usize, usize) -> Result<Measurement>,
) -> Result<Outcome> {
    let config = Sweep { rounds, max_rounds: rounds, seed, ..Sweep::default() };
    scheduled(&mut Whole::new(&config, cells), cells, seed, notes, &mut Journal::default(), script)
}

pub(super) fn scheduled(
    schedule: &mut dyn Schedule,
    cells: &[Cell],
    seed: u64,
    notes: &mut Notes,
    journal: &mut Journal,
    script: impl FnMut(&Cell, usize, usize) -> Result<Measurement>,
) -> Result<Outcome> {
    let clock = Clock::manual();
    let plan = Plan { cells, seed, reference: &reference(), clock: &clock };
    let never = AtomicBool::new(false);
    let stop = notes.stop_after.map_or(&never, |(_, flag)| flag);
    let mut bench = Scripted { script, clock: clock.clone(), before: 0 };
    run(&plan, schedule, &mut bench, journal, notes, stop)
}

/// Runs to the end and gives the records.
fn records(
    cells: &[Cell],
    rounds: usize,
    script: impl FnMut(&Cell, usize, usize) -> Result<Measurement>,
) -> Vec<CellRecord> {
    let outcome = sweep(cells, rounds, 1, &mut Notes::default(), script).unwrap();
    assert!(!outcome.interrupted);
    outcome.cells
}

fn reasons(record: &CellRecord) -> &[String] {
    match &record.verdict {
        Verdict::Valid => &[],
        Verdict::Invalid(reasons) => reasons,
    }
}

#[test]
fn a_sound_cell_is_valid_with_its_median_and_every_round() {
    let records = records(&cells(1), 5, |_, round, _| Ok(at([1000, 1010, 990, 1020, 980][round])));
    let [record] = &records[..] else { panic!("{records:?}") };
    assert_eq!(record.verdict, Verdict::Valid);
    assert_eq!(record.throughput_images_per_s, 1000.0);
    assert_eq!(record.throughput_ci95, (980.0, 1020.0));
    assert_eq!((record.latency.samples, record.latency.p50_ns.is_some()), (50, true));
    assert_eq!((record.agreement, record.accuracy), (1.0, Some(0.75)));
    assert_eq!(record.peak_rss_bytes, Some(1020));
    let rounds: Vec<_> = record.rounds.iter().map(|r| (r.round, r.position, r.images)).collect();
    assert_eq!(rounds, [(0, 0, 1000), (1, 0, 1010), (2, 0, 990), (3, 0, 1020), (4, 0, 980)]);
}

#[test]
fn a_drifting_machine_does_not_change_the_ranking() {
    // Within each round the machine slows down, in the end to 60%: more than the cells differ by.
    let cells = cells(5);
    let slowed = |cell: &Cell, place: usize| 1000 * (9 + cell.batch as u64) * (10 - place as u64);
    // Always in the grid's order, the first cell would win though it is the slowest.
    let in_order: Vec<u64> = cells.iter().enumerate().map(|(i, cell)| slowed(cell, i)).collect();
    assert!(in_order.is_sorted_by(|a, b| a > b), "{in_order:?}");

    let records = records(&cells, 31, |cell, _, before| Ok(at(slowed(cell, before % 5))));
    let medians: Vec<f64> = records.iter().map(|r| r.throughput_images_per_s).collect();
    assert!(medians.is_sorted_by(|a, b| a < b), "{medians:?}");
}

#[test]
fn a_failed_cell_is_invalid_with_the_reason_and_the_others_go_on() {
    let mut tries = 0;
    let records = records(&cells(3), 4, |cell, round, _| {
        if cell.batch == 2 && round == 1 {
            tries += 1;
            return Err(Error::backend("native", "out of memory"));
        }
        assert!(cell.batch != 2 || round == 0, "a failed cell was tried again");
        Ok(at(1000))
    });
    assert_eq!(tries, 1);
    assert_eq!(reasons(&records[1])[0], "round 2 failed: backend native: out of memory");
    assert_eq!(records[1].rounds.len(), 1, "what was measured is kept");
    assert_eq!((&records[0].verdict, &records[2].verdict), (&Verdict::Valid, &Verdict::Valid));
}

#[test]
fn a_cell_that_failed_at_once_gives_that_one_reason_and_no_figure() {
    let records = records(&cells(1), 3, |_, _, _| Err(Error::backend("native", "no")));
    assert_eq!(reasons(&records[0]), ["round 1 failed: backend native: no"]);
    assert_eq!(records[0].throughput_images_per_s, 0.0);
    assert_eq!(records[0].throughput_ci95, (0.0, 0.0));
}

#[test]
fn one_wrong_prediction_of_one_instance_in_one_round_is_invalid() {
    let records = records(&cells(1), 3, |_, round, _| {
        let mut measurement = at(1_000_000);
        measurement.predictions.push(reference().predictions);
        if round == 1 {
            measurement.predictions[1].classes[0] = 8;
        }
        Ok(measurement)
    });
    assert!(reasons(&records[0])[0].starts_with("1 of 4 check images got another class"));
    assert_eq!((records[0].agreement, records[0].accuracy), (0.75, Some(0.5)));
}

#[test]
fn a_cell_that_was_never_checked_is_invalid_but_one_round_is_enough() {
    let unchecked = |checked_round: usize| {
        move |_: &Cell, round: usize, _: usize| {
            let mut measurement = at(1000);
            if round != checked_round {
                measurement.predictions.clear();
            }
            Ok(measurement)
        }
    };
    assert_eq!(records(&cells(1), 3, unchecked(0))[0].verdict, Verdict::Valid);
    let never = records(&cells(1), 3, unchecked(99));
    assert!(reasons(&never[0])[0].contains("no prediction was checked"), "{never:?}");
}

#[test]
fn the_null_backend_is_never_a_result_to_choose() {
    let null = Cell { backend: "null".into(), ..cell(1) };
    let records = records(&[null], 3, |_, _, _| {
        let predictions = Predictions { classes: vec![0; 4], scores: Vec::new() };
        Ok(Measurement { predictions: vec![predictions], ..at(1000) })
    });
    let [reason] = reasons(&records[0]) else { panic!("{records:?}") };
    assert!(reason.starts_with("the null backend runs no model"), "{reason}");
}

#[test]
fn a_window_without_a_batch_is_invalid_and_divides_by_nothing() {
    let records = records(&cells(1), 3, |_, _, _| {
        Ok(Measurement { predictions: vec![reference().predictions], ..Measurement::default() })
    });
    assert!(reasons(&records[0])[0].starts_with("no image was completed in 3 of 3 rounds"));
    assert_eq!(records[0].throughput_images_per_s, 0.0);
    assert!(records[0].stages.compute.ns_per_image == 0.0);
}

#[test]
fn rounds_that_lie_apart_widen_the_interval_and_are_invalid() {
    let records = records(&cells(1), 5, |_, round, _| Ok(at([1000, 1300, 700, 1200, 900][round])));
    assert!(reasons(&records[0])[0].contains("within 30.0% only (700 to 1,300 images/s"));
}

#[test]
fn a_machine_of_two_states_is_invalid_and_told_as_such() {
    let records = records(&cells(1), 5, |_, round, _| {
        Ok(at([16_000, 21_000, 16_100, 20_900, 15_900][round]))
    });
    let [reason] = reasons(&records[0]) else { panic!("{records:?}") };
    assert!(reason.contains("within 15.8% only (15,900 to 21,000 images/s"), "{reason}");
    let groups = "the rounds fall into two groups: 3 near 16,000 and 2 near 21,000 images/s: look";
    assert!(reason.contains(groups), "{reason}");
}

#[test]
fn a_throttled_machine_is_invalid_and_keeps_what_was_seen_with_the_round() {
    let held = |quota| Throttling { quota_share: Some(quota), ..Throttling::default() };
    let run = |throttled: usize| {
        let script = |_: &Cell, round: usize, _: usize| {
            let throttling = if round < throttled { held(0.25) } else { held(0.0) };
            Ok(Measurement { throttling, ..at(1000) })
        };
        records(&cells(1), 5, script).remove(0)
    };
    let record = run(3);
    let [reason] = reasons(&record) else { panic!("{record:?}") };
    assert_eq!(
        reason,
        "the control group's quota held threads back in 3 of 5 rounds, for up to 25.0% of the \
         time: raise the quota, or measure with fewer instances and threads"
    );
    let seen: Vec<_> = record.rounds.iter().map(|round| round.throttling.quota_share).collect();
    assert_eq!(seen, [0.25, 0.25, 0.25, 0.0, 0.0].map(Some));
    assert_eq!(run(2).verdict, Verdict::Valid, "the median rests on the others");
}

/// From a session's answers to the verdict: a cell whose session skips the work wins every race and
/// must not count.
#[test]
fn a_fast_session_with_wrong_answers_is_invalid_however_fast() {
    let images: Vec<Image> = (0..32).map(|n| digits::draw(5, Split::Test, n).0).collect();
    let says = |backend: &dyn Backend| {
        let options = SessionOptions {
            max_batch: 8,
            threads: 1,
            outputs: Outputs::Scores,
            precision: Default::default(),
        };
        let (weights, _) = model::shipped().unwrap();
        let mut session = backend.open(&weights, &options).unwrap();
        let pool = Pool::new(&*backend.host_alloc(), 2, options.max_batch).unwrap();
        predict(session.as_mut(), &pool, &images).unwrap()
    };
    let honest = says(&*backend::by_name("native").unwrap());
    let reference = Reference { predictions: honest.clone(), labels: None, tolerance: 1e-3 };
    let fast = says(&Null::scripted(Arc::new(|_, _| Ok(Duration::ZERO))));

    let cells = cells(2);
    let clock = Clock::manual();
    let plan = Plan { cells: &cells, seed: 1, reference: &reference, clock: &clock };
    let config = Sweep { rounds: 3, max_rounds: 3, ..Sweep::default() };
    let mut schedule = Whole::new(&config, &cells);
    let script = |cell: &Cell, _: usize, _: usize| {
        let (rate, said) = if cell.batch == 1 { (1000, &honest) } else { (1_000_000, &fast) };
        Ok(Measurement { predictions: vec![said.clone()], ..at(rate) })
    };
    let mut bench = Scripted { script, clock: clock.clone(), before: 0 };
    let (mut notes, never) = (Notes::default(), AtomicBool::new(false));
    let outcome =
        run(&plan, &mut schedule, &mut bench, &mut Journal::default(), &mut notes, &never).unwrap();
    assert_eq!(outcome.cells[0].verdict, Verdict::Valid);
    let said = &reasons(&outcome.cells[1])[0];
    assert!(said.contains(" of 32 check images got another class"), "{said}");
}

#[test]
fn stages_are_means_over_all_images() {
    let records = records(&cells(1), 2, |_, round, _| {
        let (images, compute) = [(100, 3_000), (300, 3_000)][round];
        let mut stages = StageTimes::default();
        let device = DeviceTimes { compute: Nanos(compute), ..DeviceTimes::default() };
        stages.add(images, &BatchTimes { device, ..BatchTimes::default() });
        Ok(Measurement { stages, ..at(images) })
    });
    assert_eq!(records[0].stages.compute.ns_per_image, 15.0);
}

#[test]
fn the_seed_decides_order_and_intervals() {
    let positions = |seed| {
        let mut notes = Notes::default();
        let script = |_: &Cell, _: usize, before| Ok(at(1000 + 7 * before as u64));
        let outcome = sweep(&cells(6), 3, seed, &mut notes, script).unwrap();
        serde_json::to_string(&outcome.cells).unwrap()
    };
    assert_eq!(positions(4), positions(4));
    assert_ne!(positions(4), positions(5));
}

#[test]
fn a_cell_is_told_of_as_soon_as_its_last_round_has_ended() {
    let mut notes = Notes::default();
    sweep(&cells(3), 2, 1, &mut notes, |cell, _, _| match cell.batch {
        3 => Err(Error::backend("native", "no")),
        _ => Ok(at(1000)),
    })
    .unwrap();
    let mut completed = notes.completed.clone();
    completed.sort_unstable();
    assert_eq!(completed.iter().map(|&(batch, _)| batch).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(completed[2].1 <= 3, "the failed cell is told of in its first round: {completed:?}");
    let mut times: Vec<usize> = completed[..2].iter().map(|&(_, after)| after).collect();
    times.sort_unstable();
    assert_eq!(times, [4, 5], "the others one by one in the second round");
    let last = notes.steps.last().unwrap();
    assert_eq!(*last, (4, 5), "the failed cell's second round is no longer counted");
}

#[test]
fn an_interruption_keeps_what_was_measured() {
    static STOP: AtomicBool = AtomicBool::new(false);
    let mut notes = Notes { stop_after: Some((4, &STOP)), ..Notes::default() };
    let outcome = sweep(&cells(6), 3, 1, &mut notes, |_, _, _| Ok(at(1000))).unwrap();
    assert!(outcome.interrupted);
    assert_eq!((outcome.cells.len(), notes.completed.len(), notes.measured), (4, 4, 4));
    assert!(outcome.cells.iter().all(|record| record.rounds.len() == 1));
    assert!(reasons(&outcome.cells[0])[0].starts_with("1 of at least 3 rounds"));
    assert!(outcome.cells.is_sorted_by_key(|record| record.cell.batch), "in the grid's order");
}

#[test]
fn an_interrupted_measurement_is_no_failure_of_its_cell() {
    let mut notes = Notes::default();
    let outcome = sweep(&cells(2), 3, 1, &mut notes, |_, round, _| match round {
        0 => Ok(at(1000)),
        _ => Err(Error::Interrupted("Ctrl-C".into())),
    });
    let outcome = outcome.unwrap();
    assert!(outcome.interrupted);
    assert_eq!(outcome.cells.len(), 2);
    let text = format!("{:?}", outcome.cells);
    assert!(!text.contains("failed"), "{text}");
}

#[test]
fn a_record_that_cannot_be_kept_ends_the_run() {
    let mut notes = Notes { full_disk: true, ..Notes::default() };
    let error = sweep(&cells(2), 2, 1, &mut notes, |_, _, _| Ok(at(1000))).unwrap_err();
    assert!(error.to_string().starts_with("cannot write /out/results.csv"), "{error}");
    assert_eq!(notes.measured, 3, "the first cell is complete at its second measurement");
}

#[test]
fn an_empty_grid_is_an_empty_outcome() {
    assert!(records(&[], 3, |_, _, _| Ok(at(1))).is_empty());
}

#[test]
fn a_round_says_when_it_began_and_at_which_place() {
    let records = records(&cells(4), 3, |_, _, before| Ok(at(1000 + before as u64)));
    for record in &records {
        for round in &record.rounds {
            // The rate tells how many measurements, of a second each, came before.
            let before = round.images as usize - 1000;
            assert_eq!(round.at_s, before as f64);
            assert_eq!((round.round, round.position), (before / 4, before % 4));
        }
    }
}

#[test]
fn a_cell_is_asked_for_predictions_once_whenever_its_turn_comes() {
    let config = Sweep { budget: Nanos(60_000_000_000), ..Sweep::default() };
    let cells = cells(9);
    let mut budget = Budget::new(&config, &cells, Nanos(1_000_000_000));
    let mut firsts = Vec::new();
    let script = |cell: &Cell, nth: usize, _: usize| {
        firsts.extend((nth == 0).then_some(cell.batch));
        Ok(at(1000))
    };
    let mut journal = Journal::default();
    let mut notes = Notes::default();
    scheduled(&mut budget, &cells, 1, &mut notes, &mut journal, script).unwrap();
    firsts.sort_unstable();
    assert_eq!(firsts, (1..=9).collect::<Vec<_>>());
}

#[test]
fn set_up_counts_against_the_budget() {
    let config = Sweep { budget: Nanos(60_000_000_000), ..Sweep::default() };
    let cells = cells(9);
    let measured = |setup: u64| {
        let clock = Clock::manual();
        clock.advance(Nanos(setup * 1_000_000_000));
        let plan = Plan { cells: &cells, seed: 1, reference: &reference(), clock: &clock };
        let mut bench =
            Scripted { script: |_: &Cell, _, _| Ok(at(1000)), clock: clock.clone(), before: 0 };
        let mut budget = Budget::new(&config, &cells, Nanos(1_000_000_000));
        let (mut journal, mut notes) = (Journal::default(), Notes::default());
        let never = AtomicBool::new(false);
        run(&plan, &mut budget, &mut bench, &mut journal, &mut notes, &never).unwrap()
    };
    let (idle, busy) = (measured(0), measured(48));
    assert_eq!((idle.cells.len(), idle.findings.left_out.len()), (9, 0));
    assert_eq!((busy.cells.len(), busy.findings.left_out.len()), (3, 6));
    let began = busy.cells.iter().map(|cell| cell.rounds[0].at_s);
    assert_eq!(began.fold(f64::MAX, f64::min), 48.0);
}

/// A cell of a server at 1,000 requests a second.
fn server() -> Cell {
    Cell { scenario: Scenario::Server(1_000), ..cell(8) }
}

/// A round of one second in which the generator was this late with each of 1,000 requests, and the
/// system completed as many as said.
fn served(late: Nanos, completed: u64) -> Measurement {
    let mut traffic = Traffic { offered: 1_000, issued: completed, lateness: Recorder::new() };
    let mut latency = Recorder::new();
    for _ in 0..1_000 {
        traffic.lateness.record(late);
        latency.record(Nanos(2_000_000));
    }
    Measurement { traffic, latency, ..at(completed) }
}

#[test]
fn a_load_generator_that_falls_behind_is_invalid() {
    let late = records(&[server()], 3, |_, _, _| Ok(served(Nanos(5_000_000), 1_000)));
    let [reason] = reasons(&late[0]) else { panic!("{late:?}") };
    assert!(reason.starts_with("the load generator fell behind"), "{reason}");

    let on_time = records(&[server()], 3, |_, _, _| Ok(served(Nanos(80_000), 1_000)));
    assert_eq!(on_time[0].verdict, Verdict::Valid);
    let load = on_time[0].load.unwrap();
    assert_eq!((load.offered_per_s, load.issued_per_s), (Some(1_000.0), 1_000.0));
    let lateness = load.lateness_p99_ns.unwrap();
    assert!((79_900..80_100).contains(&lateness), "{lateness}");
}

#[test]
fn an_overloaded_server_is_invalid_and_its_generator_not_blamed() {
    let records = records(&[server()], 3, |_, _, _| Ok(served(Nanos(80_000), 700)));
    let [reason] = reasons(&records[0]) else { panic!("{records:?}") };
    assert!(reason.starts_with("the system was overloaded: it completed 2,100"), "{reason}");
}

#[test]
fn chance_in_what_arrives_is_no_reason_against_a_server() {
    let arrived = [1_000, 900, 1_100, 950, 1_050];
    let records = records(&[server()], 5, |_, round, _| {
        let mut measurement = served(Nanos(80_000), arrived[round]);
        measurement.traffic.offered = arrived[round];
        Ok(measurement)
    });
    assert_eq!(records[0].verdict, Verdict::Valid);
}

#[test]
fn a_feeder_that_falls_behind_is_invalid_but_the_null_backend_has_no_one_to_wait_for() {
    let starved = |idle_share| move |_: &Cell, _, _| Ok(Measurement { idle_share, ..at(1_000) });
    let behind = records(&cells(1), 3, starved(0.5));
    let [reason] = reasons(&behind[0]) else { panic!("{behind:?}") };
    assert!(reason.starts_with("the feeder fell behind: sessions stood idle for 50%"), "{reason}");
    assert_eq!(behind[0].rounds[2].idle_share, 0.5);
    assert!(behind[0].load.is_none());
    assert_eq!(records(&cells(1), 3, starved(0.01))[0].verdict, Verdict::Valid);
    let null = Cell { backend: "null".into(), ..cell(1) };
    let [reason] = reasons(&records(&[null], 3, starved(0.5))[0]).to_vec().try_into().unwrap();
    assert!(reason.starts_with("the null backend"), "{reason}");
}

#[test]
fn a_percentile_with_too_few_samples_is_absent() {
    // Three rounds of ten latencies each are enough for a median, and for nothing above it.
    let latency = records(&cells(1), 3, |_, _, _| Ok(at(1_000)))[0].latency;
    assert_eq!((latency.samples, latency.p50_ns.is_some()), (30, true));
    let above = [latency.p90_ns, latency.p95_ns, latency.p99_ns, latency.p999_ns];
    assert_eq!(above, [None; 4]);
}
