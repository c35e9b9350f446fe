//! Which processors threads run on.

use std::sync::Barrier;
use std::thread;

use crate::error::{Error, Result};

/// The processors that this process may run on.
#[cfg(target_os = "linux")]
pub fn own_cores() -> Vec<usize> {
    let set = rustix::thread::sched_getaffinity(None).unwrap_or_default();
    let cores: Vec<usize> =
        (0..rustix::thread::CpuSet::MAX_CPU).filter(|&core| set.is_set(core)).collect();
    if cores.is_empty() { counted() } else { cores }
}

/// The processors that this process may run on; the system does not name them, so they are
/// numbered from 0.
#[cfg(not(target_os = "linux"))]
pub fn own_cores() -> Vec<usize> {
    counted()
}

fn counted() -> Vec<usize> {
    (0..std::thread::available_parallelism().map_or(1, usize::from)).collect()
}

/// Binds the calling thread, and the threads that it starts from now on, to `cores`.
///
/// # Errors
/// [`Error::Unavailable`] where the system refuses, for a core that is offline say.
#[cfg(target_os = "linux")]
pub fn pin(cores: &[usize]) -> Result<()> {
    let mut set = rustix::thread::CpuSet::new();
    for &core in cores {
        set.set(core);
    }
    rustix::thread::sched_setaffinity(None, &set).map_err(|source| {
        Error::unavailable(format!("binding to cores {cores:?}"), source.to_string())
    })
}

/// Does nothing: this system has no call to bind a thread to cores.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn pin(_: &[usize]) -> Result<()> {
    Ok(())
}

/// Runs `work` on so many threads at once, at least one, and adds up the rates that it gives. Each
/// thread is bound to a core of its own where there are enough, prepares by itself, and begins when
/// all are ready.
pub fn in_parallel<S>(
    threads: usize,
    prepare: impl Fn(usize) -> S + Sync,
    work: impl Fn(S) -> f64 + Sync,
) -> f64 {
    let threads = threads.max(1);
    let cores = own_cores();
    let ready = Barrier::new(threads);
    let run = |index: usize| {
        // Left alone, two threads meet on one core as often as not. Where binding is refused they
        // may, and the rate is what it is.
        if let Some(core) = cores.get(index).filter(|_| threads <= cores.len()) {
            let _ = pin(&[*core]);
        }
        let prepared = prepare(index);
        ready.wait();
        work(prepared)
    };
    thread::scope(|scope| {
        let run = &run;
        let all: Vec<_> = (0..threads).map(|index| scope.spawn(move || run(index))).collect();
        // A thread that panicked did nothing.
        all.into_iter().map(|one| one.join().unwrap_or(0.0)).sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_begins_when_all_are_ready_and_rates_add_up() {
        let prepared = std::sync::atomic::AtomicUsize::new(0);
        let relaxed = std::sync::atomic::Ordering::SeqCst;
        for threads in [0, 1, 3] {
            prepared.store(0, relaxed);
            let sum = in_parallel(
                threads,
                |index| {
                    prepared.fetch_add(1, relaxed);
                    index
                },
                |index| {
                    assert_eq!(prepared.load(relaxed), threads.max(1));
                    index as f64 + 1.0
                },
            );
            assert_eq!(sum, [1.0, 1.0, 3.0, 6.0][threads]);
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn each_thread_has_a_core_of_its_own_where_there_are_enough() {
        let cores = own_cores().len();
        let bound = in_parallel(cores, |_| (), |()| own_cores().len() as f64);
        assert_eq!(bound, cores as f64, "each is bound to one");
        assert_eq!(own_cores().len(), cores, "the calling thread is where it was");
    }

    #[test]
    fn a_thread_can_be_bound_to_one_of_its_cores() {
        let first = own_cores()[0];
        std::thread::spawn(move || {
            pin(&[first]).unwrap();
            if cfg!(target_os = "linux") {
                assert_eq!(own_cores(), [first]);
            }
        })
        .join()
        .unwrap();
    }
}
