//! Where the time of batches went, summed over windows, instances and rounds.

use serde::{Deserialize, Serialize};

use crate::backend::DeviceClock;
use crate::measure::Recorder;
use crate::pipeline::BatchTimes;
use crate::record::{Latency, Stage, StageClock, Stages};
use crate::units::Nanos;

/// Times of batches in each stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StageTimes {
    images: u64,
    queue: Times,
    stage: Times,
    h2d: Times,
    compute: Times,
    d2h: Times,
    on_device: bool,
}

/// Times of batches in one stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Times {
    total: u64,
    batches: Recorder,
}

impl StageTimes {
    /// Adds a batch of so many images, at least 1.
    pub fn add(&mut self, images: u64, times: &BatchTimes) {
        self.images += images;
        self.queue.total += times.queued.0;
        self.queue.batches.record(Nanos(times.queued.0 / images.max(1)));
        self.stage.add(times.staged - times.closed);
        self.h2d.add(times.device.h2d);
        self.compute.add(times.device.compute);
        self.d2h.add(times.device.d2h);
        self.on_device |= times.device.clock == DeviceClock::Device;
    }

    /// Adds all that another has.
    pub fn merge(&mut self, other: &Self) {
        self.images += other.images;
        self.queue.merge(&other.queue);
        self.stage.merge(&other.stage);
        self.h2d.merge(&other.h2d);
        self.compute.merge(&other.compute);
        self.d2h.merge(&other.d2h);
        self.on_device |= other.on_device;
    }

    /// As a record keeps them.
    pub fn stages(&self) -> Stages {
        let device = if self.on_device { StageClock::Device } else { StageClock::Host };
        let copies = |times: &Times| self.on_device.then(|| times.stage(self.images, device));
        Stages {
            queue: self.queue.stage(self.images, StageClock::Host),
            stage: self.stage.stage(self.images, StageClock::Host),
            h2d: copies(&self.h2d),
            compute: self.compute.stage(self.images, device),
            d2h: copies(&self.d2h),
        }
    }
}

impl Times {
    pub(super) fn add(&mut self, time: Nanos) {
        self.total += time.0;
        self.batches.record(time);
    }

    fn merge(&mut self, other: &Self) {
        self.total += other.total;
        self.batches.merge(&other.batches);
    }

    /// As a record keeps it, of so many images.
    pub(super) fn stage(&self, images: u64, clock: StageClock) -> Stage {
        let ns_per_image = self.total as f64 / images.max(1) as f64;
        Stage { clock, ns_per_image, batch: latency(&self.batches) }
    }
}

/// The percentiles as a record keeps them.
pub(super) fn latency(recorder: &Recorder) -> Latency {
    let percentiles = recorder.percentiles();
    Latency {
        samples: percentiles.samples,
        p50_ns: percentiles.p50_ns,
        p90_ns: percentiles.p90_ns,
        p95_ns: percentiles.p95_ns,
        p99_ns: percentiles.p99_ns,
        p999_ns: percentiles.p999_ns,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::DeviceTimes;

    fn batch(compute: u64, clock: DeviceClock) -> BatchTimes {
        BatchTimes {
            waited: Nanos(0),
            queued: Nanos(80),
            closed: Nanos(1_000),
            staged: Nanos(1_040),
            done: Nanos(9_000),
            device: DeviceTimes {
                compute: Nanos(compute),
                h2d: Nanos(16),
                clock,
                ..DeviceTimes::default()
            },
        }
    }

    #[test]
    fn a_stage_is_a_mean_by_image_and_percentiles_by_batch() {
        let mut times = StageTimes::default();
        for _ in 0..7 {
            times.add(8, &batch(400, DeviceClock::Host));
        }
        let stages = times.stages();
        assert_eq!((stages.queue.ns_per_image, stages.queue.batch.p50_ns), (10.0, Some(10)));
        assert_eq!((stages.stage.ns_per_image, stages.stage.batch.p50_ns), (5.0, Some(40)));
        assert_eq!((stages.compute.ns_per_image, stages.compute.batch.p50_ns), (50.0, Some(400)));
        assert_eq!((stages.h2d, stages.compute.batch.p90_ns), (None, None));
    }

    #[test]
    fn merged_parts_weigh_by_their_images_and_a_device_shows_its_copies() {
        let (mut one, mut other) = (StageTimes::default(), StageTimes::default());
        one.add(30, &batch(300, DeviceClock::Device));
        other.add(10, &batch(300, DeviceClock::Device));
        one.merge(&other);
        let stages = one.stages();
        assert_eq!((stages.compute.ns_per_image, stages.compute.clock), (15.0, StageClock::Device));
        assert_eq!(stages.h2d.unwrap().ns_per_image, 0.8);
    }
}
