//! `report.html`.

use crate::error::Result;
use crate::record::RunRecord;

/// The page.
///
/// # Errors
/// [`Error::Bug`](crate::error::Error::Bug) where the page cannot be put together.
pub fn render(run: &RunRecord) -> Result<String> {
    let _ = run;
    Ok(String::new())
}
