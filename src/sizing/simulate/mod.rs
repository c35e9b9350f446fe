//! A job or a service played through event by event, driven by measured times.

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
