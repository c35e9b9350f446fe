//! Buckets: S3 and what speaks its protocol, Google Cloud Storage, Azure Blob Storage.
//!
//! Compiled with the feature `cloud`; without it, the same functions refuse readably.

mod access;

#[cfg(not(feature = "cloud"))]
#[path = "disabled.rs"]
mod switch;
#[cfg(feature = "cloud")]
#[path = "enabled.rs"]
mod switch;

#[cfg(feature = "cloud")]
mod client;
#[cfg(feature = "cloud")]
mod explain;
#[cfg(feature = "cloud")]
mod runtime;
#[cfg(feature = "cloud")]
mod sift;
#[cfg(feature = "cloud")]
mod upload;
#[cfg(feature = "cloud")]
mod wire;

pub use self::access::Access;
pub(super) use self::switch::{Remote, Upload};
