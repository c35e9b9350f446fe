//! What is asked for in the end, of a file, flags and an earlier job's record.

use std::path::Path;

use super::Args;
use super::request::{NAME, OUTPUT, RequestFlags};
use crate::error::{Error, Result};
use crate::store::Location;
use crate::transform::record::{JobRecord, Jobs, new_job_name};
use crate::transform::request::{CreateTransformJob, Draft, Local, SHIPPED_MODEL};

/// A request, and what this machine is told beside it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request: CreateTransformJob,
    pub(super) local: Local,
}

/// Puts together what is asked for.
///
/// # Errors
/// A file or an earlier record that cannot be read; a field that is wrong or missing.
pub(super) fn asked(args: Args) -> Result<Asked> {
    let flags = args.request;
    let file = flags.job.as_deref().map(read).transpose()?;
    let earlier = match args.machine.resume {
        true => Some(earlier(&flags, file.as_ref())?),
        false => None,
    };
    let before = earlier.as_ref().map_or_else(Local::default, |job| job.local.clone());
    let from_file = file.is_some();
    let mut draft = match (file, &earlier) {
        (Some(file), _) => file,
        (None, Some(job)) => Draft::from(&job.request),
        (None, None) => Draft::default(),
    };
    flags.apply(&mut draft);
    match &earlier {
        Some(job) => draft.set(NAME, job.name()),
        None => draft.set_missing(NAME, new_job_name()),
    }
    if !from_file {
        // A file is SageMaker's, and what it lacks SageMaker would miss as well.
        draft.set_missing("ModelName", SHIPPED_MODEL);
        draft.set_missing("TransformInput.DataSource.S3DataSource.S3DataType", "S3Prefix");
        draft.set_missing("TransformResources.InstanceType", "ml.c5.xlarge");
        draft.set_missing("TransformResources.InstanceCount", 1);
    }
    let local = args.output.over(args.machine.over(before));
    Ok(Asked { request: draft.finish()?, local })
}

fn read(path: &Path) -> Result<Draft> {
    let bytes = std::fs::read(path).map_err(|source| Error::io("read", path, source))?;
    Draft::parse(&bytes).map_err(|error| error.within(path.display()))
}

/// The job that is to be gone on with.
fn earlier(flags: &RequestFlags, file: Option<&Draft>) -> Result<JobRecord> {
    let of_file = |path| file.and_then(|file| file.text(path));
    let output = flags.output().or_else(|| of_file(OUTPUT)).ok_or_else(|| {
        Error::invalid("--resume", "give the --output of the job that is to be gone on with")
    })?;
    let name = flags.name().or_else(|| of_file(NAME));
    Jobs::open(&Location::parse(output)?)?.to_resume(name)
}
