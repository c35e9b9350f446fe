//! Which machine type, how many of them, and which batch size: from measured results and a
//! catalogue of machine types to an answer with its error bar.
//!
//! [`advise()`] is pure: results, timings and prices go in, an answer comes out, in well under a
//! second. Nothing here runs a job or reads a clock; `plimsoll size` does.
//!
//! ```text
//! runs, timings -> machines -> paces (fit, compose, scale) -> plans (startup, cost, counts)
//!               -> choices (choose) -> sentences (words)
//! ```

mod advise;
pub mod simulate;

pub use self::advise::{From, Options, THIS_MACHINE, advise};
