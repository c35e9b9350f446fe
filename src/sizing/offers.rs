//! What there is to choose among: every machine type that was measured, in the ways it was, and
//! every other of the catalogue, as far as one that was measured tells of it.

use super::compose;
use super::cost::{Offer, price};
use super::estimate::each;
use super::machines::Known;
use super::scale::Measured;
use super::startup::Startup;
use super::{ImagesFrom, THIS_MACHINE};
use crate::config::catalogue::{Catalogue, MachineType};
use crate::record::{Estimate, Price, Rejection};
use crate::units::counted;

/// Ways of loading one machine type that are told apart.
const WAYS: usize = 8;

/// Offers, and what none could be made of.
#[derive(Debug, Default)]
pub(super) struct Offers {
    /// A machine type that was measured has one for each way in which it was loaded, the fastest
    /// first; any other has one.
    pub(super) offers: Vec<Offer>,
    /// Machine types that nothing can be said of, and why.
    pub(super) rejected: Vec<Rejection>,
}

impl Offers {
    /// All that there are: for a job, or for a service, which server cells say something of too.
    pub(super) fn of(
        all: &[Known<'_>],
        catalogue: &Catalogue,
        from: ImagesFrom,
        service: bool,
        seed: u64,
    ) -> Self {
        let mut found = Self::default();
        let mut measured: Vec<Measured<'_>> = Vec::new();
        for known in all {
            let machine = catalogue.find(&known.name);
            let mut paces = compose::paces(known, from, seed);
            if service && paces.is_empty() {
                paces.extend(compose::of_servers(known));
            }
            if let Some(fastest) = paces.first() {
                measured.extend(Measured::of(known, fastest, machine, from, seed));
            } else {
                found.rejected.push(Rejection {
                    what: known.name.clone(),
                    reason: nothing_usable(known, from),
                });
            }
            paces.truncate(WAYS);
            let startup = Startup::of(Some(known), machine);
            found.offers.extend(paces.into_iter().map(|pace| Offer {
                machine_type: known.name.clone(),
                pace,
                startup,
                price: machine.map_or_else(Price::default, price),
                watts: machine.and_then(|machine| machine.watts),
            }));
        }
        for machine in &catalogue.machines {
            if !all.iter().any(|known| known.name == machine.name) {
                match scaled(&measured, machine) {
                    Ok(offer) => found.offers.push(offer),
                    Err(rejection) => found.rejected.push(rejection),
                }
            }
        }
        found
    }
}

/// An offer of a machine type that nobody measured, from the nearest of its kind that was.
fn scaled(measured: &[Measured<'_>], machine: &MachineType) -> Result<Offer, Rejection> {
    let gpu = machine.gpu.is_some();
    let nearest = measured
        .iter()
        .filter(|measured| measured.on_gpu() == gpu)
        .min_by(|a, b| a.distance(machine).total_cmp(&b.distance(machine)));
    let pace = nearest.and_then(|nearest| nearest.onto(machine)).ok_or_else(|| Rejection {
        what: machine.name.clone(),
        reason: nothing_alike(gpu, nearest.is_some(), &machine.name),
    })?;
    Ok(Offer {
        machine_type: machine.name.clone(),
        pace,
        startup: Startup::of(None, Some(machine)),
        price: price(machine),
        watts: machine.watts,
    })
}

/// Why a machine that was looked at says nothing.
fn nothing_usable(known: &Known<'_>, from: ImagesFrom) -> String {
    match known.left_out() {
        (0, _) => "no offline cell with a model and no job of it was measured".into(),
        (all, invalid) if all == invalid => format!(
            "none of its {} is VALID, so none may be relied on; measure again on a quieter \
             machine, or with more rounds: plimsoll sweep --rounds 7",
            counted(all, "offline cell")
        ),
        _ if from == ImagesFrom::Files && known.files_s().is_none() => "its results lack what an \
             object's files take (the run ended before, or is of an older Plimsoll): plimsoll size \
             --measure-jobs, or --from memory"
            .into(),
        _ => "its figures are no rates".into(),
    }
}

fn nothing_alike(gpu: bool, measured: bool, name: &str) -> String {
    let label = format!("plimsoll sweep --label {name}");
    match (gpu, measured) {
        (true, true) => format!(
            "the GPU that was measured is not in the catalogue, so that there is nothing to scale \
             from; add its machine with --catalog, or measure this one: {label} --device cuda:0"
        ),
        (true, false) => format!(
            "no GPU was measured, and a CPU says nothing of one; measure it there: {label} \
             --device cuda:0"
        ),
        (false, _) => {
            format!("no CPU of a known kind was measured to scale from; measure it there: {label}")
        }
    }
}

impl Offer {
    /// What is to be known where the machine has no price.
    pub(super) fn priceless(&self) -> Option<String> {
        let what = match self.machine_type.as_str() {
            THIS_MACHINE => "this machine has no price, so that its times are told and no costs; \
                 say which type it stands for with --machine-type NAME (plimsoll catalogue lists \
                 them), or name it in a catalogue of yours: --catalog FILE"
                .to_owned(),
            name => format!(
                "{name} is in no catalogue, so that its times are told and no costs; add it with \
                 --catalog FILE, or say what it stands for with --machine-type NAME"
            ),
        };
        (!self.price.is_known()).then_some(what)
    }

    /// How many times as fast this is as another, by the ends of both.
    pub(super) fn times(&self, other: &Self) -> Estimate {
        let (mine, its) = (self.pace.run(1).rate, other.pace.rate());
        each(mine, |rate| rate / its)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Verdict;
    use crate::sizing::fixture;
    use crate::sizing::machines::gather;

    fn names(offers: &Offers) -> Vec<(&str, bool)> {
        let mut names: Vec<(&str, bool)> = offers
            .offers
            .iter()
            .map(|offer| (offer.machine_type.as_str(), offer.pace.is_measured()))
            .collect();
        names.dedup();
        names
    }

    #[test]
    fn what_was_measured_comes_first_and_a_gpu_is_not_guessed_from_a_cpu() {
        let (runs, jobs) = ([fixture::run()], fixture::timings());
        let all = gather(&runs, &jobs, Some("ml.medium"));
        let found = Offers::of(&all, &fixture::catalogue(), ImagesFrom::Files, false, 1);
        assert_eq!(names(&found), [("ml.medium", true), ("ml.small", false), ("ml.large", false)]);
        let [gpu] = found.rejected.try_into().unwrap();
        assert_eq!(gpu.what, "ml.gpu");
        assert_eq!(
            gpu.reason,
            "no GPU was measured, and a CPU says nothing of one; measure it there: plimsoll sweep \
             --label ml.gpu --device cuda:0"
        );
        // Priced by the catalogue, ready as fast as its jobs were, started as the catalogue says.
        let medium = &found.offers[0];
        assert_eq!((medium.price.usd_per_hour, medium.startup.load_s.value), (0.4, 0.1));
        assert_eq!(medium.startup.start_s.value, 60.0);
        assert_eq!(medium.priceless(), None);
    }

    #[test]
    fn a_machine_without_a_name_has_no_price_and_starts_at_once() {
        let (runs, jobs) = ([fixture::run()], fixture::timings());
        let all = gather(&runs, &jobs, None);
        let found = Offers::of(&all, &Catalogue::default(), ImagesFrom::Files, false, 1);
        let [here] = found.offers.try_into().unwrap();
        assert_eq!((here.startup.provision_s.value, here.startup.start_s.value), (0.0, 0.0));
        assert!(here.priceless().unwrap().contains("--machine-type NAME"));
    }

    #[test]
    fn a_machine_without_a_valid_cell_is_rejected_and_nothing_is_scaled_from_it() {
        let mut run = fixture::run();
        for cell in &mut run.cells {
            cell.verdict = Verdict::Invalid(vec!["unsteady".into()]);
        }
        let runs = [run];
        let all = gather(&runs, &[], None);
        let found = Offers::of(&all, &fixture::catalogue(), ImagesFrom::Files, false, 1);
        assert!(found.offers.is_empty());
        assert_eq!(found.rejected.len(), 5);
        assert!(found.rejected[0].reason.starts_with("none of its 9 offline cells is VALID"));
        assert!(found.rejected[1].reason.starts_with("no CPU of a known kind was measured"));
    }

    #[test]
    fn results_without_the_time_of_files_say_how_to_get_it() {
        let mut run = fixture::run();
        run.job_stages = None;
        let runs = [run];
        let all = gather(&runs, &[], None);
        let of = |from| Offers::of(&all, &Catalogue::default(), from, false, 1);
        assert!(of(ImagesFrom::Files).rejected[0].reason.contains("plimsoll size --measure-jobs"));
        assert!(of(ImagesFrom::Memory).rejected.is_empty());
    }
}
