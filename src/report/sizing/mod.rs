//! A sizing answer in the words, rows and requests that `report.html` and `report.md` share.

mod job;
mod rows;
mod ways;
mod words;

pub(super) use self::job::{JOB_PLACEHOLDERS, Job, job};
pub(super) use self::rows::{Heading, Rows, headings, how, machines, phases, rows, sentence};
pub(super) use self::ways::ways;
pub(super) use self::words::{asked, quantile, span};
