//! Whole answers.

use std::time::{Duration, Instant};

use super::*;
use crate::config::catalogue::{MachineType, Pricing};
use crate::record::{Basis, Verdict};
use crate::sizing::fixture::{self, catalogue, machine, options, timings, with_gpu};

fn job(images: u64) -> Question {
    Question { images: Some(images), ..Question::default() }
}

/// The answer of the fixture's machine, which is said to be an `ml.medium`.
fn asked(question: &Question) -> Advice {
    let options = Options { machine_type: Some("ml.medium".into()), ..options() };
    advise(question, &[fixture::run()], &timings(), &catalogue(), &options).unwrap()
}

/// The SageMaker notebook's own jobs, from its logs: 100 images on one ml.c5.xlarge at 10.08
/// images/s; and 100 on two, 50 each at 9.65 and 10.15 images/s, 5.05 s on the mean, of 111.9 s
/// billed, after 218 s of provisioning.
fn notebooks_jobs() -> Vec<JobTiming> {
    let one = JobTiming {
        machine_type: Some("ml.c5.xlarge".into()),
        instances: 1,
        backend: "torch".into(),
        batch: 1,
        ..fixture::timing(100, 100.0 / 10.08)
    };
    let two = JobTiming {
        machines: 2,
        provision_s: Some(218.0),
        startup_s: 111.9 - 5.05,
        run_s: 5.05,
        billed_s: Some(111.9),
        ..one.clone()
    };
    // Of the first job's start-up nothing is known.
    vec![
        JobTiming { startup_s: 111.9 - 5.05, billed_s: None, provision_s: Some(218.0), ..one },
        two,
    ]
}

fn c5() -> Catalogue {
    Catalogue { machines: vec![machine("ml.c5.xlarge", 2, 0.204)] }
}

#[test]
fn the_notebooks_own_job_gives_its_figures_and_the_advice_that_follows() {
    let advice = advise(&job(100), &[], &notebooks_jobs(), &c5(), &options()).unwrap();
    let best = &advice.choices[advice.best.unwrap()];
    assert_eq!((best.machine_type.as_str(), best.machines), ("ml.c5.xlarge", 1));
    assert_eq!(best.phases.unwrap().provision_s.value, 218.0);

    // On two machines, as the notebook ran it.
    let two = advice.choices.iter().find(|choice| choice.machines == 2).unwrap();
    assert!((two.billed_s.unwrap().value - 111.9).abs() < 0.2, "{two:?}");
    assert!((two.useful_share - 0.045).abs() < 0.001, "{}", two.useful_share);
    // 2 x 111.9 s at USD 0.204 an hour.
    assert!((two.cost_usd.value - 0.012_68).abs() < 1e-4, "{:?}", two.cost_usd);
    assert!(best.cost_usd.value < 0.55 * two.cost_usd.value);

    let told = advice.sentences.join("\n");
    for figure in [
        "218 s provisioning, 112 s billed, 4.5% of it doing inference",
        "At full use a million images cost $5.62",
        "Half of the billed time is useful from 1,080 images a machine on",
        "put more images into a job",
        "One machine is the cheapest",
        "needs no job at all: 9.92 s of work",
    ] {
        assert!(told.contains(figure), "{figure}\n{told}");
    }
}

#[test]
fn two_machines_for_the_notebooks_job_are_advised_against() {
    let advice = advise(&job(100), &[], &notebooks_jobs(), &c5(), &options()).unwrap();
    let two = advice.choices.iter().find(|choice| choice.machines == 2).unwrap();
    let jobs = notebooks_jobs();
    let known = gather(&[], &jobs, None);
    let offers = Offers::of(&known, &c5(), ImagesFrom::Files, false, 1).offers;
    let told = words::start_up(&offers[0], two, 100).unwrap();
    assert!(told.contains("One machine instead of 2 costs $0.0066 instead of $0.013"), "{told}");
}

