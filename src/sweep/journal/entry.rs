//! One measurement, as the journal keeps it.

use serde::{Deserialize, Serialize};

use crate::sweep::check::Agreement;
use crate::sweep::runner::Measurement;

/// One measurement of one cell.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sweep) struct Entry {
    /// Which cell, by its place in the header.
    pub(in crate::sweep) cell: usize,
    /// When it began, in nanoseconds since the run did; pauses before a resumption left out.
    pub(in crate::sweep) at_ns: u64,
    /// How long it took, warm-up and the start of instances included.
    pub(in crate::sweep) took_ns: u64,
    /// What came of it.
    pub(in crate::sweep) kept: Kept,
}

/// What came of a measurement.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::sweep) enum Kept {
    /// A round.
    Measured {
        /// All of it but the predictions.
        measured: Box<Measurement>,
        /// How they agree with the reference's; absent where none was asked for.
        agreement: Option<Agreement>,
    },
    /// A failure, after which the cell is not tried again.
    Failed {
        /// The error's text.
        reason: String,
    },
}
