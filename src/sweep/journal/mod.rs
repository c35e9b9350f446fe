//! The journal of a run: every measurement on the disk as it ends, so that a run that was stopped,
//! killed or switched off goes on where it was.
//!
//! `measurements.jsonl` holds a [`Header`] that says what is measured and on what, and then an
//! [`Entry`] a line. Its entries are not played back in their order: each is a cell's next
//! measurement whenever the schedule asks for one, so that a run may be resumed with more rounds or
//! more time.

mod book;
mod entry;
mod header;

pub use self::book::Journal;
pub(super) use self::entry::{Entry, Kept};
pub use self::header::Header;
pub(super) use self::header::Parts;
