//! The policy's decision, and the queue around it: what batching costs an image.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use plimsoll::batching::{Policy, Queue};
use plimsoll::clock::Clock;
use plimsoll::data::{IMAGE_PIXELS, Image};
use plimsoll::pipeline::Item;
use plimsoll::units::Nanos;

const BATCHES: [usize; 4] = [1, 16, 256, 1024];
/// Images that a producer hands over at once.
const CHUNK: usize = 64;

fn policy(batch: usize) -> Policy {
    Policy::new(batch, Nanos(1_000_000), vec![]).expect("a sound policy")
}

fn decide(criterion: &mut Criterion) {
    let policy = Policy::new(256, Nanos(1_000), vec![32, 64, 128]).expect("a sound policy");
    criterion.bench_function("batching/decide", |bencher| {
        let mut waiting = 0;
        bencher.iter(|| {
            waiting = (waiting + 7) % 300;
            policy.decide(Nanos(500), black_box(waiting), Nanos(0), false)
        });
    });
}

/// Images through the queue, pushed in chunks and taken in batches by one thread: the cost of the
/// copies and the lock without that of two threads' meeting.
fn queue(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("batching/queue");
    for batch in BATCHES {
        let total = batch.max(CHUNK);
        group.throughput(Throughput::Elements(total as u64));
        group.bench_function(BenchmarkId::from_parameter(batch), |bencher| {
            let queue = Queue::new(2 * total, policy(batch), Clock::monotonic());
            let image = Image([7; IMAGE_PIXELS]);
            let (mut chunk, mut taken) = (Vec::new(), Vec::new());
            bencher.iter(|| {
                for _ in 0..total / CHUNK {
                    chunk.extend((0..CHUNK as u32).map(|tag| Item { image, tag }));
                    queue.push_all(&mut chunk).expect("the queue is open");
                }
                let mut out = 0;
                while out < total {
                    queue.next_batch(&mut taken).expect("the queue is open");
                    out += taken.len();
                }
            });
        });
    }
    group.finish();
}

fn short() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30)
}

criterion_group! { name = benches; config = short(); targets = decide, queue }
criterion_main!(benches);
