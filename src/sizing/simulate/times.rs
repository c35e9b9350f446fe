//! The time that a session takes for a batch of so many images.

use crate::error::{Error, Result};
use crate::record::CellRecord;

/// The time that a session takes for a batch of so many images, as measured.
#[derive(Clone, Debug)]
pub struct BatchTimes {}

impl BatchTimes {
    /// From cells of one machine that are alike but for their batch size and scenario.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the cells are unlike, or none of them tells the time of a batch.
    pub fn of(_cells: &[&CellRecord]) -> Result<Self> {
        Err(Error::unavailable("the simulation", "it is not built yet"))
    }
}
