//! What was issued in windows, summed over instances and rounds.

use serde::{Deserialize, Serialize};

use super::stages::latency;
use crate::measure::Recorder;
use crate::record::Load;

/// What a load generator did in a window; all zero offline, where there is none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    /// Requests that the schedule had in the window; 0 in a closed loop, which has none.
    pub offered: u64,
    /// Requests that were issued in the window.
    pub issued: u64,
    /// How late the generator was with each of those that the schedule had in the window. The time
    /// for which a full queue held it back is not its own lateness.
    pub lateness: Recorder,
}

impl Traffic {
    /// Adds all that another has.
    pub fn merge(&mut self, other: &Self) {
        self.offered += other.offered;
        self.issued += other.issued;
        self.lateness.merge(&other.lateness);
    }

    /// As a record keeps it, over windows of so many seconds together.
    pub(super) fn load(&self, seconds: f64) -> Load {
        let rate = |requests: u64| if seconds > 0.0 { requests as f64 / seconds } else { 0.0 };
        Load {
            offered_per_s: (self.offered > 0).then(|| rate(self.offered)),
            issued_per_s: rate(self.issued),
            lateness_p99_ns: latency(&self.lateness).p99_ns,
        }
    }
}
