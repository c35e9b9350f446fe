//! What every backend must do, as one suite that each backend's tests call.
//!
//! [`protocol`] holds for anything that answers at all, the null backend included; [`conformance`]
//! adds that the answers are the model's. Both panic with a sentence on the first breach.

use std::collections::VecDeque;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::native::reference;
use super::{Backend, Outputs, Predictions, Session, SessionOptions};
use crate::data::{IMAGE_PIXELS, Image};
use crate::model::{CLASSES, Weights};
use crate::staging::Pool;

/// Around the powers of two and the widths of vector registers, where ragged ends go wrong.
const BATCHES: [usize; 9] = [1, 2, 15, 16, 17, 64, 100, 128, 129];
const MAX_BATCH: usize = 129;

/// Holds a backend to [`protocol`], and its log-probabilities to the reference's within
/// `tolerance`, for fresh weights and for zeros, on noise, black and white.
pub(crate) fn conformance(backend: &dyn Backend, tolerance: f32) {
    protocol(backend, tolerance);
    let images = images(3, 40);
    for weights in [Weights::fresh(1), Weights::fresh(2), Weights::zeros()] {
        let got = Opened::new(backend, &weights, Outputs::Scores, 1).run(&images);
        for (i, image) in images.iter().enumerate() {
            let want = reference::log_probabilities(&weights, image);
            assert_close(&got.scores[i], &want, tolerance, &format!("image {i} and the reference"));
            // Where two classes are nearly equally probable, rounding may choose either.
            let best = want.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let chosen = want[usize::from(got.classes[i])];
            assert!(
                best - chosen <= 2.0 * tolerance,
                "image {i}: class {} has {chosen} by the reference, the best has {best}",
                got.classes[i]
            );
        }
    }
}

/// Holds a backend to the contract of [`Session`], whatever its answers are. Answers to the same
/// image may differ by `tolerance` between batch sizes and thread counts, and no more.
pub(crate) fn protocol(backend: &dyn Backend, tolerance: f32) {
    classes_are_the_argmax_of_scores(backend);
    a_batch_equals_its_images_one_by_one(backend, tolerance);
    a_batch_is_forgotten_by_the_next(backend, tolerance);
    classes_alone_are_the_same_classes(backend, tolerance);
    tickets_are_answered_oldest_first(backend, tolerance);
    sessions_run_side_by_side(backend, tolerance);
    threads_do_not_change_the_answer(backend, tolerance);
}

fn classes_are_the_argmax_of_scores(backend: &dyn Backend) {
    let got = Opened::new(backend, &Weights::fresh(4), Outputs::Scores, 1).run(&images(4, 50));
    for (i, row) in got.scores.iter().enumerate() {
        let best = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let first = row.iter().position(|&score| score == best).unwrap();
        assert_eq!(usize::from(got.classes[i]), first, "image {i} has scores {row:?}");
    }
}

fn a_batch_equals_its_images_one_by_one(backend: &dyn Backend, tolerance: f32) {
    let images = images(5, MAX_BATCH);
    let weights = Weights::fresh(5);
    let mut single = Opened::new(backend, &weights, Outputs::Scores, 1);
    let singles: Vec<_> =
        images.iter().map(|image| single.run(std::slice::from_ref(image))).collect();
    let mut session = Opened::new(backend, &weights, Outputs::Scores, 1);
    for n in BATCHES {
        let got = session.run(&images[..n]);
        for (i, alone) in singles[..n].iter().enumerate() {
            let what = format!("image {i} of {n} and the same image alone");
            assert_close(&got.scores[i], &alone.scores[0], tolerance, &what);
        }
    }
}

fn a_batch_is_forgotten_by_the_next(backend: &dyn Backend, tolerance: f32) {
    let images = images(6, MAX_BATCH);
    let weights = Weights::fresh(6);
    let want = Opened::new(backend, &weights, Outputs::Scores, 1).run(&images);
    let mut session = Opened::new(backend, &weights, Outputs::Scores, 1);
    // Sizes that shrink and grow, at places that move, so that a stale lane or row would show.
    for (start, n) in [(0, 129), (100, 3), (7, 1), (20, 33), (50, 16), (1, 128), (90, 5)] {
        let got = session.run(&images[start..start + n]);
        for i in 0..n {
            let what = format!("image {} as {i} of {n}, and in a full batch", start + i);
            assert_close(&got.scores[i], &want.scores[start + i], tolerance, &what);
        }
    }
}

fn classes_alone_are_the_same_classes(backend: &dyn Backend, tolerance: f32) {
    let images = images(7, 70);
    let weights = Weights::fresh(7);
    let both = Opened::new(backend, &weights, Outputs::Scores, 1).run(&images);
    let alone = Opened::new(backend, &weights, Outputs::Classes, 1).run(&images);
    assert!(alone.scores.is_empty(), "scores were given though only classes were asked for");
    for (i, row) in both.scores.iter().enumerate() {
        let [a, b] = [both.classes[i], alone.classes[i]].map(usize::from);
        assert!(
            a == b || (row[a] - row[b]).abs() <= tolerance,
            "image {i}: class {a} with scores, class {b} without; scores {row:?}"
        );
    }
}

