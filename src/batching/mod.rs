//! When a batch closes: a pure policy, and the bounded queue around it.

mod policy;
mod queue;

pub use self::policy::{Decision, Policy};
pub use self::queue::{Arrived, Closed, Queue};
