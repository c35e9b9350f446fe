//! Configuration: the TOML of a sweep, checked, and what overrides it; and the catalogue of machine
//! types.
//!
//! What wins, weakest first: the built-in defaults, the file, flags. `configs/default.toml` holds
//! every key with its comment and is the manual; a test keeps it equal to the built-in defaults.

pub mod catalogue;
mod check;
mod overrides;
mod refusal;
mod span;
mod sweep;

pub use self::check::MAX_INSTANCES;
pub use self::overrides::Overrides;
pub use self::sweep::Sweep;
