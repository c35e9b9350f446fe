//! The sweep: every cell of a grid, measured in shuffled rounds.
//!
//! [`grid()`] says which cells, each round has its own shuffled order of them, [`run`] drives a
//! [`Bench`] through the rounds, and a cell becomes a [`CellRecord`](crate::record::CellRecord) as
//! soon as its last round has ended. None of this reads a clock or starts a process: what measures
//! is behind [`Bench`].

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
