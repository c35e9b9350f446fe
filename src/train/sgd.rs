//! Stochastic gradient descent with momentum.

use crate::model::{PARAMETERS, Weights};

/// The optimiser as PyTorch's `torch.optim.SGD` defines it (no dampening, no Nesterov):
/// `v = momentum * v + g`, then `w = w - rate * v`.
pub(super) struct Sgd {
    rate: f32,
    momentum: f32,
    velocity: Weights,
}

impl Sgd {
    /// One at rest.
    pub(super) fn new(rate: f32, momentum: f32) -> Self {
        Self { rate, momentum, velocity: Weights::zeros() }
    }

    /// Moves the weights by the gradient of a batch, the mean over its images.
    pub(super) fn step(&mut self, weights: &mut Weights, gradient: &Weights) {
        for parameter in PARAMETERS {
            let velocity = self.velocity.get_mut(parameter).iter_mut();
            let weights = weights.get_mut(parameter).iter_mut();
            for ((w, v), g) in weights.zip(velocity).zip(gradient.get(parameter)) {
                *v = self.momentum * *v + g;
                *w -= self.rate * *v;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Parameter::Fc2Bias;

    /// Three steps of `torch.optim.SGD(lr=0.1, momentum=0.5)` from 1.0 with gradients 1, 2, -4.
    #[test]
    fn the_steps_are_pytorchs() {
        let mut sgd = Sgd::new(0.1, 0.5);
        let mut weights = Weights::zeros();
        weights.get_mut(Fc2Bias)[3] = 1.0;
        for (g, want) in [(1.0, 0.9), (2.0, 0.65), (-4.0, 0.925)] {
            let mut gradient = Weights::zeros();
            gradient.get_mut(Fc2Bias)[3] = g;
            sgd.step(&mut weights, &gradient);
            assert!((weights.get(Fc2Bias)[3] - want).abs() < 1e-6, "{:?}", weights.get(Fc2Bias));
        }
        assert_eq!(weights.get(Fc2Bias)[0], 0.0);
    }
}
