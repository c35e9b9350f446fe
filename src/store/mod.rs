//! Where objects are read from and outputs are written to.
//!
//! An object's key is its path below the folder, with `/` between its parts. In this release a
//! store is a folder; outputs appear whole or not at all.

mod folder;
mod handle;
mod input;
mod key;
mod listing;
mod location;
mod null;
mod output;
mod remote;
mod writer;

pub use self::handle::{Body, Store};
pub use self::input::Input;
pub use self::listing::Listing;
pub use self::location::Location;
pub use self::output::Output;
pub use self::remote::Access;
pub use self::writer::Writer;

use crate::error::Error;

/// The error for an object that is larger than may be read.
fn too_large(key: &str, limit: u64) -> Error {
    Error::malformed(key, format!("larger than the limit of {limit} bytes"))
}
