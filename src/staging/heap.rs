//! Ordinary pageable memory.

use super::{HostAlloc, HostBuffer};
use crate::error::Result;

/// Memory from the heap.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heap;

impl HostAlloc for Heap {
    fn kind(&self) -> &'static str {
        "pageable"
    }

    fn alloc(&self, bytes: usize) -> Result<Box<dyn HostBuffer>> {
        Ok(Box::new(HeapBuffer(vec![0; bytes].into_boxed_slice())))
    }
}

struct HeapBuffer(Box<[u8]>);

impl HostBuffer for HeapBuffer {
    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}
