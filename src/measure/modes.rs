//! Whether the rounds of a cell fall into two groups.
//!
//! A machine that is in one of two states (a second job that comes and goes, a clock with two
//! rates, threads that meet on one core or do not) gives rates around two middles. Their median
//! says which state was there more often, not how fast the cell is, and no further round helps.

use super::stats::median;

/// The gap between the groups is wider than this share of the median: what a valid interval may
/// span either way.
const GAP: f64 = 0.05;

/// The gap is more than so many times as wide as either group. Equally likely rates leave such a
/// gap one time in ten for four rounds, and less often for more.
const APART: f64 = 3.0;

/// Two groups of rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Modes {
    /// Rounds in the slower group, and their median rate.
    pub(super) slower: (usize, f64),
    /// Rounds in the faster group, and their median rate.
    pub(super) faster: (usize, f64),
}

/// Whether rates, one a round, fall into two groups, and which.
///
/// They do where the widest gap between neighbours in order (a) leaves at least two on either side,
/// (b) is wider than 5% of the median of all, and (c) is more than three times as wide as either
/// group. Two in a group, since one round apart from all others is an outlier.
pub(super) fn modes(rates: &[f64]) -> Option<Modes> {
    let middle = median(rates)?;
    let mut sorted = rates.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let gap_after = |at: usize| sorted[at] - sorted[at - 1];
    let at = (1..sorted.len()).max_by(|&a, &b| gap_after(a).total_cmp(&gap_after(b)))?;
    let (slower, faster) = sorted.split_at(at);
    let wide = |group: &[f64]| group[group.len() - 1] - group[0];
    let apart = gap_after(at) > APART * wide(slower).max(wide(faster));
    (slower.len().min(faster.len()) >= 2 && gap_after(at) > GAP * middle.abs() && apart).then(
        || {
            let of = |group: &[f64]| (group.len(), median(group).unwrap_or(f64::NAN));
            Modes { slower: of(slower), faster: of(faster) }
        },
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn two_groups_are_told_with_their_sizes_and_middles() {
        let rates = [21_000.0, 15_900.0, 16_000.0, 21_200.0, 16_100.0];
        let expected = Modes { slower: (3, 16_000.0), faster: (2, 21_100.0) };
        assert_eq!(modes(&rates), Some(expected));
    }

    #[test]
    fn one_round_apart_from_all_others_is_no_group() {
        assert_eq!(modes(&[16_000.0, 16_100.0, 15_900.0, 16_050.0, 21_000.0]), None);
        assert_eq!(modes(&[10_000.0, 16_100.0, 15_900.0, 16_050.0, 16_000.0]), None);
        assert_eq!(modes(&[100.0, 200.0]), None);
        assert_eq!(modes(&[100.0, 100.0, 200.0]), None);
    }

    #[test]
    fn a_gap_has_to_matter() {
        // 4% and 6% of the median.
        assert_eq!(modes(&[98.0, 98.0, 102.0, 102.0]), None);
        assert!(modes(&[97.0, 97.0, 103.0, 103.0]).is_some());
    }

    #[test]
    fn rates_that_lie_spread_are_not_two_groups() {
        assert_eq!(modes(&[1000.0, 1300.0, 700.0, 1200.0, 900.0]), None);
        // The gap is 30; a group that spans 10 is a third of it.
        assert_eq!(modes(&[90.0, 100.0, 130.0, 140.0]), None);
        assert!(modes(&[90.0, 99.0, 130.0, 139.0]).is_some());
    }

    #[test]
    fn nothing_and_what_is_not_a_number_have_no_groups() {
        for rates in [&[][..], &[1.0][..], &[0.0; 6][..], &[1.0, f64::NAN, 5.0, 5.0][..]] {
            assert_eq!(modes(rates), None, "{rates:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn groups_are_found_in_any_order_and_at_any_scale(
            slower in prop::collection::vec(0.0f64..1.0, 2..6),
            faster in prop::collection::vec(0.0f64..1.0, 2..6),
            gap in 0.2f64..3.0,
            scale in 0.001f64..1e6,
            turn in 0usize..10,
        ) {
            // Groups of a width of 5% at most, a gap of 20% at least.
            let low = slower.iter().map(|x| scale * (1.0 + 0.05 * x));
            let high = faster.iter().map(|x| scale * (1.0 + 0.05 + gap + 0.05 * x));
            let mut rates: Vec<f64> = low.chain(high).collect();
            let turn = turn % rates.len();
            rates.rotate_left(turn);
            let modes = modes(&rates).unwrap();
            prop_assert_eq!((modes.slower.0, modes.faster.0), (slower.len(), faster.len()));
            prop_assert!(modes.slower.1 < modes.faster.1);
        }

        #[test]
        fn what_is_called_two_groups_satisfies_the_rule_as_written(
            rates in prop::collection::vec(1.0f64..100.0, 0..12),
        ) {
            let mut sorted = rates.clone();
            sorted.sort_by(f64::total_cmp);
            // By trying every cut.
            let n = sorted.len();
            let fits = |cut: &usize| {
                let gap = sorted[*cut] - sorted[cut - 1];
                let (low, high) = (sorted[cut - 1] - sorted[0], sorted[n - 1] - sorted[*cut]);
                let middle = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0;
                gap > 0.05 * middle && gap > 3.0 * low && gap > 3.0 * high
            };
            let cut = (2..n.saturating_sub(1)).find(fits);
            prop_assert_eq!(modes(&rates).map(|modes| modes.slower.0), cut);
        }
    }
}
