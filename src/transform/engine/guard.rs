//! What a panic may bring down: a handler's its object, a thread's the instance, and nothing the
//! parent's patience.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::error::{Error, Result};

/// Calls one of a handler's functions; a panic in it is an error of the object that it was called
/// over.
pub(super) fn shielded<T, E: From<Error>>(
    what: &str,
    call: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        Err(Error::malformed(what, format!("it panicked: {}", words(&*panic))).into())
    })
}

/// Notices the first thing that keeps an instance from going on.
pub(super) struct Breaker {
    broken: AtomicBool,
    causes: Sender<Error>,
    cause: Receiver<Error>,
}

impl Breaker {
    pub(super) fn new() -> Self {
        let (causes, cause) = bounded(1);
        Self { broken: AtomicBool::new(false), causes, cause }
    }

    /// Runs a thread's work. A panic breaks the instance off, and its other threads are told.
    pub(super) fn watch(&self, what: &str, work: impl FnOnce(), tell: impl FnOnce()) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
            let reason = format!("{what} of an instance panicked: {}", words(&*panic));
            self.break_off(Error::Bug(reason));
            tell();
        }
    }

    /// Breaks off, for this cause unless there is an earlier one.
    pub(super) fn break_off(&self, cause: Error) {
        self.broken.store(true, Ordering::Release);
        let _ = self.causes.try_send(cause);
    }

    /// Breaks off for a cause that is known elsewhere.
    pub(super) fn give_up(&self) {
        self.broken.store(true, Ordering::Release);
    }

    /// Whether the instance has broken off.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    /// Where the cause comes, once.
    pub(super) fn cause(&self) -> &Receiver<Error> {
        &self.cause
    }
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a word")
}
