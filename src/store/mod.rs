//! Where objects are read from and outputs are written to.
//!
//! An object's key is its path below the folder, with `/` between its parts. In this release a
//! store is a folder; outputs appear whole or not at all.

mod input;
mod listing;
mod output;

pub use self::input::Input;
pub use self::listing::Listing;
pub use self::output::Output;
