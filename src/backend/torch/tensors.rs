//! Between Plimsoll's memory and libtorch's tensors.

use tch::{Device, Kind, TchError, Tensor};

use crate::data::{IMAGE_PIXELS, IMAGE_SIDE};
use crate::error::{Error, Result};
use crate::model::{PARAMETERS, Parameter, Weights};

/// Pixels as a byte tensor `[images, 1, 28, 28]`, without a copy, for as long as `use_it` runs.
///
/// What `use_it` returns must not share the tensor's memory; a conversion to floats never does.
pub(super) fn with_pixels<R>(
    pixels: &[u8],
    use_it: impl FnOnce(&Tensor) -> Result<R, TchError>,
) -> Result<R, TchError> {
    let side = IMAGE_SIDE as i64;
    let images = (pixels.len() / IMAGE_PIXELS) as i64;
    let shape = [images, 1, side, side];
    #[expect(unsafe_code, reason = "libtorch can borrow memory only through a raw pointer")]
    // SAFETY: the shape covers no more than `pixels`, which outlives the tensor: it is dropped at
    // the end of this function. Nothing writes to it: `use_it` gets a shared reference, and
    // converts before it computes.
    let tensor =
        unsafe { Tensor::f_from_blob(pixels.as_ptr(), &shape, &[], Kind::Uint8, Device::Cpu)? };
    use_it(&tensor)
}

/// A copy of numbers as a tensor of that shape.
pub(super) fn floats(values: &[f32], shape: &[usize]) -> Result<Tensor, TchError> {
    let shape: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
    Tensor::f_from_slice(values)?.f_reshape(shape)
}

/// A copy of one parameter.
pub(super) fn parameter(weights: &Weights, parameter: Parameter) -> Result<Tensor, TchError> {
    floats(weights.get(parameter), parameter.shape())
}

/// Copies of all parameters, in the order of [`PARAMETERS`].
pub(super) fn all(weights: &Weights) -> Result<[Tensor; PARAMETERS.len()], TchError> {
    let tensors =
        PARAMETERS.iter().map(|&p| parameter(weights, p)).collect::<Result<Vec<_>, _>>()?;
    tensors.try_into().map_err(|_| TchError::Shape("not one tensor a parameter".into()))
}

/// What libtorch said, without the C++ stack that it appends.
pub(super) fn error(backend: &'static str) -> impl Fn(TchError) -> Error {
    move |error| {
        let text = error.to_string();
        let line = text.lines().next().unwrap_or_default();
        Error::backend(backend, line.trim_start_matches("Internal torch error: "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_seen_in_place() {
        let mut pixels = vec![0; 2 * IMAGE_PIXELS];
        pixels[IMAGE_PIXELS + 29] = 7;
        let (shape, pixel, address) = with_pixels(&pixels, |t| {
            Ok((t.size(), t.f_int64_value(&[1, 0, 1, 1])?, t.data_ptr() as usize))
        })
        .unwrap();
        assert_eq!(shape, [2, 1, 28, 28]);
        assert_eq!(pixel, 7);
        assert_eq!(address, pixels.as_ptr() as usize);
    }

    #[test]
    fn an_error_of_libtorchs_is_one_line_that_names_the_backend() {
        let cause = floats(&[1.0; 6], &[4]).unwrap_err();
        let text = error("torch")(cause).to_string();
        assert_eq!(text, "backend torch: shape '[4]' is invalid for input of size 6");
    }
}
