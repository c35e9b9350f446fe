//! What is known of each machine type: its runs and its jobs, by its name.

use crate::record::{CellRecord, Host, JobTiming, RunRecord, Scenario, Verdict};

use super::THIS_MACHINE;
use super::fit::Job;

/// What was measured on one machine type.
#[derive(Debug)]
pub(super) struct Known<'a> {
    /// Its name in the catalogue, or [`THIS_MACHINE`].
    pub(super) name: String,
    /// The machine, as the first of its results has it.
    pub(super) host: &'a Host,
    /// Its runs, as they were given.
    pub(super) runs: Vec<&'a RunRecord>,
    /// Its jobs, as they were given.
    pub(super) jobs: Vec<&'a JobTiming>,
}

/// What tells two machines without a name apart.
fn kind(host: &Host) -> (&str, usize) {
    (&host.cpu_model, host.cores)
}

/// Sorts results by machine type, in the order of their first. Those without a name stand for
/// `unnamed`, or for [`THIS_MACHINE`]; where they are of several kinds of machine, all but the first
/// are called by their processors.
pub(super) fn gather<'a>(
    runs: &'a [RunRecord],
    jobs: &'a [JobTiming],
    unnamed: Option<&str>,
) -> Vec<Known<'a>> {
    let mut all: Vec<Known<'a>> = Vec::new();
    let mut first: Option<(&str, usize)> = None;
    let mut name = |named: Option<&String>, host: &'a Host| {
        if let Some(name) = named {
            return name.clone();
        }
        // A job that was timed by hand says nothing of its machine.
        let here = kind(host);
        let bare = here.0.is_empty() || here == *first.get_or_insert(here);
        match (unnamed, bare) {
            (Some(name), _) => name.to_owned(),
            (None, true) => THIS_MACHINE.to_owned(),
            (None, false) => format!("{} with {} cores", here.0, here.1),
        }
    };
    let at = |all: &mut Vec<Known<'a>>, name: String, host: &'a Host| {
        all.iter().position(|known| known.name == name).unwrap_or_else(|| {
            all.push(Known { name, host, runs: Vec::new(), jobs: Vec::new() });
            all.len() - 1
        })
    };
    for run in runs {
        let place = at(&mut all, name(run.host.machine_type.as_ref(), &run.host), &run.host);
        all[place].runs.push(run);
    }
    for job in jobs {
        let named = job.machine_type.as_ref().or(job.host.machine_type.as_ref());
        let place = at(&mut all, name(named, &job.host), &job.host);
        all[place].jobs.push(job);
    }
    all
}

impl<'a> Known<'a> {
    /// Cells whose throughput is that of a batch job: offline, of a backend with a model.
    fn offline(&self) -> impl Iterator<Item = &'a CellRecord> {
        let cells = self.runs.iter().flat_map(|run| &run.cells);
        cells.filter(|record| record.cell.scenario == Scenario::Offline && record.cell.has_model())
    }

    /// Of the valid ones the fastest of each batch size and device, the fastest of all first.
    pub(super) fn best_cells(&self) -> Vec<&'a CellRecord> {
        let mut best: Vec<&CellRecord> = Vec::new();
        for record in self.offline().filter(|record| record.verdict == Verdict::Valid) {
            let key = |record: &CellRecord| (record.cell.batch, record.cell.device.clone());
            match best.iter_mut().find(|known| key(known) == key(record)) {
                Some(known) if known.throughput_images_per_s >= record.throughput_images_per_s => {}
                Some(known) => *known = record,
                None => best.push(record),
            }
        }
        best.sort_by(|a, b| b.throughput_images_per_s.total_cmp(&a.throughput_images_per_s));
        best
    }

    /// How many offline cells there are, and how many of them are not valid.
    pub(super) fn left_out(&self) -> (usize, usize) {
        let invalid = self.offline().filter(|record| record.verdict != Verdict::Valid).count();
        (self.offline().count(), invalid)
    }

    /// Seconds of one core that an object of a job takes besides its inference: the median of the
    /// runs that measured it.
    pub(super) fn files_s(&self) -> Option<f64> {
        let stages = self.runs.iter().filter_map(|run| run.job_stages.as_ref());
        let seconds: Vec<f64> = stages
            .map(|job| [&job.read, &job.decode, &job.encode, &job.write])
            .map(|stages| stages.iter().map(|stage| stage.ns_per_image).sum::<f64>() / 1e9)
            .collect();
        crate::measure::median(&seconds)
    }

    /// Processors that a job on it may use.
    pub(super) fn cores(&self) -> f64 {
        let cores = self.host.cores.max(1) as f64;
        self.host.cgroup_cpus.map_or(cores, |granted| granted.clamp(1e-3, cores))
    }

    /// Physical cores, by the host's own word; all of its processors where it has none.
    pub(super) fn physical_cores(&self) -> f64 {
        let all = self.cores();
        self.host.physical_cores.map_or(all, |cores| (cores.max(1) as f64).min(all))
    }

    /// Its jobs by the way in which it was loaded, the one of the most jobs first.
    pub(super) fn jobs_by_way(&self) -> Vec<Vec<&'a JobTiming>> {
        let mut ways: Vec<Vec<&JobTiming>> = Vec::new();
        for &job in &self.jobs {
            let way = |job: &JobTiming| {
                (job.backend.clone(), job.device.clone(), job.instances, job.threads, job.batch)
            };
            match ways.iter_mut().find(|jobs| way(jobs[0]) == way(job)) {
                Some(jobs) => jobs.push(job),
                None => ways.push(vec![job]),
            }
        }
        ways.sort_by_key(|jobs| std::cmp::Reverse(jobs.len()));
        ways
    }
}

