//! How a run chose what to measure.

use serde::{Deserialize, Serialize};

/// How a run chose what to measure, and what it may claim from that.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PlanRecord {
    /// What was asked for.
    pub mode: Mode,
    /// Time that was granted, in seconds, if it was limited.
    pub budget_s: Option<f64>,
    /// Cells of the grid that could have been measured.
    pub grid_cells: usize,
    /// What a search bases its answer on, a sentence each; empty for the other modes.
    pub evidence: Vec<String>,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Every cell, in every round.
    #[default]
    Grid,
    /// The most telling cells first, then narrower intervals, until the time is up.
    Budget,
    /// As few cells as the best one can be told from.
    Search,
}
