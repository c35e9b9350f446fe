//! What the machine can do at best: multiply-adds, copies in memory, pictures decoded.
//!
//! All are measured before the first round and again after the last, and the larger counts: what a
//! busy moment takes away would make the cells look better than they are.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::backend::{Peak, multiply_add_peak};
use crate::data::{self, Image};
use crate::error::Result;
use crate::measure::host::{cores, in_parallel, memory};
use crate::model;
use crate::record::{Ceilings, Cell};

/// A rate is the best of so many tries.
const TRIES: u32 = 3;
/// Ceilings that a cell passed are measured so many times.
const AGAIN: usize = 8;
/// How long a try is.
const TRY: Duration = Duration::from_millis(12);
/// Pictures that are decoded in turn: several, so that not one alone is in the cache and in the
/// predictor of branches.
const PICTURES: usize = 64;

/// What one thread copies at a time, and copies it to: together twice the last-level cache of most
/// machines.
const COPY: usize = 64 << 20;
/// What one of many threads copies at least; more than its part of any cache that they share.
const COPY_LEAST: usize = 8 << 20;
/// Which part of the memory all copies may take together.
const COPY_SHARE: u64 = 8;

/// Measures what this machine does at best, within half a second. The images are those of the run.
///
/// # Errors
/// Whatever keeps an image from being encoded or decoded, which is a bug.
pub(super) fn measure(images: &[Image]) -> Result<Ceilings> {
    let threads = cores();
    let peak = |threads| {
        let tries = (0..TRIES).map(|_| multiply_add_peak(threads, TRY));
        let none = Peak { isa: "", flop_per_s: 0.0 };
        tries.fold(none, |best, one| if one.flop_per_s > best.flop_per_s { one } else { best })
    };
    let (one, copied) = (peak(1), copy(1));
    let (all, all_copied) =
        if threads == 1 { (one, copied) } else { (peak(threads), copy(threads)) };
    // Whatever all reach together, one of them reaches its part of it.
    let part = 1.0 / threads as f64;
    Ok(Ceilings {
        isa: one.isa.into(),
        fma_one_core_flop_per_s: one.flop_per_s.max(all.flop_per_s * part),
        fma_all_cores_flop_per_s: all.flop_per_s,
        copy_one_core_bytes_per_s: copied.max(all_copied * part),
        copy_all_cores_bytes_per_s: all_copied,
        decode_one_core_images_per_s: decode(images)?,
        ..Ceilings::default()
    })
}

/// The larger of each rate of `before` and of now, in view of the images a second that the cells
/// reached. A ceiling that a cell's multiply-adds passed was taken while the machine had something
/// else to do: it is taken again, some times, and what passes it even then is the warning.
///
/// # Errors
/// See [`measure`].
pub(super) fn again<'a>(
    before: Ceilings,
    images: &[Image],
    rates: impl Iterator<Item = (&'a Cell, f64)>,
) -> Result<(Ceilings, Option<String>)> {
    // The ceiling is one of f32: other arithmetic may well pass it.
    let counts = |cell: &Cell| cell.device == "cpu" && cell.precision == "f32" && cell.has_model();
    let there = rates.filter(|(cell, _)| counts(cell));
    let fastest = model::FLOP_PER_IMAGE as f64 * there.map(|(_, rate)| rate).fold(0.0, f64::max);
    let mut ceilings = before;
    for _ in 0..AGAIN {
        ceilings = larger(ceilings, &measure(images)?);
        if fastest <= ceilings.fma_all_cores_flop_per_s {
            return Ok((ceilings, None));
        }
    }
    let warning = format!(
        "the machine was busy while its ceilings were measured: a cell made {:.0} GFLOP/s, and all \
         cores together {:.0} at best; shares of the ceilings are too high",
        fastest / 1e9,
        ceilings.fma_all_cores_flop_per_s / 1e9
    );
    Ok((ceilings, Some(warning)))
}

/// The larger of each rate.
fn larger(a: Ceilings, b: &Ceilings) -> Ceilings {
    let known = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (a, b) => a.or(b),
    };
    let isa = if b.fma_one_core_flop_per_s > a.fma_one_core_flop_per_s { &b.isa } else { &a.isa };
    Ceilings {
        isa: isa.clone(),
        fma_one_core_flop_per_s: a.fma_one_core_flop_per_s.max(b.fma_one_core_flop_per_s),
        fma_all_cores_flop_per_s: a.fma_all_cores_flop_per_s.max(b.fma_all_cores_flop_per_s),
        copy_one_core_bytes_per_s: a.copy_one_core_bytes_per_s.max(b.copy_one_core_bytes_per_s),
        copy_all_cores_bytes_per_s: a.copy_all_cores_bytes_per_s.max(b.copy_all_cores_bytes_per_s),
        decode_one_core_images_per_s: a
            .decode_one_core_images_per_s
            .max(b.decode_one_core_images_per_s),
        h2d_pinned_bytes_per_s: known(a.h2d_pinned_bytes_per_s, b.h2d_pinned_bytes_per_s),
        h2d_pageable_bytes_per_s: known(a.h2d_pageable_bytes_per_s, b.h2d_pageable_bytes_per_s),
        d2h_pinned_bytes_per_s: known(a.d2h_pinned_bytes_per_s, b.d2h_pinned_bytes_per_s),
        d2h_pageable_bytes_per_s: known(a.d2h_pageable_bytes_per_s, b.d2h_pageable_bytes_per_s),
    }
}

