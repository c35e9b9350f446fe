//! The bounded queue that many producers fill and sessions take batches from.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::{Decision, Policy};
use crate::clock::Clock;
use crate::units::Nanos;

/// A bounded queue whose readers get batches as the policy closes them.
///
/// Producers hand over many items under one lock and wait while it is full: that wait is the
/// back-pressure that keeps memory flat however long the input is.
pub struct Queue<T> {
    state: Mutex<State<T>>,
    space: Condvar,
    arrivals: Condvar,
    capacity: usize,
    policy: Policy,
    clock: Clock,
}

struct State<T> {
    items: VecDeque<Arrived<T>>,
    ended: bool,
    /// How many of the oldest items wait for no others.
    pressed: usize,
}

impl<T> State<T> {
    /// Whether a batch would wait in vain for others to fill it.
    fn is_last(&self) -> bool {
        self.ended || self.pressed > 0
    }
}

/// An item, with the time it was queued.
#[derive(Clone, Copy, Debug)]
pub struct Arrived<T> {
    /// When it came.
    pub at: Nanos,
    /// The item.
    pub item: T,
}

/// The queue takes no more: it was ended or aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

impl<T> Queue<T> {
    /// An empty queue. A capacity below the policy's largest batch is raised to it: a full batch
    /// could never gather otherwise.
    pub fn new(capacity: usize, policy: Policy, clock: Clock) -> Self {
        let capacity = capacity.max(policy.max_batch());
        Self {
            state: Mutex::new(State {
                items: VecDeque::with_capacity(capacity),
                ended: false,
                pressed: 0,
            }),
            space: Condvar::new(),
            arrivals: Condvar::new(),
            capacity,
            policy,
            clock,
        }
    }

    /// How many items wait in it at most.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Moves all of `items` in, in order, waiting for space as often as it takes. `items` is empty
    /// afterwards and keeps its allocation. Gives the time that was waited: 0 where there was space.
    ///
    /// # Errors
    /// [`Closed`] when the queue was ended or aborted meanwhile; what did not fit stays in `items`.
    pub fn push_all(&self, items: &mut Vec<T>) -> Result<Nanos, Closed> {
        let mut rest = items.drain(..).peekable();
        let mut waited = Nanos(0);
        while rest.peek().is_some() {
            let full = |state: &mut State<T>| state.items.len() >= self.capacity && !state.ended;
            let mut state = self.lock();
            if full(&mut state) {
                let since = self.clock.now();
                let free = self.space.wait_while(state, full);
                state = free.unwrap_or_else(PoisonError::into_inner);
                waited = waited + (self.clock.now() - since);
            }
            if state.ended {
                drop(state);
                let left: Vec<T> = rest.collect();
                *items = left;
                return Err(Closed);
            }
            let at = self.clock.now();
            let room = self.capacity - state.items.len();
            state.items.extend(rest.by_ref().take(room).map(|item| Arrived { at, item }));
            drop(state);
            self.arrivals.notify_one();
        }
        Ok(waited)
    }

