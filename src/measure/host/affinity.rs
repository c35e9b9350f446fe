//! Which processors threads run on.

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

#[cfg(test)]
mod tests {
    use super::*;

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
