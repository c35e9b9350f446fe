//! Which of the choices to take.

use std::cmp::Ordering;

use super::estimate::overlap;
use crate::record::{Basis, Choice};

/// Places in a list of choices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Picks {
    pub(super) best: Option<usize>,
    pub(super) ties: Vec<usize>,
    pub(super) runner_up: Option<usize>,
    pub(super) fastest: Option<usize>,
    pub(super) pareto: Vec<usize>,
    pub(super) best_predicted: Option<usize>,
}

/// Whether it was measured.
pub(super) fn measured(choice: &Choice) -> bool {
    choice.basis == Basis::Measured
}

/// Seconds from the request to the last image; none of a service, which has no end.
pub(super) fn seconds(choice: &Choice) -> f64 {
    choice.total_s.map_or(0.0, |total| total.value)
}

/// Seconds of machines that are paid for, where there is no price.
fn machine_seconds(choice: &Choice) -> f64 {
    choice.machines as f64 * choice.billed_s.map_or(1.0, |billed| billed.value)
}

/// The order of an answer: what was measured before what was predicted, what has a price before
/// what has none, the cheaper first; without a price, the fewer seconds of machines. Of equals the
/// fewer machines, the sooner end, the smaller batch.
pub(super) fn order(a: &Choice, b: &Choice) -> Ordering {
    let rank = |choice: &Choice| (!measured(choice), !choice.price.is_known());
    rank(a)
        .cmp(&rank(b))
        .then_with(|| a.cost_usd.value.total_cmp(&b.cost_usd.value))
        .then_with(|| machine_seconds(a).total_cmp(&machine_seconds(b)))
        .then_with(|| a.machines.cmp(&b.machines))
        .then_with(|| seconds(a).total_cmp(&seconds(b)))
        .then_with(|| a.batch.cmp(&b.batch))
}

/// Picks among choices that are in [`order`]. What was predicted has a place in `best_predicted`
/// alone, and in the Pareto front where nothing was measured.
pub(super) fn pick(choices: &[Choice]) -> Picks {
    let is_measured = |place: &usize| measured(&choices[*place]);
    let places = || 0..choices.len();
    let best = places().find(is_measured);
    let best_predicted = places().find(|place| !is_measured(place));
    let pareto =
        pareto(choices, &places().filter(|p| is_measured(p) == best.is_some()).collect::<Vec<_>>());
    let Some(first) = best else {
        return Picks { pareto, best_predicted, ..Picks::default() };
    };
    let of = &choices[first];
    let may_be_as_cheap = |place: &usize| {
        let other = &choices[*place];
        of.price.is_known() && other.price.is_known() && overlap(of.cost_usd, other.cost_usd)
    };
    Picks {
        best,
        ties: places().skip(first + 1).filter(is_measured).filter(may_be_as_cheap).collect(),
        runner_up: places()
            .filter(is_measured)
            .find(|&place| choices[place].machine_type != of.machine_type),
        fastest: places()
            .filter(is_measured)
            .filter(|&place| choices[place].total_s.is_some())
            .min_by(|&a, &b| seconds(&choices[a]).total_cmp(&seconds(&choices[b]))),
        pareto,
        best_predicted,
    }
}

