//! The time that a session takes for a batch of so many images.

use std::fmt;

use super::shape::Shape;
use super::spread::Spread;
use super::waking::Waking;
use crate::error::{Error, Result};
use crate::measure::Recorder;
use crate::record::{Cell, CellRecord, RunRecord, Scenario, Verdict};

/// Quantiles that the moments of a size between two measured ones are reckoned from.
const GRID: usize = 4_096;

/// A closed loop's batches may differ by so much of their size for it to tell the time of one size.
const EVEN: f64 = 0.02;

/// The time that a session takes for a batch of so many images, as measured.
///
/// A draw is one of the measured times of that size, so the tail is the measured one; draws are
/// independent, so what slowed several batches in a row is spread out. Of a size between two
/// measured ones, or past them, each quantile is taken from the same quantile of the neighbours,
/// with the weight that the fitted growth of the medians gives (`fixed + marginal * n`, and a
/// staircase where vectors are filled in groups). What a session does between two batches, its own
/// bookkeeping, is known from what is missing between the batches' times and the cell's rate.
#[derive(Clone, Debug)]
pub struct BatchTimes {
    /// Rising in images; one at least.
    sizes: Vec<Size>,
    shape: Shape,
    in_flight: usize,
    waking: Waking,
}

/// Which cells of a run are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Those that are VALID.
    Valid,
    /// INVALID ones too.
    All,
}

/// A size that was measured.
#[derive(Clone, Debug)]
struct Size {
    images: usize,
    /// For how long a batch keeps the session's device.
    time: Spread,
    /// What a batch takes besides, while the device may have the next one: nothing unless batches
    /// overlap.
    lead: f64,
    /// From a batch's end until the session looks for the next.
    between: f64,
}

/// Where a size lies among the measured ones.
enum Place {
    At(usize),
    /// After this one, with the share of the way to the next.
    Between(usize, f64),
    /// A multiple of this one.
    Scaled(usize, f64),
}

impl BatchTimes {
    /// From cells of one machine that are alike but for their batch size and scenario.
    ///
    /// Offline cells give whole distributions. A closed loop's cell is read where no offline one
    /// has its size and its batches were all of one size, and then by its stages' percentiles.
    /// Server cells are not read: it is them that are predicted.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the cells are unlike, or none of them tells the time of a batch;
    /// [`Error::Malformed`] for a histogram that cannot be read.
    pub fn of(cells: &[&CellRecord]) -> Result<Self> {
        if let [first, rest @ ..] = cells
            && let Some(other) = rest.iter().find(|other| kind(&other.cell) != kind(&first.cell))
        {
            return Err(Error::invalid(
                "the cells to simulate from",
                format!(
                    "{} and {} differ in more than batch size and scenario; choose those of one",
                    brief(&first.cell),
                    brief(&other.cell)
                ),
            ));
        }
        let mut sizes: Vec<Size> = Vec::new();
        let mut in_flight = 1;
        for cell in cells.iter().filter(|cell| cell.cell.scenario == Scenario::Offline) {
            let Some((size, overlapping)) = offline(cell)? else { continue };
            in_flight = in_flight.max(overlapping);
            sizes.push(size);
        }
        for cell in cells.iter().filter(|cell| matches!(cell.cell.scenario, Scenario::Closed(_))) {
            let known = |size: &Size| sizes.iter().any(|one| one.images == size.images);
            sizes.extend(closed(cell).filter(|size| !known(size)));
        }
        sizes.sort_by_key(|size| size.images);
        sizes.dedup_by_key(|size| size.images);
        Self::with_sizes(sizes, in_flight).ok_or_else(|| {
            Error::invalid(
                "the cells to simulate from",
                "none tells the time of a batch; measure offline cells of several batch sizes: \
                 plimsoll sweep --scenario offline --batch 1,2,4,8,16,32,64",
            )
        })
    }

    /// From the cells of a run that are like this one but for their batch size and scenario, on a
    /// machine that wakes its threads as the run says.
    ///
    /// # Errors
    /// [`Error::Invalid`] where none of them tells the time of a batch.
    pub fn of_run(run: &RunRecord, like: &Cell, trust: Trust) -> Result<Self> {
        let fits = |record: &&CellRecord| {
            let trusted = trust == Trust::All || record.verdict == Verdict::Valid;
            trusted && kind(&record.cell) == kind(like)
        };
        let cells: Vec<&CellRecord> = run.cells.iter().filter(fits).collect();
        Ok(Self::of(&cells)?.waking(Waking::of(run.waking.as_ref())))
    }

