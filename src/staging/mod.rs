//! Reusable host buffers that batches are staged in.
//!
//! A fixed number of slots is allocated at the start; who wants one when none is free waits. That
//! bounds memory and keeps allocation out of the hot path.

mod heap;
mod pool;

pub use self::heap::Heap;
pub use self::pool::{Pool, Slot};

use crate::error::Result;

/// A source of host memory for slots: the heap, or memory pinned for a device.
pub trait HostAlloc: Send + Sync {
    /// What the memory is, for reports: `pageable` or `pinned`.
    fn kind(&self) -> &'static str;

    /// Allocates zeroed memory of `bytes` bytes.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::error::Error::Unavailable) where the memory cannot be had.
    fn alloc(&self, bytes: usize) -> Result<Box<dyn HostBuffer>>;
}

/// Host memory of a fixed size.
pub trait HostBuffer: Send {
    /// The bytes, to read.
    fn bytes(&self) -> &[u8];
    /// The bytes, to write.
    fn bytes_mut(&mut self) -> &mut [u8];
}
