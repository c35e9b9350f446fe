//! Whether two runs of a job came to the same.

use super::outcomes::{Outcome, Outcomes};

/// The objects of which two runs made something else: another output, or an output in one way and a
/// failure in the other.
pub(super) fn differing(one: &Outcomes, other: &Outcomes) -> Vec<usize> {
    let same = |object: usize| match (one.of(object), other.of(object)) {
        (Outcome::Done(left), Outcome::Done(right)) => {
            (left.bytes, left.sha256) == (right.bytes, right.sha256)
        }
        (left, right) => left == right,
    };
    (0..one.len().min(other.len())).filter(|&object| !same(object)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::outcomes::{Output, Reason};

    fn outcomes(sums: [Option<u8>; 4]) -> Outcomes {
        let mut outcomes = Outcomes::new(4).unwrap();
        for (object, sum) in sums.into_iter().enumerate() {
            match sum {
                Some(0) => {}
                Some(sum) => outcomes
                    .done(object, Output { bytes: 1, records: Some(sum.into()), sha256: [1; 32] }),
                None => outcomes.failed(object, &Reason::default()).unwrap(),
            }
        }
        outcomes
    }

    #[test]
    fn outputs_differ_by_their_bytes_alone() {
        let mut one = outcomes([Some(1), Some(2), None, Some(0)]);
        let other = outcomes([Some(3), None, None, Some(0)]);
        assert_eq!(differing(&one, &other), [1]);
        one.done(0, Output { bytes: 1, records: Some(1), sha256: [2; 32] });
        assert_eq!(differing(&one, &other), [0, 1]);
    }
}