    /// Times that are always the same: `fixed + marginal * n` nanoseconds for `n` images.
    pub fn constant(fixed: f64, marginal: f64) -> Self {
        let size = |images: usize| Size {
            images,
            time: Spread::constant((fixed + marginal * images as f64).max(1.0)),
            lead: 0.0,
            between: 0.0,
        };
        Self {
            sizes: vec![size(1), size(2)],
            shape: Shape { fixed, marginal, stair: 0.0, width: 1 },
            in_flight: 1,
            waking: Waking::default(),
        }
    }

    /// Times of a size, or of several, that are drawn from these.
    #[cfg(test)]
    pub(super) fn drawn(sizes: Vec<(usize, Spread)>) -> Self {
        let size = |(images, time): (usize, Spread)| Size { images, time, lead: 0.0, between: 0.0 };
        Self::with_sizes(sizes.into_iter().map(size).collect(), 1).unwrap()
    }

    fn with_sizes(sizes: Vec<Size>, in_flight: usize) -> Option<Self> {
        let medians: Vec<_> = sizes.iter().map(|one| (one.images, one.time.at(0.5))).collect();
        let sound = !sizes.is_empty() && medians.iter().all(|&(_, time)| time > 0.0);
        let shape = || Shape::of(&medians);
        sound.then(|| Self { shape: shape(), sizes, in_flight, waking: Waking::default() })
    }

    /// The same times on a machine that wakes its threads like this.
    #[must_use]
    pub fn waking(self, waking: Waking) -> Self {
        Self { waking, ..self }
    }

    /// How the machine wakes its threads.
    pub(super) fn wakes(&self) -> &Waking {
        &self.waking
    }

    /// The batch sizes that were measured, rising.
    pub fn sizes(&self) -> impl Iterator<Item = usize> {
        self.sizes.iter().map(|size| size.images)
    }

    /// Batches that a session has in flight at most.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// For how long a batch of so many images keeps a session at this quantile, in nanoseconds.
    pub(super) fn at(&self, images: usize, quantile: f64) -> f64 {
        match self.place(images) {
            Place::At(i) => self.sizes[i].time.at(quantile),
            Place::Between(i, share) => {
                let [low, high] = [i, i + 1].map(|i| self.sizes[i].time.at(quantile));
                low + share * (high - low)
            }
            Place::Scaled(i, factor) => self.sizes[i].time.at(quantile) * factor,
        }
    }

    /// What a batch takes besides, while the next one may run.
    pub(super) fn lead(&self, images: usize) -> f64 {
        self.mixed(images, |size| size.lead)
    }

    /// What the session does after a batch, in nanoseconds, before it looks for the next.
    pub(super) fn between(&self, images: usize) -> f64 {
        self.mixed(images, |size| size.between)
    }

    /// Mean, in nanoseconds, and variance of a batch's whole turn, with what lies between it and
    /// the next.
    pub(super) fn moments(&self, images: usize) -> (f64, f64) {
        let between = self.between(images);
        let (mean, variance) = match self.place(images) {
            Place::At(i) => (self.sizes[i].time.mean(), self.sizes[i].time.variance()),
            Place::Scaled(i, factor) => {
                let time = &self.sizes[i].time;
                (factor * time.mean(), factor * factor * time.variance())
            }
            Place::Between(..) => {
                let times = (0..GRID).map(|i| self.at(images, (i as f64 + 0.5) / GRID as f64));
                let (sum, squares) = times
                    .fold((0.0, 0.0), |(sum, squares), time| (sum + time, squares + time * time));
                let mean = sum / GRID as f64;
                (mean, (squares / GRID as f64 - mean * mean).max(0.0))
            }
        };
        (mean + between, variance)
    }

    /// A figure of the sizes, between them and past them as the time itself.
    fn mixed(&self, images: usize, figure: impl Fn(&Size) -> f64) -> f64 {
        match self.place(images) {
            Place::At(i) => figure(&self.sizes[i]),
            Place::Between(i, _) => {
                let [low, high] = [i, i + 1].map(|i| &self.sizes[i]);
                let way = (images - low.images) as f64 / (high.images - low.images) as f64;
                figure(low) + way * (figure(high) - figure(low))
            }
            Place::Scaled(i, factor) => factor * figure(&self.sizes[i]),
        }
    }