fn tickets_are_answered_oldest_first(backend: &dyn Backend, tolerance: f32) {
    let images = images(8, MAX_BATCH);
    let weights = Weights::fresh(8);
    let want = Opened::new(backend, &weights, Outputs::Scores, 1).run(&images);
    let Opened { mut session, .. } = Opened::new(backend, &weights, Outputs::Scores, 1);
    let depth = session.in_flight();
    assert!(depth >= 1, "a session must allow one ticket");
    let pool = Pool::new(&*backend.host_alloc(), depth, MAX_BATCH).unwrap();
    let mut outstanding = VecDeque::new();
    let mut predictions = Predictions::default();
    for step in 0..3 * depth + 2 {
        if outstanding.len() == depth {
            let (start, n, ticket) = outstanding.pop_front().unwrap();
            session.wait(ticket, &mut predictions).unwrap();
            assert_eq!(predictions.scores.len(), n, "the answer to another ticket");
            assert_rows(&predictions, &want, start, tolerance);
        }
        let (start, n) = (step % 9, 20 + step);
        let mut slot = pool.take();
        slot.fill(&images[start..start + n]);
        let ticket = session.submit(slot).unwrap();
        assert_eq!(ticket.images(), n);
        outstanding.push_back((start, n, ticket));
    }
    for (start, n, ticket) in outstanding {
        session.wait(ticket, &mut predictions).unwrap();
        assert_eq!(predictions.scores.len(), n, "the answer to another ticket");
        assert_rows(&predictions, &want, start, tolerance);
    }
    assert_eq!(pool.free(), depth, "a slot was kept after its batch was answered");
}

fn sessions_run_side_by_side(backend: &dyn Backend, tolerance: f32) {
    let weights = [Weights::fresh(9), Weights::fresh(10)];
    let images = images(9, 48);
    let want = weights.each_ref().map(|w| Opened::new(backend, w, Outputs::Scores, 1).run(&images));
    std::thread::scope(|scope| {
        for (weights, want) in weights.iter().zip(&want) {
            let images = &images;
            scope.spawn(move || {
                let mut session = Opened::new(backend, weights, Outputs::Scores, 1);
                for _ in 0..4 {
                    assert_rows(&session.run(images), want, 0, tolerance);
                }
            });
        }
    });
}

fn threads_do_not_change_the_answer(backend: &dyn Backend, tolerance: f32) {
    let images = images(11, MAX_BATCH);
    let weights = Weights::fresh(11);
    let mut one = Opened::new(backend, &weights, Outputs::Scores, 1);
    for threads in [2, 3] {
        let mut more = Opened::new(backend, &weights, Outputs::Scores, threads);
        for n in BATCHES {
            assert_rows(&more.run(&images[..n]), &one.run(&images[..n]), 0, tolerance);
        }
    }
}

/// A session for batches of up to [`MAX_BATCH`], with a slot to stage them in.
struct Opened {
    session: Box<dyn Session>,
    outputs: Outputs,
    pool: Pool,
}

impl Opened {
    fn new(backend: &dyn Backend, weights: &Weights, outputs: Outputs, threads: usize) -> Self {
        let options = SessionOptions {
            max_batch: MAX_BATCH,
            threads,
            outputs,
            precision: Default::default(),
        };
        let session = backend.open(weights, &options).unwrap();
        let pool = Pool::new(&*backend.host_alloc(), 1, MAX_BATCH).unwrap();
        Self { session, outputs, pool }
    }

    fn run(&mut self, images: &[Image]) -> Predictions {
        let mut slot = self.pool.take();
        slot.fill(images);
        let ticket = self.session.submit(slot).unwrap();
        let mut predictions = Predictions::default();
        self.session.wait(ticket, &mut predictions).unwrap();
        assert_eq!(predictions.classes.len(), images.len(), "one class an image");
        if self.outputs == Outputs::Scores {
            assert_eq!(predictions.scores.len(), images.len(), "one row of scores an image");
        }
        assert_eq!(self.pool.free(), 1, "the slot was kept after its batch was answered");
        predictions
    }
}

/// Black, white, and pseudo-random images between: noise over all greys, and sparse ink. The same
/// seed gives the same images.
pub(crate) fn images(seed: u64, count: usize) -> Vec<Image> {
    let mut random = Pcg64::seed_from_u64(seed);
    (0..count)
        .map(|i| match i {
            0 => Image([0; IMAGE_PIXELS]),
            1 => Image([255; IMAGE_PIXELS]),
            _ => {
                let ink = random.random_range(0.05..1.0);
                let mut draw = || random.random_bool(ink).then(|| random.random::<u8>());
                Image([(); IMAGE_PIXELS].map(|()| draw().unwrap_or(0)))
            }
        })
        .collect()
}

/// Asserts that `got` is what `want` says of its images from number `start` on.
fn assert_rows(got: &Predictions, want: &Predictions, start: usize, tolerance: f32) {
    for (i, row) in got.scores.iter().enumerate() {
        let what = format!("image {} as number {i} of its batch, and before", start + i);
        assert_close(row, &want.scores[start + i], tolerance, &what);
    }
}

/// Asserts that two rows of log-probabilities are within `tolerance`; equal infinities are.
pub(crate) fn assert_close(
    got: &[f32; CLASSES],
    want: &[f32; CLASSES],
    tolerance: f32,
    what: &str,
) {
    let close = got.iter().zip(want).all(|(a, b)| a == b || (a - b).abs() <= tolerance);
    assert!(close, "{what}: {got:?} and {want:?} differ by more than {tolerance}");
}
