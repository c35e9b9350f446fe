//! libtorch through tch, on the CPU.
//!
//! Compiled with the feature `torch`; without it, the same functions refuse readably.

#[cfg(not(feature = "torch"))]
#[path = "disabled.rs"]
mod switch;
#[cfg(feature = "torch")]
#[path = "enabled.rs"]
mod switch;

pub(super) use self::switch::{COMPILED, backend};