/// Bytes a second that so many threads copy from memory to memory, each byte counted once.
fn copy(threads: usize) -> f64 {
    let bytes = copied_by_each(threads, memory());
    in_parallel(
        threads,
        |_| {
            // Written once, so that the pages are there.
            let (from, mut to) = (vec![1u8; bytes], vec![2u8; bytes]);
            to.copy_from_slice(&from);
            (from, to)
        },
        |(from, mut to)| {
            // In one go: a thread's best moment might be that in which the others are done.
            rate(bytes, TRY * TRIES, || {
                to.copy_from_slice(black_box(&from));
                black_box(&mut to);
            })
        },
    )
}

/// Bytes that each of so many threads copies at a time, on a machine with so much memory. Where
/// memory is scarce that may fit into a cache, and the rate is the cache's.
fn copied_by_each(threads: usize, memory: u64) -> usize {
    let threads = threads.max(1);
    let wanted = (COPY / threads).max(COPY_LEAST);
    // Each has two buffers.
    let granted = memory / COPY_SHARE / (2 * threads as u64);
    wanted.min(usize::try_from(granted).unwrap_or(usize::MAX)).max(1 << 20)
}

/// Pictures a second that this thread decodes.
fn decode(images: &[Image]) -> Result<f64> {
    let files: Vec<Vec<u8>> =
        images.iter().take(PICTURES).map(data::encode_png).collect::<Result<_>>()?;
    // Once, to see that all can be decoded.
    files.iter().try_for_each(|file| data::decode(file).map(drop))?;
    let one = || {
        rate(files.len(), TRY, || {
            for file in &files {
                let _ = black_box(data::decode(black_box(file)));
            }
        })
    };
    Ok((0..TRIES).map(|_| one()).fold(0.0, f64::max))
}

/// The rate a second of work that does so many things at a time, for at least `length`.
fn rate(things: usize, length: Duration, mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut done = 0;
    loop {
        work();
        done += things;
        let elapsed = start.elapsed();
        if elapsed >= length {
            return done as f64 / elapsed.as_secs_f64();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::IMAGE_PIXELS;

    #[test]
    fn every_ceiling_of_this_machine_is_plausible() {
        let images: Vec<Image> = (0..8).map(|i| Image([i * 30; IMAGE_PIXELS])).collect();
        let start = Instant::now();
        let found = measure(&images).unwrap();
        println!("{found:?} in {:?}", start.elapsed());
        let rates = [
            found.fma_one_core_flop_per_s,
            found.fma_all_cores_flop_per_s,
            found.copy_one_core_bytes_per_s,
            found.copy_all_cores_bytes_per_s,
        ];
        assert!(rates.iter().all(|&rate| rate > 1e8 && rate < 1e14), "{found:?}");
        // A picture takes a microsecond at the least and, in code that is not optimised, a
        // millisecond at the most.
        assert!((1e3..1e6).contains(&found.decode_one_core_images_per_s), "{found:?}");
        let cores = cores() as f64;
        assert!(found.fma_one_core_flop_per_s * cores > 0.99 * found.fma_all_cores_flop_per_s);
        assert!(found.copy_one_core_bytes_per_s * cores > 0.99 * found.copy_all_cores_bytes_per_s);
        assert!(!found.isa.is_empty() && found.h2d_pinned_bytes_per_s.is_none());
    }

    #[test]
    fn copies_pass_the_caches_where_there_is_memory_and_never_fill_it() {
        let mib = |n: u64| (n << 20) as usize;
        assert_eq!(copied_by_each(1, 16 << 30), mib(64));
        assert_eq!(copied_by_each(2, 16 << 30), mib(32));
        assert_eq!(copied_by_each(64, 256 << 30), mib(8));
        assert_eq!(copied_by_each(1, 256 << 20), mib(16), "an eighth of 256 MiB, in two buffers");
        assert_eq!(copied_by_each(1, 0), mib(1), "memory that is not told");
        for threads in [1, 3, 64] {
            for memory in [1u64 << 30, 16 << 30] {
                let all = 2 * threads as u64 * copied_by_each(threads, memory) as u64;
                assert!(all <= memory / 8, "{threads} on {memory}: {all}");
            }
        }
    }

    #[test]
    fn a_cell_above_its_ceiling_is_told() {
        let images = [Image([7; IMAGE_PIXELS])];
        let cells = ["native", "null"].map(|backend| Cell::on_cpu(backend, 2, 8, 1));
        let before = Ceilings { fma_all_cores_flop_per_s: 2e6, ..Ceilings::default() };
        let of = |rates: [f64; 2]| again(before.clone(), &images, cells.iter().zip(rates)).unwrap();
        let (found, warning) = of([1.0, 1e15]);
        assert!(found.fma_all_cores_flop_per_s > 2e6 && warning.is_none());
        let warning = of([1e15, 1.0]).1.unwrap();
        assert!(warning.contains("its ceilings"), "{warning}");
    }

    #[test]
    fn the_larger_of_each_rate_is_kept() {
        let a = Ceilings {
            isa: "avx2".into(),
            fma_one_core_flop_per_s: 1.0,
            fma_all_cores_flop_per_s: 9.0,
            copy_one_core_bytes_per_s: 3.0,
            d2h_pageable_bytes_per_s: Some(1.0),
            h2d_pinned_bytes_per_s: Some(5.0),
            ..Ceilings::default()
        };
        let b = Ceilings {
            isa: "avx512".into(),
            fma_one_core_flop_per_s: 2.0,
            fma_all_cores_flop_per_s: 8.0,
            decode_one_core_images_per_s: 4.0,
            h2d_pinned_bytes_per_s: Some(6.0),
            ..Ceilings::default()
        };
        let expected = Ceilings {
            fma_all_cores_flop_per_s: 9.0,
            copy_one_core_bytes_per_s: 3.0,
            d2h_pageable_bytes_per_s: Some(1.0),
            ..b.clone()
        };
        assert_eq!(larger(a.clone(), &b), expected);
        assert_eq!(larger(b, &a), expected);
    }
}
