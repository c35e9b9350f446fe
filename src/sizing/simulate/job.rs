//! A job over many machines.

use super::crew::Crew;
use super::{BatchTimes, Fleet};
use crate::error::{Error, Result};

/// Batches from which on their sum is drawn at once.
const AT_ONCE: u64 = 32;

/// A job: objects of a batch of images each, shared out evenly among machines when it begins.
///
/// A machine that is lost takes the batches under way with it; what it had done is kept, and what
/// it had not goes to the others in equal shares. It is not replaced, unless it was the last. A
/// slow machine keeps its share. The images lie in memory, decoded: reading and decoding are not in
/// it.
///
/// What is approximated: of a session's work, while there is much of it, not each batch is drawn
/// but the sum of some at least 32 of them, from the log-normal distribution with the mean and the
/// variance of that sum (it tends to the normal one by the central limit theorem, and a log-normal
/// one of so small a deviation hardly differs but is never below 0). A machine that is lost amid
/// such a sum had done its share of it in proportion. The last 64 batches or more of each session
/// are played one by one, each a draw of the measured times, so that the end of the job is that of
/// the slowest batch; with `exact` all are.
#[derive(Clone, Debug)]
pub struct Job {
    /// Images, 1 at least.
    pub images: u64,
    /// Machines, 1 at least.
    pub machines: usize,
    /// Sessions side by side on each.
    pub sessions: usize,
    /// Images of a batch; the last has what is left.
    pub batch: usize,
    /// The time of a batch.
    pub times: BatchTimes,
    /// How the machines differ.
    pub fleet: Fleet,
    /// Whether every single batch is played.
    pub exact: bool,
}

/// How a job went.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Finished {
    /// Seconds from the request to the last image.
    pub seconds: f64,
    /// Seconds until the first machine was ready.
    pub first_ready_s: f64,
    /// Seconds until the last one was.
    pub last_ready_s: f64,
    /// Seconds after which half of the machines had no more to do.
    pub half_done_s: f64,
    /// Images done, once each.
    pub images: u64,
    /// Batches done.
    pub batches: u64,
    /// Machines lost before the end.
    pub lost: u64,
    /// Batches that went to another machine, those that were under way among them.
    pub taken_over: u64,
    /// Share of the sessions' time, from the request to the last image, in which a batch ran.
    pub busy_share: f64,
}

impl Finished {
    /// Images a second from the moment when the first machine was ready.
    pub fn images_per_s(&self) -> f64 {
        self.images as f64 / (self.seconds - self.first_ready_s)
    }
}

impl Job {
    /// Plays the job.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a job without images or a batch of none, and where machines are lost
    /// so often that it does not end.
    pub fn run(&self, seed: u64) -> Result<Finished> {
        self.run_telling(seed, &mut |_| {})
    }

    /// [`Job::run`], telling now and then how many batches are done.
    ///
    /// # Errors
    /// As there.
    pub fn run_telling(&self, seed: u64, told: &mut dyn FnMut(u64)) -> Result<Finished> {
        for (what, n) in [
            ("images", self.images),
            ("machines", self.machines as u64),
            ("sessions", self.sessions as u64),
            ("images of a batch", self.batch as u64),
        ] {
            if n == 0 {
                return Err(Error::invalid(format!("0 {what}"), "give at least 1"));
            }
        }
        let at_once = if self.exact { u64::MAX } else { AT_ONCE };
        Crew::new(self, at_once, seed).work(told)
    }

    /// Batches of the job.
    pub fn batches(&self) -> u64 {
        self.images.div_ceil(self.batch.max(1) as u64)
    }
}
