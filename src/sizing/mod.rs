//! Which machine type, how many of them, and which batch size: from measured results and a
//! catalogue of machine types to an answer with its error bar.
//!
//! [`advise()`] is pure: results, timings and prices go in, an answer comes out, in well under a
//! second. Nothing here runs a job or reads a clock; `plimsoll size` does.
//!
//! ```text
//! runs, timings -> what is known of each machine -> how fast it is in each way of loading it
//!   machines         fit, compose; scale for a type that nobody measured
//! -> offers, with what they cost -> choices, which meet the question -> an answer, in words
//!    startup, cost                  counts, choose, service, versus      advise, words
//! ```

mod advise;
mod choose;
mod compose;
mod cost;
mod counts;
mod estimate;
mod fit;
#[cfg(test)]
mod fixture;
mod held_out;
mod jobs;
mod machines;
mod offers;
mod pace;
mod scale;
mod service;
pub mod simulate;
mod startup;
mod versus;
pub mod words;

pub use self::advise::{ImagesFrom, Options, THIS_MACHINE, advise};
pub use self::held_out::{HeldOut, check_of, held_out};
pub use self::jobs::{LARGEST_BATCH, SIZES, expected, plan};
