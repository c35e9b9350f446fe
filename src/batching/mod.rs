//! When a batch closes: a pure policy, and the bounded queue around it.

mod policy;
mod queue;

pub use self::policy::{Decision, LARGEST_BATCH, Policy};
pub use self::queue::{Arrived, Closed, Queue};
