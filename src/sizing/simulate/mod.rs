//! A job or a service played through event by event, driven by measured times.
//!
//! - [`BatchTimes`] draws the time of a batch from the measured distributions of a machine's
//!   offline or closed-loop cells, and [`Waking`] how late the machine wakes its threads.
//! - [`Server`] is one machine that serves requests, [`Service`] several of them behind a balancer:
//!   requests are scheduled by [`load::Poisson`](crate::load::Poisson) and batched by
//!   [`batching::Policy`](crate::batching::Policy), the very code that a sweep runs.
//! - [`Job`] is a job over up to thousands of machines and billions of images.
//! - [`verify()`] simulates a run's server cells from its other cells and sets both side by side.
//!
//! What is not in it: the time of draws that follow one another is independent, so that a disturbance
//! which slowed many batches in a row is spread out; machines do not slow each other; networks,
//! reading and decoding take no time. The same seed gives the same figures for ever.

mod arrivals;
mod chance;
mod crew;
mod figures;
mod fleet;
mod job;
mod play;
mod router;
mod served;
mod server;
mod service;
mod shape;
mod spread;
mod times;
mod verify;
mod waking;

pub use self::figures::{JobFigures, SEEDS, ServiceFigures};
pub use self::fleet::{Fleet, StartUp, pace_spread};
pub use self::job::{Finished, Job};
pub use self::router::Route;
pub use self::served::Served;
pub use self::server::Server;
pub use self::service::Service;
pub use self::times::{BatchTimes, Trust};
pub use self::verify::{Answers, BELIEVED, Verification, Verified, verify};
pub use self::waking::Waking;

#[cfg(test)]
mod tests;
