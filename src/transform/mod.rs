//! The batch-transform job: objects in, one output object for each.
//!
//! [`run()`] is the parent: it lists the objects, shares their keys out among instances, watches
//! them, and hands a dead instance's unfinished keys to the others. [`serve()`] is the instance: it
//! reads objects, cuts them into requests, runs the model over their images, and writes outputs.

mod checksum;
mod compare;
mod conserve;
mod engine;
mod findings;
pub mod handler;
mod job;
mod ledger;
mod manifest;
mod message;
mod outcomes;
mod parent;
pub mod partition;
mod plan;
mod preflight;
pub mod processing;
pub mod record;
pub mod request;
mod resume;
mod run;
mod source;
pub mod split;
pub mod terms;
mod watch;

pub use self::engine::serve;
pub use self::job::{
    Comparison, Failure, Finding, InstanceReport, Pace, Progress, Severity, Summary, Wishes,
};
pub use self::manifest::Manifest;
pub use self::plan::Plan;
pub use self::run::run;

/// What the instances of a transform are started as: `plimsoll instance transform`.
pub const INSTANCE_KIND: &str = "transform";
