//! A job or a service played through event by event, driven by measured times.

mod arrivals;
mod chance;
mod crew;
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
mod waking;

pub use self::fleet::{Fleet, StartUp};
pub use self::job::{Finished, Job};
pub use self::router::Route;
pub use self::served::Served;
pub use self::server::Server;
pub use self::service::Service;
pub use self::times::BatchTimes;
pub use self::waking::Waking;

#[cfg(test)]
mod tests;
