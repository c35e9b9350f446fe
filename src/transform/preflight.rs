//! What can be found out before any work is done.

use std::path::Path;

use super::job::Job;
use crate::config::MAX_INSTANCES;
use crate::error::{Error, Result};
use crate::pipeline::sayable;
use crate::store::{Input, Listing, Output};
use crate::{backend, batching, model};

/// Checks a job and lists its objects.
///
/// # Errors
/// The first thing that would make the job fail as a whole.
pub(super) fn check(job: &Job) -> Result<Listing> {
    if job.instances == 0 {
        return Err(Error::invalid("instance count", "0 instances do nothing; give at least 1"));
    }
    if job.instances > MAX_INSTANCES {
        return Err(Error::invalid(
            format!("instance count {}", job.instances),
            format!("more than {MAX_INSTANCES} processes on one machine cannot be meant"),
        ));
    }
    let model = job.model.as_deref();
    for path in [Some(job.input.as_path()), Some(&job.output), model].into_iter().flatten() {
        sayable(path)?;
    }
    batching::Policy::new(job.max_batch, job.max_delay(), job.preferred.clone())?;
    backend::by_name(&job.backend)?;
    if let Some(path) = &job.model {
        model::load(path)?;
    }
    Input::open(&job.input)?;
    apart(&job.input, &job.output)?;
    Output::create(&job.output)?.sweep_parts()?;
    let listing = Listing::of_folder(&job.input)?;
    if listing.is_empty() && listing.unnameable().is_empty() {
        return Err(Error::invalid(
            format!("input {}", job.input.display()),
            "no objects found in it; check the path",
        ));
    }
    Ok(listing)
}

/// An output below the input would be the next run's input. What is not there yet of the output
/// will be made in the last folder that is.
fn apart(input: &Path, output: &Path) -> Result<()> {
    let fail = |source| Error::io("open", output, source);
    let whole = std::path::absolute(output).map_err(fail)?;
    let there = whole.ancestors().find_map(|path| path.canonicalize().ok());
    let input = input.canonicalize().map_err(|source| Error::io("open", input, source))?;
    if there.is_some_and(|folder| folder.starts_with(input)) {
        return Err(Error::invalid(
            format!("output {}", output.display()),
            "it lies in the input folder, so its outputs would be objects of the next run; \
             choose a folder outside",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn job(input: &Path, output: &Path) -> Job {
        Job {
            input: input.into(),
            output: output.into(),
            model: None,
            backend: "null".into(),
            instances: 1,
            max_batch: 8,
            max_delay_ns: 0,
            preferred: vec![],
            max_object_bytes: 1 << 20,
        }
    }

    fn refusal(job: &Job) -> String {
        check(job).unwrap_err().to_string()
    }

    #[test]
    fn an_empty_input_is_refused() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("in")).unwrap();
        let text = refusal(&job(&root.path().join("in"), &root.path().join("out")));
        assert!(text.contains("no objects found"), "{text}");
    }

    #[test]
    fn an_output_within_the_input_is_refused() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a.png"), "x").unwrap();
        for output in [root.path().to_owned(), root.path().join("out")] {
            let text = refusal(&job(root.path(), &output));
            assert!(text.contains("outside"), "{text}");
        }
    }

    #[test]
    fn numbers_that_make_no_sense_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let good = job(root.path(), &root.path().join("out"));
        assert!(refusal(&Job { instances: 0, ..good.clone() }).contains("instance count"));
        assert!(refusal(&Job { max_batch: 0, ..good.clone() }).contains("max batch"));
        assert!(refusal(&Job { backend: "tpu".into(), ..good }).contains("tpu"));
    }

    #[test]
    fn a_sound_job_gives_its_listing() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("in")).unwrap();
        fs::write(root.path().join("in/a.png"), "x").unwrap();
        let listing = check(&job(&root.path().join("in"), &root.path().join("out"))).unwrap();
        assert_eq!(listing.len(), 1);
    }
}
