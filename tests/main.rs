//! One binary for all integration tests, because each would link libtorch again.

#[cfg(test)]
mod data;
#[cfg(test)]
mod model_python;
#[cfg(test)]
mod setup;
#[cfg(test)]
mod train;
