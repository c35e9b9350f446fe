//! Which cells are measured next, decided pass after pass from what is known so far.
//!
//! A [`Schedule`] is pure: rates and times are handed in, and the same ones give the same passes,
//! which is how a resumed run goes on where the interrupted one was. There are three:
//! [`Whole`] measures every cell, [`Budget`] what fits into a given time, and the
//! [search](super::search) as few as the best can be told from.

mod budget;
mod contract;
#[cfg(test)]
pub(super) mod play;
mod telling;
mod whole;

pub(super) use self::budget::Budget;
pub(super) use self::contract::{Findings, Schedule, Seen, SoFar};
pub(super) use self::whole::Whole;
