//! The accuracy guard: a fast wrong cell must not win.

use serde::{Deserialize, Serialize};

use crate::backend::Predictions;
use crate::measure::Guard;

/// What every cell's predictions on the check set are held against.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// What the reference backend says of each image, with scores if they are to be compared.
    pub predictions: Predictions,
    /// The true digits, where they are known.
    pub labels: Option<Vec<u8>>,
    /// Largest difference of a log-probability that is let through in f32.
    pub tolerance: f64,
}

/// How far a cell's predictions may be from the reference's, by its precision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Allowance {
    /// Share of the images that may have another class.
    other_class: f64,
    /// Largest difference of a log-probability.
    score: f64,
}

impl Allowance {
    /// That of a precision; `score` is the configuration's, which is for f32.
    ///
    /// In int8 images on the edge between two classes change sides: 4 of the 10,000 MNIST test
    /// images. Log-probabilities of classes that are out of the question move by tenths, and by 2
    /// or 3 at most. A bug shows as more of either.
    pub(super) fn of(precision: &str, score: f64) -> Self {
        match precision {
            "int8" => Self { other_class: 0.005, score: score.max(5.0) },
            _ => Self { other_class: 0.0, score },
        }
    }
}

/// How a cell's predictions agree with the reference's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Images in the check set.
    pub images: usize,
    /// Of those, images that got the reference's class.
    pub same_class: usize,
    /// Of those, images with a score that is not a finite number where the reference's is another.
    pub broken_scores: usize,
    /// Largest finite difference of a score from the reference's; absent where one side has no
    /// scores.
    pub max_difference: Option<f64>,
    /// Of those, images classified right; absent where the labels are not known.
    pub right: Option<usize>,
}

impl Reference {
    /// Compares what a cell says with the reference. An image that only one of the two answered
    /// counts as another class.
    pub fn compare(&self, predictions: &Predictions) -> Agreement {
        let (ours, theirs) = (&predictions.classes, &self.predictions.classes);
        let equal = |a: &[u8], b: &[u8]| a.iter().zip(b).filter(|(a, b)| a == b).count();
        let mut agreement = Agreement {
            images: ours.len().max(theirs.len()),
            same_class: equal(ours, theirs),
            broken_scores: 0,
            max_difference: None,
            right: self.labels.as_ref().map(|labels| equal(ours, labels)),
        };
        for (ours, theirs) in predictions.scores.iter().zip(&self.predictions.scores) {
            let mut broken = false;
            let mut largest = agreement.max_difference.unwrap_or(0.0);
            for (&ours, &theirs) in ours.iter().zip(theirs) {
                // Equal infinities differ by nothing, though their difference is not a number.
                let difference =
                    if ours == theirs { 0.0 } else { (f64::from(ours) - f64::from(theirs)).abs() };
                if difference.is_finite() {
                    largest = largest.max(difference);
                } else {
                    broken = true;
                }
            }
            agreement.broken_scores += usize::from(broken);
            agreement.max_difference = Some(largest);
        }
        agreement
    }
}

/// The worst agreement of what instances say; absent where none was asked.
pub(super) fn worst(reference: &Reference, all: &[Predictions]) -> Option<Agreement> {
    all.iter().map(|one| reference.compare(one)).reduce(Agreement::worst)
}

impl Agreement {
    /// Share of images that got the reference's class, 0 to 1; 0 of no images.
    pub fn share(&self) -> f64 {
        share(self.same_class, self.images)
    }

    /// Share of images classified right, 0 to 1, where the labels are known.
    pub fn accuracy(&self) -> Option<f64> {
        self.right.map(|right| share(right, self.images))
    }

    /// The worse of two in every respect: a cell is as good as its worst round and instance.
    #[must_use]
    pub(super) fn worst(self, other: Self) -> Self {
        let worse = if other.share() < self.share() { other } else { self };
        let both = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        Self {
            broken_scores: self.broken_scores.max(other.broken_scores),
            max_difference: both(self.max_difference, other.max_difference),
            right: self.right.min(other.right),
            ..worse
        }
    }