#[test]
fn the_cheapest_measured_machine_is_taken_and_predictions_stand_apart() {
    let advice = asked(&job(10_000_000));
    let best = &advice.choices[advice.best.unwrap()];
    assert_eq!((best.machine_type.as_str(), best.machines), ("ml.medium", 1));
    assert_eq!(best.basis, Basis::Measured);
    // 25 us an image on 60 s of start: 310 s at USD 0.4 an hour.
    assert!((best.cost_usd.value - 310.12 / 3_600.0 * 0.4).abs() < 1e-3, "{:?}", best.cost_usd);
    let predicted = &advice.choices[advice.best_predicted.unwrap()];
    assert!(matches!(predicted.basis, Basis::Predicted { .. }));
    assert_ne!(predicted.machine_type, "ml.medium");
    // Whatever was measured comes first, and no list of the measured holds a prediction.
    let first = advice.choices.iter().position(|c| c.basis != Basis::Measured).unwrap();
    assert!(advice.choices[first..].iter().all(|c| c.basis != Basis::Measured));
    for &place in advice.ties.iter().chain(&advice.pareto).chain(&advice.fastest) {
        assert!(place < first, "{place}");
    }
    assert_eq!(advice.rejected.iter().map(|r| r.what.as_str()).collect::<Vec<_>>(), ["ml.gpu"]);
    assert!(advice.sentences[0].starts_with("Take 1 ml.medium for 10,000,000 images: "));
    assert!(advice.sentences.iter().any(|said| said.starts_with("Not measured, and ranked apart")));
}

#[test]
fn a_deadline_takes_as_many_machines_as_it_needs_by_its_upper_end() {
    // Start-up takes 260 s, at worst 520 s; a billion images 25,000 s of one machine.
    let asked_for = Question { deadline_s: Some(1_800.0), ..job(1_000_000_000) };
    let advice = asked(&asked_for);
    let best = &advice.choices[advice.best.unwrap()];
    assert!(best.total_s.unwrap().high <= 1_800.0, "{best:?}");
    assert!(best.machines > 18 && best.machines < 30, "{}", best.machines);
    assert!(advice.choices.iter().all(|choice| choice.total_s.unwrap().high <= 1_800.0));
    // One fewer would not do.
    let offers = {
        let (runs, jobs) = ([fixture::run()], timings());
        let all = gather(&runs, &jobs, Some("ml.medium"));
        Offers::of(&all, &catalogue(), ImagesFrom::Files, false, 1).offers
    };
    assert!(offers[0].job(1_000_000_000, best.machines - 1).total_s.unwrap().high > 1_800.0);
}

#[test]
fn what_cannot_meet_the_question_is_rejected_with_its_figures() {
    let late = asked(&Question { deadline_s: Some(100.0), ..job(1_000_000) });
    assert!(late.choices.is_empty() && late.best.is_none() && late.best_predicted.is_none());
    assert_eq!(late.rejected.len(), 4);
    let medium = late.rejected.iter().find(|rejection| rejection.what == "ml.medium").unwrap();
    assert!(
        medium.reason.contains("has to be within 100 s; up to 8.67 min of it is start-up"),
        "{}",
        medium.reason
    );
    assert!(late.sentences[0].starts_with("Nothing that was considered does 1,000,000 images"));

    let dear = asked(&Question { budget_usd: Some(0.001), ..job(1_000_000) });
    assert!(dear.choices.is_empty());
    let medium = dear.rejected.iter().find(|rejection| rejection.what == "ml.medium").unwrap();
    assert!(
        medium.reason.starts_with("1 machine, the fewest there can be, cost $0.0095"),
        "{}",
        medium.reason
    );
}

#[test]
fn a_budget_leaves_out_counts_that_cost_more() {
    let all = asked(&job(10_000_000));
    let budget = all.choices[all.best.unwrap()].cost_usd.high * 1.05;
    let some = asked(&Question { budget_usd: Some(budget), ..job(10_000_000) });
    assert!(some.choices.len() < all.choices.len());
    assert!(some.choices.iter().all(|choice| choice.cost_usd.high <= budget));
}

#[test]
fn an_unnamed_machine_has_times_and_no_costs() {
    let advice =
        advise(&job(1_000_000), &[fixture::run()], &timings(), &Catalogue::default(), &options())
            .unwrap();
    let best = &advice.choices[advice.best.unwrap()];
    assert_eq!((best.machine_type.as_str(), best.cost_usd.value), (THIS_MACHINE, 0.0));
    assert!(!best.price.is_known());
    assert!(advice.sentences[0].starts_with("Take this machine for 1,000,000 images: 25."));
    assert!(!advice.sentences.join(" ").contains('$'), "{:?}", advice.sentences);
    assert!(
        advice.warnings.iter().any(|w| w.contains("--machine-type NAME")),
        "{:?}",
        advice.warnings
    );
    assert!(advice.ties.is_empty() && advice.pareto.is_empty());
}

