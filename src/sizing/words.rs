//! An answer in plain sentences, each with its figures.

use super::choose::Picks;
use super::cost::Offer;
use crate::record::{Advice, Basis, Check, Choice, Estimate, JobTiming, Question};
use crate::units::{self, Nanos, counted};

/// Seconds as people say them: `212 ms`, `45.3 s`, `12.4 min`, `3.2 h`, `2.1 days`.
pub fn time(seconds: f64) -> String {
    match seconds {
        s if !s.is_finite() => "-".into(),
        s if s < 1.0 => Nanos((s * 1e9).max(0.0) as u64).to_string(),
        s if s < 300.0 => format!("{} s", three(s)),
        s if s < 7_200.0 => format!("{} min", three(s / 60.0)),
        s if s < 172_800.0 => format!("{} h", three(s / 3_600.0)),
        s => format!("{} days", three(s / 86_400.0)),
    }
}

/// A figure with its interval: "45.3 s (40.1 s to 52.0 s)"; alone where it is certain.
fn with_ends(of: Estimate, words: impl Fn(f64) -> String) -> String {
    let (value, low, high) = (words(of.value), words(of.low), words(of.high));
    if low == high { value } else { format!("{value} ({low} to {high})") }
}

/// Seconds with their interval.
pub fn span(of: Estimate) -> String {
    with_ends(of, time)
}

/// USD: `$12.30`; below ten cents with two digits that count: `$0.0066`.
pub fn usd(amount: f64) -> String {
    match amount {
        a if !a.is_finite() => "-".into(),
        a if a >= 1_000.0 => format!("${}", units::count(a.round() as u64)),
        a if a >= 0.1 || a == 0.0 => format!("${a:.2}"),
        a => {
            let decimals = (1.0 - a.abs().log10().floor()).clamp(2.0, 12.0) as usize;
            format!("${a:.decimals$}")
        }
    }
}

/// USD with their interval.
pub(super) fn cost(of: Estimate) -> String {
    with_ends(of, usd)
}

/// A factor: `0.52`, `4.00`, `45.2`, `1,200`.
pub(super) fn factor(ratio: f64) -> String {
    if ratio < 1_000.0 { three(ratio) } else { units::rate(ratio) }
}

/// A share: `4.5%`.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent < 99.95 { format!("{percent:.1}%") } else { "100%".into() }
}

