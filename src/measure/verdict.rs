//! Whether a cell's figures may be used.

use super::host::Pressure;
use super::modes::modes;
use super::supply::{self, Supply};
use super::{Interval, throttle};
use crate::units;

/// Fewer rounds than this have no interval worth the name.
pub const MIN_ROUNDS: usize = 3;

/// Fewer batches than this have no median latency.
pub const MIN_BATCHES: u64 = 7;

/// The widest interval, as half its width over the median: a throughput is to be known to within
/// 5% either way.
pub const WIDEST: f64 = 0.05;

/// What is known of a cell when its last round has ended.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Rounds measured.
    pub rounds: usize,
    /// Of those, rounds whose throughput had settled when the window began.
    pub steady_rounds: usize,
    /// Rounds in which not one image was completed.
    pub empty_rounds: usize,
    /// Latencies recorded over all rounds: of batches, or of requests.
    pub samples: u64,
    /// Throughput over the rounds, images a second; absent where there is none, or where it is the
    /// schedule's and not the system's.
    pub throughput: Option<Interval>,
    /// The rates behind it, images a second, one a round.
    pub rates: Vec<f64>,
    /// What kept the processors from running at full speed, one a round.
    pub pressure: Vec<Pressure>,
    /// What supplied the sessions with images.
    pub supply: Supply,
    /// How the predictions compare with the reference's.
    pub guard: Guard,
}

/// How a cell's predictions compare with the reference's.
#[derive(Clone, Debug, Default)]
pub enum Guard {
    /// They were not compared, for nothing was predicted.
    #[default]
    Missing,
    /// There is no model to compare: the null backend measures the harness itself.
    NoModel,
    /// They were compared.
    Compared {
        /// Images compared.
        images: usize,
        /// Of those, images that got another class than the reference's.
        other_class: usize,
        /// How many may: none in the reference's own arithmetic.
        allowed: usize,
        /// Of those, images with a score that is not a number where the reference's is.
        broken_scores: usize,
        /// Largest difference of a score from the reference's, if scores were compared.
        max_difference: Option<f64>,
        /// How large that may be.
        tolerance: f64,
    },
}

/// Why the figures may not be used: a sentence each, with its figure and what to do. None means
/// that they may.
pub fn reasons(evidence: &Evidence) -> Vec<String> {
    let mut reasons = Vec::new();
    if evidence.rounds == 0 {
        reasons.push("nothing was measured".into());
        return reasons;
    }
    if evidence.empty_rounds > 0 {
        reasons.push(format!(
            "no image was completed in {} of {} rounds: lengthen `window` past the time of a batch",
            evidence.empty_rounds, evidence.rounds
        ));
    }
    if evidence.rounds < MIN_ROUNDS {
        reasons.push(format!(
            "{} of at least {MIN_ROUNDS} rounds were measured: raise `rounds`, or let the run end",
            evidence.rounds
        ));
    }
    if evidence.samples < MIN_BATCHES {
        let what = match evidence.supply {
            Supply::Schedule { .. } => "requests",
            Supply::Feeder { .. } | Supply::Itself => "batches",
        };
        reasons.push(format!(
            "{} {what} are too few for a latency (at least {MIN_BATCHES}): lengthen `window`",
            evidence.samples
        ));
    }
    // The median rests on the middle of the rounds: a few unsettled ones do not move it.
    let unsteady = evidence.rounds.saturating_sub(evidence.steady_rounds);
    if unsteady * 2 > evidence.rounds {
        reasons.push(format!(
            "the throughput had not settled within 10% when {unsteady} of {} rounds began: \
             lengthen `warmup_max`, or quiet the machine",
            evidence.rounds
        ));
    }
    if let Some(interval) = evidence.throughput.filter(|i| i.relative_half_width() > WIDEST) {
        reasons.push(format!(
            "the throughput is known to within {:.1}% only ({} to {} images/s; 5% is the limit){}",
            interval.relative_half_width() * 100.0,
            units::rate(interval.low),
            units::rate(interval.high),
            why_wide(&evidence.rates)
        ));
    }
    reasons.extend(supply::reasons(&evidence.supply));
    reasons.extend(throttle::reasons(&evidence.pressure));
    guard_reasons(&evidence.guard, &mut reasons);
    reasons
}

