//! One binary for all integration tests, because each would link libtorch again.

#[cfg(test)]
mod access;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod catalogue;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod compare;
#[cfg(test)]
mod data;
#[cfg(test)]
mod inputs;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod model_python;
#[cfg(test)]
mod own_handler;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod resumed;
#[cfg(test)] // clippy knows a test by this alone
#[cfg(feature = "cloud")]
mod s3;
#[cfg(test)]
#[cfg(feature = "cloud")]
mod s3_jobs;
#[cfg(test)]
mod setup;
#[cfg(test)]
mod simulate;
#[cfg(test)]
mod size;
#[cfg(test)]
mod sizing_page;
#[cfg(test)]
mod support;
#[cfg(test)]
mod sweep;
#[cfg(test)]
mod train;
#[cfg(test)]
mod transform;
#[cfg(test)]
mod whole_jobs;
