//! Which counts of machines are worth a look.

/// So many counts from 1 on are all looked at.
const ALL: u64 = 4;

/// Doubling the machines is worth it as long as the job gets shorter by this share.
const WORTH: f64 = 0.95;

/// The fewest machines for which `meets` holds, if at most `most` do. Where it holds for a count,
/// it is taken to hold for more.
pub(super) fn fewest(most: u64, meets: impl Fn(u64) -> bool) -> Option<u64> {
    let mut enough = 1;
    while !meets(enough) {
        if enough >= most {
            return None;
        }
        enough = (enough * 2).min(most);
    }
    let mut too_few = enough / 2;
    while enough - too_few > 1 {
        let middle = too_few + (enough - too_few) / 2;
        if meets(middle) {
            enough = middle;
        } else {
            too_few = middle;
        }
    }
    Some(enough)
}

/// The counts worth a look, rising: from `least`, which is the fewest that are enough, the next
/// few, and the powers of two beyond as long as twice the machines make the job notably shorter by
/// `seconds`.
pub(super) fn worth_a_look(least: u64, most: u64, seconds: impl Fn(u64) -> f64) -> Vec<u64> {
    let mut counts: Vec<u64> =
        (least..=most).take(if least == 1 { ALL as usize } else { 2 }).collect();
    let mut count = 1u64;
    let mut before = seconds(least);
    while count <= most {
        if count > least {
            let now = seconds(count);
            if now > before * WORTH && count >= 2 * least {
                break;
            }
            before = now;
            if !counts.contains(&count) {
                counts.push(count);
            }
        }
        count *= 2;
    }
    counts.sort_unstable();
    counts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn counts_go_on_until_machines_bring_nothing() {
        // 100 s of start and 1,000 s of images.
        let seconds = |k: u64| 100.0 + 1_000.0 / k as f64;
        assert_eq!(worth_a_look(1, 1_000, seconds), [1, 2, 3, 4, 8, 16, 32, 64, 128]);
        assert_eq!(worth_a_look(5, 1_000, seconds), [5, 6, 8, 16, 32, 64, 128]);
        assert_eq!(worth_a_look(1, 2, seconds), [1, 2]);
        // Start-up is all: a second machine brings nothing.
        assert_eq!(worth_a_look(1, 1_000, |_| 100.0), [1, 2, 3, 4]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_fewest_are_what_counting_up_finds(need in 1u64..3_000, most in 1u64..3_000) {
            let counted = (1..=most).find(|&count| count >= need);
            prop_assert_eq!(fewest(most, |count| count >= need), counted);
        }

        #[test]
        fn counts_rise_stay_in_bounds_and_begin_with_the_least(
            least in 1u64..500, more in 0u64..1_000, work in 0.0f64..1e9,
        ) {
            let most = least + more;
            let counts = worth_a_look(least, most, |k| 60.0 + work / k as f64);
            prop_assert_eq!(counts[0], least);
            prop_assert!(counts.is_sorted_by(|a, b| a < b));
            prop_assert!(*counts.last().unwrap() <= most && counts.len() <= 20);
        }
    }
}
