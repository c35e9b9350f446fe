//! Plimsoll measures how heavily a machine may be loaded with batch inference.
//!
//! It runs SageMaker-style batch-transform jobs over the MNIST CNN, measures throughput and
//! latency over instance count x batch size, and writes reports.
//!
//! What flows:
//! ```text
//! object bytes -> records -> images (u8 28x28) -> batch -> slot -> device -> predictions -> output object
//!    store         data         data            batching staging  backend      transform       store
//! ```
//!
//! Layers; an arrow may only point down, and `tests/layers.rs` holds that:
//! ```text
//! 6  cli
//! 5  transform  train  sweep  sizing  report
//! 4  pipeline
//! 3  backend
//! 2  batching  staging  load
//! 1  store  data  model  measure  config  record
//! 0  error  units  clock
//! ```

pub mod backend;
pub mod batching;
pub mod cli;
pub mod clock;
pub mod config;
pub mod data;
pub mod error;
pub mod load;
pub mod measure;
pub mod model;
pub mod pipeline;
pub mod record;
pub mod report;
pub mod sizing;
pub mod staging;
pub mod store;
pub mod sweep;
pub mod train;
pub mod transform;
pub mod units;
