//! An object under way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::assembly::{Assembly, Work};
use super::output::Output;
use crate::transform::handler::Prediction;
use crate::transform::message::Failed;
use crate::transform::split::Payload;
use crate::units::Nanos;

/// How often who waits for room looks whether it still makes sense.
const LOOK: Duration = Duration::from_millis(50);

/// An object under way, shared by whoever has one of its images.
pub(super) struct Open {
    /// Its number in the job.
    pub(super) object: u32,
    /// Its key below the base.
    pub(super) key: String,
    assembly: Mutex<Assembly<Kept, Prediction>>,
    room: Condvar,
    /// Whether someone waits for room. To wake no one would still be a system call.
    awaited: AtomicBool,
    output: Mutex<Output>,
}

/// What is kept of a request until its response is written.
#[derive(Debug)]
pub(super) struct Kept {
    /// How many records it has.
    pub(super) records: usize,
    /// The number of its first record within the object.
    pub(super) first: u64,
    /// Where that one begins in the object, in bytes, if there is one.
    pub(super) offset: Option<u64>,
    /// The records, where results are joined with them.
    pub(super) payload: Option<Payload>,
    /// When its first image was queued.
    pub(super) submitted: Nanos,
}

impl Kept {
    /// A cause that is the request's: its record's, where it has but one.
    pub(super) fn failed(&self, reason: impl ToString) -> Failed {
        let one = self.records == 1;
        Failed {
            record: one.then_some(self.first),
            offset: self.offset.filter(|_| one),
            reason: reason.to_string(),
        }
    }

    /// A cause that is the `i`th record's.
    pub(super) fn failed_at(&self, i: usize, reason: impl ToString) -> Failed {
        let later = self.payload.as_ref().map(|payload| payload.record_offset(i));
        Failed {
            record: Some(self.first + i as u64),
            offset: later.or(self.offset.filter(|_| i == 0)),
            reason: reason.to_string(),
        }
    }
}

/// What an image is known by on its way.
pub(super) struct Tag {
    pub(super) open: Arc<Open>,
    /// The number of its request within the object, from 0.
    pub(super) request: u64,
    /// Which of the request's images it is, from 0.
    pub(super) position: u32,
    /// The record that it came from, if that can be told, and where it begins.
    pub(super) record: Option<(u64, u64)>,
}

impl Tag {
    /// A cause that is this image's.
    pub(super) fn failed(&self, reason: impl ToString) -> Failed {
        Failed {
            record: self.record.map(|(record, _)| record),
            offset: self.record.map(|(_, offset)| offset),
            reason: reason.to_string(),
        }
    }
}

impl Open {
    /// An object whose bytes are about to be read.
    pub(super) fn new(object: u32, key: String) -> Arc<Self> {
        Arc::new(Self {
            object,
            key,
            assembly: Mutex::new(Assembly::new()),
            room: Condvar::new(),
            awaited: AtomicBool::new(false),
            output: Mutex::default(),
        })
    }

    /// Announces the next request, which has so many images; gives its number.
    pub(super) fn announce(&self, images: usize, kept: Kept) -> u64 {
        self.assembly().announce(images, kept)
    }

    /// All requests have been announced.
    pub(super) fn end(&self) {
        self.assembly().end();
    }

    /// Fails the object. Whoever calls it asks for work afterwards.
    pub(super) fn fail(&self, cause: Failed) {
        self.assembly().fail(cause);
        self.wake();
    }

    /// Whether it can still come to a good end.
    pub(super) fn is_open(&self) -> bool {
        self.assembly().is_open()
    }

    /// Brings predictions, each of an image of this object.
    pub(super) fn arrive(&self, images: impl Iterator<Item = (u64, usize, Prediction)>) {
        let mut assembly = self.assembly();
        for (request, position, prediction) in images {
            assembly.arrive(request, position, prediction);
        }
    }

    /// The first piece of work, if there is any and nobody is at it.
    pub(super) fn claim(&self) -> Option<Work<Kept, Prediction>> {
        let work = self.assembly().claim();
        self.wake();
        work
    }

    /// The next piece of work for the one who has done the last.
    pub(super) fn next(&self) -> Option<Work<Kept, Prediction>> {
        let work = self.assembly().next();
        self.wake();
        work
    }

    /// Waits until `images` more would be no more than `most` on their way, or until none is:
    /// the next request may be larger than that by itself. Ends early where the object has failed
    /// or `hopeless` says so.
    pub(super) fn wait_for_room(&self, images: usize, most: usize, hopeless: impl Fn() -> bool) {
        let mut assembly = self.assembly();
        // It is set while the assembly is held, and looked at by who has held it since.
        self.awaited.store(true, Ordering::Relaxed);
        while assembly.images() > 0
            && assembly.images() + images > most
            && assembly.is_open()
            && !hopeless()
        {
            let waited = self.room.wait_timeout(assembly, LOOK);
            assembly = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        self.awaited.store(false, Ordering::Relaxed);
    }

    fn wake(&self) {
        if self.awaited.load(Ordering::Relaxed) {
            self.room.notify_all();
        }
    }

    /// What has been written of it; only who has a piece of its work looks at it.
    pub(super) fn output(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn assembly(&self) -> MutexGuard<'_, Assembly<Kept, Prediction>> {
        self.assembly.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
