//! Each cell predicted from its neighbours in batch size as if it had not been measured.

use std::collections::BTreeMap;

use crate::record::{Cell, CellRecord, Check, Estimate, Scenario, Verdict};
use crate::units::counted;

/// A cell at the end of its curve has neighbours on one side alone, and is told half as well.
const AT_AN_END: f64 = 2.0;

/// A batch that is this many times as large as the nearest other, or as small, is too far off for a
/// line to say anything of it.
const TOO_FAR: f64 = 8.0;

/// The share of the others' errors that an interval holds.
const SHARE: f64 = 0.95;

/// Fewer errors than this tell no such share; then the largest counts, and half as much again.
const FEW: usize = 19;

/// A cell that was left out.
#[derive(Clone, Debug)]
pub struct HeldOut {
    /// Which one.
    pub cell: Cell,
    /// Images a second, as its neighbours have it.
    pub predicted: Estimate,
    /// As measured.
    pub measured: f64,
}

impl HeldOut {
    /// Whether the interval has what was measured.
    pub fn holds(&self) -> bool {
        self.predicted.low <= self.measured && self.measured <= self.predicted.high
    }
}

/// A prediction without its interval.
struct Guess<'a> {
    record: &'a CellRecord,
    predicted: f64,
    at_an_end: bool,
}

impl Guess<'_> {
    /// How far off it is, in the measure that all share.
    fn error(&self) -> f64 {
        let off = (self.predicted / self.record.throughput_images_per_s).ln().abs();
        if self.at_an_end { off / AT_AN_END } else { off }
    }
}

/// Leaves out each valid offline cell in turn and predicts it from those that differ in batch size
/// alone: the time of a batch as a line through its two neighbours, since a batch costs a fixed part
/// and a part for each image. Cells with fewer than two such others are passed over, and those at an
/// end that are far from the next.
///
/// The interval is as wide as the errors of all *other* cells that were left out have it (the
/// conformal prediction of V. Vovk, A. Gammerman and G. Shafer, "Algorithmic Learning in a Random
/// World", 2005, by jackknife), so that no cell has a part in its own.
pub fn held_out(cells: &[CellRecord]) -> Vec<HeldOut> {
    let mut alike: BTreeMap<Cell, Vec<&CellRecord>> = BTreeMap::new();
    let usable = |record: &&CellRecord| {
        record.verdict == Verdict::Valid
            && record.cell.has_model()
            && record.cell.scenario == Scenario::Offline
    };
    for record in cells.iter().filter(usable) {
        let key = Cell { batch: 0, ..record.cell.clone() };
        alike.entry(key).or_default().push(record);
    }
    for records in alike.values_mut() {
        records.sort_by_key(|record| record.cell.batch);
        records.dedup_by_key(|record| record.cell.batch);
    }
    let guesses: Vec<Guess<'_>> = alike
        .values()
        .flat_map(|records| (0..records.len()).filter_map(|place| guess(records, place)))
        .collect();
    (0..guesses.len()).map(|place| with_interval(&guesses, place)).collect()
}

/// The cell at a place of a curve, as the others have it.
fn guess<'a>(curve: &[&'a CellRecord], place: usize) -> Option<Guess<'a>> {
    let last = curve.len().checked_sub(1)?;
    let (a, b) = match place {
        _ if last < 2 => return None,
        0 => (1, 2),
        _ if place == last => (last - 2, last - 1),
        _ => (place - 1, place + 1),
    };
    let of = |place: usize| {
        let record = curve[place];
        let images = record.cell.batch as f64;
        (images, images / record.throughput_images_per_s)
    };
    let ((few, short), (many, long)) = (of(a), of(b));
    let images = of(place).0;
    let seconds = short + (long - short) * (images - few) / (many - few);
    // A line may pass through zero before the smallest batch: then each image takes as long.
    let seconds = if seconds > 0.0 { seconds } else { short * images / few };
    let predicted = images / seconds;
    let at_an_end = place == 0 || place == last;
    if at_an_end && (few / images).max(images / many) > TOO_FAR {
        return None;
    }
    (predicted.is_finite() && predicted > 0.0).then_some(Guess {
        record: curve[place],
        predicted,
        at_an_end,
    })
}

