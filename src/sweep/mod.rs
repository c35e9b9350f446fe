//! The sweep: every cell of a grid, measured in shuffled rounds.
//!
//! [`grid()`] says which cells there are; a schedule which of them are measured next, pass after
//! pass, each in its own shuffled order; the runner drives a [`Bench`] through the passes, and a cell
//! becomes a [`CellRecord`](crate::record::CellRecord) as soon as its last round has ended. None of
//! this starts a process: what measures is behind [`Bench`]. A [`Journal`] keeps each measurement as
//! it ends. [`prepare`] and [`sweep()`] put it together with a bench of real instances, whose other
//! end is [`serve`].

mod ceilings;
mod check;
mod engine;
mod fleet;
mod grid;
mod host;
mod instance;
mod job_stages;
mod journal;
mod message;
mod mode;
mod name;
mod rounds;
mod runner;
mod schedule;
mod search;
mod shapes;
mod signs;
mod source;
mod stages;
mod tally;
mod traffic;
mod waking;
mod whole;
mod window;

pub use self::check::{Agreement, Reference};
pub use self::grid::{Grid, Machine, Offer, grid};
pub use self::host::host;
pub use self::instance::serve;
pub use self::journal::{Header, Journal};
pub use self::mode::expected;
pub use self::name::name;
pub use self::runner::{Bench, Measurement, Observer, Step};
pub use self::stages::StageTimes;
pub use self::traffic::Traffic;
pub use self::whole::{Order, Prepared, prepare, sweep};

/// What the instances of a sweep are started as: `plimsoll instance sweep`.
pub const INSTANCE_KIND: &str = "sweep";
