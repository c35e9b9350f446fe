//! The image as it travels through Plimsoll.

/// Rows and columns of an image.
pub const IMAGE_SIDE: usize = 28;
/// Pixels, and bytes, of an image.
pub const IMAGE_PIXELS: usize = IMAGE_SIDE * IMAGE_SIDE;

/// One 28x28 greyscale picture, row by row; 0 is the background, 255 the ink, as in MNIST.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Image(pub [u8; IMAGE_PIXELS]);

impl std::fmt::Debug for Image {
    /// The picture itself would fill the screen; its sum tells two apart.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Image(ink {})", self.0.iter().map(|&p| u64::from(p)).sum::<u64>())
    }
}