fn three(value: f64) -> String {
    let decimals = match value {
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

/// "3 machines of ml.c5.xlarge"; "this machine".
pub(super) fn machines(choice: &Choice) -> String {
    match (choice.machine_type.as_str(), choice.machines) {
        (super::THIS_MACHINE, 1) => super::THIS_MACHINE.into(),
        (super::THIS_MACHINE, n) => format!("{n} machines like this one"),
        (name, n) => format!("{n} {name}"),
    }
}

/// "native on cpu, 4 instances of 1 thread, batch 128".
pub(super) fn way(choice: &Choice) -> String {
    format!(
        "{} on {}, {} of {}, batch {}",
        choice.backend,
        choice.device,
        counted(choice.instances, "instance"),
        counted(choice.threads, "thread"),
        choice.batch,
    )
}

/// What a choice takes and costs: "12.3 min (11.0 min to 14.0 min) and $1.20 ($1.10 to $1.40), that
/// is $0.12 ($0.11 to $0.14) for a million images".
pub(super) fn takes(choice: &Choice) -> String {
    let time = choice.total_s.map(span);
    let latency = choice.latency_ns.map(|latency| {
        format!("answers within {}", with_ends(latency, |ns| Nanos(ns as u64).to_string()))
    });
    let unit = if choice.total_s.is_some() { "" } else { " an hour" };
    let cost = choice.price.is_known().then(|| {
        let million = cost(choice.usd_per_million);
        format!("{}{unit}, that is {million} for a million images", cost(choice.cost_usd))
    });
    let parts: Vec<String> = [time, latency, cost].into_iter().flatten().collect();
    parts.join(" and ")
}

/// What was asked: "10,000,000 images", "5,000 requests/s".
pub(super) fn question(question: &Question) -> String {
    match (question.images, question.service) {
        (Some(images), _) => {
            let count = units::count(images);
            format!("{count} image{}", if images == 1 { "" } else { "s" })
        }
        (None, Some(service)) => format!("{} requests/s", units::rate(service.rate_per_s)),
        (None, None) => "nothing".into(),
    }
}

/// The limits of a question: " within 1.00 h, for at most $50.00".
pub(super) fn limits(question: &Question) -> String {
    let deadline = question.deadline_s.map(|seconds| format!(" within {}", time(seconds)));
    let budget = question.budget_usd.map(|amount| format!(" for at most {}", usd(amount)));
    let service = question.service.map(|service| {
        // Without the noise of binary fractions.
        let quantile = (service.quantile * 1e6).round() / 1e4;
        format!(" with p{quantile} within {}", Nanos(service.limit_ns))
    });
    [deadline, budget, service].into_iter().flatten().collect()
}

/// The first sentence: what to take.
pub(super) fn answer(of: &Question, choice: &Choice) -> String {
    let basis = match &choice.basis {
        Basis::Measured => "Measured.".to_owned(),
        Basis::Predicted { model, measure_with } => {
            format!("Predicted, not measured: {model}. Measure it with: {measure_with}")
        }
    };
    format!(
        "Take {} for {}{}: {}, at {} images/s each ({}). {basis}",
        machines(choice),
        question(of),
        limits(of),
        takes(choice),
        rate(choice.images_per_s),
        way(choice),
    )
}

/// "12,300 (11,000 to 13,500)".
pub(super) fn rate(of: Estimate) -> String {
    with_ends(of, units::rate)
}

/// Where the time of a job goes.
pub(super) fn phases(choice: &Choice) -> Option<String> {
    let (phases, billed) = (choice.phases?, choice.billed_s?);
    let named = [
        ("provisioning, which is not billed", phases.provision_s),
        ("starting the container", phases.start_s),
        ("processes and model", phases.load_s),
        ("images", phases.run_s),
        ("the last batch and the slowest machine", phases.tail_s),
    ];
    let parts: Vec<String> = named
        .iter()
        .filter(|(_, seconds)| seconds.high > 0.0)
        .map(|(name, seconds)| format!("{} {name}", time(seconds.value)))
        .collect();
    Some(format!(
        "Its time: {}. Of {} billed, {} does inference.",
        parts.join(", "),
        time(billed.value),
        percent(choice.useful_share),
    ))
}

/// Below this share of the billed time start-up is told of as what costs.
const MOSTLY_START_UP: f64 = 0.5;

/// The advice where start-up is most of the bill.
pub(super) fn start_up(offer: &Offer, choice: &Choice, images: u64) -> Option<String> {
    let billed = choice.billed_s?.value;
    if choice.useful_share >= MOSTLY_START_UP {
        return None;
    }
    let fixed = offer.startup.start_s.value + offer.startup.load_s.value;
    let half = (fixed * offer.pace.rate()).ceil();
    let full = if offer.price.is_known() {
        format!(
            " At full use a million images cost {}, in this job {}.",
            usd(offer.usd_per_million_at_full_use()),
            usd(choice.usd_per_million.value)
        )
    } else {
        String::new()
    };
    let fewer = match choice.machines {
        1 => "One machine is the cheapest, for each further one is billed for a start of its own"
            .to_owned(),
        n => {
            let one = offer.job(images, 1);
            let cheaper = match offer.price.is_known() {
                true => format!(
                    "One machine instead of {n} costs {} instead of {}",
                    usd(one.cost_usd.value),
                    usd(choice.cost_usd.value)
                ),
                false => {
                    format!("One machine instead of {n} is billed for one start instead of {n}")
                }
            };
            let total = one.total_s.map_or(0.0, |total| total.value);
            format!("{cheaper}, and takes {}", time(total))
        }
    };
    Some(format!(
        "Start-up is what costs: only {} of {} billed does inference.{full} Half of the billed time \
         is useful from {} images a machine on, so put more images into a job. {fewer}. For {} \
         image{} a machine that is up already needs no job at all: {} of work.",
        percent(choice.useful_share),
        time(billed),
        units::rate(half),
        units::count(images),
        if images == 1 { "" } else { "s" },
        time(images as f64 / offer.pace.rate()),
    ))
}

/// What else there is beside the best: ties, the runner-up, the fastest, what was predicted.
pub(super) fn others(advice: &Advice, picks: &Picks) -> Vec<String> {
    let of = |place: usize| &advice.choices[place];
    let Some(best) = picks.best else { return Vec::new() };
    let mut said = Vec::new();
    let short = |choice: &Choice| format!("{}, batch {}", machines(choice), choice.batch);
    if let [first, more @ ..] = picks.ties.as_slice() {
        let more = match more.len() {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        said.push(format!(
            "A tie: what {} would cost{more} overlaps it, so that they may be as cheap; the cheaper \
             by its figure was taken.",
            short(of(*first)),
        ));
    }
    if let Some(place) = picks.runner_up {
        let choice = of(place);
        said.push(format!("The runner-up is {}: {}.", short(choice), takes(choice)));
    }
    if let Some(place) = picks.fastest.filter(|&place| place != best) {
        let choice = of(place);
        said.push(format!("The fastest is {}: {}.", short(choice), takes(choice)));
    }
    if let Some(choice) = picks.best_predicted.map(of)
        && let Basis::Predicted { model, measure_with } = &choice.basis
    {
        said.push(format!(
            "Not measured, and ranked apart: {}: {}; {model}. Measure it with: {measure_with}",
            short(choice),
            takes(choice),
        ));
    }
    said
}

/// What a job that was rented and timed came to.
pub(super) fn rented(job: &JobTiming) -> Option<String> {
    let billed = job.billed_s?;
    let provision = job
        .provision_s
        .map_or_else(String::new, |seconds| format!("{} provisioning, ", time(seconds)));
    Some(format!(
        "A job that was run ({} images on {}): {provision}{} billed, {} of it doing inference.",
        units::count(job.images),
        counted(job.machines, "machine"),
        time(billed),
        percent(job.run_s / billed),
    ))
}

/// What checks have shown so far: of jobs, how many times lay in their intervals; of cells, what was
/// said the last time; of simulated latencies likewise.
pub(super) fn checks(checks: &[Check]) -> Vec<String> {
    let of = |unit: &'static str| checks.iter().filter(move |check| check.unit == unit);
    let holds = |check: &&Check| {
        check.predicted.low <= check.measured && check.measured <= check.predicted.high
    };
    let jobs = of("s").next_back().map(|last| {
        format!(
            "Held against jobs that it was not fitted on, {} of {} took a time in the interval. The \
             latest, {}: predicted {}, measured {} ({:+.1}%).",
            of("s").filter(holds).count(),
            of("s").count(),
            last.what,
            span(last.predicted),
            time(last.measured),
            (last.predicted.value / last.measured - 1.0) * 100.0,
        )
    });
    let cells = of("images/s").next_back().map(|last| format!("Of the cells, {}.", last.what));
    // A verification leaves two lines, of the median and of the tail.
    let last = of("ns").next_back().map(|check| check.at.as_str());
    let latencies = of("ns")
        .filter(|check| Some(check.at.as_str()) == last)
        .map(|check| format!("The simulation of services: {}.", check.what));
    jobs.into_iter().chain(cells).chain(latencies).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Service;
    use crate::sizing::cost::tests::offer;
    use crate::sizing::estimate::{certain, within};

    #[test]
    fn times_and_money_are_said_as_people_say_them() {
        for (seconds, said) in [
            (0.0, "0 ns"),
            (0.0212, "21.2 ms"),
            (45.31, "45.3 s"),
            (218.0, "218 s"),
            (744.0, "12.4 min"),
            (11_520.0, "3.20 h"),
            (181_440.0, "2.10 days"),
            (f64::INFINITY, "-"),
        ] {
            assert_eq!(time(seconds), said);
        }
        for (amount, said) in [
            (0.0, "$0.00"),
            (0.0066, "$0.0066"),
            (0.01274, "$0.013"),
            (0.1, "$0.10"),
            (5.6217, "$5.62"),
            (12_345.6, "$12,346"),
        ] {
            assert_eq!(usd(amount), said);
        }
        assert_eq!(percent(0.0451), "4.5%");
        assert_eq!((percent(0.9999), percent(0.999)), ("100%".into(), "99.9%".into()));
        assert_eq!(span(certain(5.0)), "5.00 s");
        assert_eq!(span(within(5.0, 0.9, 1.2)), "5.00 s (4.50 s to 6.00 s)");
    }

    #[test]
    fn the_answer_has_its_figures_and_where_they_are_from() {
        let asked = Question {
            images: Some(1_000_000),
            deadline_s: Some(3_600.0),
            budget_usd: Some(50.0),
            service: None,
        };
        let choice = offer("ml.c5.xlarge").job(1_000_000, 2);
        assert_eq!(
            answer(&asked, &choice),
            "Take 2 ml.c5.xlarge for 1,000,000 images within 60.0 min for at most $50.00: 10.8 min \
             and $1.10, that is $1.10 for a million images, at 1,000 images/s each (native on cpu, \
             4 instances of 1 thread, batch 128). Measured."
        );
        let basis = Basis::Predicted { model: "a model".into(), measure_with: "a command".into() };
        let told = answer(&asked, &Choice { basis, ..choice });
        assert!(told.ends_with("Predicted, not measured: a model. Measure it with: a command"));
    }

    #[test]
    fn a_service_is_told_by_the_hour() {
        let service = Service { rate_per_s: 5_000.0, quantile: 0.99, limit_ns: 20_000_000 };
        let asked = Question { service: Some(service), ..Question::default() };
        let mut choice = offer("m").job(1_000, 2);
        (choice.total_s, choice.phases, choice.billed_s) = (None, None, None);
        choice.latency_ns = Some(certain(12e6));
        choice.cost_usd = certain(7.2);
        choice.usd_per_million = certain(0.4);
        assert!(answer(&asked, &choice).starts_with(
            "Take 2 m for 5,000 requests/s with p99 within 20.0 ms: answers within 12.0 ms and \
             $7.20 an hour, that is $0.40 for a million images"
        ));
        assert_eq!(phases(&choice), None);
    }

    #[test]
    fn phases_are_told_and_those_that_take_nothing_are_not() {
        let told = phases(&offer("m").job(50_000, 1)).unwrap();
        assert_eq!(
            told,
            "Its time: 100 s provisioning, which is not billed, 40.0 s starting the container, \
             10.0 s processes and model, 50.0 s images. Of 100 s billed, 50.0% does inference."
        );
    }

    #[test]
    fn where_start_up_is_the_bill_it_is_said_with_what_helps() {
        let offer = offer("m");
        assert_eq!(start_up(&offer, &offer.job(1_000_000, 1), 1_000_000), None);
        assert_eq!(
            start_up(&offer, &offer.job(10_000, 2), 10_000).unwrap(),
            "Start-up is what costs: only 9.1% of 55.0 s billed does inference. At full use a \
             million images cost $1.00, in this job $11.00. Half of the billed time is useful from \
             50,000 images a machine on, so put more images into a job. One machine instead of 2 \
             costs $0.060 instead of $0.11, and takes 160 s. For 10,000 images a machine that \
             is up already needs no job at all: 10.0 s of work."
        );
        let one = start_up(&offer, &offer.job(10_000, 1), 10_000).unwrap();
        assert!(one.contains("One machine is the cheapest, for each further one is billed"));
    }

    #[test]
    fn the_history_of_checks_is_counted() {
        let check = |measured| Check {
            at: "2026-11-22T10:00:00Z".into(),
            what: "a job of 100,000 images".into(),
            predicted: within(4.0, 0.9, 1.1),
            measured,
            unit: "s".into(),
        };
        assert!(checks(&[]).is_empty());
        let cells =
            Check { what: "9 of 10 lay in theirs".into(), unit: "images/s".into(), ..check(9.0) };
        let latency =
            Check { what: "p99 of 3 server cells".into(), unit: "ns".into(), ..check(9.0) };
        let before = Check { at: "2026-11-21T10:00:00Z".into(), ..latency.clone() };
        assert_eq!(
            checks(&[before, check(9.0), check(4.2), cells, latency]),
            [
                "Held against jobs that it was not fitted on, 1 of 2 took a time in the interval. \
                 The latest, a job of 100,000 images: predicted 4.00 s (3.60 s to 4.40 s), measured \
                 4.20 s (-4.8%).",
                "Of the cells, 9 of 10 lay in theirs.",
                "The simulation of services: p99 of 3 server cells.",
            ]
        );
    }
}
