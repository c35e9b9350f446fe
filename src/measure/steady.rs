//! When a warm-up may end.

use crate::units::Nanos;

/// How long to warm up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WarmupRule {
    /// Never shorter than this.
    pub min: Nanos,
    /// Never longer than this, steady or not.
    pub max: Nanos,
    /// Length of the windows whose throughput is compared.
    pub window: Nanos,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Go on warming up.
    Warming,
    /// Measure: the throughput has settled.
    Steady,
    /// Measure, but the throughput had not settled when the time was up.
    GaveUp,
}

/// How far the last windows may lie apart: `(largest - smallest) / mean`.
const SPREAD: f64 = 0.10;

/// How many windows must agree.
const WINDOWS: usize = 3;

/// The range of three independent normal values is within this many of their standard deviations
/// nineteen times in twenty (studentized range of 3 with infinite degrees of freedom; H. L. Harter,
/// "Tables of Range and Studentized Range", Annals of Mathematical Statistics 31, 1960).
const RANGE_OF_THREE: f64 = 3.314;

/// Decides when the warm-up ends: once the throughput of the last three windows lies within 10%.
///
/// It is told of completed batches, and reads no clock. A window ends with the first batch that
/// completes after its nominal length, and its throughput is taken over the time that really went
/// by: otherwise a window of four and a half batches would swing by a fifth for no reason.
#[derive(Clone, Debug)]
pub struct Warmup {
    rule: WarmupRule,
    start: Nanos,
    window_start: Nanos,
    window_images: u64,
    /// Images a second in the last windows, oldest first.
    last: Vec<f64>,
    random: bool,
}

impl Warmup {
    /// A warm-up that begins at `now`.
    pub fn new(rule: WarmupRule, now: Nanos) -> Self {
        let last = Vec::with_capacity(WINDOWS + 1);
        Self { rule, start: now, window_start: now, window_images: 0, last, random: false }
    }

    /// The same for images that arrive at random times, as those of a Poisson process. Windows of
    /// n of them differ by `1/sqrt(n)` however settled the system is, so they may lie as far apart
    /// as that explains.
    #[must_use]
    pub fn of_random_arrivals(self) -> Self {
        Self { random: true, ..self }
    }

    /// A batch of `images` completed at `now`; what next?
    pub fn completed(&mut self, now: Nanos, images: u64) -> Phase {
        self.window_images += images;
        let length = now - self.window_start;
        if length >= self.rule.window && length > Nanos(0) {
            self.last.push(self.window_images as f64 / length.seconds());
            if self.last.len() > WINDOWS {
                self.last.remove(0);
            }
            self.window_start = now;
            self.window_images = 0;
        }
        let elapsed = now - self.start;
        if elapsed >= self.rule.min && self.settled() {
            Phase::Steady
        } else if elapsed >= self.rule.max {
            Phase::GaveUp
        } else {
            Phase::Warming
        }
    }

