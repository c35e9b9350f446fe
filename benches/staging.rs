//! Slots: taking one and giving it back, and filling it.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use plimsoll::data::{IMAGE_PIXELS, Image};
use plimsoll::staging::{Heap, Pool};

const BATCHES: [usize; 4] = [1, 64, 256, 1024];
/// Distinct images that are copied in turn: 10,000 as in a sweep, too many for a near cache.
const IMAGES: usize = 10_000;

fn take(criterion: &mut Criterion) {
    let pool = Pool::new(&Heap, 2, 256).expect("memory for two slots");
    criterion.bench_function("staging/take", |bencher| bencher.iter(|| pool.take().capacity()));
}

fn fill(criterion: &mut Criterion) {
    let images: Vec<Image> = (0..IMAGES).map(|i| Image([i as u8; IMAGE_PIXELS])).collect();
    let mut group = criterion.benchmark_group("staging/fill");
    for batch in BATCHES {
        group.throughput(Throughput::Bytes((batch * IMAGE_PIXELS) as u64));
        group.bench_function(BenchmarkId::from_parameter(batch), |bencher| {
            let pool = Pool::new(&Heap, 1, batch).expect("memory for a slot");
            let mut slot = pool.take();
            let mut next = images.iter().cycle();
            bencher.iter(|| {
                slot.fill(next.by_ref().take(batch));
                slot.len()
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

criterion_group! { name = benches; config = short(); targets = take, fill }
criterion_main!(benches);
