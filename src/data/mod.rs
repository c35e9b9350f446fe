//! Pictures: where they come from and how they become 28x28 greyscale images.

mod image;

pub use self::image::{IMAGE_PIXELS, IMAGE_SIDE, Image};
