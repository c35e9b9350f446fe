//! A job or a service played through event by event, driven by measured times.

mod server;
mod times;

pub use self::server::{Served, Server};
pub use self::times::BatchTimes;
