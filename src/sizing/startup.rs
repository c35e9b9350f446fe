//! What a job takes before its first image.

use super::estimate::{certain, of_few, of_span};
use super::machines::Known;
use crate::config::catalogue::MachineType;
use crate::record::{Estimate, JobTiming};

/// Seconds for processes and model where no job tells them: worker processes of a model of some
/// megabytes stand ready within these.
const LOAD: Estimate = Estimate { value: 1.0, low: 0.1, high: 5.0 };

/// Seconds of the phases before the first image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Startup {
    /// From the request until the machines are there; not billed.
    pub(super) provision_s: Estimate,
    /// From then until the container runs.
    pub(super) start_s: Estimate,
    /// Processes and model.
    pub(super) load_s: Estimate,
}

impl Startup {
    /// What is known of a machine type: its jobs, where they tell, before the catalogue.
    ///
    /// Whoever timed a job that had to be provisioned, or that was billed, counted its container
    /// with the processes and the model. The others ran on a machine that was there already, so
    /// that theirs is the time of processes and model alone.
    pub(super) fn of(known: Option<&Known<'_>>, machine: Option<&MachineType>) -> Self {
        let jobs = known.map_or(&[][..], |known| &known.jobs);
        let rented = |job: &&&JobTiming| job.provision_s.is_some() || job.billed_s.is_some();
        let of = |jobs: Vec<f64>| of_few(jobs);
        let provision = of(jobs.iter().filter_map(|job| job.provision_s).collect());
        let whole = of(jobs.iter().filter(rented).map(|job| job.startup_s).collect());
        let local = of(jobs.iter().filter(|job| !rented(job)).map(|job| job.startup_s).collect());
        // A machine that no catalogue has is there already.
        let catalogued = |span: fn(&MachineType) -> &crate::config::catalogue::Span| {
            machine.map_or(certain(0.0), |machine| of_span(span(machine)))
        };
        let (start_s, load_s) = match (whole, local) {
            (Some(whole), _) => (whole, certain(0.0)),
            (None, local) => (catalogued(|machine| &machine.start_s), local.unwrap_or(LOAD)),
        };
        let provision_s = provision.unwrap_or_else(|| catalogued(|machine| &machine.provision_s));
        Self { provision_s, start_s, load_s }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sizing::fixture::{self, machine};
    use crate::sizing::machines::gather;

    #[test]
    fn a_job_of_a_rented_machine_tells_all_its_phases() {
        let rented = JobTiming {
            provision_s: Some(218.0),
            startup_s: 106.0,
            billed_s: Some(111.9),
            ..fixture::timing(100, 5.0)
        };
        let jobs = [rented, fixture::timing(100, 5.0)];
        let all = gather(&[], &jobs, None);
        let startup = Startup::of(Some(&all[0]), Some(&machine("m", 4, 1.0)));
        assert_eq!(startup.provision_s.value, 218.0);
        assert_eq!((startup.start_s.value, startup.load_s), (106.0, certain(0.0)));
    }

    #[test]
    fn a_local_job_tells_how_long_processes_take_and_the_catalogue_the_rest() {
        let jobs = fixture::timings();
        let all = gather(&[], &jobs, None);
        let machine = machine("m", 4, 1.0);
        let startup = Startup::of(Some(&all[0]), Some(&machine));
        assert_eq!(startup.load_s, certain(0.1));
        assert_eq!(startup.start_s, Estimate { value: 60.0, low: 30.0, high: 120.0 });
        let here = Startup::of(Some(&all[0]), None);
        assert_eq!((here.provision_s, here.start_s), (certain(0.0), certain(0.0)));
        assert_eq!(Startup::of(None, Some(&machine)).load_s, LOAD);
    }
}
