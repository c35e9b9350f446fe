//! Log-softmax of ten logits.

use crate::model::CLASSES;

/// Turns logits into log-probabilities: `x - max - ln(sum(exp(x - max)))`. The largest is taken
/// off first so that no power overflows.
pub(super) fn log_softmax(row: &mut [f32; CLASSES]) {
    let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = row.iter().map(|x| (x - max).exp()).sum();
    let log_sum = sum.ln();
    row.iter_mut().for_each(|x| *x = *x - max - log_sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_sum_to_one_and_keep_their_order() {
        let mut row = [0.3, -7.0, 2.5, 2.4, 0.0, 9.0, -1.0, 1.0, 8.0, 3.0];
        let logits = row;
        log_softmax(&mut row);
        let sum: f32 = row.iter().map(|x| x.exp()).sum();
        assert!((sum - 1.0).abs() < 1e-6, "{sum}");
        for (i, j) in (1..CLASSES).map(|j| (j - 1, j)) {
            assert_eq!(logits[i] < logits[j], row[i] < row[j]);
        }
    }

    #[test]
    fn two_to_one_odds_are_two_to_one() {
        let mut row = [f32::NEG_INFINITY; CLASSES];
        row[0] = 2f32.ln();
        row[1] = 0.0;
        log_softmax(&mut row);
        assert!((row[0] - (2.0f32 / 3.0).ln()).abs() < 1e-6, "{row:?}");
        assert!((row[1] - (1.0f32 / 3.0).ln()).abs() < 1e-6, "{row:?}");
        assert_eq!(row[2], f32::NEG_INFINITY);
    }

    #[test]
    fn large_logits_do_not_overflow() {
        let mut row = [1000.0; CLASSES];
        log_softmax(&mut row);
        assert!(row.iter().all(|x| (x - (0.1f32).ln()).abs() < 1e-6), "{row:?}");
    }
}
