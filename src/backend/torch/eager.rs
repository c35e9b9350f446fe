//! The Net by libtorch's ordinary operations on dense tensors, as a script in eager mode runs it.

use tch::{Kind, TchError, Tensor};

use super::session::Net;
use super::tensors;
use crate::backend::SessionOptions;
use crate::error::Result;
use crate::model::{MEAN, PARAMETERS, STD, Weights};

/// The Net in eager mode.
pub(super) struct Eager {
    // In the order of `PARAMETERS`.
    parameters: [Tensor; PARAMETERS.len()],
}

impl Net for Eager {
    const NAME: &'static str = "torch-eager";

    fn load(weights: &Weights, _images: usize) -> Result<Self> {
        Ok(Self { parameters: tensors::all(weights).map_err(tensors::error(Self::NAME))? })
    }

    fn logits(&self, pixels: &Tensor) -> Result<Tensor, TchError> {
        logits(&self.parameters, &normalise(pixels)?, None)
    }

    fn chunk(options: &SessionOptions) -> usize {
        options.max_batch
    }
}

/// What dropout leaves, as factors: 0, or a little more than 1 for what stays.
pub(super) struct Dropout {
    /// For the channels of the second convolution, `[n, 20, 1, 1]`.
    pub(super) channels: Tensor,
    /// For the outputs of the first linear layer, `[n, 50]`.
    pub(super) features: Tensor,
}

/// Floats as the model sees them, of bytes.
pub(super) fn normalise(pixels: &Tensor) -> Result<Tensor, TchError> {
    pixels
        .f_to_kind(Kind::Float)?
        .f_divide_scalar_(255.0)?
        .f_subtract_scalar_(f64::from(MEAN))?
        .f_divide_scalar_(f64::from(STD))
}

/// Logits `[n, 10]` of normalised images `[n, 1, 28, 28]`; the gradient flows where it is on.
pub(super) fn logits(
    [conv1, bias1, conv2, bias2, fc1, fc1_bias, fc2, fc2_bias]: &[Tensor; PARAMETERS.len()],
    images: &Tensor,
    dropout: Option<&Dropout>,
) -> Result<Tensor, TchError> {
    let x = images.f_conv2d(conv1, Some(bias1), 1, 0, 1, 1)?;
    let x = x.f_max_pool2d(2, 2, 0, 1, false)?.f_relu()?;
    let mut x = x.f_conv2d(conv2, Some(bias2), 1, 0, 1, 1)?;
    if let Some(dropout) = dropout {
        x = x.f_mul(&dropout.channels)?;
    }
    let x = x.f_max_pool2d(2, 2, 0, 1, false)?.f_relu()?;
    let x = x.f_flatten(1, -1)?;
    let mut x = x.f_linear(fc1, Some(fc1_bias))?.f_relu()?;
    if let Some(dropout) = dropout {
        x = x.f_mul(&dropout.features)?;
    }
    x.f_linear(fc2, Some(fc2_bias))
}
