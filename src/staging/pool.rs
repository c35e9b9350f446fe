//! The fixed set of slots, and who holds them.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::{HostAlloc, HostBuffer};
use crate::data::{IMAGE_PIXELS, Image};
use crate::error::Result;

/// A fixed set of slots. Clones share it.
#[derive(Clone)]
pub struct Pool {
    shared: Arc<Shared>,
    slot_images: usize,
}

struct Shared {
    free: Mutex<Vec<Box<dyn HostBuffer>>>,
    returned: Condvar,
}

impl Pool {
    /// Allocates `slots` slots for up to `slot_images` images each.
    ///
    /// # Errors
    /// Whatever the allocator says when it has no more memory to give.
    pub fn new(alloc: &dyn HostAlloc, slots: usize, slot_images: usize) -> Result<Self> {
        let free = (0..slots)
            .map(|_| alloc.alloc(slot_images * IMAGE_PIXELS))
            .collect::<Result<Vec<_>>>()?;
        let shared = Shared { free: Mutex::new(free), returned: Condvar::new() };
        Ok(Self { shared: Arc::new(shared), slot_images })
    }

    /// An empty slot, once one is free.
    pub fn take(&self) -> Slot {
        let free = self.shared.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self
            .shared
            .returned
            .wait_while(free, |free| free.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        let buffer = free.pop();
        drop(free);
        Slot { buffer, images: 0, capacity: self.slot_images, home: Arc::clone(&self.shared) }
    }

    /// How many slots are free now.
    pub fn free(&self) -> usize {
        self.shared.free.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// A buffer that holds the images of one batch, back to back. It goes back to its pool when
/// dropped, so whoever still needs the bytes keeps the slot.
pub struct Slot {
    // None only while the slot is being dropped.
    buffer: Option<Box<dyn HostBuffer>>,
    images: usize,
    capacity: usize,
    home: Arc<Shared>,
}

impl Slot {
    /// Images that fit.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Images in it.
    pub fn len(&self) -> usize {
        self.images
    }

    /// Whether it holds no image.
    pub fn is_empty(&self) -> bool {
        self.images == 0
    }

    /// Copies the images in, over whatever it held.
    ///
    /// # Panics
    /// Past its capacity: the batching policy's `max_batch` is what slots are sized by.
    pub fn fill<'a>(&mut self, images: impl IntoIterator<Item = &'a Image>) {
        let mut filled = 0;
        let bytes = self.buffer.as_mut().map_or(&mut [][..], |buffer| buffer.bytes_mut());
        for image in images {
            bytes[filled * IMAGE_PIXELS..(filled + 1) * IMAGE_PIXELS].copy_from_slice(&image.0);
            filled += 1;
        }
        self.images = filled;
    }

    /// The pixels of its images, `[len, 28, 28]`.
    pub fn pixels(&self) -> &[u8] {
        let bytes = self.buffer.as_ref().map_or(&[][..], |buffer| buffer.bytes());
        &bytes[..self.images * IMAGE_PIXELS]
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            self.home.free.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
            self.home.returned.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Heap;
    use super::*;

    #[test]
    fn a_dropped_slot_is_free_again() {
        let pool = Pool::new(&Heap, 2, 4).unwrap();
        let slot = pool.take();
        assert_eq!(pool.free(), 1);
        drop(slot);
        assert_eq!(pool.free(), 2);
    }

    #[test]
    fn taking_waits_until_a_slot_comes_back() {
        let pool = Pool::new(&Heap, 1, 1).unwrap();
        let held = pool.take();
        let waiter = std::thread::spawn({
            let pool = pool.clone();
            move || pool.take().capacity()
        });
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert!(!waiter.is_finished(), "the only slot was held");
        drop(held);
        assert_eq!(waiter.join().unwrap(), 1);
    }

    #[test]
    fn a_slot_holds_the_images_back_to_back() {
        let pool = Pool::new(&Heap, 1, 3).unwrap();
        let mut slot = pool.take();
        let images = [Image([1; IMAGE_PIXELS]), Image([2; IMAGE_PIXELS])];
        slot.fill(&images);
        assert_eq!(slot.len(), 2);
        assert_eq!(slot.pixels()[..IMAGE_PIXELS], images[0].0);
        assert_eq!(slot.pixels()[IMAGE_PIXELS..], images[1].0);
    }
}
