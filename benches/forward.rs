//! The forward pass: one session, one thread, batch after batch, for each backend and batch size.
//!
//! Filling the slots is not timed. A backend that cannot be opened here is named and passed over.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use plimsoll::backend::{self, Backend, Outputs, Predictions, SessionOptions};
use plimsoll::data::{IMAGE_PIXELS, Image};
use plimsoll::error::Result;
use plimsoll::model::Weights;
use plimsoll::staging::{Pool, Slot};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

const BATCHES: [usize; 6] = [1, 16, 64, 128, 256, 1024];
/// Buffers that are taken in turn: one alone would be read from the nearest cache.
const SLOTS: usize = 4;

fn forward(criterion: &mut Criterion) {
    for name in backend::names() {
        let measured = backend::by_name(name).and_then(|backend| {
            BATCHES.iter().try_for_each(|&batch| bench(criterion, &*backend, batch))
        });
        if let Err(error) = measured {
            eprintln!("forward/{name}: skipped: {error}");
        }
    }
}

fn bench(criterion: &mut Criterion, backend: &dyn Backend, batch: usize) -> Result<()> {
    let options = SessionOptions { max_batch: batch, threads: 1, outputs: Outputs::Classes };
    let mut session = backend.open(&Weights::fresh(1), &options)?;
    let pool = Pool::new(&*backend.host_alloc(), SLOTS, batch)?;
    let images = images(batch);
    let filled = || {
        let mut slot = pool.take();
        slot.fill(&images);
        slot
    };
    let mut slots: VecDeque<Slot> = (0..SLOTS).map(|_| filled()).collect();
    let mut predictions = Predictions::default();

    let mut group = criterion.benchmark_group(format!("forward/{}", backend.name()));
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    group.throughput(Throughput::Elements(batch as u64));
    group.bench_function(batch.to_string(), |bencher| {
        bencher.iter_custom(|batches| {
            let mut took = Duration::ZERO;
            for _ in 0..batches {
                let slot = slots.pop_front().expect("each batch gives its slot back");
                let start = Instant::now();
                let ticket = session.submit(slot).expect("submit");
                session.wait(ticket, &mut predictions).expect("wait");
                took += start.elapsed();
                slots.push_back(filled());
            }
            took
        });
    });
    group.finish();
    Ok(())
}

/// Noise: no backend looks at what it computes.
fn images(count: usize) -> Vec<Image> {
    let mut random = Pcg64::seed_from_u64(1);
    (0..count).map(|_| Image([(); IMAGE_PIXELS].map(|()| random.random()))).collect()
}

criterion_group!(benches, forward);
criterion_main!(benches);
