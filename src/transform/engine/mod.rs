//! An instance at work on its share of a job.

mod assembly;
