//! How many threads libtorch uses, held to one number a thread of ours.

use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};

/// libtorch keeps one number for the whole process, and a thread copies it at its first parallel
/// region. Two threads that open sessions at once could copy each other's.
static OPENING: Mutex<()> = Mutex::new(());

/// Lets libtorch use `threads` threads for what the calling thread asks of it. Each calling thread
/// has a team of its own, so sessions on several threads add up.
///
/// # Errors
/// [`Error::Invalid`] for a number that libtorch cannot take, [`Error::Backend`] where it takes it
/// and uses another (an OpenMP limit in the environment).
pub(super) fn set(backend: &'static str, threads: usize) -> Result<()> {
    let wanted = i32::try_from(threads).ok().filter(|&n| n > 0).ok_or_else(|| {
        Error::invalid(format!("threads {threads}"), "must be from 1 to 2,147,483,647")
    })?;
    let _one_at_a_time = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
    tch::set_num_threads(wanted);
    // Asking is what makes this thread copy the number, while the lock still guards it.
    match tch::get_num_threads() {
        got if got == wanted => Ok(()),
        got => Err(Error::backend(
            backend,
            format!("libtorch uses {got} threads, not {threads}; unset OMP_THREAD_LIMIT"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_its_number_when_another_sets_its_own() {
        std::thread::scope(|scope| {
            let (ready, wait) = std::sync::mpsc::channel();
            let first = scope.spawn(move || {
                set("torch", 1).unwrap();
                wait.recv().unwrap();
                tch::get_num_threads()
            });
            scope.spawn(|| set("torch", 2).unwrap()).join().unwrap();
            ready.send(()).unwrap();
            assert_eq!(first.join().unwrap(), 1);
        });
    }

    #[test]
    fn no_threads_at_all_are_refused() {
        assert!(matches!(set("torch", 0), Err(Error::Invalid { .. })));
    }
}
