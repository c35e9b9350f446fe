//! The bench that measures for real, with instances started for each measurement.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::INSTANCE_KIND;
use super::message::{Down, Measured, Order, Up};
use super::runner::{Bench, Measurement};
use super::stages::StageTimes;
use super::traffic::Traffic;
use crate::config::Sweep;
use crate::error::{Error, Result};
use crate::measure::host::{Counters, Pressure, own_cores};
use crate::measure::{Recorder, joint_seconds};
use crate::pipeline::{Event, Fleet, place};
use crate::record::{Cell, Throttling};

/// How often the user's wish to stop is looked at while nothing happens.
const TICK: Duration = Duration::from_millis(50);
/// What a measurement may take beyond its warm-up and window before its instances count as hung:
/// loading libtorch from a cold disk takes most of it.
const SLACK: Duration = Duration::from_secs(120);

/// What all instances are given.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    /// The Plimsoll that they are started from.
    pub(super) program: PathBuf,
    /// The model's file, if not the shipped weights.
    pub(super) model: Option<PathBuf>,
    /// An IDX file of the images that are cycled.
    pub(super) images: PathBuf,
    /// How many of them, from the first, are the check set.
    pub(super) check: usize,
}

/// Measures each cell with instances of its own, so that their memory is the cell's, and none finds
/// threads, caches or faults that another cell has left.
pub(super) struct FleetBench<'a> {
    setup: Setup,
    config: &'a Sweep,
    stop: &'a AtomicBool,
    cores: Vec<usize>,
}

impl<'a> FleetBench<'a> {
    pub(super) fn new(setup: Setup, config: &'a Sweep, stop: &'a AtomicBool) -> Self {
        Self { setup, config, stop, cores: own_cores() }
    }

    /// The next message. An instance that has gone before it is `over`, silence past the deadline
    /// and the user's wish to stop are errors.
    fn hear(
        &self,
        fleet: &Fleet<Up>,
        deadline: Instant,
        over: &[(usize, Measured)],
    ) -> Result<(usize, Up)> {
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted("while a cell was measured".into()));
            }
            match fleet.next(TICK) {
                Some((index, Event::Message(Up::Failed { reason }))) => {
                    return Err(Error::Instance { index, reason });
                }
                Some((index, Event::Message(up))) => return Ok((index, up)),
                Some((index, Event::Gone(_))) if over.iter().any(|(one, _)| *one == index) => {}
                Some((index, Event::Gone(reason))) => {
                    let how = if reason.is_empty() { "it left without a word" } else { &reason };
                    return Err(Error::Instance { index, reason: format!("it died ({how})") });
                }
                None if Instant::now() > deadline => {
                    return Err(Error::Instance {
                        index: 0,
                        reason: "it, or another, has said nothing for minutes".into(),
                    });
                }
                None => {}
            }
        }
    }

    /// Starts a cell's instances, waits until all are warm, lets them go, and hears what each
    /// has measured, and what kept the processors from running at full speed meanwhile.
    fn run(&self, cell: &Cell, nth: usize) -> Result<(Vec<Measured>, Pressure)> {
        let config = self.config;
        let Setup { program, model, images, check } = self.setup.clone();
        let fleet: Fleet<Up> = Fleet::start(
            &program,
            INSTANCE_KIND,
            &place(&self.cores, cell.instances),
            &BTreeMap::new(),
        )?;
        let order = Order {
            model,
            images,
            check: if nth == 0 { check } else { 0 },
            backend: cell.backend.clone(),
            precision: cell.precision.clone(),
            batch: cell.batch,
            threads: cell.threads,
            sessions: cell.sessions,
            staging: cell.staging.clone(),
            scenario: cell.scenario,
            instance: (0, cell.instances),
            seed: (config.seed, nth),
            queue: config.queue,
            max_delay: config.max_delay.0,
            warmup: (config.warmup_min.0, config.warmup_max.0, config.warmup_window.0),
            window: config.window.0,
        };
        for index in 0..cell.instances {
            let order = Order { instance: (index, cell.instances), ..order.clone() };
            fleet.send(index, &Down::Measure(Box::new(order)))?;
        }
        // A server's requests are waited for after its window, for as long as that again.
        let deadline =
            Instant::now() + config.warmup_max.duration() + 2 * config.window.duration() + SLACK;
        for _ in 0..cell.instances {
            match self.hear(&fleet, deadline, &[])? {
                (_, Up::Warm) => {}
                (index, up) => return Err(unexpected(index, &up)),
            }
        }
        let before = Counters::read(&self.cores);
        for index in 0..cell.instances {
            fleet.send(index, &Down::Go)?;
        }
        let mut all = Vec::with_capacity(cell.instances);
        for _ in 0..cell.instances {
            match self.hear(&fleet, deadline, &all)? {
                (index, Up::Measured(measured)) => all.push((index, *measured)),
                (index, up) => return Err(unexpected(index, &up)),
            }
        }
        let pressure = Counters::read(&self.cores).since(&before);
        Ok((all.into_iter().map(|(_, measured)| measured).collect(), pressure))
    }
}

impl Bench for FleetBench<'_> {
    fn measure(&mut self, cell: &Cell, nth: usize) -> Result<Measurement> {
        let (all, pressure) = self.run(cell, nth)?;
        Ok(Measurement { throttling: throttling(pressure), ..add_up(all) })
    }
}

/// All instances of a cell as one measurement: rates add up.
fn add_up(all: Vec<Measured>) -> Measurement {
    let images: u64 = all.iter().map(|one| one.images).sum();
    let mut latency = Recorder::new();
    let mut stages = StageTimes::default();
    let mut traffic = Traffic::default();
    for one in &all {
        latency.merge(&one.latency);
        stages.merge(&one.stages);
        traffic.merge(&one.traffic);
    }
    let longest = all.iter().map(|one| one.seconds).fold(0.0, f64::max);
    Measurement {
        images,
        seconds: joint_seconds(all.iter().map(|one| (one.images, one.seconds))).unwrap_or(longest),
        warmup_s: all.iter().map(|one| one.warmup_s).fold(0.0, f64::max),
        steady: all.iter().all(|one| one.steady),
        latency,
        stages,
        idle_share: all.iter().map(|one| one.idle_share).sum::<f64>() / all.len().max(1) as f64,
        traffic,
        peak_rss_bytes: all.iter().filter_map(|one| one.peak_rss_bytes).max(),
        predictions: all.into_iter().filter_map(|one| one.check.map(Into::into)).collect(),
        throttling: Throttling::default(),
    }
}

/// As a record keeps it.
fn throttling(pressure: Pressure) -> Throttling {
    let Pressure { quota_share, stolen_share, thermal_events } = pressure;
    Throttling { quota_share, stolen_share, thermal_events }
}

fn unexpected(index: usize, up: &Up) -> Error {
    let what = match up {
        Up::Warm => "warm",
        Up::Measured(_) => "measured",
        Up::Failed { .. } => "failed",
    };
    Error::Bug(format!("instance {index} said `{what}` out of turn"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_of_instances_add_up() {
        let one =
            |images, seconds| Measured { images, seconds, steady: true, ..Measured::default() };
        let both = add_up(vec![one(300, 1.0), one(100, 0.5)]);
        assert_eq!(both.images, 400);
        assert!((both.images as f64 / both.seconds - 500.0).abs() < 1e-9);
        assert!(both.steady);
    }

    #[test]
    fn an_instance_without_a_window_makes_no_rate() {
        let measured = add_up(vec![Measured::default()]);
        assert_eq!((measured.images, measured.seconds), (0, 0.0));
        assert!(!measured.steady);
    }
}