#[test]
fn without_jobs_the_cells_give_a_prediction_and_the_command_that_measures() {
    let advice =
        advise(&job(1_000_000), &[fixture::run()], &[], &Catalogue::default(), &options()).unwrap();
    assert_eq!((advice.best, advice.best_predicted), (None, Some(0)));
    assert!(
        advice.sentences[0].starts_with("Nothing that was measured answers for 1,000,000 images")
    );
    assert!(advice.sentences[1].ends_with("Measure it with: plimsoll size --measure-jobs"));
}

#[test]
fn images_in_memory_are_answered_by_the_cells() {
    let options = Options { from: ImagesFrom::Memory, ..options() };
    let advice =
        advise(&job(1_000_000), &[fixture::run()], &timings(), &Catalogue::default(), &options)
            .unwrap();
    let best = &advice.choices[advice.best.unwrap()];
    assert_eq!((best.images_per_s.value, best.batch), (40_000.0, 128));
    // The other batches were measured too.
    let mut batches: Vec<usize> = advice.choices.iter().map(|choice| choice.batch).collect();
    batches.sort_unstable();
    batches.dedup();
    assert_eq!(batches, [32, 128, 512]);
}

#[test]
fn invalid_cells_synthetic_images_and_old_prices_are_warned_of() {
    let mut run = fixture::run();
    run.synthetic = true;
    run.cells[0].verdict = Verdict::Invalid(vec!["unsteady".into()]);
    let mut catalogue = catalogue();
    if let Pricing::Hourly { date, .. } = &mut catalogue.machines[0].price {
        *date = "2025-01-01".into();
    }
    let advice = advise(&job(1_000), &[run], &[], &catalogue, &options()).unwrap();
    let told = advice.warnings.join("\n");
    for said in [
        "this machine: 1 of 9 offline cells are INVALID and were left out",
        "cells were measured on synthetic digits, not on MNIST",
        "1 price is older than six months, that of ml.small among them",
        "this machine has no price",
    ] {
        assert!(told.contains(said), "{said}\n{told}");
    }
}

#[test]
fn a_gpu_that_was_measured_is_set_against_the_cpu() {
    let mut gpu = fixture::run();
    gpu.host.machine_type = Some("ml.gpu".into());
    for cell in &mut gpu.cells {
        cell.cell.device = "cuda:0".into();
        cell.cell.backend = "torch".into();
        for round in &mut cell.rounds {
            round.throughput_images_per_s *= 50.0;
        }
        cell.throughput_images_per_s *= 50.0;
        cell.throughput_ci95.0 *= 50.0;
        cell.throughput_ci95.1 *= 50.0;
    }
    let mut catalogue = catalogue();
    catalogue.machines.push(with_gpu("ml.gpu2", 3.0, 60.0));
    let options =
        Options { from: ImagesFrom::Memory, machine_type: Some("ml.medium".into()), ..options() };
    let advice =
        advise(&job(1_000_000_000), &[fixture::run(), gpu], &[], &catalogue, &options).unwrap();
    let versus = advice.cpu_or_gpu.as_ref().unwrap();
    assert_eq!((versus.cpu.as_str(), versus.gpu.as_str()), ("ml.medium", "ml.gpu"));
    assert!((versus.break_even_price_ratio.value - 50.0).abs() < 1e-6);
    assert_eq!(advice.choices[advice.best.unwrap()].machine_type, "ml.gpu");
    assert_eq!(advice.choices[advice.runner_up.unwrap()].machine_type, "ml.medium");
    assert!(advice.sentences.contains(&versus.sentence));
    // The other GPU is scaled from the measured one.
    assert!(advice.choices.iter().any(|choice| choice.machine_type == "ml.gpu2"
        && matches!(&choice.basis, Basis::Predicted { model, .. } if model.contains("Made-up GPU"))));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let refused = |question: &Question, machine_type: Option<&str>| {
        let options = Options { machine_type: machine_type.map(Into::into), ..options() };
        advise(question, &[], &[], &catalogue(), &options).unwrap_err().to_string()
    };
    let service = Service { rate_per_s: 5.0, quantile: 0.99, limit_ns: 1 };
    for (question, says) in [
        (Question::default(), "give --images, or --rate with --slo"),
        (job(0), "give more than 0"),
        (Question { deadline_s: Some(0.0), ..job(1) }, "deadline: give more than 0"),
        (Question { budget_usd: Some(f64::NAN), ..job(1) }, "budget: give more than 0"),
        (Question { service: Some(service), ..job(1) }, "a job or a service"),
        (
            Question { service: Some(Service { quantile: 1.0, ..service }), ..Question::default() },
            "between p0 and p100",
        ),
    ] {
        assert!(refused(&question, None).contains(says), "{says}");
    }
    assert!(refused(&job(1), Some("ml.none")).contains("plimsoll catalogue lists"));
}