    /// Waits for a batch and moves it into `batch`, which is cleared first. Gives the time at
    /// which it closed, or `None` when the queue has ended and is empty, or was aborted.
    pub fn next_batch(&self, batch: &mut Vec<Arrived<T>>) -> Option<Nanos> {
        let mut state = self.lock();
        loop {
            let now = self.clock.now();
            let oldest = state.items.front().map_or(now, |first| first.at);
            match self.policy.decide(now, state.items.len(), oldest, state.is_last()) {
                Decision::Close(n) => {
                    self.take(state, n, batch);
                    return Some(now);
                }
                Decision::Wait if state.ended => return None,
                Decision::Wait => {
                    state = self.arrivals.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                Decision::WaitUntil(due) => {
                    let timed = self.arrivals.wait_timeout(state, (due - now).duration());
                    state = timed.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }

    /// Like [`Queue::next_batch`], but gives `None` at once where no batch closes now: for a
    /// session that has a running batch to wait for instead.
    pub fn try_next_batch(&self, batch: &mut Vec<Arrived<T>>) -> Option<Nanos> {
        let state = self.lock();
        let now = self.clock.now();
        let oldest = state.items.front().map_or(now, |first| first.at);
        match self.policy.decide(now, state.items.len(), oldest, state.is_last()) {
            Decision::Close(n) => {
                self.take(state, n, batch);
                Some(now)
            }
            Decision::Wait | Decision::WaitUntil(_) => None,
        }
    }

    /// Nothing more is to be expected for now: what waits goes without waiting for others. More may
    /// come later all the same.
    pub fn press(&self) {
        let mut state = self.lock();
        state.pressed = state.items.len();
        drop(state);
        self.arrivals.notify_all();
    }

    /// No more will come; what waits is still handed out.
    pub fn end(&self) {
        self.lock().ended = true;
        self.arrivals.notify_all();
        self.space.notify_all();
    }

    /// Ends the queue and drops what waits.
    pub fn abort(&self) {
        let mut state = self.lock();
        state.ended = true;
        state.items.clear();
        state.pressed = 0;
        drop(state);
        self.arrivals.notify_all();
        self.space.notify_all();
    }

    fn take(&self, mut state: MutexGuard<'_, State<T>>, n: usize, batch: &mut Vec<Arrived<T>>) {
        batch.clear();
        batch.extend(state.items.drain(..n));
        state.pressed = state.pressed.saturating_sub(n);
        let left = state.items.len();
        drop(state);
        // Waking a producer for each single item would cost more than the items: it fills half a
        // queue at once. But a batch that cannot fill from what is left needs it now.
        if left <= self.capacity / 2 || left < self.policy.max_batch() {
            self.space.notify_all();
        }
        if left > 0 {
            // Another session may find a batch in what is left.
            self.arrivals.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    fn queue(capacity: usize, max_batch: usize, delay: Nanos) -> Arc<Queue<u32>> {
        let policy = Policy::new(max_batch, delay, vec![]).unwrap();
        Arc::new(Queue::new(capacity, policy, Clock::monotonic()))
    }

    fn items(batch: &[Arrived<u32>]) -> Vec<u32> {
        batch.iter().map(|arrived| arrived.item).collect()
    }

    #[test]
    fn batches_come_full_in_order_and_the_end_flushes() {
        let queue = queue(16, 4, Nanos(u64::MAX / 4));
        queue.push_all(&mut (0..6).collect()).unwrap();
        queue.end();
        let mut batch = Vec::new();
        assert!(queue.next_batch(&mut batch).is_some());
        assert_eq!(items(&batch), [0, 1, 2, 3]);
        assert!(queue.next_batch(&mut batch).is_some());
        assert_eq!(items(&batch), [4, 5]);
        assert!(queue.next_batch(&mut batch).is_none());
    }

    #[test]
    fn a_part_of_a_batch_closes_after_the_delay() {
        let queue = queue(16, 4, Nanos(2_000_000));
        queue.push_all(&mut vec![7]).unwrap();
        let mut batch = Vec::new();
        assert!(queue.try_next_batch(&mut batch).is_none(), "it has not waited long enough");
        let closed = queue.next_batch(&mut batch).unwrap();
        assert_eq!(items(&batch), [7]);
        assert!(closed - batch[0].at >= Nanos(2_000_000));
    }

    #[test]
    fn what_is_pressed_goes_at_once_and_what_comes_later_waits_again() {
        let queue = queue(16, 4, Nanos(u64::MAX / 4));
        let mut batch = Vec::new();
        queue.press();
        queue.push_all(&mut (0..5).collect()).unwrap();
        assert!(queue.try_next_batch(&mut batch).is_some(), "a full one");
        assert!(queue.try_next_batch(&mut batch).is_none(), "nothing was there to be pressed");
        queue.press();
        queue.push_all(&mut vec![5]).unwrap();
        assert!(queue.try_next_batch(&mut batch).is_some());
        assert_eq!(items(&batch), [4, 5]);
        queue.push_all(&mut vec![6]).unwrap();
        assert!(queue.try_next_batch(&mut batch).is_none());
        let waiting = thread::spawn({
            let queue = Arc::clone(&queue);
            move || {
                let mut batch = Vec::new();
                queue.next_batch(&mut batch).map(|_| items(&batch))
            }
        });
        // Whether it comes before or after: who waits is woken.
        queue.press();
        assert_eq!(waiting.join().unwrap(), Some(vec![6]));
    }

    #[test]
    fn a_full_queue_holds_its_producers_back() {
        let queue = queue(4, 4, Nanos(0));
        let producer = thread::spawn({
            let queue = Arc::clone(&queue);
            move || queue.push_all(&mut (0..8).collect())
        });
        thread::sleep(Duration::from_millis(30));
        assert!(!producer.is_finished(), "eight items cannot fit into a queue of four");
        let mut batch = Vec::new();
        let mut got = Vec::new();
        while got.len() < 8 {
            queue.next_batch(&mut batch).unwrap();
            got.extend(items(&batch));
        }
        assert_eq!(got, (0..8).collect::<Vec<_>>());
        let waited = producer.join().unwrap().unwrap();
        assert!(waited >= Nanos(20_000_000), "it says how long it was held back: {waited}");
    }

    #[test]
    fn who_finds_space_waits_for_none() {
        let queue = queue(4, 4, Nanos(0));
        assert_eq!(queue.push_all(&mut (0..4).collect()), Ok(Nanos(0)));
    }

    #[test]
    fn producers_are_woken_in_time_whatever_the_sizes() {
        // A batch that closed by its delay would show that a producer slept on.
        let delay = Nanos(20_000_000_000);
        let began = std::time::Instant::now();
        for (capacity, max_batch) in (1..14).flat_map(|c| (1..=7).map(move |b| (c, b))) {
            let queue = queue(capacity, max_batch, delay);
            let total = 20 * max_batch as u32;
            let producer = thread::spawn({
                let queue = Arc::clone(&queue);
                move || queue.push_all(&mut (0..total).collect())
            });
            let (mut batch, mut got) = (Vec::new(), Vec::new());
            while got.len() < total as usize {
                queue.next_batch(&mut batch).unwrap();
                assert_eq!(batch.len(), max_batch);
                got.extend(items(&batch));
            }
            producer.join().unwrap().unwrap();
        }
        assert!(began.elapsed() < delay.duration());
    }

    #[test]
    fn an_aborted_queue_frees_everyone_who_waits() {
        let queue = queue(2, 2, Nanos(0));
        let producer = thread::spawn({
            let queue = Arc::clone(&queue);
            move || {
                let mut items = (0..5).collect();
                (queue.push_all(&mut items), items)
            }
        });
        while queue.lock().items.len() < 2 {
            thread::yield_now();
        }
        queue.abort();
        let (outcome, left) = producer.join().unwrap();
        assert_eq!(outcome, Err(Closed));
        assert_eq!(left, [2, 3, 4], "what did not fit is handed back");
        assert!(queue.next_batch(&mut Vec::new()).is_none());
    }

    #[test]
    fn every_item_goes_to_exactly_one_of_several_takers() {
        let queue = queue(64, 7, Nanos(10_000));
        let takers: Vec<_> = (0..3)
            .map(|_| {
                let queue = Arc::clone(&queue);
                thread::spawn(move || {
                    let (mut got, mut batch) = (Vec::new(), Vec::new());
                    while queue.next_batch(&mut batch).is_some() {
                        got.extend(items(&batch));
                    }
                    got
                })
            })
            .collect();
        let makers: Vec<_> = (0..2u32)
            .map(|maker| {
                let queue = Arc::clone(&queue);
                thread::spawn(move || {
                    for chunk in 0..100 {
                        let base = maker * 10_000 + chunk * 13;
                        queue.push_all(&mut (base..base + 13).collect()).unwrap();
                    }
                })
            })
            .collect();
        makers.into_iter().for_each(|maker| maker.join().unwrap());
        queue.end();
        let got: Vec<u32> = takers.into_iter().flat_map(|t| t.join().unwrap()).collect();
        assert_eq!(got.len(), 2_600);
        assert_eq!(got.iter().collect::<BTreeSet<_>>().len(), 2_600);
    }
}
