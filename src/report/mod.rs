//! Results for people and programs: CSV, JSON, a table, and a self-contained page.
//!
//! Everything here reads a [`RunRecord`](crate::record::RunRecord) and knows nothing of who made
//! it. An [`Exporter`] is opened before the run, so that a folder that cannot be written is found
//! before any work, takes each cell as it ends, and writes the rest at the end. [`write_all`]
//! writes the same files from a finished record, and those of a sizing answer with it.
//!
//! | file | what | for |
//! | --- | --- | --- |
//! | `results.csv` | one row a cell | spreadsheets, data frames |
//! | `rounds.csv` | one row a cell and round | one's own statistics |
//! | `results.json` | the whole record | programs; [`json::read`] |
//! | `advice.json` | the answer to a sizing question, where one was asked | programs; [`open_with_advice`] |
//! | `report.html` | the page | people |
//! | `report.md` | the answer and the best cells | an issue |
//! | `latency.hlog` | latencies of each cell | HdrHistogram's readers |
//! | `bundle.tar.gz` | all but the page, and the configuration | sending, and [`open()`] |
//!
//! Files hold machine units, named in their headers; the table and the page show human ones.

pub mod advice;
mod best;
mod bundle;
pub mod compare;
pub mod csv;
mod exporter;
mod files;
#[cfg(test)]
mod fixture;
mod groups;
mod hlog;
pub mod html;
pub mod json;
mod markdown;
mod open;
mod scaling;
#[cfg(test)]
mod schema;
mod sizing;
pub mod table;
mod versus;
mod waterfall;
mod words;

pub use self::best::{Best, best};
pub use self::exporter::Exporter;
pub use self::files::write_all;
pub use self::open::{open, open_with_advice};