    /// Whether the last three windows lie within 10%.
    fn settled(&self) -> bool {
        if self.last.len() < WINDOWS {
            return false;
        }
        let mean = self.last.iter().sum::<f64>() / self.last.len() as f64;
        let largest = self.last.iter().copied().fold(f64::MIN, f64::max);
        let smallest = self.last.iter().copied().fold(f64::MAX, f64::min);
        let images = mean * self.rule.window.seconds();
        let chance = if self.random { RANGE_OF_THREE / images.sqrt() } else { 0.0 };
        mean > 0.0 && (largest - smallest) / mean <= SPREAD.max(chance)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: u64 = 1_000_000;

    fn rule(min: u64, max: u64, window: u64) -> WarmupRule {
        WarmupRule { min: Nanos(min * MS), max: Nanos(max * MS), window: Nanos(window * MS) }
    }

    /// Feeds batches of 10 images that take the given milliseconds, until the warm-up ends.
    fn run(rule: WarmupRule, batches: impl IntoIterator<Item = u64>) -> (Phase, u64) {
        let mut warmup = Warmup::new(rule, Nanos(0));
        let mut now = 0;
        for took in batches {
            now += took;
            let phase = warmup.completed(Nanos(now * MS), 10);
            if phase != Phase::Warming {
                return (phase, now);
            }
        }
        (Phase::Warming, now)
    }

    #[test]
    fn an_even_throughput_is_steady_after_three_windows() {
        assert_eq!(run(rule(0, 10_000, 100), [10; 1000]), (Phase::Steady, 300));
    }

    #[test]
    fn the_minimum_holds_even_when_steady() {
        assert_eq!(run(rule(750, 10_000, 100), [10; 1000]), (Phase::Steady, 750));
    }

    #[test]
    fn a_slow_start_is_left_behind() {
        // The first window (two batches of 50 ms) is five times slower than those that follow.
        let batches = [50, 50].into_iter().chain([10; 1000]);
        assert_eq!(run(rule(0, 10_000, 100), batches), (Phase::Steady, 400));
    }

    #[test]
    fn a_throughput_that_never_settles_is_given_up_at_the_cap() {
        let batches = (0..1000).map(|i| if i / 10 % 2 == 0 { 10 } else { 20 });
        assert_eq!(run(rule(0, 2_000, 100), batches), (Phase::GaveUp, 2_000));
    }

    #[test]
    fn ten_percent_is_steady_and_a_little_more_is_not() {
        // Windows of one batch each: 10 images in 100 ms, twice, then in 110 or 112 ms.
        assert_eq!(run(rule(0, 9_000, 100), [100, 100, 110]).0, Phase::Steady);
        assert_eq!(run(rule(0, 9_000, 100), [100, 100, 112]).0, Phase::Warming);
    }

    #[test]
    fn random_arrivals_may_differ_by_their_chance_and_no_more() {
        // Windows of 100 ms with about 100 images, whose chance is 33%: 100, 100, then 75 or 60.
        let phase = |last: u64| {
            let mut warmup = Warmup::new(rule(0, 9_000, 100), Nanos(0)).of_random_arrivals();
            let images = [100, 100, last].into_iter().zip(1..);
            images.map(|(n, i)| warmup.completed(Nanos(i * 100 * MS), n)).last()
        };
        assert_eq!(phase(75), Some(Phase::Steady));
        assert_eq!(phase(60), Some(Phase::Warming));
    }

    #[test]
    fn batches_longer_than_a_window_count_with_their_own_length() {
        assert_eq!(run(rule(0, 9_000, 100), [450; 10]), (Phase::Steady, 1350));
        assert_eq!(run(rule(0, 800, 100), [450; 10]), (Phase::GaveUp, 900));
    }

    /// The rule as it is written, from the whole history of (time of completion, images): windows
    /// end with the first batch past their length, and the last three lie within 10%.
    fn naive_phase(rule: WarmupRule, batches: &[(u64, u64)]) -> Phase {
        let (mut windows, mut from, mut since) = (Vec::new(), 0, 0);
        for (at, &(end, _)) in batches.iter().enumerate() {
            if end - from >= rule.window.0 {
                let images: u64 = batches[since..=at].iter().map(|&(_, images)| images).sum();
                windows.push(images as f64 / ((end - from) as f64 / 1e9));
                (from, since) = (end, at + 1);
            }
        }
        let now = batches.last().unwrap().0;
        let settled = windows.len() >= 3 && {
            let mut last = windows[windows.len() - 3..].to_vec();
            last.sort_by(f64::total_cmp);
            (last[2] - last[0]) / ((last[0] + last[1] + last[2]) / 3.0) <= 0.10
        };
        match (now >= rule.min.0 && settled, now >= rule.max.0) {
            (true, _) => Phase::Steady,
            (false, true) => Phase::GaveUp,
            (false, false) => Phase::Warming,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_rule_is_the_one_that_is_written(
            (min, max, window) in (0u64..500, 1u64..2_000, 1u64..200),
            // The time of a batch in milliseconds; sometimes even, sometimes wild.
            even in 1u64..60,
            wild in prop::collection::vec((0u64..4, 1u64..20), 1..120),
        ) {
            let rule = rule(min, max, window);
            let mut warmup = Warmup::new(rule, Nanos(0));
            let (mut now, mut batches) = (0, Vec::new());
            for (late, images) in wild {
                now += (even + late * even / 8) * MS;
                batches.push((now, 100 + images / 8));
                let phase = warmup.completed(Nanos(now), 100 + images / 8);
                prop_assert_eq!(phase, naive_phase(rule, &batches), "after {:?}", batches);
                if phase != Phase::Warming {
                    break;
                }
            }
        }
    }

    #[test]
    fn a_clock_that_stands_still_never_divides_by_zero() {
        let mut warmup = Warmup::new(rule(0, 1, 0), Nanos(0));
        assert_eq!(warmup.completed(Nanos(0), 10), Phase::Warming);
    }
}
