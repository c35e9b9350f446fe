//! The answer, put together.

use std::time::SystemTime;

use super::choose::{self, Picks};
use super::cost::Offer;
use super::counts::{fewest, worth_a_look};
use super::machines::{Known, gather};
use super::offers::Offers;
use super::service::{self, Capacity};
use super::versus::versus;
use super::words;
use crate::config::catalogue::Catalogue;
use crate::error::{Error, Result};
use crate::record::{
    ADVICE_VERSION, Advice, Check, Choice, JobTiming, Question, Rejection, RunRecord, Service,
};
use crate::units::counted;

/// What a machine that nothing names is called.
pub const THIS_MACHINE: &str = "this machine";

/// Where a job's images come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ImagesFrom {
    /// Picture files: each is opened, read and decoded, and its answer is written to a file.
    #[default]
    Files,
    /// Pixels that lie in memory already.
    Memory,
}

/// What the answer depends on beside the question, the results and the catalogue.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the images come from.
    pub from: ImagesFrom,
    /// The machine type that results without one stand for.
    pub machine_type: Option<String>,
    /// The time of the answer; prices are held against it.
    pub now: SystemTime,
    /// Predictions that were held against runs, the latest last.
    pub checks: Vec<Check>,
    /// Seed of the intervals.
    pub seed: u64,
    /// Machines of a job or a service at most.
    pub max_machines: u64,
}

/// Which machine type, how many, which batch size: from runs and jobs that were measured, and from
/// what machine types cost. The same of all of these gives the same answer.
///
/// A job meets a deadline or a budget when the upper end of its interval does.
///
/// # Errors
/// [`Error::Invalid`] for a question that asks for nothing, or for what cannot be meant.
pub fn advise(
    question: &Question,
    results: &[RunRecord],
    timings: &[JobTiming],
    catalogue: &Catalogue,
    options: &Options,
) -> Result<Advice> {
    check(question, catalogue, options)?;
    let all = gather(results, timings, options.machine_type.as_deref());
    let service = question.service.is_some();
    // A request brings its image along.
    let from = if service { ImagesFrom::Memory } else { options.from };
    let found = Offers::of(&all, catalogue, from, service, options.seed);
    let mut answer = Answer { rejected: found.rejected, choices: Vec::new(), others: Vec::new() };
    // Simulated once for each machine that was measured, whatever is predicted from it.
    let capacities: Vec<Option<Capacity>> = match question.service {
        Some(service) => {
            all.iter().map(|known| service::capacity(known, &service, options.seed)).collect()
        }
        None => Vec::new(),
    };
    for offers in by_type(&found.offers) {
        match (question.images, question.service) {
            (Some(images), _) => answer.add_job(question, images, offers, options.max_machines),
            (None, Some(service)) => answer.add_service(
                question,
                &service,
                offers,
                &held(&all, &capacities, &found.offers, offers),
                options.max_machines,
            ),
            (None, None) => {}
        }
    }
    answer.choices.sort_by(choose::order);
    let picks = choose::pick(&answer.choices);
    let mut advice = Advice {
        version: ADVICE_VERSION,
        made: humantime::format_rfc3339_seconds(options.now).to_string(),
        question: question.clone(),
        sentences: Vec::new(),
        cpu_or_gpu: question.images.and_then(|images| versus(&found.offers, images)),
        choices: answer.choices,
        others: answer.others,
        best: picks.best,
        ties: picks.ties.clone(),
        runner_up: picks.runner_up,
        fastest: picks.fastest,
        pareto: picks.pareto.clone(),
        best_predicted: picks.best_predicted,
        rejected: answer.rejected,
        checks: options.checks.clone(),
        warnings: warnings(&all, &found.offers, catalogue, question, options),
    };
    advice.sentences = sentences(&advice, &picks, &found.offers, timings, from);
    Ok(advice)
}

fn check(question: &Question, catalogue: &Catalogue, options: &Options) -> Result<()> {
    let positive = |name: &str, value: Option<f64>| match value {
        Some(value) if !(value.is_finite() && value > 0.0) => {
            Err(Error::invalid(name, "give more than 0"))
        }
        _ => Ok(()),
    };
    match (question.images, question.service) {
        (None, None) => {
            let reason = "give --images, or --rate with --slo";
            return Err(Error::invalid("nothing is asked for", reason));
        }
        (Some(_), Some(_)) => {
            let reason = "a job or a service, not both at once; ask twice";
            return Err(Error::invalid("--images with --rate", reason));
        }
        (images, service) => {
            positive("images", images.map(|images| images as f64))?;
            positive("rate", service.map(|service| service.rate_per_s))?;
        }
    }
    if question.service.is_some_and(|s| !(s.quantile > 0.0 && s.quantile < 1.0)) {
        return Err(Error::invalid("--slo", "a quantile lies between p0 and p100, as p99 does"));
    }
    positive("deadline", question.deadline_s)?;
    positive("budget", question.budget_usd)?;
    match options.machine_type.as_deref() {
        Some(name) if catalogue.find(name).is_none() => Err(Error::invalid(
            format!("machine type {name}"),
            "it is in no catalogue; plimsoll catalogue lists those that are, and --catalog FILE \
             adds others",
        )),
        _ => Ok(()),
    }
}

