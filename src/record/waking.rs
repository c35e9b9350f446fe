//! How late the machine wakes its threads.

use serde::{Deserialize, Serialize};

use super::Latency;

/// How late the machine wakes its threads: what waiting costs a server beside its batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Waking {
    /// How much later than asked for a sleep ends.
    pub sleep: Latency,
    /// From one thread's notice until another one that waits for it runs.
    pub notice: Latency,
}
