//! The contract between the pipeline and whatever runs the model.
//!
//! A [`Backend`] opens a [`Session`]: the model loaded on a device. A session takes a staged batch
//! ([`Session::submit`] gives a [`Ticket`]) and later gives its predictions ([`Session::wait`]), so
//! that copies and compute of neighbouring batches can overlap where the device allows it.
//!
//! This module and those below it are the only code that names tch, torch-sys or cudarc.

#[cfg(test)]
mod conformance;
mod learner;
mod native;
mod null;
mod sync;
mod torch;

use std::sync::Arc;

pub use self::learner::{Dropout, Learner, Share, Tally, learner};
pub use self::native::{Peak, multiply_add_peak};
pub use self::null::{Null, Script};

use crate::error::{Error, Result};
use crate::model::{CLASSES, Weights};
use crate::staging::{Heap, HostAlloc, Slot};
use crate::units::Nanos;

/// Something that can run the model.
pub trait Backend: Send + Sync {
    /// The name in configurations, flags and reports.
    fn name(&self) -> &'static str;

    /// Loads the model. The session belongs to the thread that opened it: frameworks keep their
    /// thread pools and gradient modes by thread.
    ///
    /// # Errors
    /// [`Error::Backend`] where the framework refuses, [`Error::Unavailable`] where it is absent.
    fn open(&self, weights: &Weights, options: &SessionOptions) -> Result<Box<dyn Session>>;

    /// Whether the first batches of a session take longer than later ones: frameworks allocate, choose
    /// kernels and load code in them.
    fn warms_up(&self) -> bool {
        true
    }

    /// The memory its sessions like batches to be staged in.
    fn host_alloc(&self) -> Arc<dyn HostAlloc> {
        Arc::new(Heap)
    }
}

/// How a session is to be opened.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// The largest batch that will be submitted.
    pub max_batch: usize,
    /// Threads that one forward pass may use.
    pub threads: usize,
    /// What is wanted of each image.
    pub outputs: Outputs,
    /// The arithmetic, of those that the backend [has](precisions).
    pub precision: Precision,
}

/// The arithmetic of a forward pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    F32,
    /// 8-bit integers, with sums of 32 bits. Rounding moves the answers: it is a choice, never the
    /// default.
    Int8,
}

impl Precision {
    /// The name in configurations, flags and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Int8 => "int8",
        }
    }
}

impl std::str::FromStr for Precision {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        [Self::F32, Self::Int8].into_iter().find(|one| one.name() == name).ok_or_else(|| {
            Error::invalid(format!("precision `{name}`"), "no backend has it; choose f32 or int8")
        })
    }
}

/// The arithmetic that a backend has, the default first.
pub fn precisions(backend: &str) -> &'static [Precision] {
    match backend {
        "native" => &[Precision::F32, Precision::Int8],
        _ => &[Precision::F32],
    }
}

/// Refuses a precision that a backend does not have.
fn check_precision(backend: &str, options: &SessionOptions) -> Result<()> {
    if precisions(backend).contains(&options.precision) {
        return Ok(());
    }
    let names: Vec<_> = precisions(backend).iter().map(|precision| precision.name()).collect();
    Err(Error::unavailable(
        format!("{} on the {backend} backend", options.precision.name()),
        format!("it runs {} only; take that, or the native backend", names.join(" and ")),
    ))
}

/// What a session gives for each image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outputs {
    /// The class alone.
    Classes,
    /// The class and the ten log-probabilities.
    Scores,
}

/// A model loaded on a device.
pub trait Session {
    /// How many tickets may be outstanding; at least 1. Two or more mean that the next batch can
    /// be submitted while this one runs.
    fn in_flight(&self) -> usize {
        1
    }

    /// Starts a batch of 1 to `max_batch` images. The slot stays with the ticket until the device
    /// no longer reads it.
    ///
    /// # Errors
    /// [`Error::Backend`]; the slot has gone back to its pool, and the session can go on.
    fn submit(&mut self, slot: Slot) -> Result<Ticket>;

    /// Waits for a batch, oldest first, and replaces `predictions` with its own.
    ///
    /// # Errors
    /// [`Error::Backend`]; `predictions` is then unspecified, and the session can go on.
    fn wait(&mut self, ticket: Ticket, predictions: &mut Predictions) -> Result<DeviceTimes>;
}

/// A batch that has been submitted and not yet waited for.
pub struct Ticket {
    slot: Slot,
}

impl Ticket {
    /// Images in the batch.
    pub fn images(&self) -> usize {
        self.slot.len()
    }
}

/// What the model says of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Predictions {
    /// The most probable digit of each image; the lowest of several equally probable ones.
    pub classes: Vec<u8>,
    /// Log-probabilities of each image, empty where only classes were asked for.
    pub scores: Vec<[f32; CLASSES]>,
}

/// The first of the largest scores. NaN is never larger.
fn argmax(row: &[f32; CLASSES]) -> u8 {
    let mut best = 0;
    for class in 1..CLASSES {
        if row[class] > row[best] {
            best = class;
        }
    }
    best as u8
}

/// Where a batch's time on the device went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceTimes {
    /// Copy from host to device; zero on a CPU.
    pub h2d: Nanos,
    /// The forward pass, from pixels to predictions.
    pub compute: Nanos,
    /// Copy from device to host; zero on a CPU.
    pub d2h: Nanos,
    /// Which clock the three were read from.
    pub clock: DeviceClock,
}

/// Who timed a device stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceClock {
    /// The host's monotonic clock.
    #[default]
    Host,
    /// Events on the device.
    Device,
}

/// The backend to use where nothing but speed on a CPU matters.
pub const FASTEST_ON_CPU: &str = "native";

/// Every backend's name, the one used by default first.
pub fn names() -> &'static [&'static str] {
    if torch::LIBTORCH.is_some() {
        &["torch", "torch-eager", "native", "null"]
    } else {
        &["native", "null", "torch", "torch-eager"]
    }
}

/// The instruction set that the native backend runs on: `avx512`, `avx2`, `neon` or `portable`. Absent
/// where the environment forces one that this machine lacks.
pub fn native_isa() -> Option<String> {
    native::instruction_set().map(Into::into)
}

/// The native backend on each instruction set of this machine, by its name, the fastest last: to
/// measure one beside another.
pub fn native_on_each_isa() -> Vec<(&'static str, Arc<dyn Backend>)> {
    native::on_each_set()
        .into_iter()
        .map(|(name, backend)| (name, Arc::new(backend) as Arc<dyn Backend>))
        .collect()
}

/// The version of the libtorch that this build holds; `None` for a build without it.
pub fn libtorch_version() -> Option<String> {
    torch::LIBTORCH.map(Into::into)
}

/// The backend of that name.
///
/// # Errors
/// [`Error::Invalid`] for an unknown name, with the known ones; [`Error::Unavailable`] for one
/// that this build lacks.
pub fn by_name(name: &str) -> Result<Arc<dyn Backend>> {
    match name {
        "native" => Ok(Arc::new(native::Native::default())),
        "null" => Ok(Arc::new(Null::default())),
        "torch" | "torch-eager" => torch::backend(name),
        _ => Err(Error::invalid(
            format!("backend `{name}`"),
            format!("unknown; choose one of {}", names().join(", ")),
        )),
    }
}