/// Offers of one machine type after another.
fn by_type(offers: &[Offer]) -> impl Iterator<Item = &[Offer]> {
    offers.chunk_by(|a, b| a.machine_type == b.machine_type)
}

/// What is under way of an answer.
struct Answer {
    choices: Vec<Choice>,
    /// What came nearest, of each way of loading a machine type that has no choice.
    others: Vec<Choice>,
    rejected: Vec<Rejection>,
}

impl Answer {
    /// Adds a machine type's choices for a job: the counts that are worth a look, in every way of
    /// loading it. `offers` are of one type, the fastest first, and not empty.
    fn add_job(&mut self, question: &Question, images: u64, offers: &[Offer], most: u64) {
        let most = most.min(images);
        let in_time = |choice: &Choice| {
            let latest = choice.total_s.map_or(0.0, |total| total.high);
            question.deadline_s.is_none_or(|deadline| latest <= deadline)
        };
        let affordable = |choice: &Choice| {
            let known = choice.price.is_known();
            question.budget_usd.is_none_or(|budget| !known || choice.cost_usd.high <= budget)
        };
        let mut none = None;
        for offer in offers {
            let job = |count| offer.job(images, count);
            let seconds = |count| choose::seconds(&job(count));
            let Some(least) = fewest(most, |count| in_time(&job(count))) else {
                let nearest = worth_a_look(1, most, seconds).pop().map(job);
                none = none.or_else(|| Some(too_late(nearest.as_ref()?, question)));
                self.others.extend(nearest);
                continue;
            };
            let counts = worth_a_look(least, most, seconds).into_iter();
            let before = self.choices.len();
            self.choices.extend(counts.map(job).filter(in_time).filter(affordable));
            if self.choices.len() == before {
                let nearest = job(least);
                none = none.or_else(|| Some(too_dear(&nearest, question)));
                self.others.push(nearest);
            }
        }
        let name = offers.first().map_or("", |offer| &offer.machine_type);
        let reason = none.filter(|_| !self.choices.iter().any(|one| one.machine_type == name));
        self.rejected.extend(reason.map(|reason| Rejection { what: name.into(), reason }));
    }

    /// The same for a service, of what one machine of the type holds.
    fn add_service(
        &mut self,
        question: &Question,
        service: &Service,
        offers: &[Offer],
        held: &Result<Capacity, String>,
        most: u64,
    ) {
        let Some(offer) = offers.first() else { return };
        let choice = held.as_ref().map_err(Clone::clone).and_then(|held| {
            let mut offer = offer.clone();
            offer.pace.way = held.way.clone();
            held.choice(&offer, service, most).ok_or_else(|| {
                format!(
                    "one holds {} requests/s within the limit, so that more than {} would be \
                     needed",
                    words::rate(held.rate),
                    counted(most as usize, "machine"),
                )
            })
        });
        let choice = choice.and_then(|choice| match question.budget_usd {
            Some(budget) if choice.price.is_known() && choice.cost_usd.high > budget => {
                Err(too_dear(&choice, question))
            }
            _ => Ok(choice),
        });
        match choice {
            Ok(choice) => self.choices.push(choice),
            Err(reason) => {
                self.rejected.push(Rejection { what: offer.machine_type.clone(), reason });
            }
        }
    }
}

/// What one machine of the offers' type holds, or why that is not known; `capacities` are those of
/// `all`, in their order. A type that was not
/// measured holds as many times what a measured one does as it is faster.
fn held(
    all: &[Known<'_>],
    capacities: &[Option<Capacity>],
    everything: &[Offer],
    offers: &[Offer],
) -> Result<Capacity, String> {
    let name = offers.first().map_or("", |offer| offer.machine_type.as_str());
    let nothing = || {
        "none of its VALID cells tells what it holds within the limit; measure it as a service: \
         plimsoll sweep --scenario server:1k,server:10k"
            .to_owned()
    };
    if let Some(place) = all.iter().position(|known| known.name == name) {
        return capacities[place].clone().ok_or_else(nothing);
    }
    let Some(offer) = offers.first() else { return Err(nothing()) };
    let on_gpu = offer.pace.way.on_gpu();
    let alike = |known: &Known<'_>| {
        let first = everything.iter().find(|offer| offer.machine_type == known.name);
        first.is_some_and(|first| first.pace.way.on_gpu() == on_gpu)
    };
    let from = all
        .iter()
        .zip(capacities)
        .filter(|(known, _)| alike(known))
        .find_map(|(known, capacity)| Some((known, capacity.as_ref()?)));
    let Some((known, capacity)) = from else { return Err(nothing()) };
    let measured = everything.iter().find(|offer| offer.machine_type == known.name);
    let Some(measured) = measured else { return Err(nothing()) };
    Ok(capacity.scaled(offer.times(measured), offer.pace.way.clone(), offer.pace.basis.clone()))
}

