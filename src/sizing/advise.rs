//! The answer, put together.

use std::time::SystemTime;

use crate::config::catalogue::Catalogue;
use crate::error::{Error, Result};
use crate::record::{Advice, Check, JobTiming, Question, RunRecord};

/// What a machine that nothing names is called.
pub const THIS_MACHINE: &str = "this machine";

/// Where a job's images come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum From {
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
    pub from: From,
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

/// Which machine type, how many, which batch size.
///
/// # Errors
/// [`Error::Invalid`] for a question that asks for nothing.
pub fn advise(
    _question: &Question,
    _results: &[RunRecord],
    _timings: &[JobTiming],
    _catalogue: &Catalogue,
    _options: &Options,
) -> Result<Advice> {
    Err(Error::unavailable("sizing", "it is not built yet"))
}
