//! Jobs of sample pictures, run by the code of `plimsoll transform`, for the sake of their times.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use tempfile::TempDir;

use crate::cli::{own_program, stop};
use crate::data::sample;
use crate::data::source::DEFAULT_SEED;
use crate::data::{Source, Split};
use crate::error::{Error, Result};
use crate::measure::host;
use crate::record::{Host, JobTiming, RunRecord};
use crate::sizing::LARGEST_BATCH;
use crate::transform::handler::Handler;
use crate::transform::record::{JobRecord, new_job_name};
use crate::transform::request::{Draft, Local, SHIPPED_MODEL};
use crate::transform::{self, Summary, Wishes};
use crate::{backend, report, sweep};

/// How jobs are run.
pub(super) struct Bench<'a> {
    backend: String,
    instances: usize,
    batch: usize,
    machine_type: Option<String>,
    host: Host,
    program: PathBuf,
    handler: &'a dyn Handler,
    stop: &'static AtomicBool,
}

impl<'a> Bench<'a> {
    /// One that loads this machine as the best cell of a run did; without a valid one, with one
    /// worker process of the fastest backend.
    ///
    /// # Errors
    /// A run of another machine: its best cell says nothing of this one.
    pub(super) fn new(
        run: Option<&RunRecord>,
        machine_type: Option<&str>,
        handler: &'a dyn Handler,
    ) -> Result<Self> {
        let facts = host::facts();
        let labelled = run.and_then(|run| run.host.machine_type.clone());
        let machine_type = machine_type.map(Into::into).or(labelled);
        let libtorch = backend::libtorch_version();
        let here = sweep::host(facts, machine_type.clone(), libtorch, host::load_average());
        if let Some(run) = run {
            let of = |host: &Host| (host.cpu_model.clone(), host.cores);
            if of(&run.host) != of(&here) {
                return Err(Error::invalid(
                    "the results",
                    format!(
                        "they are of another machine ({} with {} cores), and jobs are timed on \
                         this one ({} with {} cores); run plimsoll sweep here first",
                        run.host.cpu_model, run.host.cores, here.cpu_model, here.cores
                    ),
                ));
            }
        }
        let best = run.and_then(|run| report::best(&run.cells)).map(|best| best.cell.cell.clone());
        let on_cpu = best.filter(|cell| cell.device == "cpu");
        let (backend, instances, batch) = match on_cpu {
            Some(cell) => (cell.backend, cell.instances, cell.batch),
            None => (backend::FASTEST_ON_CPU.into(), 1, LARGEST_BATCH),
        };
        Ok(Self {
            backend,
            instances,
            batch: batch.min(LARGEST_BATCH),
            machine_type,
            host: here,
            program: own_program()?,
            handler,
            stop: stop::on_signal()?,
        })
    }

    /// In words: "native, 2 instances, batch 128".
    pub(super) fn words(&self) -> String {
        let instances = crate::units::counted(self.instances, "instance");
        format!("{}, {instances}, batch {}", self.backend, self.batch)
    }

    /// Whether a job was run here and in this way.
    pub(super) fn is_alike(&self, job: &JobTiming) -> bool {
        let way = (job.backend.as_str(), job.instances, job.batch, job.machines);
        let machine = (job.host.cpu_model.as_str(), job.host.cores);
        way == (self.backend.as_str(), self.instances, self.batch, 1)
            && machine == (self.host.cpu_model.as_str(), self.host.cores)
    }

    /// Runs a job over a folder of pictures, whose outputs go below `scratch` and stay there.
    ///
    /// # Errors
    /// Those of the job, and objects that it could not do.
    pub(super) fn run(
        &self,
        input: &Path,
        scratch: &Path,
        done: &mut dyn FnMut(usize),
    ) -> Result<JobTiming> {
        let name = new_job_name();
        let record =
            JobRecord::new(self.request(input, &scratch.join(&name), &name)?, self.local(), vec![]);
        let summary = transform::run(
            record,
            Wishes::default(),
            self.handler,
            &self.program,
            self.stop,
            &mut |progress| {
                if let transform::Progress::Finished(objects) = progress {
                    done(objects);
                }
            },
        )?;
        self.timing(&summary)
    }

    fn request(
        &self,
        input: &Path,
        output: &Path,
        name: &str,
    ) -> Result<transform::request::CreateTransformJob> {
        let source = "TransformInput.DataSource.S3DataSource";
        let mut draft = Draft::default();
        draft.set("TransformJobName", name);
        draft.set("ModelName", SHIPPED_MODEL);
        draft.set(&format!("{source}.S3DataType"), "S3Prefix");
        draft.set(&format!("{source}.S3Uri"), text(input)?);
        draft.set("TransformOutput.S3OutputPath", text(output)?);
        draft.set("TransformResources.InstanceType", "ml.c5.xlarge");
        draft.set("TransformResources.InstanceCount", self.instances);
        draft.finish()
    }

    fn local(&self) -> Local {
        Local { backend: self.backend.clone(), max_batch: self.batch, ..Local::default() }
    }

    fn timing(&self, summary: &Summary) -> Result<JobTiming> {
        if summary.interrupted {
            return Err(Error::Interrupted("before the job's end; its time was not kept".into()));
        }
        if let Some(reason) = summary.failure_reason.as_ref().or(summary.unrecorded.as_ref()) {
            return Err(Error::Instance { index: 0, reason: reason.clone() });
        }
        Ok(JobTiming {
            machine_type: self.machine_type.clone(),
            host: self.host.clone(),
            machines: 1,
            instances: self.instances,
            // A job runs a session of one thread on each core.
            threads: 1,
            backend: self.backend.clone(),
            device: "cpu".into(),
            batch: self.batch,
            images: summary.succeeded as u64,
            provision_s: None,
            startup_s: summary.startup_s,
            run_s: summary.run_s,
            billed_s: None,
        })
    }
}

/// A folder for pictures and outputs, which goes when it is dropped.
pub(super) fn scratch() -> Result<TempDir> {
    tempfile::tempdir()
        .map_err(|source| Error::io("create a folder in", std::env::temp_dir(), source))
}

/// Writes so many sample digits into a new folder: the same on every machine, and no end of them.
pub(super) fn pictures(scratch: &Path, count: u64, done: &(dyn Fn() + Sync)) -> Result<PathBuf> {
    // Labels go beside the pictures, so that each set has a folder of its own.
    let out = scratch.join(format!("{count}")).join("in");
    let request = sample::Request {
        source: Source::synthetic(DEFAULT_SEED),
        split: Split::Test,
        count,
        out: out.clone(),
        force: false,
    };
    sample::write(&request, done)?;
    Ok(out)
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| {
        let reason = "not UTF-8; set TMPDIR to another folder";
        Error::invalid(format!("temporary folder {}", path.display()), reason)
    })
}
