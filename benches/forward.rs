//! The forward pass: one session, one thread, batch after batch, for each backend and batch size;
//! the native backend on every instruction set of the machine, in every precision.
//!
//! Filling the slots is not timed. A backend that cannot be opened here is named and passed over.
//! What each reads right of the 10,000 test images stands before its figures.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use plimsoll::backend::{
    self, Backend, Outputs, Precision, Predictions, Session, SessionOptions, precisions,
};
use plimsoll::data::source::Source;
use plimsoll::data::{Dataset, IMAGE_PIXELS, Image, Split};
use plimsoll::error::Result;
use plimsoll::model;
use plimsoll::staging::{Pool, Slot};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

const BATCHES: [usize; 7] = [1, 2, 16, 64, 128, 256, 1024];
/// Buffers that are taken in turn: one alone would be read from the nearest cache.
const SLOTS: usize = 4;

fn forward(criterion: &mut Criterion) {
    let tested = Source::find(None, &[Split::Test], false)
        .and_then(|source| source.load(Split::Test))
        .inspect_err(|error| eprintln!("forward: no accuracy: {error}"))
        .ok();
    for name in backend::names() {
        match (*name, backend::by_name(name)) {
            ("native", _) => {
                for (isa, native) in backend::native_on_each_isa() {
                    for &precision in precisions(name) {
                        let name = format!("native-{isa}-{}", precision.name());
                        run(criterion, &name, &*native, precision, tested.as_ref());
                    }
                }
            }
            (_, Ok(backend)) => {
                run(criterion, name, &*backend, Precision::F32, tested.as_ref());
            }
            (_, Err(error)) => eprintln!("forward/{name}: skipped: {error}"),
        }
    }
}

fn run(
    criterion: &mut Criterion,
    name: &str,
    backend: &dyn Backend,
    precision: Precision,
    tested: Option<&Dataset>,
) {
    let measured = tested
        .map_or(Ok(()), |dataset| accuracy(name, backend, precision, dataset))
        .and_then(|()| {
            BATCHES.iter().try_for_each(|&batch| bench(criterion, name, backend, precision, batch))
        });
    if let Err(error) = measured {
        eprintln!("forward/{name}: skipped: {error}");
    }
}

fn open(
    backend: &dyn Backend,
    precision: Precision,
    max_batch: usize,
) -> Result<(Box<dyn Session>, Pool)> {
    let options = SessionOptions { max_batch, threads: 1, outputs: Outputs::Classes, precision };
    let (weights, _) = model::shipped()?;
    let session = backend.open(&weights, &options)?;
    Ok((session, Pool::new(&*backend.host_alloc(), SLOTS, max_batch)?))
}

/// Prints how many of the images are read right.
fn accuracy(
    name: &str,
    backend: &dyn Backend,
    precision: Precision,
    dataset: &Dataset,
) -> Result<()> {
    let (mut session, pool) = open(backend, precision, 256)?;
    let mut predictions = Predictions::default();
    let mut right = 0;
    for (images, labels) in dataset.images.chunks(256).zip(dataset.labels.chunks(256)) {
        let mut slot = pool.take();
        slot.fill(images);
        let ticket = session.submit(slot)?;
        session.wait(ticket, &mut predictions)?;
        right += predictions.classes.iter().zip(labels).filter(|(a, b)| a == b).count();
    }
    eprintln!("forward/{name}: {right} of {} right: {}", dataset.images.len(), dataset.description);
    Ok(())
}

fn bench(
    criterion: &mut Criterion,
    name: &str,
    backend: &dyn Backend,
    precision: Precision,
    batch: usize,
) -> Result<()> {
    let (mut session, pool) = open(backend, precision, batch)?;
    let images = images(batch);
    let filled = || {
        let mut slot = pool.take();
        slot.fill(&images);
        slot
    };
    let mut slots: VecDeque<Slot> = (0..SLOTS).map(|_| filled()).collect();
    let mut predictions = Predictions::default();

    let mut group = criterion.benchmark_group(format!("forward/{name}"));
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
