//! What one session's batches add up to in the window. Pure.

use super::stages::StageTimes;
use crate::batching::Arrived;
use crate::measure::{Recorder, joint_seconds};
use crate::pipeline::{BatchTimes, Item};
use crate::record::Scenario;
use crate::units::Nanos;

/// An image on its way, with the time that its latency counts from: its submission in a closed
/// loop, its scheduled time in the server scenario. Offline the time is not used.
pub(super) type Request = Item<Nanos>;

/// Follows one session, batch by batch. The window opens for all sessions at one time; what is in
/// it follows from the scenario:
///
/// - Offline, it begins with the session's first batch that ends after the opening and ends with
///   the first that ends a window's length later. The first is not counted, so images and time
///   belong to the same batches however large these are.
/// - In a closed loop it is the window's length from the opening on, by the clock, and the requests
///   whose results come in it count. A session that gets few requests could not end it by itself.
/// - In the server scenario too; but the latencies are those of the requests that are scheduled in
///   it, and all of these are waited for. Else a system that stalls until the window's end would
///   drop the requests that suffer most (coordinated omission: G. Tene, "How NOT to Measure
///   Latency").
#[derive(Debug)]
pub(super) struct Meter {
    scenario: Scenario,
    length: Nanos,
    since: Option<Nanos>,
    over: bool,
    /// What has been counted so far.
    pub(super) part: Part,
}

/// What was counted of one session.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    /// Images whose predictions came in the window.
    pub(super) images: u64,
    /// Length of the window; 0 while it has not ended.
    pub(super) seconds: f64,
    /// Latencies: of batches offline, else of requests.
    pub(super) latency: Recorder,
    /// Times of the window's batches in each stage.
    pub(super) stages: StageTimes,
    /// For how long the session stood idle.
    pub(super) waited: Nanos,
}

/// For how many windows' lengths after the end of a server's window its requests are waited for.
/// Who takes longer is overloaded, and the wait would grow with the overload.
const PATIENCE: u64 = 1;

impl Meter {
    /// A window of this length.
    pub(super) fn new(scenario: Scenario, length: Nanos) -> Self {
        Self { scenario, length, since: None, over: false, part: Part::default() }
    }

    /// Takes a batch that ended. `opens` is the time at which the window opens, once it is known.
    /// Gives whether the window has been over since this batch or an earlier one.
    pub(super) fn batch(
        &mut self,
        requests: &[Arrived<Request>],
        times: &BatchTimes,
        opens: Option<Nanos>,
    ) -> bool {
        let Some(opens) = opens.filter(|_| !self.over) else { return self.over };
        let ends = opens + self.length;
        let done = times.done;
        let inside = done >= opens && done < ends;
        match self.scenario {
            Scenario::Offline => match self.since {
                None if done >= opens => self.since = Some(done),
                None => {}
                Some(since) => {
                    let elapsed = done - since;
                    self.count(requests.len(), times, times.waited);
                    self.part.latency.record(done - times.closed);
                    self.over = elapsed >= self.length;
                    self.part.seconds = if self.over { elapsed.seconds() } else { 0.0 };
                }
            },
            Scenario::Closed(_) => {
                if inside {
                    self.count(requests.len(), times, times.waited.min(done - opens));
                    requests.iter().for_each(|one| self.part.latency.record(done - one.item.tag));
                }
                self.over = done >= ends;
            }
            Scenario::Server(_) => {
                if inside {
                    self.count(requests.len(), times, times.waited.min(done - opens));
                }
                let scheduled = requests.iter().map(|one| one.item.tag);
                for at in scheduled.clone().filter(|at| (opens..ends).contains(at)) {
                    self.part.latency.record(done - at);
                }
                // Requests are taken in the order of the schedule: whoever sees one from after the
                // window knows that all of the window's have been taken.
                self.over = scheduled.clone().any(|at| at >= ends)
                    || done >= ends + Nanos(PATIENCE * self.length.0);
            }
        }
        self.over
    }

    fn count(&mut self, images: usize, times: &BatchTimes, waited: Nanos) {
        self.part.images += images as u64;
        self.part.stages.add(images as u64, times);
        self.part.waited = self.part.waited + waited;
    }
}

