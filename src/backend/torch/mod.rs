//! libtorch through tch, on the CPU: the backends `torch` and `torch-eager`, and the learner that
//! training runs on.
//!
//! Compiled with the feature `torch`; without it, the same functions refuse readably.

#[cfg(not(feature = "torch"))]
#[path = "disabled.rs"]
mod switch;
#[cfg(feature = "torch")]
#[path = "enabled.rs"]
mod switch;

#[cfg(feature = "torch")]
mod autograd;
#[cfg(feature = "torch")]
mod eager;
#[cfg(feature = "torch")]
mod onednn;
#[cfg(feature = "torch")]
mod session;
#[cfg(feature = "torch")]
mod tensors;
#[cfg(feature = "torch")]
mod threads;

pub(super) use self::switch::{LIBTORCH, backend, learner};
