//! The pipeline from queue to result: over the null backend it is the harness's own cost; beside a
//! bare loop of the same session it is what the pipeline takes from a real one.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use plimsoll::backend::{self, Outputs, Predictions, Session, SessionOptions};
use plimsoll::batching::{Policy, Queue};
use plimsoll::clock::Clock;
use plimsoll::data::Image;
use plimsoll::error::Result;
use plimsoll::model::Weights;
use plimsoll::pipeline::{Item, drive};
use plimsoll::staging::{Pool, Slot};
use plimsoll::units::Nanos;

const NULL_BATCHES: [usize; 4] = [1, 16, 256, 1024];
/// The batch size at which a real session is compared.
const BATCH: usize = 128;
/// Images that the producer hands over at once.
const CHUNK: usize = 64;
/// Distinct images that are cycled.
const IMAGES: usize = 4_096;

fn images() -> Vec<Image> {
    (0..IMAGES).map(|i| Image(std::array::from_fn(|p| (i * 31 + p * 7) as u8))).collect()
}

fn open(name: &str, max_batch: usize) -> Result<(Box<dyn Session>, Pool)> {
    let backend = backend::by_name(name)?;
    let options = SessionOptions {
        max_batch,
        threads: 1,
        outputs: Outputs::Classes,
        precision: Default::default(),
    };
    let session = backend.open(&Weights::fresh(1), &options)?;
    let pool = Pool::new(&*backend.host_alloc(), session.in_flight() + 1, max_batch)?;
    Ok((session, pool))
}

/// Sends `total` images through the pipeline; gives the time from the first push to the last
/// prediction.
fn piped(
    session: &mut dyn Session,
    pool: &Pool,
    batch: usize,
    images: &[Image],
    total: usize,
) -> Duration {
    let clock = Clock::monotonic();
    let policy = Policy::new(batch, Nanos(1_000_000_000), vec![]).expect("a sound policy");
    let queue = Queue::new(4 * batch.max(CHUNK), policy, clock.clone());
    let start = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut chunk = Vec::with_capacity(CHUNK);
            let mut left = total;
            for some in images.chunks(CHUNK).cycle() {
                chunk.extend(some.iter().take(left).map(|&image| Item { image, tag: 0u32 }));
                left -= chunk.len();
                queue.push_all(&mut chunk).expect("the queue is open");
                if left == 0 {
                    break;
                }
            }
            queue.end();
        });
        let mut seen = 0;
        drive(session, &queue, pool, &clock, 0, |done| {
            seen += done.outcome.expect("a prediction").classes.len();
        });
        assert_eq!(seen, total, "every image has one prediction");
    });
    start.elapsed()
}

fn null(criterion: &mut Criterion) {
    let images = images();
    let mut group = criterion.benchmark_group("pipeline/null");
    group.throughput(Throughput::Elements(1));
    for batch in NULL_BATCHES {
        let (mut session, pool) = open("null", batch).expect("null is always there");
        group.bench_function(BenchmarkId::from_parameter(batch), |bencher| {
            // An iteration is an image, so that criterion's time is the cost of one. Short runs
            // would measure the start of a thread.
            bencher.iter_custom(|n| {
                let total = (n as usize).max(64 * batch).max(50_000);
                let took = piped(session.as_mut(), &pool, batch, &images, total);
                took.mul_f64(n as f64 / total as f64)
            });
        });
    }
    group.finish();
}

fn real(criterion: &mut Criterion) {
    let images = images();
    for name in ["torch", "native"] {
        let (mut session, pool) = match open(name, BATCH) {
            Ok(open) => open,
            Err(error) => {
                eprintln!("pipeline/{name}: skipped: {error}");
                continue;
            }
        };
        let mut group = criterion.benchmark_group(format!("pipeline/{name}"));
        group.throughput(Throughput::Elements(1)).sample_size(10);
        group.measurement_time(Duration::from_secs(3));
        group.bench_function("bare", |bencher| {
            let spare = Pool::new(&plimsoll::staging::Heap, 8, BATCH).expect("memory for slots");
            let mut slots: VecDeque<Slot> = images
                .chunks(BATCH)
                .take(8)
                .map(|batch| {
                    let mut slot = spare.take();
                    slot.fill(batch);
                    slot
                })
                .collect();
            let mut predictions = Predictions::default();
            bencher.iter_custom(|n| {
                let batches = (n as usize).div_ceil(BATCH).max(40);
                let mut took = Duration::ZERO;
                for i in 0..batches {
                    let mut slot = slots.pop_front().expect("each batch gives its slot back");
                    let start = Instant::now();
                    let ticket = session.submit(slot).expect("submit");
                    session.wait(ticket, &mut predictions).expect("wait");
                    took += start.elapsed();
                    slot = spare.take();
                    slot.fill(images.iter().cycle().skip(i * BATCH % IMAGES).take(BATCH));
                    slots.push_back(slot);
                }
                took.mul_f64(n as f64 / (batches * BATCH) as f64)
            });
        });
        group.bench_function("piped", |bencher| {
            bencher.iter_custom(|n| {
                let total = (n as usize).max(40 * BATCH);
                let took = piped(session.as_mut(), &pool, BATCH, &images, total);
                took.mul_f64(n as f64 / total as f64)
            });
        });
        group.finish();
    }
}

fn short() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20)
}

criterion_group! { name = benches; config = short(); targets = null, real }
criterion_main!(benches);
