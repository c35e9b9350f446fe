//! What issues the images of a cell, on a thread of its own or, in a closed loop, on the sessions'.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::signs::Signs;
use super::traffic::Traffic;
use super::window::Request;
use crate::batching::Queue;
use crate::clock::Clock;
use crate::data::Image;
use crate::load::{Pacer, Rest};
use crate::pipeline::Item;
use crate::units::Nanos;

/// Images that go into the queue at once: enough that its lock costs nothing beside copying them.
const AT_ONCE: usize = 64;
/// The longest sleep of a generator: after it, it looks whether it is still needed.
const NAP: Nanos = Nanos(10_000_000);

/// All distinct images in their order, again and again: one buffer read over and over would measure
/// the cache. Threads share it.
#[derive(Debug)]
pub(super) struct Cycle<'a> {
    images: &'a [Image],
    next: AtomicUsize,
}

impl<'a> Cycle<'a> {
    /// Begins with the first of `images`, which are one at least.
    pub(super) fn new(images: &'a [Image]) -> Self {
        Self { images, next: AtomicUsize::new(0) }
    }

    /// Adds a request of the next image for each of these times.
    pub(super) fn extend(
        &self,
        requests: &mut Vec<Request>,
        since: impl ExactSizeIterator<Item = Nanos>,
    ) {
        // A wrap of the counter after 2^64 images would skip some; no run gets there.
        let first = self.next.fetch_add(since.len(), Ordering::Relaxed) % self.images.len();
        let images = self.images.iter().cycle().skip(first);
        requests.extend(images.zip(since).map(|(&image, tag)| Item { image, tag }));
    }
}

/// Offline: keeps the queue full until it is closed.
pub(super) fn feed(cycle: &Cycle<'_>, queue: &Queue<Request>) {
    let mut requests = Vec::with_capacity(AT_ONCE);
    loop {
        cycle.extend(&mut requests, [Nanos(0); AT_ONCE].into_iter());
        if queue.push_all(&mut requests).is_err() {
            return;
        }
    }
}

