//! How late this machine wakes its threads: once a run, a quarter of a second.

use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::stages::latency;
use crate::measure::Recorder;
use crate::record::Waking;

/// Sleeps, and notices: enough for a 99th percentile.
const TIMES: usize = 500;

/// How long a load generator rests at high rates.
const SLEEP: Duration = Duration::from_micros(100);

/// Between two notices: as long as a session may wait for the next request.
const PAUSE: Duration = Duration::from_micros(300);

/// Measures both.
pub(super) fn measure() -> Waking {
    let mut sleep = Recorder::new();
    for _ in 0..TIMES {
        let start = Instant::now();
        thread::sleep(SLEEP);
        sleep.record(start.elapsed().saturating_sub(SLEEP).into());
    }
    Waking { sleep: latency(&sleep), notice: latency(&notices()) }
}

/// What is told to the thread that waits.
#[derive(Default)]
struct Board {
    notice: Option<Instant>,
    over: bool,
}

/// One thread waits as a session does at its queue, the other gives notice now and then.
fn notices() -> Recorder {
    let (board, change) = (Mutex::new(Board::default()), Condvar::new());
    let lock = || board.lock().unwrap_or_else(PoisonError::into_inner);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let mut late = Recorder::new();
            let mut board = lock();
            while !board.over {
                if let Some(notice) = board.notice.take() {
                    late.record(notice.elapsed().into());
                }
                board = change.wait(board).unwrap_or_else(PoisonError::into_inner);
            }
            late
        });
        for _ in 0..TIMES {
            thread::sleep(PAUSE);
            lock().notice = Some(Instant::now());
            change.notify_one();
        }
        thread::sleep(PAUSE);
        lock().over = true;
        change.notify_one();
        // A thread that records times does not panic; one that did has measured nothing.
        waiter.join().unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_measured_often_enough_for_their_tails() {
        let Waking { sleep, notice } = measure();
        assert_eq!(sleep.samples, TIMES as u64);
        assert!(sleep.p50_ns.unwrap() > 0 && sleep.p99_ns.is_some(), "{sleep:?}");
        // On a busy machine a notice may come while the one before is not yet read.
        assert!(notice.samples > TIMES as u64 / 2 && notice.p50_ns.unwrap() > 0, "{notice:?}");
    }
}