/// Those of the places that no other beats in both time and cost, or in one at the same other; the
/// fastest first. One of equals. What has no price has no cost to compare.
fn pareto(choices: &[Choice], places: &[usize]) -> Vec<usize> {
    let mut by_time: Vec<usize> = places
        .iter()
        .copied()
        .filter(|&place| choices[place].price.is_known() && choices[place].total_s.is_some())
        .collect();
    let cost = |place: usize| choices[place].cost_usd.value;
    by_time.sort_by(|&a, &b| {
        seconds(&choices[a])
            .total_cmp(&seconds(&choices[b]))
            .then_with(|| cost(a).total_cmp(&cost(b)))
            .then(a.cmp(&b))
    });
    let mut least = f64::INFINITY;
    by_time.retain(|&place| {
        let better = cost(place) < least;
        least = least.min(cost(place));
        better
    });
    by_time
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::Price;
    use crate::sizing::cost::tests::offer;
    use crate::sizing::estimate::{certain, within};

    /// A choice of such a time and cost.
    fn choice(name: &str, seconds: f64, usd: f64) -> Choice {
        let mut choice = offer(name).job(1_000, 1);
        (choice.total_s, choice.billed_s) = (Some(certain(seconds)), Some(certain(seconds)));
        choice.cost_usd = certain(usd);
        choice
    }

    fn predicted(choice: Choice) -> Choice {
        let basis = Basis::Predicted { model: "a model".into(), measure_with: "a command".into() };
        Choice { basis, ..choice }
    }

    fn picked(mut choices: Vec<Choice>) -> (Vec<String>, Picks) {
        choices.sort_by(order);
        let names = choices.iter().map(|choice| choice.machine_type.clone()).collect();
        (names, pick(&choices))
    }

    #[test]
    fn the_cheapest_wins_and_the_others_have_their_places() {
        let (names, picks) = picked(vec![
            choice("dear", 10.0, 9.0),
            choice("cheap", 50.0, 1.0),
            choice("both worse", 60.0, 4.0),
            choice("second", 20.0, 3.0),
        ]);
        assert_eq!(names, ["cheap", "second", "both worse", "dear"]);
        let wanted = Picks {
            best: Some(0),
            ties: vec![],
            runner_up: Some(1),
            fastest: Some(3),
            pareto: vec![3, 1, 0],
            best_predicted: None,
        };
        assert_eq!(picks, wanted);
    }

    #[test]
    fn where_costs_may_be_the_same_it_is_a_tie_and_the_cheaper_is_taken() {
        let wide = |name, usd| Choice { cost_usd: within(usd, 0.9, 1.1), ..choice(name, 1.0, usd) };
        let (names, picks) = picked(vec![wide("b", 1.1), wide("a", 1.0), wide("c", 1.3)]);
        assert_eq!((names[0].as_str(), picks.best, picks.ties), ("a", Some(0), vec![1]));
    }

    #[test]
    fn a_prediction_is_never_mixed_with_what_was_measured() {
        let (names, picks) =
            picked(vec![predicted(choice("guess", 1.0, 0.1)), choice("measured", 10.0, 5.0)]);
        assert_eq!(names, ["measured", "guess"]);
        assert_eq!((picks.best, picks.best_predicted), (Some(0), Some(1)));
        assert_eq!((picks.pareto, picks.fastest, picks.runner_up), (vec![0], Some(0), None));
        let (_, alone) = picked(vec![predicted(choice("guess", 1.0, 0.1))]);
        assert_eq!((alone.best, alone.best_predicted, alone.pareto), (None, Some(0), vec![0]));
    }

    #[test]
    fn what_has_no_price_comes_after_what_has_one_and_the_less_work_first() {
        let free = |name, seconds| Choice { price: Price::default(), ..choice(name, seconds, 0.0) };
        let (names, picks) =
            picked(vec![free("slow", 9.0), choice("m", 5.0, 7.0), free("quick", 2.0)]);
        assert_eq!(names, ["m", "quick", "slow"]);
        assert_eq!((picks.best, picks.ties, picks.pareto), (Some(0), vec![], vec![0]));
        assert_eq!(picks.fastest, Some(1));
    }

    #[test]
    fn nothing_to_choose_from_is_no_choice() {
        assert_eq!(pick(&[]), Picks::default());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_front_is_what_comparing_all_pairs_finds(
            points in prop::collection::vec((1u8..20, 1u8..20), 1..30),
        ) {
            let mut choices: Vec<Choice> =
                points.iter().map(|&(s, usd)| choice("m", s.into(), usd.into())).collect();
            choices.sort_by(order);
            let of = |c: &Choice| (seconds(c), c.cost_usd.value);
            let mut naive: Vec<(f64, f64)> = choices
                .iter()
                .map(of)
                .filter(|&(s, usd)| {
                    !choices.iter().map(of).any(|(t, v)| t <= s && v <= usd && (t, v) != (s, usd))
                })
                .collect();
            naive.sort_by(|a, b| a.0.total_cmp(&b.0));
            naive.dedup();
            let found: Vec<(f64, f64)> =
                pick(&choices).pareto.iter().map(|&place| of(&choices[place])).collect();
            prop_assert_eq!(found, naive);
        }
    }
}