    fn place(&self, images: usize) -> Place {
        let after = self.sizes.partition_point(|size| size.images < images);
        if self.sizes.get(after).is_some_and(|size| size.images == images) {
            return Place::At(after);
        }
        let shape = |images| self.shape.at(images);
        if after == 0 {
            // One size tells nothing of smaller ones: those are promised to be no faster.
            let factor = if self.sizes.len() == 1 {
                1.0
            } else {
                shape(images) / shape(self.sizes[0].images)
            };
            return Place::Scaled(0, factor);
        }
        let low = self.sizes[after - 1].images;
        let Some(high) = self.sizes.get(after).map(|size| size.images) else {
            return Place::Scaled(after - 1, shape(images) / shape(low));
        };
        let rise = shape(high) - shape(low);
        let share = if rise > 1e-6 * shape(high) {
            (shape(images) - shape(low)) / rise
        } else {
            (images - low) as f64 / (high - low) as f64
        };
        Place::Between(after - 1, share)
    }
}

/// What an offline cell tells of its size, and how many batches a session had in flight.
fn offline(record: &CellRecord) -> Result<Option<(Size, usize)>> {
    let images = record.cell.batch;
    let recorder = Recorder::try_from(record.latency_histogram.clone())
        .map_err(|error| error.within(brief(&record.cell)))?;
    let Some(latency) = Spread::of(&recorder) else { return Ok(None) };
    let done: u64 = record.rounds.iter().map(|round| round.images).sum();
    let seconds: f64 = record.rounds.iter().map(|round| round.seconds).sum();
    if done == 0 || seconds <= 0.0 || images == 0 {
        return Ok(None);
    }
    // A session's turn: from one batch to the next, without what it waited for the feeder.
    let sessions = (record.cell.instances * record.cell.sessions) as f64;
    let idle = record.rounds.iter().map(|round| round.idle_share * round.seconds).sum::<f64>();
    let turn = sessions * (seconds - idle) * 1e9 * images as f64 / done as f64;
    let overlapping = (latency.mean() / turn).round().max(1.0) as usize;
    if overlapping == 1 {
        let between = (turn - latency.mean()).max(0.0);
        return Ok(Some((Size { images, time: latency, lead: 0.0, between }, 1)));
    }
    // Batches overlap: the turn is the slowest stage's, and the latency alone holds the waiting of
    // one batch for another.
    let stages = &record.stages;
    let copies = [&stages.h2d, &stages.d2h].into_iter().flatten();
    let alone: f64 = copies.chain([&stages.stage, &stages.compute]).map(|s| s.ns_per_image).sum();
    let lead = (alone * images as f64 - turn).max(0.0);
    let factor = turn / latency.mean();
    let time = latency.scaled(factor);
    Ok(Some((Size { images, time, lead, between: 0.0 }, overlapping)))
}

/// What a closed loop's cell tells, where all of its batches were of one size.
fn closed(record: &CellRecord) -> Option<Size> {
    let batches = record.stages.compute.batch.samples;
    let done: u64 = record.rounds.iter().map(|round| round.images).sum();
    if batches == 0 || record.stages.h2d.is_some() {
        return None;
    }
    let mean = done as f64 / batches as f64;
    let images = mean.round();
    // A session that has the requests to itself takes all that are outstanding, or a full batch.
    let Cell { scenario: Scenario::Closed(all), instances, sessions: 1, batch, .. } = record.cell
    else {
        return None;
    };
    let outstanding = all as f64 / instances as f64;
    let whole = images == outstanding || images == batch as f64;
    if images < 1.0 || !whole || (mean / images - 1.0).abs() > EVEN {
        return None;
    }
    let stages = &record.stages;
    let time = Spread::of_percentiles(&[&stages.stage.batch, &stages.compute.batch])?;
    Some(Size { images: images as usize, time, lead: 0.0, between: 0.0 })
}

/// The cell without what may differ.
fn kind(cell: &Cell) -> Cell {
    Cell { batch: 0, scenario: Scenario::Offline, ..cell.clone() }
}

/// A cell in words, for a message.
fn brief(cell: &Cell) -> impl fmt::Display {
    let Cell { backend, device, instances, sessions, threads, batch, scenario, .. } = cell;
    format!(
        "{backend} on {device}, {instances} x {sessions} sessions, {threads} threads, batch \
         {batch}, {scenario}"
    )
}
