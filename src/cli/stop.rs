//! Ctrl-C and SIGTERM as a wish to stop.

use std::sync::atomic::{AtomicBool, Ordering};

use super::exit;
use crate::error::{Error, Result};

static STOP: AtomicBool = AtomicBool::new(false);

/// A flag that the first Ctrl-C or SIGTERM sets. The second one ends the process at once.
///
/// # Errors
/// [`Error::Unavailable`] where the system lets no handler be set.
pub(super) fn on_signal() -> Result<&'static AtomicBool> {
    ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(exit::INTERRUPTED.into());
        }
    })
    .map_err(|error| Error::unavailable("handling Ctrl-C", error.to_string()))?;
    Ok(&STOP)
}
