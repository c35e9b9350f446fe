//! The catalogue: which machine types there are, what they have, what they cost, how long they take
//! to start.
//!
//! `configs/instances.toml` comes with the program and explains every key. A user's own file adds
//! machines to it, or changes some keys of those that are there; see [`Catalogue::of`].

mod entry;
mod keys;
mod list;
mod machine;

pub use self::list::Catalogue;
pub use self::machine::{Gpu, MachineType, Pricing, Span};

#[cfg(test)]
mod tests;
