//! The sweep: every cell of a grid, measured in shuffled rounds.
//!
//! [`grid()`] says which cells, each round has its own shuffled order of them, [`run`] drives a
//! [`Bench`] through the rounds, and a cell becomes a [`CellRecord`](crate::record::CellRecord) as
//! soon as its last round has ended. None of this reads a clock or starts a process: what measures
//! is behind [`Bench`]. [`sweep()`] puts it together with a bench of real instances, whose other
//! end is [`serve`].

mod check;
mod engine;
mod fleet;
mod grid;
mod host;
mod instance;
mod message;
mod rounds;
mod runner;
mod shapes;
mod signs;
mod source;
mod stages;
mod tally;
mod traffic;
mod whole;
mod window;

pub use self::check::{Agreement, Reference};
pub use self::grid::{Grid, Machine, Offer, estimate, grid};
pub use self::host::host;
pub use self::instance::serve;
pub use self::runner::{Bench, Measurement, Observer, Outcome, Plan, Step, run};
pub use self::stages::StageTimes;
pub use self::traffic::Traffic;
pub use self::whole::{Order, sweep};

/// What the instances of a sweep are started as: `plimsoll instance sweep`.
pub const INSTANCE_KIND: &str = "sweep";
