//! Threads that wait for shares of batches.
//!
//! A batch costs each thread two atomic steps and, where it had gone to sleep, one wake-up: no lock,
//! no queue, no allocation.

use std::cell::UnsafeCell;
use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::{self, JoinHandle, Thread};

use super::answers::Answers;
use super::kernel::Kernel;
use crate::error::{Error, Result};
use crate::measure::host::{own_cores, pin};
use crate::model::CLASSES;

/// Looks at a desk before a thread goes to sleep: some microseconds, less than a wake-up takes.
const LOOKS: u32 = 300;

/// Some of a batch's images, and room for their answers.
pub(super) struct Share<'a> {
    pub(super) pixels: &'a [u8],
    pub(super) answers: Answers<'a>,
}

/// Threads besides the calling one.
pub(super) struct Team {
    members: Vec<Member>,
}

struct Member {
    desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
}

// What a desk holds.
const EMPTY: u8 = 0;
/// A share to be done: the thread's turn.
const SHARE: u8 = 1;
/// A share that is done, or that panicked: the caller's turn.
const DONE: u8 = 2;
const PANICKED: u8 = 3;
/// There will be no more: the thread's turn.
const CLOSED: u8 = 4;

/// Where the caller lays a thread's share. Whose turn it is, as `state` says, may touch it.
struct Desk {
    state: AtomicU8,
    share: UnsafeCell<RawShare>,
    /// Whom to wake when a share is done: the thread that opened the session, which alone uses it.
    caller: Thread,
}

/// A [`Share`] without its lifetime.
#[derive(Clone, Copy)]
struct RawShare {
    pixels: *const [u8],
    classes: *mut [u8],
    scores: *mut [[f32; CLASSES]],
}

// SAFETY: the share is touched by the side whose turn it is alone, and the atomic state hands it
// over; what its pointers lead to is borrowed by the caller until `Team::run` returns.
#[allow(unsafe_code, reason = "a share of a borrowed batch goes to a thread that outlives it")]
unsafe impl Send for Desk {}
// SAFETY: as above.
#[allow(unsafe_code, reason = "a share of a borrowed batch goes to a thread that outlives it")]
unsafe impl Sync for Desk {}

impl Team {
    /// Starts so many threads.
    ///
    /// # Errors
    /// [`Error::Backend`] where the system gives no more.
    pub(super) fn start<K: Kernel>(kernel: &Arc<K>, threads: usize) -> Result<Self> {
        // Left alone, two threads meet on one core as often as not. Where all of the cores are
        // this session's, each thread takes its own; if it may not, it runs.
        let cores = own_cores();
        let own = threads > 0 && cores.len() == threads + 1;
        let mut team = Self { members: Vec::with_capacity(threads) };
        for i in 1..=threads {
            let empty = RawShare { pixels: &[], classes: &mut [], scores: &mut [] };
            let desk = Arc::new(Desk {
                state: AtomicU8::new(EMPTY),
                share: UnsafeCell::new(empty),
                caller: thread::current(),
            });
            let (kernel, theirs) = (kernel.clone(), desk.clone());
            let core = own.then(|| cores[i..=i].to_vec());
            let work = move || {
                if let Some(core) = core {
                    let _ = pin(&core);
                }
                member(&*kernel, &theirs);
            };
            let thread =
                thread::Builder::new().name(format!("native-{i}")).spawn(work).map_err(|e| {
                    Error::backend("native", format!("cannot start {threads} threads: {e}"))
                })?;
            team.members.push(Member { desk, thread: Some(thread) });
        }
        Ok(team)
    }

    /// How many they are.
    pub(super) fn threads(&self) -> usize {
        self.members.len()
    }

    /// Gives each thread a share, of which there are no more than threads, does the caller's `own`
    /// meanwhile, and returns when all are done.
    pub(super) fn run<'a>(&mut self, shares: impl Iterator<Item = Share<'a>>, own: impl FnOnce()) {
        // Waits when dropped, so that even a panic of `own` leaves no thread with a borrowed share.
        let mut handed = Handed { members: &self.members, count: 0 };
        for (member, share) in self.members.iter().zip(shares) {
            let Share { pixels, answers } = share;
            let share = RawShare { pixels, classes: answers.classes, scores: answers.scores };
            member.desk.hand(share);
            if let Some(thread) = &member.thread {
                thread.thread().unpark();
            }
            handed.count += 1;
        }
        own();
    }
}

/// Members with shares of the present batch.
struct Handed<'a> {
    members: &'a [Member],
    count: usize,
}

impl Drop for Handed<'_> {
    fn drop(&mut self) {
        let mut panicked = false;
        for member in &self.members[..self.count] {
            if member.desk.wait(|state| state == DONE || state == PANICKED) == DONE {
                member.desk.state.store(EMPTY, Ordering::Relaxed);
            } else {
                panicked = true;
            }
        }
        assert!(!panicked || thread::panicking(), "a thread of the native backend panicked");
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        for Member { desk, thread } in &mut self.members {
            desk.state.store(CLOSED, Ordering::Release);
            if let Some(thread) = thread.take() {
                thread.thread().unpark();
                // Its panic was told when the share was.
                let _ = thread.join();
            }
        }
    }
}

impl Desk {
    /// Lays down a share. The caller's turn.
    fn hand(&self, share: RawShare) {
        let state = self.state.load(Ordering::Relaxed);
        assert_eq!(state, EMPTY, "a thread of the native backend is gone");
        // SAFETY: the desk is empty, so the thread does not look at the share.
        #[allow(unsafe_code, reason = "whose turn it is, is in the state")]
        unsafe {
            *self.share.get() = share;
        }
        self.state.store(SHARE, Ordering::Release);
    }

    /// Waits until the state is one of those, and gives it.
    fn wait(&self, turn: impl Fn(u8) -> bool) -> u8 {
        let mut looks = 0;
        loop {
            let state = self.state.load(Ordering::Acquire);
            if turn(state) {
                return state;
            }
            if looks < LOOKS {
                looks += 1;
                spin_loop();
            } else {
                thread::park();
            }
        }
    }
}

/// A thread's life.
fn member<K: Kernel>(kernel: &K, desk: &Desk) {
    /// Tells the caller, whether the share was done or panicked.
    struct Tell<'a>(&'a Desk, u8);
    impl Drop for Tell<'_> {
        fn drop(&mut self) {
            self.0.state.store(self.1, Ordering::Release);
            self.0.caller.unpark();
        }
    }
    let mut scratch = kernel.scratch();
    #[cfg(test)]
    super::counting::watch();
    while desk.wait(|state| state == SHARE || state == CLOSED) == SHARE {
        let mut tell = Tell(desk, PANICKED);
        // SAFETY: the state says that it is this thread's turn, and the caller keeps the batch
        // borrowed, and its hands off this part of it, until it is told.
        #[allow(
            unsafe_code,
            reason = "a share of a borrowed batch goes to a thread that outlives it"
        )]
        let (pixels, classes, scores) = unsafe {
            let share = *desk.share.get();
            (&*share.pixels, &mut *share.classes, &mut *share.scores)
        };
        kernel.run(&mut scratch, pixels, Answers { classes, scores });
        tell.1 = DONE;
    }
}
