//! An instance at work on its share of a job.

mod assembly;

mod key;
pub(super) use self::key::output_key;
