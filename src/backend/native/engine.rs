//! Batches, split into groups and over threads.

use rayon::iter::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::kernel::{Group, Scratch};
use super::layers::Layers;
use crate::backend::sync::Forward;
use crate::backend::{Outputs, Predictions, SessionOptions};
use crate::data::IMAGE_PIXELS;
use crate::error::{Error, Result};
use crate::measure::host::{own_cores, pin};
use crate::model::{CLASSES, Weights};

/// A session's model: packed weights, and room for everything between pixels and predictions, so
/// that a batch allocates nothing.
pub(super) struct Engine<const LANES: usize, const BLOCK: usize> {
    group: Group<LANES, BLOCK>,
    layers: Layers<BLOCK>,
    /// One for each thread.
    scratch: Vec<Scratch<LANES>>,
    rows: Vec<[f32; CLASSES]>,
    outputs: Outputs,
    /// None where the calling thread does it all.
    pool: Option<ThreadPool>,
}

impl<const LANES: usize, const BLOCK: usize> Engine<LANES, BLOCK> {
    /// Packs the weights and starts the threads.
    ///
    /// # Errors
    /// [`Error::Backend`] where the system gives no more threads.
    pub(super) fn new(
        group: Group<LANES, BLOCK>,
        weights: &Weights,
        options: &SessionOptions,
    ) -> Result<Self> {
        let threads = options.threads.max(1);
        let cores = own_cores();
        let pool = (threads > 1).then(|| {
            ThreadPoolBuilder::new()
                .num_threads(threads)
                .thread_name(|i| format!("native-{i}"))
                .start_handler(move |i| {
                    // Left alone, two threads meet on one core as often as not. Where all of the
                    // cores are this session's, each thread takes its own; if it may not, it runs.
                    if cores.len() == threads {
                        let _ = pin(&cores[i..=i]);
                    }
                })
                .build()
                .map_err(|e| {
                    Error::backend("native", format!("cannot start {threads} threads: {e}"))
                })
        });
        Ok(Self {
            group,
            layers: Layers::new(weights),
            scratch: vec![Scratch::new(); threads],
            rows: Vec::with_capacity(options.max_batch),
            outputs: options.outputs,
            pool: pool.transpose()?,
        })
    }
}

impl<const LANES: usize, const BLOCK: usize> Forward for Engine<LANES, BLOCK> {
    fn forward(&mut self, pixels: &[u8], images: usize, out: &mut Predictions) -> Result<()> {
        let Self { group, layers, scratch, rows, outputs, pool } = self;
        rows.resize(images, [0.0; CLASSES]);
        let run = |scratch: &mut Scratch<LANES>, pixels: &[u8], rows: &mut [[f32; CLASSES]]| {
            let groups = pixels.chunks(LANES * IMAGE_PIXELS).zip(rows.chunks_mut(LANES));
            for (pixels, rows) in groups {
                // SAFETY: an engine is made only for an instruction set found on this machine.
                #[allow(unsafe_code, reason = "each instruction set has its own function")]
                unsafe {
                    group(layers, scratch, pixels, rows);
                }
            }
        };
        // Whole groups for each thread, so that only the last has empty lanes.
        let share = images.div_ceil(LANES).div_ceil(scratch.len()).max(1) * LANES;
        match pool {
            Some(pool) if images > share => pool.install(|| {
                scratch
                    .par_iter_mut()
                    .zip(pixels.par_chunks(share * IMAGE_PIXELS))
                    .zip(rows.par_chunks_mut(share))
                    .for_each(|((scratch, pixels), rows)| run(scratch, pixels, rows));
            }),
            _ => run(&mut scratch[0], pixels, rows),
        }
        out.set(rows, *outputs);
        Ok(())
    }
}