/// What the sessions of an instance, at least one, add up to. Their rates add up; `length` is the
/// window's where it ends by the clock.
pub(super) fn add_up(parts: &[Part], scenario: Scenario, length: Nanos) -> (Part, f64) {
    let mut all = Part::default();
    for part in parts {
        all.images += part.images;
        all.latency.merge(&part.latency);
        all.stages.merge(&part.stages);
        all.waited = all.waited + part.waited;
    }
    let session_seconds: f64 = match scenario {
        Scenario::Offline => {
            let each = parts.iter().map(|part| (part.images, part.seconds));
            all.seconds = joint_seconds(each).unwrap_or(0.0);
            parts.iter().map(|part| part.seconds).sum()
        }
        Scenario::Closed(_) | Scenario::Server(_) => {
            all.seconds = length.seconds();
            all.seconds * parts.len() as f64
        }
    };
    let idle_share =
        if session_seconds > 0.0 { (all.waited.seconds() / session_seconds).min(1.0) } else { 0.0 };
    (all, idle_share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::DeviceTimes;
    use crate::data::{IMAGE_PIXELS, Image};

    /// A batch that ended then, closed 4 ns and staged 3 ns before, after 1 ns of idleness.
    fn times(end: u64) -> BatchTimes {
        BatchTimes {
            waited: Nanos(1),
            queued: Nanos(20),
            closed: Nanos(end - 4),
            staged: Nanos(end - 3),
            done: Nanos(end),
            device: DeviceTimes { compute: Nanos(2), ..DeviceTimes::default() },
        }
    }

    fn requests(since: &[u64]) -> Vec<Arrived<Request>> {
        let image = Image([0; IMAGE_PIXELS]);
        let one = |&at: &u64| Arrived { at: Nanos(at), item: Item { image, tag: Nanos(at) } };
        since.iter().map(one).collect()
    }

    fn meter(scenario: Scenario) -> Meter {
        Meter::new(scenario, Nanos(100))
    }

    /// The slowest of so few latencies, which are short enough to be held exactly.
    fn slowest(part: &Part, samples: u64) -> u64 {
        let mut latency = part.latency.clone();
        assert_eq!(latency.samples(), samples);
        // Each 45 times over, they are enough for a percentile that is the slowest of them.
        (0..44).for_each(|_| latency.merge(&part.latency));
        latency.percentiles().p90_ns.unwrap()
    }

    #[test]
    fn offline_images_and_time_belong_to_the_same_batches() {
        let mut meter = meter(Scenario::Offline);
        let ten = requests(&[0; 10]);
        let ends = (10..).step_by(10).find(|&end| meter.batch(&ten, &times(end), Some(Nanos(55))));
        assert_eq!(ends, Some(160), "it began at 60, with the first batch after the opening");
        assert!(meter.batch(&ten, &times(170), Some(Nanos(55))), "once over, it stays so");
        let (all, idle_share) = add_up(&[meter.part], Scenario::Offline, Nanos(100));
        assert_eq!(all.images, 100, "the batch that began it is not counted");
        assert!((all.seconds - 100e-9).abs() < 1e-15);
        assert_eq!(all.latency.samples(), 10);
        assert!((idle_share - 0.1).abs() < 1e-12, "10 waits of 1 ns in 100: {idle_share}");
        let stages = all.stages.stages();
        let means = [stages.queue, stages.stage, stages.compute].map(|stage| stage.ns_per_image);
        assert_eq!(means, [2.0, 0.1, 0.2]);
    }

    #[test]
    fn a_window_that_never_opened_or_never_ended_measured_nothing() {
        let mut meter = meter(Scenario::Offline);
        for end in (10..100).step_by(10) {
            assert!(!meter.batch(&requests(&[0]), &times(end), None));
            assert!(!meter.batch(&requests(&[0]), &times(end), Some(Nanos(50))));
        }
        assert_eq!(add_up(&[meter.part], Scenario::Offline, Nanos(100)).0.seconds, 0.0);
    }

    #[test]
    fn rates_of_sessions_add_up() {
        let part = |images, seconds| Part { images, seconds, ..Part::default() };
        let parts = [part(300, 1.0), part(100, 0.5)];
        let (all, _) = add_up(&parts, Scenario::Offline, Nanos(1));
        assert!((all.images as f64 / all.seconds - 500.0).abs() < 1e-9);
        let (all, _) = add_up(&parts, Scenario::Closed(2), Nanos(1_000_000_000));
        assert_eq!((all.images, all.seconds), (400, 1.0), "one window for all, by the clock");
    }

    #[test]
    fn a_closed_loop_counts_the_results_that_come_in_the_window() {
        let mut meter = meter(Scenario::Closed(4));
        let opens = Some(Nanos(50));
        assert!(!meter.batch(&requests(&[0, 0]), &times(49), opens), "before it");
        assert!(!meter.batch(&requests(&[10, 20]), &times(60), opens), "in it, since before it");
        assert!(!meter.batch(&requests(&[60]), &times(149), opens));
        assert!(meter.batch(&requests(&[60]), &times(150), opens), "its end");
        assert_eq!(meter.part.images, 3);
        assert_eq!(slowest(&meter.part, 3), 89);
    }

    #[test]
    fn a_server_counts_the_requests_that_are_scheduled_in_the_window() {
        let mut meter = meter(Scenario::Server(1));
        let opens = Some(Nanos(50));
        assert!(!meter.batch(&requests(&[40, 49]), &times(60), opens));
        assert!(!meter.batch(&requests(&[49, 50, 51]), &times(70), opens));
        // A stall: these were due in the window, and come long after it.
        assert!(!meter.batch(&requests(&[60, 149]), &times(230), opens));
        assert!(meter.batch(&requests(&[149, 150]), &times(240), opens));
        assert_eq!(meter.part.images, 5, "as many results came in the window");
        assert_eq!(slowest(&meter.part, 5), 170);
    }

    #[test]
    fn a_server_is_not_waited_for_without_end() {
        let mut meter = meter(Scenario::Server(1));
        assert!(!meter.batch(&requests(&[60]), &times(249), Some(Nanos(50))));
        assert!(meter.batch(&requests(&[61]), &times(250), Some(Nanos(50))));
    }
}
