//! Threads, queues and instances: the layers below, wired into a running engine.
//!
//! - [`drive()`] runs one session: batches from a queue, into slots, through the model, to a sink.
//! - [`Fleet`] starts instances (worker processes) and talks with them; [`Link`] is its other end.
//! - [`place()`] shares the machine's cores out among instances.

mod drive;
mod fleet;
mod link;
mod place;

pub use self::drive::{BatchTimes, Done, Item, drive};
pub use self::fleet::{Event, Fleet};
pub use self::link::{Heard, Link, sayable};
pub use self::place::{Placement, place};
