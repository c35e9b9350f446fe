//! `plimsoll size --measure-jobs`.

use std::collections::BTreeMap;

use super::jobs::{Bench, pictures, scratch};
use crate::cli::output::note;
use crate::cli::progress;
use crate::cli::results::{Folder, kept};
use crate::error::Result;
use crate::sizing::{self, SIZES};
use crate::units::counted;

/// Times small jobs and keeps what they took. The first is not kept: it finds nothing ready, not
/// even the program in memory.
///
/// # Errors
/// Those of the jobs. What was timed before is kept.
pub(super) fn measure(
    bench: &Bench<'_>,
    folder: &mut Folder,
    rounds: usize,
    seed: u64,
) -> Result<()> {
    let scratch = scratch()?;
    let mut inputs = BTreeMap::new();
    for size in SIZES {
        if let std::collections::btree_map::Entry::Vacant(place) = inputs.entry(size) {
            place.insert(pictures(scratch.path(), size, &|| ())?);
        }
    }
    let plan = sizing::plan(rounds, seed);
    note(format_args!(
        "timing {} of {} to {} sample pictures: {}",
        counted(plan.len(), "job"),
        SIZES[0],
        SIZES[SIZES.len() - 1],
        bench.words(),
    ));
    let bar = progress::bar(plan.len() as u64, "jobs");
    let outputs = scratch.path().join("out");
    bench.run(&inputs[&SIZES[SIZES.len() - 1]], &outputs, &mut |_| ())?;
    let timed = plan.iter().try_for_each(|size| {
        let timing = bench.run(&inputs[size], &outputs, &mut |_| ())?;
        bar.inc(1);
        folder.add_job(timing)
    });
    bar.finish_and_clear();
    timed?;
    kept(plan.len(), "time", &folder.jobs_path());
    Ok(())
}
