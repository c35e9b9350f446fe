//! What one session's batches add up to: warm-up, waiting for the others, the window. Pure.

use super::message::Measured;
use super::stages::StageTimes;
use crate::measure::{Phase, Recorder, Warmup, WarmupRule};
use crate::pipeline::BatchTimes;
use crate::units::Nanos;

/// Follows a session through its measurement, batch by batch.
///
/// The window begins with the first batch that ends after the word to go and ends with the first
/// that ends a window's length later; the first is not counted, so images and time belong to the
/// same batches however large these are.
#[derive(Debug)]
pub(super) struct Meter {
    state: State,
    length: Nanos,
    start: Nanos,
    images: u64,
    latency: Recorder,
    stages: StageTimes,
    warmup_s: f64,
    steady: bool,
}

#[derive(Debug)]
enum State {
    Warming(Warmup),
    Holding,
    Open { since: Nanos },
    Over { seconds: f64 },
}

/// What changed with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing that anyone has to know.
    None,
    /// The warm-up is over.
    Warm,
    /// The window is over.
    Over,
}

impl Meter {
    /// A measurement that begins its warm-up `now` and whose window has this length.
    pub(super) fn new(rule: WarmupRule, length: Nanos, now: Nanos) -> Self {
        Self {
            state: State::Warming(Warmup::new(rule, now)),
            length,
            start: now,
            images: 0,
            latency: Recorder::new(),
            stages: StageTimes::default(),
            warmup_s: 0.0,
            steady: false,
        }
    }

    /// Takes a batch of `images` images; `go` says whether the word to go has been given.
    pub(super) fn batch(&mut self, images: u64, times: &BatchTimes, go: bool) -> Change {
        let now = times.done;
        match &mut self.state {
            State::Warming(warmup) => match warmup.completed(now, images) {
                Phase::Warming => Change::None,
                phase => {
                    self.steady = phase == Phase::Steady;
                    self.state = State::Holding;
                    Change::Warm
                }
            },
            State::Holding => {
                if go {
                    self.warmup_s = (now - self.start).seconds();
                    self.state = State::Open { since: now };
                }
                Change::None
            }
            State::Open { since } => {
                let elapsed = now - *since;
                self.images += images;
                self.latency.record(now - times.closed);
                self.stages.add(images, times);
                if elapsed < self.length {
                    return Change::None;
                }
                self.state = State::Over { seconds: elapsed.seconds() };
                Change::Over
            }
            State::Over { .. } => Change::None,
        }
    }

    /// What was measured; nothing at all where the window never ended.
    pub(super) fn measured(self) -> Measured {
        let State::Over { seconds } = self.state else { return Measured::default() };
        Measured {
            images: self.images,
            seconds,
            warmup_s: self.warmup_s,
            steady: self.steady,
            latency: self.latency,
            stages: self.stages,
            ..Measured::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::DeviceTimes;

    /// A session whose batches of 10 end every 10 ns, each closed 4 ns and staged 3 ns before.
    fn batch(end: u64) -> BatchTimes {
        BatchTimes {
            queued: Nanos(20),
            closed: Nanos(end - 4),
            staged: Nanos(end - 3),
            done: Nanos(end),
            device: DeviceTimes { compute: Nanos(2), ..DeviceTimes::default() },
        }
    }

    fn rule() -> WarmupRule {
        WarmupRule { min: Nanos(30), max: Nanos(1000), window: Nanos(10) }
    }

    #[test]
    fn images_and_time_belong_to_the_same_batches() {
        let mut meter = Meter::new(rule(), Nanos(100), Nanos(0));
        let mut warm_at = 0;
        for end in (10..).step_by(10) {
            // The others are warm at 60.
            match meter.batch(10, &batch(end), end >= 60) {
                Change::Warm => warm_at = end,
                Change::Over => break,
                Change::None => assert!(end < 1000, "the window never ended"),
            }
        }
        let measured = meter.measured();
        assert_eq!(warm_at, 30);
        assert_eq!(measured.images, 100, "the batch that opened the window is not counted");
        assert!((measured.seconds - 100e-9).abs() < 1e-15);
        assert!((measured.warmup_s - 60e-9).abs() < 1e-15);
        assert!(measured.steady);
        assert_eq!(measured.latency.samples(), 10);
        let stages = measured.stages.stages();
        let means = [stages.queue, stages.stage, stages.compute].map(|stage| stage.ns_per_image);
        assert_eq!(means, [2.0, 0.1, 0.2]);
    }

    #[test]
    fn a_window_that_never_ended_measured_nothing() {
        let mut meter = Meter::new(rule(), Nanos(100), Nanos(0));
        for end in (10..100).step_by(10) {
            meter.batch(10, &batch(end), true);
        }
        assert_eq!(meter.measured().images, 0);
    }
}
