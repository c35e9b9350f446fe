//! When requests are to be issued: pure schedules and bookkeeping, without threads or clocks.
//!
//! - [`Constant`] and [`Poisson`] are endless schedules, iterators over times since their start.
//! - [`Pacer`] says of a schedule what is due, and how to wait for what is not.
//! - [`share()`] shares the requests of a closed loop out among instances.

mod arrivals;
mod pacer;
mod share;

pub use self::arrivals::{Constant, Poisson, seed};
pub use self::pacer::{Pacer, Rest};
pub use self::share::share;
