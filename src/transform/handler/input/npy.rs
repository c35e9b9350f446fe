//! Arrays of NumPy's.

use super::pixels::{Scale, images_in};
use crate::data::{IMAGE_PIXELS, Image};
use crate::error::Result;
use crate::transform::handler::npy::{Array, Kind, Number};

/// Appends the images of an `.npy` file.
///
/// # Errors
/// [`Error::Malformed`](crate::error::Error::Malformed) for what holds no images.
pub(super) fn decode(bytes: &[u8], images: &mut Vec<Image>) -> Result<()> {
    let Array { kind, shape, values } = Array::parse(bytes)?;
    images_in("npy", &shape)?;
    match kind {
        // Pixels as they are.
        Kind { number: Number::Unsigned, size: 1, .. } => {
            images.extend(values.as_chunks::<IMAGE_PIXELS>().0.iter().map(|&pixels| Image(pixels)));
            Ok(())
        }
        Kind { number, size, .. } => {
            let scale = if number == Number::Float { Scale::Shares } else { Scale::Pixels };
            scale.images("npy", values.chunks_exact(size).map(|value| kind.value(value)), images)
        }
    }
}