fn too_late(choice: &Choice, question: &Question) -> String {
    let total = choice.total_s.unwrap_or_default();
    let deadline = words::time(question.deadline_s.unwrap_or_default());
    let before = choice
        .phases
        .map_or(0.0, |phases| phases.provision_s.high + phases.start_s.high + phases.load_s.high);
    format!(
        "even {} take {}, and the upper end has to be within {deadline}; up to {} of it is \
         start-up",
        counted(choice.machines as usize, "machine"),
        words::span(total),
        words::time(before),
    )
}

fn too_dear(choice: &Choice, question: &Question) -> String {
    let budget = words::usd(question.budget_usd.unwrap_or_default());
    let machines = counted(choice.machines as usize, "machine");
    let so_many = if question.deadline_s.is_some() || question.service.is_some() {
        "as few as are enough"
    } else {
        "the fewest there can be"
    };
    format!(
        "{machines}, {so_many}, cost {}, and the upper end has to be within {budget}",
        words::cost(choice.cost_usd),
    )
}

/// The answer in words, the most important first.
fn sentences(
    advice: &Advice,
    picks: &Picks,
    offers: &[Offer],
    timings: &[JobTiming],
    from: ImagesFrom,
) -> Vec<String> {
    let mut said = Vec::new();
    let of = |place: usize| &advice.choices[place];
    let offer = |choice: &Choice| {
        offers.iter().find(|offer| {
            offer.machine_type == choice.machine_type
                && offer.pace.way.batch == choice.batch
                && offer.pace.way.instances == choice.instances
                && offer.pace.way.backend == choice.backend
        })
    };
    match (picks.best, picks.best_predicted) {
        (Some(best), _) => said.push(words::answer(&advice.question, of(best))),
        (None, Some(best)) => {
            let asked = words::question(&advice.question);
            // A sweep does not read files: what it measured alone cannot answer for them.
            let measure = if from == ImagesFrom::Files && timings.is_empty() {
                " from files, for no job of files was timed: plimsoll size --measure-jobs does it in \
                 some seconds. Until then"
            } else {
                ";"
            };
            said.push(format!(
                "Nothing that was measured answers for {asked}{measure} this is the cheapest \
                 prediction."
            ));
            said.push(words::answer(&advice.question, of(best)));
        }
        (None, None) => said.push(format!(
            "Nothing that was considered does {}{}; the reasons are told with each.",
            words::question(&advice.question),
            words::limits(&advice.question),
        )),
    }
    if let Some(first) = picks.best.or(picks.best_predicted).map(of) {
        said.extend(words::phases(first));
        if let (Some(images), Some(offer)) = (advice.question.images, offer(first)) {
            said.extend(words::start_up(offer, first, images));
        }
    }
    said.extend(timings.iter().rev().find_map(words::rented));
    said.extend(words::others(advice, picks));
    said.extend(advice.cpu_or_gpu.as_ref().map(|versus| versus.sentence.clone()));
    said.extend(words::checks(&advice.checks));
    said
}

/// What to know before believing an answer.
fn warnings(
    all: &[Known<'_>],
    offers: &[Offer],
    catalogue: &Catalogue,
    question: &Question,
    options: &Options,
) -> Vec<String> {
    let mut said = Vec::new();
    for known in all {
        let (cells, invalid) = known.left_out();
        if invalid > 0 {
            said.push(format!(
                "{}: {invalid} of {} are INVALID and were left out",
                known.name,
                counted(cells, "offline cell")
            ));
        }
        if known.runs.iter().any(|run| run.synthetic) {
            said.push(format!(
                "{}: cells were measured on synthetic digits, not on MNIST",
                known.name
            ));
        }
    }
    if question.service.is_some() && !options.checks.iter().any(|check| check.unit == "ns") {
        said.push(
            "no simulated latency was held against a measured one yet; plimsoll sweep --scenario \
             offline,server:5k, then plimsoll simulate --verify does it"
                .into(),
        );
    }
    let priceless = |offers: &[Offer]| offers.first().and_then(Offer::priceless);
    let without_price: Vec<String> = by_type(offers).filter_map(priceless).collect();
    if question.budget_usd.is_some() && !without_price.is_empty() {
        said.push("a budget says nothing of a machine without a price".into());
    }
    said.extend(without_price);
    let old: Vec<&str> = catalogue
        .machines
        .iter()
        .filter(|machine| machine.price_is_old(options.now))
        .filter(|machine| offers.iter().any(|offer| offer.machine_type == machine.name))
        .map(|machine| machine.name.as_str())
        .collect();
    if let [first, ..] = old.as_slice() {
        said.push(format!(
            "{} older than six months, that of {first} among them; look them up and give them in \
             a file with --catalog",
            match old.len() {
                1 => "1 price is".to_owned(),
                n => format!("{n} prices are"),
            }
        ));
    }
    said
}

#[cfg(test)]
#[path = "advise/tests.rs"]
mod tests;
