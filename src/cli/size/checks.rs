//! `plimsoll size --verify`.

use std::time::SystemTime;

use super::jobs::{Bench, pictures, scratch};
use crate::cli::output::{note, say};
use crate::cli::progress;
use crate::cli::results::{Folder, kept};
use crate::error::{Error, Result};
use crate::record::{Check, JobTiming};
use crate::sizing::{self, words};
use crate::units;

/// Images of the job that is predicted where nothing else is said.
const IMAGES: u64 = 100_000;

/// Predicts a job that was not timed, runs it, and says how far off the prediction was; then the
/// same of every cell of the run, each from its neighbours. Both are kept in the history.
///
/// # Errors
/// [`Error::Invalid`] without times of small jobs in the same way; those of the job.
pub(super) fn verify(
    bench: &Bench<'_>,
    folder: &mut Folder,
    images: Option<u64>,
    seed: u64,
) -> Result<()> {
    let images = images.unwrap_or(IMAGES);
    // The job itself, and others as large, are no part of what predicts it.
    let fitted: Vec<JobTiming> = folder
        .jobs
        .iter()
        .filter(|job| bench.is_alike(job) && job.images < images)
        .cloned()
        .collect();
    let predicted = sizing::expected(&fitted, images, seed)?;
    let largest = fitted.iter().map(|job| job.images).max().unwrap_or(0);
    say(format_args!(
        "predicted from {} of up to {} images ({}): {}",
        units::counted(fitted.len(), "job"),
        units::count(largest),
        bench.words(),
        words::span(predicted),
    ))?;
    let timing = job(bench, images)?;
    let measured = timing.startup_s + timing.run_s;
    let off = (predicted.value / measured - 1.0) * 100.0;
    let holds = predicted.low <= measured && measured <= predicted.high;
    say(format_args!(
        "measured: {} ({} to start, {} at work); the prediction is {off:+.1}% off, and the interval {}",
        words::time(measured),
        words::time(timing.startup_s),
        words::time(timing.run_s),
        if holds { "holds it" } else { "does not hold it" },
    ))?;
    let at = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    folder.add_check(Check {
        at: at.clone(),
        what: format!(
            "a job of {} images, from jobs of up to {} ({})",
            units::count(images),
            units::count(largest),
            bench.words()
        ),
        predicted,
        measured,
        unit: "s".into(),
    })?;
    let mut checks = 1;
    let cells = folder.run.as_ref().map_or(&[][..], |run| &run.cells);
    let held_out = sizing::held_out(cells);
    match sizing::check_of(&held_out, at) {
        Some(check) => {
            say(format_args!("cells: {}", check.what))?;
            folder.add_check(check)?;
            checks += 1;
        }
        None => note("no cell has two VALID neighbours in batch size, so none was left out"),
    }
    kept(checks, "check", &folder.checks_path());
    Ok(())
}

/// Runs the job over pictures that are made for it.
fn job(bench: &Bench<'_>, images: u64) -> Result<JobTiming> {
    let scratch = scratch()?;
    let bar = progress::bar(images, "pictures written");
    let input = pictures(scratch.path(), images, &|| bar.inc(1))?;
    bar.finish_and_clear();
    let bar = progress::bar(images, "images");
    let timing = bench.run(&input, &scratch.path().join("out"), &mut |done| {
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    let timing = timing?;
    if timing.images != images {
        return Err(Error::Bug(format!("{} of {images} images were done", timing.images)));
    }
    Ok(timing)
}
