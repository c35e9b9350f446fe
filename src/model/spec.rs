//! The Net of the SageMaker MNIST notebook, as figures.
//!
//! conv 1->10 (5x5), 2x2 max pool, ReLU; conv 10->20 (5x5), dropout2d, 2x2 max pool, ReLU;
//! linear 320->50, ReLU, dropout; linear 50->10; log-softmax.

/// Digits that the model tells apart.
pub const CLASSES: usize = 10;
/// Mean of the MNIST training pixels, as a share of 255; what torchvision's example subtracts.
pub const MEAN: f32 = 0.1307;
/// Standard deviation of the MNIST training pixels, as a share of 255.
pub const STD: f32 = 0.3081;

/// Arithmetic of one image's forward pass, a multiplication and an addition counting as two: outputs
/// x inputs of each x 2. The first convolution leaves 10 maps of 24x24, the second 20 of 8x8.
/// Biases, pools, ReLU and the softmax are left out: together they are less than 2%.
pub const FLOP_PER_IMAGE: u64 =
    2 * (10 * 24 * 24 * 25 + 20 * 8 * 8 * 250 + 50 * 320 + CLASSES as u64 * 50);

/// A parameter of the Net. Its number is its place in [`PARAMETERS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Parameter {
    /// First convolution, `[out 10, in 1, 5, 5]`.
    Conv1Weight,
    /// First convolution, `[10]`.
    Conv1Bias,
    /// Second convolution, `[out 20, in 10, 5, 5]`.
    Conv2Weight,
    /// Second convolution, `[20]`.
    Conv2Bias,
    /// First linear layer, `[out 50, in 320]`; inputs are in (channel, row, column) order.
    Fc1Weight,
    /// First linear layer, `[50]`.
    Fc1Bias,
    /// Second linear layer, `[out 10, in 50]`.
    Fc2Weight,
    /// Second linear layer, `[10]`.
    Fc2Bias,
}

/// Every parameter, in the order of PyTorch's `state_dict`.
pub const PARAMETERS: [Parameter; 8] = [
    Parameter::Conv1Weight,
    Parameter::Conv1Bias,
    Parameter::Conv2Weight,
    Parameter::Conv2Bias,
    Parameter::Fc1Weight,
    Parameter::Fc1Bias,
    Parameter::Fc2Weight,
    Parameter::Fc2Bias,
];

/// Numbers in all parameters together.
pub const PARAMETER_COUNT: usize = 21_840;

impl Parameter {
    /// The name in PyTorch's `state_dict`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Conv1Weight => "conv1.weight",
            Self::Conv1Bias => "conv1.bias",
            Self::Conv2Weight => "conv2.weight",
            Self::Conv2Bias => "conv2.bias",
            Self::Fc1Weight => "fc1.weight",
            Self::Fc1Bias => "fc1.bias",
            Self::Fc2Weight => "fc2.weight",
            Self::Fc2Bias => "fc2.bias",
        }
    }

    /// The shape, outermost dimension first; values are stored row-major.
    pub const fn shape(self) -> &'static [usize] {
        match self {
            Self::Conv1Weight => &[10, 1, 5, 5],
            Self::Conv1Bias => &[10],
            Self::Conv2Weight => &[20, 10, 5, 5],
            Self::Conv2Bias => &[20],
            Self::Fc1Weight => &[50, 320],
            Self::Fc1Bias => &[50],
            Self::Fc2Weight => &[10, 50],
            Self::Fc2Bias => &[10],
        }
    }

    /// How many numbers it holds.
    pub fn count(self) -> usize {
        self.shape().iter().product()
    }

    /// How many inputs one of its outputs sums over; PyTorch's default initialisation is uniform
    /// in plus or minus one over its square root, for the weight and the bias of a layer alike.
    pub const fn fan_in(self) -> usize {
        match self {
            Self::Conv1Weight | Self::Conv1Bias => 25,
            Self::Conv2Weight | Self::Conv2Bias => 250,
            Self::Fc1Weight | Self::Fc1Bias => 320,
            Self::Fc2Weight | Self::Fc2Bias => 50,
        }
    }
}

/// What the model sees of a pixel.
pub fn normalise(pixel: u8) -> f32 {
    (f32::from(pixel) / 255.0 - MEAN) / STD
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_add_up() {
        assert_eq!(PARAMETERS.iter().map(|p| p.count()).sum::<usize>(), PARAMETER_COUNT);
    }

    #[test]
    fn the_arithmetic_is_that_of_the_shapes() {
        // A 5x5 kernel without padding takes 4 off each side, a pool halves it.
        let (first, second) = (28 - 4, (28 - 4) / 2 - 4);
        let uses = [
            (Parameter::Conv1Weight, first * first),
            (Parameter::Conv2Weight, second * second),
            (Parameter::Fc1Weight, 1),
            (Parameter::Fc2Weight, 1),
        ];
        let flop: usize = uses.iter().map(|(weight, uses)| 2 * weight.count() * uses).sum();
        assert_eq!((flop as u64, flop), (FLOP_PER_IMAGE, 961_000));
    }
}