    /// As the verdict reads it.
    pub(super) fn guard(&self, allowance: Allowance) -> Guard {
        Guard::Compared {
            images: self.images,
            other_class: self.images - self.same_class,
            allowed: (allowance.other_class * self.images as f64) as usize,
            broken_scores: self.broken_scores,
            max_difference: self.max_difference,
            tolerance: allowance.score,
        }
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CLASSES;

    fn says(classes: &[u8]) -> Predictions {
        let row = |&class: &u8| {
            let mut row = [-5.0f32; CLASSES];
            row[usize::from(class)] = -0.25;
            row
        };
        Predictions { classes: classes.to_vec(), scores: classes.iter().map(row).collect() }
    }

    fn reference(classes: &[u8]) -> Reference {
        Reference { predictions: says(classes), labels: None, tolerance: 1e-3 }
    }

    #[test]
    fn equal_predictions_agree_in_everything() {
        let agreement = reference(&[1, 2, 3]).compare(&says(&[1, 2, 3]));
        let Agreement { images, same_class, broken_scores, max_difference, right } = agreement;
        assert_eq!((images, same_class, broken_scores), (3, 3, 0));
        assert_eq!((max_difference, right), (Some(0.0), None));
        assert_eq!(agreement.share(), 1.0);
    }

    #[test]
    fn another_class_and_another_score_are_counted() {
        let mut ours = says(&[1, 2, 4, 4]);
        ours.scores[0][7] += 0.125;
        let agreement = reference(&[1, 2, 4, 8]).compare(&ours);
        assert_eq!((agreement.same_class, agreement.share()), (3, 0.75));
        assert_eq!(agreement.max_difference, Some(4.75));
    }

    #[test]
    fn an_image_without_an_answer_counts_as_another_class() {
        for ours in [&[1u8, 2][..], &[1, 2, 3, 4][..], &[][..]] {
            let agreement = reference(&[1, 2, 3]).compare(&says(ours));
            assert!(agreement.share() < 1.0, "{ours:?}");
        }
        assert_eq!(reference(&[]).compare(&says(&[])).share(), 0.0);
    }

    #[test]
    fn scores_that_are_not_numbers_are_never_taken_for_equal() {
        for bad in [f32::NAN, f32::INFINITY] {
            let mut ours = says(&[1, 2]);
            ours.scores[1][0] = bad;
            let agreement = reference(&[1, 2]).compare(&ours);
            assert_eq!((agreement.broken_scores, agreement.max_difference), (1, Some(0.0)));
        }
        let mut equal = says(&[1]);
        equal.scores[0][5] = f32::NEG_INFINITY;
        let reference = Reference { predictions: equal.clone(), labels: None, tolerance: 0.0 };
        assert_eq!(reference.compare(&equal).broken_scores, 0);
    }

    #[test]
    fn classes_alone_are_compared_where_there_are_no_scores() {
        let ours = Predictions { classes: vec![1, 2], scores: Vec::new() };
        let agreement = reference(&[1, 3]).compare(&ours);
        assert_eq!((agreement.same_class, agreement.max_difference), (1, None));
    }

    #[test]
    fn the_accuracy_is_that_of_the_cell_and_not_of_the_reference() {
        let reference = Reference { labels: Some(vec![1, 2, 9, 9]), ..reference(&[1, 2, 3, 9]) };
        assert_eq!(reference.compare(&says(&[1, 2, 9, 9])).accuracy(), Some(1.0));
        assert_eq!(reference.compare(&says(&[1, 2, 3, 9])).accuracy(), Some(0.75));
    }

    #[test]
    fn int8_may_have_five_other_classes_in_a_thousand_and_f32_none() {
        let agreement = Agreement {
            images: 1000,
            same_class: 996,
            broken_scores: 0,
            max_difference: Some(1.5),
            right: None,
        };
        for (precision, may, score) in [("int8", 5, 5.0), ("f32", 0, 1e-3)] {
            match agreement.guard(Allowance::of(precision, 1e-3)) {
                Guard::Compared { allowed, tolerance, other_class: 4, .. } => {
                    assert_eq!((allowed, tolerance), (may, score), "{precision}");
                }
                guard => panic!("{guard:?}"),
            }
        }
    }

    #[test]
    fn the_worst_takes_the_worse_of_each() {
        let a = Agreement {
            images: 10,
            same_class: 10,
            broken_scores: 1,
            max_difference: Some(0.5),
            right: Some(9),
        };
        let b = Agreement {
            images: 10,
            same_class: 8,
            broken_scores: 0,
            max_difference: None,
            right: Some(8),
        };
        let worst = Agreement { broken_scores: 1, max_difference: Some(0.5), ..b };
        assert_eq!((a.worst(b), b.worst(a)), (worst, worst));
    }
}
