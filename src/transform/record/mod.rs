//! What is kept of a job: what was asked for, its status, its times and its counts.
//!
//! A job's record is the object `OUTPUT.plimsoll/NAME/job.json`, beside the outputs and not among
//! them, so that it is where they are, also in a bucket, and several machines see it. Beside it
//! lie the lists of failures and of outputs, and `stop`, an empty object: its being there is the
//! wish that the job should stop.

mod describe;
#[cfg(test)]
pub(crate) mod fixture;
mod job;
mod jobs;
mod name;
mod time;

pub use self::describe::{Description, Entry};
pub use self::job::{Counts, JobRecord, Status};
pub use self::jobs::{Filter, Jobs, Listed, SortBy, SortOrder};
pub use self::name::new_job_name;
pub use self::time::Time;