/// A job as one of its machines saw it: an equal share of the images, rounded up.
pub(super) fn of_one_machine(job: &JobTiming) -> Job {
    let images = job.images.div_ceil(job.machines.max(1) as u64);
    Job { images: images as f64, seconds: job.run_s }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sizing::fixture;

    #[test]
    fn results_are_sorted_by_machine_and_those_without_a_name_are_this_machines() {
        let mut labelled = fixture::run();
        labelled.host.machine_type = Some("ml.g5.xlarge".into());
        let runs = [fixture::run(), labelled, fixture::run()];
        let mut elsewhere = fixture::timing(100, 1.0);
        elsewhere.machine_type = Some("ml.g5.xlarge".into());
        let jobs = [fixture::timing(100, 1.0), elsewhere];
        let of = |unnamed| -> Vec<(String, usize, usize)> {
            let sizes =
                |known: &Known<'_>| (known.name.clone(), known.runs.len(), known.jobs.len());
            gather(&runs, &jobs, unnamed).iter().map(sizes).collect()
        };
        assert_eq!(of(None), [(THIS_MACHINE.into(), 2, 1), ("ml.g5.xlarge".into(), 1, 1)]);
        assert_eq!(of(Some("ml.g5.xlarge")), [("ml.g5.xlarge".into(), 3, 2)]);
    }

    #[test]
    fn two_kinds_of_machine_without_a_name_are_not_mixed() {
        let mut other = fixture::run();
        other.host.cpu_model = "Another".into();
        let runs = [fixture::run(), other];
        let names: Vec<String> =
            gather(&runs, &[], None).into_iter().map(|known| known.name).collect();
        assert_eq!(names, [THIS_MACHINE.to_owned(), "Another with 4 cores".into()]);
    }

    #[test]
    fn only_valid_offline_cells_with_a_model_count_and_the_fastest_of_each_batch() {
        let mut run = fixture::run();
        run.cells = vec![
            fixture::cell("native", 1, 64, 100.0),
            fixture::cell("native", 2, 64, 180.0),
            fixture::cell("torch", 2, 128, 170.0),
            fixture::cell("torch", 2, 256, 999.0),
            fixture::cell("null", 2, 64, 9_999.0),
            fixture::cell("native", 2, 8, 9_999.0),
        ];
        run.cells[3].verdict = Verdict::Invalid(vec!["unsteady".into()]);
        run.cells[5].cell.scenario = Scenario::Closed(8);
        let runs = [run];
        let known = gather(&runs, &[], None);
        let best: Vec<(usize, usize)> = known[0]
            .best_cells()
            .iter()
            .map(|record| (record.cell.batch, record.cell.instances))
            .collect();
        assert_eq!(best, [(64, 2), (128, 2)]);
        assert_eq!(known[0].left_out(), (4, 1));
    }

    #[test]
    fn a_machine_of_a_job_has_its_share_of_the_images() {
        let mut job = fixture::timing(101, 5.0);
        job.machines = 2;
        assert_eq!(of_one_machine(&job), Job { images: 51.0, seconds: 5.0 });
    }
}