/// Server: issues each request at its time until the queue is closed, and says what it did in the
/// window, of this length. Where the system is so far behind that the queue is full, the generator
/// is held back; that costs no request its place, for latencies count from the schedule.
pub(super) fn generate(
    mut pacer: Pacer<impl Iterator<Item = Nanos>>,
    cycle: &Cycle<'_>,
    queue: &Queue<Request>,
    clock: &Clock,
    signs: &Signs,
    length: Nanos,
) -> Traffic {
    let mut traffic = Traffic::default();
    let (mut due, mut requests) = (Vec::new(), Vec::new());
    let mut held_until = Nanos(0);
    let mut slept = false;
    while !signs.finished() {
        let now = clock.now();
        match pacer.rest(now, slept) {
            Rest::Not => {}
            Rest::Spin => {
                std::hint::spin_loop();
                continue;
            }
            Rest::Sleep(time) => {
                thread::sleep(time.min(NAP).duration());
                slept = true;
                continue;
            }
            Rest::Over => return traffic,
        }
        slept = false;
        due.clear();
        pacer.due(now, AT_ONCE, &mut due);
        let window = signs.opens().map(|opens| opens..opens + length);
        let inside = |at: Nanos| window.as_ref().is_some_and(|window| window.contains(&at));
        for &at in due.iter().filter(|&&at| inside(at)) {
            traffic.lateness.record(now - at.max(held_until));
        }
        cycle.extend(&mut requests, due.iter().copied());
        let Ok(held) = queue.push_all(&mut requests) else { return traffic };
        let issued = clock.now();
        if held > Nanos(0) {
            held_until = issued;
        }
        traffic.issued += if inside(issued) { due.len() as u64 } else { 0 };
    }
    traffic
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batching::Policy;
    use crate::data::IMAGE_PIXELS;
    use crate::load::Constant;

    fn images(n: usize) -> Vec<Image> {
        (0..n).map(|i| Image([i as u8; IMAGE_PIXELS])).collect()
    }

    fn queue(capacity: usize, batch: usize, clock: &Clock) -> Queue<Request> {
        Queue::new(capacity, Policy::new(batch, Nanos(0), vec![]).unwrap(), clock.clone())
    }

    #[test]
    fn every_distinct_image_is_fed_in_order_again_and_again() {
        // Rule 6 of the measurement: neither fewer images than there are nor more often one of them.
        let (images, clock) = (images(100), Clock::monotonic());
        let (cycle, queue) = (Cycle::new(&images), queue(70, 7, &clock));
        let mut fed = Vec::new();
        thread::scope(|scope| {
            scope.spawn(|| feed(&cycle, &queue));
            let mut batch = Vec::new();
            while fed.len() < 350 {
                queue.next_batch(&mut batch).unwrap();
                fed.extend(batch.iter().map(|arrived| arrived.item.image.0[0]));
            }
            queue.abort();
        });
        assert!(fed.iter().zip((0..100u8).cycle()).all(|(&got, image)| got == image), "{fed:?}");
    }

    #[test]
    fn threads_share_the_cycle_without_leaving_an_image_out() {
        let images = images(10);
        let cycle = Cycle::new(&images);
        let mut taken: Vec<u8> = thread::scope(|scope| {
            let take = || {
                let mut requests = Vec::new();
                (0..30).for_each(|_| cycle.extend(&mut requests, [Nanos(1)].into_iter()));
                requests.into_iter().map(|request| request.image.0[0]).collect::<Vec<_>>()
            };
            let threads = [scope.spawn(take), scope.spawn(take)];
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        taken.sort_unstable();
        assert_eq!(taken, (0..10).flat_map(|image| [image; 6]).collect::<Vec<_>>());
    }

    #[test]
    fn a_generator_issues_what_is_scheduled_with_its_scheduled_time() {
        let (images, clock, signs) = (images(3), Clock::monotonic(), Signs::default());
        let (cycle, queue) = (Cycle::new(&images), queue(1_000, 1_000, &clock));
        let (start, length) = (clock.now(), Nanos(1_000_000_000));
        signs.open(start);
        let pacer = Pacer::new(Constant::new(2_000.0).unwrap().take(200), start);
        let traffic = generate(pacer, &cycle, &queue, &clock, &signs, length);
        assert!(clock.now() - start >= Nanos(99_500_000), "the last is due after 99.5 ms");
        let mut batch = Vec::new();
        let mut got = Vec::new();
        queue.end();
        while queue.next_batch(&mut batch).is_some() {
            got.extend(batch.iter().map(|one| (one.item.tag - start, one.at >= one.item.tag)));
        }
        let expected: Vec<_> = (0..200).map(|i| (Nanos(i * 500_000), true)).collect();
        assert_eq!(got, expected, "in order, with the times of the schedule, and none too early");
        assert_eq!((traffic.issued, traffic.lateness.samples()), (200, 200));
    }

    #[test]
    fn the_time_for_which_a_full_queue_held_it_back_is_not_its_lateness() {
        let (images, clock, signs) = (images(3), Clock::monotonic(), Signs::default());
        let (cycle, queue) = (Cycle::new(&images), queue(1, 1, &clock));
        let start = clock.now();
        signs.open(start);
        // All are due at once, and someone takes one every 20 ms.
        let pacer = Pacer::new([Nanos(0); 8 * AT_ONCE].into_iter(), start);
        let traffic = thread::scope(|scope| {
            scope.spawn(|| {
                let mut batch = Vec::new();
                for _ in 0..AT_ONCE + 3 {
                    thread::sleep(Nanos(1_000_000).duration());
                    queue.next_batch(&mut batch);
                }
                queue.abort();
            });
            generate(pacer, &cycle, &queue, &clock, &signs, Nanos(10_000_000_000))
        });
        assert_eq!(traffic.issued as usize, AT_ONCE, "the first burst; the second was cut short");
        assert_eq!(traffic.lateness.samples() as usize, 2 * AT_ONCE);
        let p90 = traffic.lateness.percentiles().p90_ns.unwrap();
        assert!(p90 < 60_000_000, "the queue's 64 ms counted as the generator's: {p90} ns");
    }
}