/// What to do about an interval that is too wide: more of the same helps against chance, and not
/// against a machine that has two states.
fn why_wide(rates: &[f64]) -> String {
    let Some(modes) = modes(rates) else {
        return ": quiet the machine, lengthen `window`, or raise `rounds`".into();
    };
    let ((slow, slower), (fast, faster)) = (modes.slower, modes.faster);
    format!(
        ", and the rounds fall into two groups: {slow} near {} and {fast} near {} images/s: look \
         for what comes and goes between them, such as another job, a clock with two rates, or \
         threads that meet on one core",
        units::rate(slower),
        units::rate(faster)
    )
}

/// What the accuracy guard has to say.
fn guard_reasons(guard: &Guard, reasons: &mut Vec<String>) {
    let (images, (other_class, allowed), broken_scores, max_difference, tolerance) = match *guard {
        Guard::Missing => {
            reasons.push("no prediction was checked against the reference".into());
            return;
        }
        Guard::NoModel => {
            reasons.push(
                "the null backend runs no model: its figures are the cost of the harness, not a \
                 result to choose by"
                    .into(),
            );
            return;
        }
        Guard::Compared {
            images,
            other_class,
            allowed,
            broken_scores,
            max_difference,
            tolerance,
        } => (images, (other_class, allowed), broken_scores, max_difference, tolerance),
    };
    let of = units::count(images as u64);
    if other_class > allowed {
        let but = match allowed {
            0 => String::new(),
            _ => format!(", where {} may in this precision", units::count(allowed as u64)),
        };
        reasons.push(format!(
            "{} of {of} check images got another class than the reference's{but}: this backend \
             computes something else, do not use it with this model",
            units::count(other_class as u64)
        ));
    }
    if broken_scores > 0 {
        reasons.push(format!(
            "{} of {of} check images got scores that are not numbers: do not use this backend with \
             this model",
            units::count(broken_scores as u64)
        ));
    }
    if let Some(difference) = max_difference.filter(|&difference| difference > tolerance) {
        reasons.push(format!(
            "a score differs from the reference's by {difference:.2e}, more than \
             {tolerance:.0e}: raise `score_tolerance` only if the classes are all you need"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Evidence {
        Evidence {
            rounds: 5,
            steady_rounds: 5,
            empty_rounds: 0,
            samples: 100,
            throughput: Some(Interval { median: 1000.0, low: 960.0, high: 1040.0 }),
            supply: Supply::Feeder { idle_share: 0.01 },
            rates: vec![1000.0, 960.0, 1040.0, 1010.0, 990.0],
            pressure: vec![Pressure::default(); 5],
            guard: compared(0, 0, Some(1e-5)),
        }
    }

    fn compared(other_class: usize, broken_scores: usize, max_difference: Option<f64>) -> Guard {
        let (images, allowed, tolerance) = (1000, 0, 1e-3);
        Guard::Compared { images, other_class, allowed, broken_scores, max_difference, tolerance }
    }

    fn only_reason(evidence: &Evidence) -> String {
        let mut reasons = reasons(evidence);
        assert_eq!(reasons.len(), 1, "{reasons:?}");
        reasons.remove(0)
    }

    #[test]
    fn good_evidence_gives_no_reason() {
        assert_eq!(reasons(&good()), [""; 0]);
        assert_eq!(reasons(&Evidence { guard: compared(0, 0, None), ..good() }), [""; 0]);
    }

    #[test]
    fn an_interval_of_five_percent_either_way_is_the_widest() {
        let interval =
            |half: f64| Interval { median: 1000.0, low: 1000.0 - half, high: 1000.0 + half };
        let at = |half| Evidence { throughput: Some(interval(half)), ..good() };
        assert_eq!(reasons(&at(50.0)), [""; 0]);
        assert_eq!(
            only_reason(&at(62.0)),
            "the throughput is known to within 6.2% only (938 to 1,060 images/s; 5% is the limit): \
             quiet the machine, lengthen `window`, or raise `rounds`"
        );
    }

    #[test]
    fn a_wide_interval_of_two_groups_says_what_to_look_for() {
        let evidence = Evidence {
            throughput: Some(Interval { median: 16_000.0, low: 16_000.0, high: 21_000.0 }),
            rates: vec![16_000.0, 21_000.0, 16_010.0, 20_990.0, 15_990.0],
            ..good()
        };
        assert_eq!(
            only_reason(&evidence),
            "the throughput is known to within 15.6% only (16,000 to 21,000 images/s; 5% is the \
             limit), and the rounds fall into two groups: 3 near 16,000 and 2 near 21,000 \
             images/s: look for what comes and goes between them, such as another job, a clock \
             with two rates, or threads that meet on one core"
        );
    }

    #[test]
    fn throttled_rounds_are_a_reason() {
        let held = Pressure { quota_share: Some(0.2), ..Pressure::default() };
        let reason = only_reason(&Evidence { pressure: vec![held; 5], ..good() });
        assert!(reason.starts_with("the control group's quota held threads back"), "{reason}");
    }

    #[test]
    fn predictions_that_differ_are_a_reason_with_their_count() {
        let reason = only_reason(&Evidence { guard: compared(3, 0, None), ..good() });
        assert!(reason.starts_with("3 of 1,000 check images got another class"), "{reason}");
        let reason = only_reason(&Evidence { guard: compared(0, 2, None), ..good() });
        assert!(reason.starts_with("2 of 1,000 check images got scores that are not"), "{reason}");
        let reason = only_reason(&Evidence { guard: compared(0, 0, Some(0.02)), ..good() });
        assert!(reason.contains("by 2.00e-2, more than 1e-3"), "{reason}");
    }

    #[test]
    fn a_reduced_precision_has_its_allowance_and_no_more() {
        let at = |other_class| {
            let (images, allowed, broken_scores, tolerance) = (1000, 5, 0, 5.0);
            let max_difference = Some(1.5);
            let guard = Guard::Compared {
                images,
                other_class,
                allowed,
                broken_scores,
                max_difference,
                tolerance,
            };
            Evidence { guard, ..good() }
        };
        assert_eq!(reasons(&at(5)), [""; 0]);
        let reason = only_reason(&at(6));
        assert!(
            reason.starts_with(
                "6 of 1,000 check images got another class than the reference's, where 5 may in \
                 this precision: "
            ),
            "{reason}"
        );
    }

    #[test]
    fn no_comparison_is_a_reason() {
        let reason = only_reason(&Evidence { guard: Guard::Missing, ..good() });
        assert!(reason.contains("no prediction was checked"), "{reason}");
        let reason = only_reason(&Evidence { guard: Guard::NoModel, ..good() });
        assert!(reason.contains("runs no model"), "{reason}");
    }

    #[test]
    fn too_few_rounds_or_batches_are_reasons() {
        let reason = only_reason(&Evidence { rounds: 2, steady_rounds: 2, ..good() });
        assert!(reason.starts_with("2 of at least 3 rounds"), "{reason}");
        let reason = only_reason(&Evidence { samples: 6, ..good() });
        assert!(reason.starts_with("6 batches are too few"), "{reason}");
    }

    #[test]
    fn a_supply_that_falls_behind_is_a_reason() {
        let idle = Evidence { supply: Supply::Feeder { idle_share: 0.5 }, ..good() };
        assert!(only_reason(&idle).starts_with("the feeder fell behind"));
    }

    #[test]
    fn a_minority_of_unsettled_rounds_is_forgiven() {
        assert_eq!(reasons(&Evidence { steady_rounds: 3, ..good() }), [""; 0]);
        let reason = only_reason(&Evidence { steady_rounds: 2, ..good() });
        assert!(reason.contains("when 3 of 5 rounds began"), "{reason}");
    }

    #[test]
    fn nothing_completed_says_so_first() {
        let evidence = Evidence { empty_rounds: 5, samples: 0, throughput: None, ..good() };
        assert!(reasons(&evidence)[0].starts_with("no image was completed in 5 of 5 rounds"));
        assert_eq!(reasons(&Evidence::default()), ["nothing was measured"]);
    }
}
