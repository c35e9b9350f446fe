//! From numbers to pixels.

use crate::data::{IMAGE_PIXELS, IMAGE_SIDE, Image};
use crate::error::{Error, Result};

/// The shapes that hold images, for messages.
pub(super) const SHAPES: &str = "[784], [28, 28], [1, 28, 28] or [N, ..] of one of these";

/// How many images an array of that shape holds.
///
/// # Errors
/// [`Error::Malformed`] naming the shape and those that would do.
pub(super) fn images_in(what: &str, shape: &[usize]) -> Result<usize> {
    const SIDE: usize = IMAGE_SIDE;
    let images = match *shape {
        [IMAGE_PIXELS] | [SIDE, SIDE] => 1,
        [n, IMAGE_PIXELS] | [n, SIDE, SIDE] | [n, 1, SIDE, SIDE] => n,
        _ => {
            return Err(Error::malformed(
                what,
                format!("shape {shape:?}, but an image has {SHAPES}"),
            ));
        }
    };
    if images == 0 {
        return Err(Error::malformed(what, format!("shape {shape:?} holds no image")));
    }
    Ok(images)
}

/// What numbers stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// Pixels, 0 to 255.
    Pixels,
    /// Shares of 255, 0 to 1.
    Shares,
}

impl Scale {
    /// A number as a pixel.
    ///
    /// # Errors
    /// [`Error::Malformed`] for one that is out of range or not finite, with the fix.
    pub(super) fn pixel(self, what: &str, number: f64) -> Result<u8> {
        let (most, scale) = match self {
            Self::Pixels => (255.0, 1.0),
            Self::Shares => (1.0, 255.0),
        };
        // NaN is in no range.
        if (0.0..=most).contains(&number) {
            return Ok((number * scale).round() as u8);
        }
        Err(Error::malformed(
            what,
            match self {
                Self::Pixels => format!("pixel {number} is not between 0 and 255"),
                Self::Shares => format!(
                    "{number} is not between 0 and 1, as floating-point pixels have to be; write \
                     pixels from 0 to 255 as whole numbers"
                ),
            },
        ))
    }

    /// Appends numbers as images; there are as many as whole images have.
    ///
    /// # Errors
    /// As [`Scale::pixel`]; `images` may then hold some.
    pub(super) fn images(
        self,
        what: &str,
        numbers: impl ExactSizeIterator<Item = f64>,
        images: &mut Vec<Image>,
    ) -> Result<()> {
        images.reserve(numbers.len() / IMAGE_PIXELS);
        let mut image = Image([0; IMAGE_PIXELS]);
        for (i, number) in numbers.enumerate() {
            image.0[i % IMAGE_PIXELS] = self.pixel(what, number)?;
            if i % IMAGE_PIXELS == IMAGE_PIXELS - 1 {
                images.push(image);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_of_images_is_known_and_no_other() {
        for (shape, images) in [
            (&[784][..], 1),
            (&[28, 28], 1),
            (&[1, 28, 28], 1),
            (&[1, 784], 1),
            (&[5, 784], 5),
            (&[28, 784], 28),
            (&[5, 28, 28], 5),
            (&[5, 1, 28, 28], 5),
        ] {
            assert_eq!(images_in("npy", shape).unwrap(), images, "{shape:?}");
        }
        for shape in
            [&[][..], &[785], &[28], &[28, 29], &[784, 1], &[2, 3, 28, 28], &[1, 1, 1, 28, 28]]
        {
            let error = images_in("npy", shape).unwrap_err().to_string();
            assert!(error.contains(&format!("{shape:?}")) && error.contains("[28, 28]"), "{error}");
        }
        assert!(images_in("npy", &[0, 784]).unwrap_err().to_string().contains("no image"));
    }

    #[test]
    fn shares_are_rounded_to_the_pixels_that_they_came_from() {
        for pixel in 0..=255u8 {
            let share = f32::from(pixel) / 255.0;
            assert_eq!(Scale::Shares.pixel("x", share.into()).unwrap(), pixel);
            assert_eq!(Scale::Pixels.pixel("x", pixel.into()).unwrap(), pixel);
        }
    }

    #[test]
    fn what_is_out_of_range_or_no_number_is_refused() {
        for number in [-1.0, 256.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(Scale::Pixels.pixel("x", number).is_err(), "{number}");
            let error = Scale::Shares.pixel("x", number).unwrap_err().to_string();
            assert!(error.contains(&number.to_string()) && error.contains("whole"), "{error}");
        }
    }
}
