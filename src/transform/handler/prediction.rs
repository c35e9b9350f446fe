//! What the model says of one image.

use crate::backend;
use crate::model::CLASSES;

/// What the model says of one image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// The most probable digit.
    pub class: u8,
    /// How probable each digit is, where that was asked for. They add up to 1, roundings aside.
    pub probabilities: Option<[f32; CLASSES]>,
}

impl Prediction {
    /// A class with the log-probabilities that a backend gives.
    pub fn new(class: u8, log_probabilities: Option<&[f32; CLASSES]>) -> Self {
        Self { class, probabilities: log_probabilities.map(|row| row.map(f32::exp)) }
    }

    /// Those of a batch, in order.
    pub fn of(predictions: &backend::Predictions) -> impl ExactSizeIterator<Item = Self> {
        let backend::Predictions { classes, scores } = predictions;
        classes.iter().enumerate().map(|(i, &class)| Self::new(class, scores.get(i)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_those_of_the_logarithms_or_not_there() {
        let mut row = [f32::NEG_INFINITY; CLASSES];
        (row[2], row[7]) = (0.25f32.ln(), 0.75f32.ln());
        let batch = backend::Predictions { classes: vec![7, 2], scores: vec![row, row] };
        let all: Vec<_> = Prediction::of(&batch).collect();
        assert_eq!(all.len(), 2);
        let probabilities = all[0].probabilities.unwrap();
        assert!((probabilities[7] - 0.75).abs() < 1e-6 && (probabilities[2] - 0.25).abs() < 1e-6);
        assert_eq!((all[0].class, all[1].class, probabilities[0]), (7, 2, 0.0));

        let batch = backend::Predictions { classes: vec![3], scores: vec![] };
        assert_eq!(Prediction::of(&batch).collect::<Vec<_>>(), [Prediction::new(3, None)]);
    }
}
