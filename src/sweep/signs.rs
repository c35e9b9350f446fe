//! What the threads of an instance tell each other besides images.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::units::Nanos;

/// When the window opens, and whether to go on.
#[derive(Debug)]
pub(super) struct Signs {
    /// [`UNKNOWN`], or a time of the instance's clock.
    opens: AtomicU64,
    finished: AtomicBool,
}

const UNKNOWN: u64 = u64::MAX;

impl Default for Signs {
    fn default() -> Self {
        Self { opens: AtomicU64::new(UNKNOWN), finished: AtomicBool::new(false) }
    }
}

impl Signs {
    /// The window opens at this time for all: one that has not yet come, so that no thread passes
    /// it unaware.
    pub(super) fn open(&self, at: Nanos) {
        self.opens.store(at.0, Ordering::Release);
    }

    /// When the window opens, once that is known.
    pub(super) fn opens(&self) -> Option<Nanos> {
        let at = self.opens.load(Ordering::Acquire);
        (at != UNKNOWN).then_some(Nanos(at))
    }

    /// Nothing more has to be measured: the window is over, or no one wants it any longer.
    pub(super) fn finish(&self) {
        self.finished.store(true, Ordering::Release);
    }

    /// Whether nothing more has to be measured.
    pub(super) fn finished(&self) -> bool {
        self.finished.load(Ordering::Acquire)
    }
}