/// A guess with the interval that the errors of the others give it.
fn with_interval(guesses: &[Guess<'_>], place: usize) -> HeldOut {
    let guess = &guesses[place];
    let mut errors: Vec<f64> = guesses
        .iter()
        .enumerate()
        .filter(|(other, _)| *other != place)
        .map(|(_, guess)| guess.error())
        .collect();
    errors.sort_unstable_by(f64::total_cmp);
    let n = errors.len();
    let wide = match n {
        // Nothing tells how far off a line may be.
        0 => std::f64::consts::LN_2,
        1..FEW => errors[n - 1] * 1.5,
        _ => errors[(((n + 1) as f64 * SHARE).ceil() as usize).min(n) - 1],
    };
    let wide = if guess.at_an_end { wide * AT_AN_END } else { wide };
    let value = guess.predicted;
    HeldOut {
        cell: guess.record.cell.clone(),
        predicted: Estimate { value, low: value * (-wide).exp(), high: value * wide.exp() },
        measured: guess.record.throughput_images_per_s,
    }
}

/// All of them as one line of the history: how many held, and the one that was furthest off. None
/// of none.
pub fn check_of(held_out: &[HeldOut], at: String) -> Option<Check> {
    let off = |one: &HeldOut| (one.predicted.value / one.measured).ln().abs();
    let worst = held_out.iter().max_by(|a, b| off(a).total_cmp(&off(b)))?;
    let held = held_out.iter().filter(|one| one.holds()).count();
    let Cell { backend, device, instances, threads, batch, .. } = &worst.cell;
    Some(Check {
        at,
        what: format!(
            "{} left out one at a time, of which {held} lay in their intervals; furthest off was \
             {backend} on {device}, {} of {}, batch {batch}",
            counted(held_out.len(), "cell"),
            counted(*instances, "instance"),
            counted(*threads, "thread"),
        ),
        predicted: worst.predicted,
        measured: worst.measured,
        unit: "images/s".into(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sizing::fixture::cell;

    /// Cells of batch sizes 1 to 512 whose batch takes a fixed time and a time an image, each off by
    /// a share that chance would have it.
    fn curve(backend: &str, fixed_us: f64, each_us: f64, noise: f64, seed: u64) -> Vec<CellRecord> {
        (0..10u32)
            .map(|power| {
                let batch = 1usize << power;
                let chance = (u64::from(power) * 7 + seed * 13) % 11;
                let off = 1.0 + noise * (chance as f64 / 5.0 - 1.0);
                let rate = batch as f64 * 1e6 / (fixed_us + each_us * batch as f64) * off;
                cell(backend, 4, batch, rate)
            })
            .collect()
    }

    #[test]
    fn a_batch_that_costs_what_the_model_says_is_predicted_to_the_last_digits() {
        let found = held_out(&curve("native", 20.0, 3.0, 0.0, 1));
        assert_eq!(found.len(), 10);
        for one in found {
            assert!((one.predicted.value / one.measured - 1.0).abs() < 1e-9, "{one:?}");
        }
    }

    #[test]
    fn a_cell_has_no_part_in_its_own_interval() {
        let mut cells: Vec<CellRecord> =
            (1..6).flat_map(|n| curve(&format!("b{n}"), 20.0, 3.0, 0.02, n)).collect();
        let sound = held_out(&cells).iter().filter(|one| one.holds()).count();
        assert!(sound >= 45, "{sound} of 50");
        // One that is off by far lies outside, however far it is.
        cells[5].throughput_images_per_s *= 3.0;
        let found = held_out(&cells);
        let far = found.iter().find(|one| one.cell == cells[5].cell).unwrap();
        assert!(!far.holds(), "{far:?}");
    }

    #[test]
    fn invalid_cells_other_scenarios_and_short_curves_are_passed_over() {
        let mut cells = curve("native", 20.0, 3.0, 0.0, 1);
        cells.truncate(4);
        cells[1].verdict = Verdict::Invalid(vec!["unsteady".into()]);
        cells[2].cell.scenario = Scenario::Closed(8);
        assert!(held_out(&cells).is_empty());
        assert!(check_of(&[], String::new()).is_none());
    }

    #[test]
    fn no_line_is_drawn_far_past_its_ends() {
        let mut cells = curve("native", 20.0, 3.0, 0.0, 1);
        cells.retain(|record| [1, 8, 128].contains(&record.cell.batch));
        let batches: Vec<usize> = held_out(&cells).iter().map(|one| one.cell.batch).collect();
        assert_eq!(batches, [1, 8]);
    }

    #[test]
    fn the_history_keeps_how_many_held_and_the_worst() {
        let mut cells = curve("native", 20.0, 3.0, 0.01, 1);
        cells[4].throughput_images_per_s *= 1.5;
        let found = held_out(&cells);
        let held = found.iter().filter(|one| one.holds()).count();
        let check = check_of(&found, "2026-11-22T10:00:00Z".into()).unwrap();
        assert!(
            check
                .what
                .starts_with(&format!("10 cells left out one at a time, of which {held} lay")),
            "{}",
            check.what
        );
        assert_eq!(check.unit, "images/s");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn nine_of_ten_cells_lie_in_their_intervals(
            noise in 0.001f64..0.15, fixed_us in 1.0f64..300.0, seed in 0u64..1_000,
        ) {
            let cells: Vec<CellRecord> = (0..5)
                .flat_map(|n| curve(&format!("b{n}"), fixed_us * (n + 1) as f64, 3.0, noise, seed + n))
                .collect();
            let found = held_out(&cells);
            let held = found.iter().filter(|one| one.holds()).count();
            prop_assert!(held * 10 >= found.len() * 9, "{} of {}", held, found.len());
        }
    }
}
