//! Whether any more objects are to be expected.

use std::sync::Mutex;
use std::sync::PoisonError;

/// How many objects have come that are not read yet, and whether those are all for now. Then images
/// that wait to fill a batch would wait in vain.
#[derive(Debug, Default)]
pub(super) struct Supply(Mutex<Known>);

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    unread: usize,
    last: bool,
}

impl Supply {
    /// So many objects come; `last` says whether no more are to be expected for now.
    pub(super) fn come(&self, objects: usize, last: bool) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.unread += objects;
        known.last = last;
    }

    /// So many have been read and their images queued; gives whether nothing more is to be expected.
    pub(super) fn read(&self, objects: usize) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.unread = known.unread.saturating_sub(objects);
        known.last && known.unread == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_expected_once_the_last_are_read_and_until_more_come() {
        let supply = Supply::default();
        supply.come(3, false);
        assert!(!supply.read(3), "the parent has more");
        supply.come(2, true);
        assert!(!supply.read(1));
        assert!(supply.read(1));
        // A dead instance's objects.
        supply.come(4, true);
        assert!(!supply.read(3));
        assert!(supply.read(1));
    }
}
