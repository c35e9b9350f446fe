//! What a session runs on each of its threads.

use super::answers::Answers;

/// The Net, packed for one way of running it.
pub(super) trait Kernel: Send + Sync + 'static {
    /// Room for what lies between pixels and answers; each thread has its own.
    type Scratch: Send + 'static;

    /// Images that run side by side.
    const LANES: usize;

    /// Makes the room.
    fn scratch(&self) -> Self::Scratch;

    /// Runs the Net over as many images as there are answers wanted, `pixels` being
    /// `[images, 28, 28]`. Allocates nothing.
    fn run(&self, scratch: &mut Self::Scratch, pixels: &[u8], answers: Answers<'_>);
}