#[test]
fn nothing_measured_is_an_answer_too() {
    let advice = advise(&job(1_000), &[], &[], &catalogue(), &options()).unwrap();
    assert!(advice.choices.is_empty());
    assert_eq!(advice.rejected.len(), 4);
}

#[test]
fn the_same_question_has_the_same_answer_in_under_a_second() {
    // As many types as any catalogue has, and as many jobs as anyone times.
    let machines: Vec<MachineType> =
        (0..200).map(|n| machine(&format!("ml.m{n}"), 1 + n % 64, 0.1 + n as f64 / 50.0)).collect();
    let catalogue = Catalogue { machines };
    let jobs = [timings(), timings(), timings()].concat();
    let question = Question { deadline_s: Some(3_600.0), ..job(1_000_000_000) };
    let options = Options { machine_type: Some("ml.m3".into()), ..options() };
    let start = Instant::now();
    let of = || {
        let advice = advise(&question, &[fixture::run()], &jobs, &catalogue, &options).unwrap();
        serde_json::to_string(&advice).unwrap()
    };
    let (first, again) = (of(), of());
    assert_eq!(first, again);
    println!("{} bytes in {:?}", first.len(), start.elapsed() / 2);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

/// A server cell of the fixture's machine whose latencies are all the same.
fn server(rate: u64, latency_ms: u64) -> crate::record::CellRecord {
    let mut cell = fixture::cell("native", 4, 64, rate as f64);
    cell.cell.scenario = crate::record::Scenario::Server(rate);
    let mut recorder = crate::measure::Recorder::new();
    (0..1_000).for_each(|_| recorder.record(crate::units::Nanos(latency_ms * 1_000_000)));
    cell.latency_histogram = recorder.into();
    cell
}

#[test]
fn a_service_takes_as_many_machines_as_hold_its_rate() {
    let mut run = fixture::run();
    run.cells.extend([server(2_000, 12), server(3_000, 40)]);
    let service = Service { rate_per_s: 5_000.0, quantile: 0.99, limit_ns: 20_000_000 };
    let question = Question { service: Some(service), ..Question::default() };
    let options = Options { machine_type: Some("ml.medium".into()), ..options() };
    let of = |run: &RunRecord, question: &Question| {
        advise(question, std::slice::from_ref(run), &[], &catalogue(), &options).unwrap()
    };
    let advice = of(&run, &question);
    let best = &advice.choices[advice.best.unwrap()];
    assert_eq!((best.machine_type.as_str(), best.machines), ("ml.medium", 3));
    assert!((best.cost_usd.value - 1.2).abs() < 1e-9, "{best:?}");
    assert!(advice.sentences[0].starts_with(
        "Take 3 ml.medium for 5,000 requests/s with p99 within 20.0 ms: answers within 12.0 ms and \
         $1.20 ($0.80 to $1.20) an hour"
    ), "{}", advice.sentences[0]);
    assert_eq!(advice.cpu_or_gpu, None);
    // Four times the cores hold four times as much, as far as anyone knows.
    let large = advice.choices.iter().find(|choice| choice.machine_type == "ml.large").unwrap();
    assert!(matches!(large.basis, Basis::Predicted { .. }));
    assert!((large.images_per_s.value - 8_000.0).abs() < 1e-6, "{large:?}");

    // Server cells alone are enough.
    run.cells.retain(|cell| matches!(cell.cell.scenario, crate::record::Scenario::Server(_)));
    let alone = of(&run, &question);
    assert_eq!(alone.choices[alone.best.unwrap()].machines, 3);
    let dear = of(&run, &Question { budget_usd: Some(1.0), ..question.clone() });
    assert_eq!(dear.best, None);
    assert!(dear.rejected.iter().any(|rejection| rejection.reason
        == "3 machines, as few as are enough, cost $1.20 ($0.80 to $1.20), and the upper end has to \
            be within $1.00"), "{:?}", dear.rejected);
}
