//! The sweep: every cell of a grid, measured in shuffled rounds.
//!
//! [`grid`] says which cells, [`rounds`] in which order, [`runner`] drives a [`Bench`] through
//! them, and each cell's [`Tally`](tally) becomes a [`CellRecord`](crate::record::CellRecord) once
//! its last round has ended. None of these reads a clock or starts a process: what measures is
//! behind [`Bench`].

mod check;
mod grid;
mod host;
mod rounds;
mod runner;
mod tally;

pub use self::check::{Agreement, Reference};
pub use self::grid::{Grid, Machine, Offer, estimate, grid};
pub use self::host::host;
pub use self::runner::{Bench, Measurement, Observer, Outcome, Plan, Step, run};
