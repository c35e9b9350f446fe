//! The replicas, each on a thread of its own.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

use super::share::share;
use crate::backend::{Dropout, Learner, Share, Tally};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::model::{PARAMETERS, Weights};

/// Makes a learner on the thread that calls it.
pub(super) type MakeLearner<'a> = &'a (dyn Fn() -> Result<Box<dyn Learner>> + Sync);

/// Replicas of the model that share out each batch.
pub(super) struct Replicas {
    lines: Vec<Line>,
}

/// The way to a replica and back. Both channels hold one message: a replica has one job at a time.
struct Line {
    jobs: SyncSender<Job>,
    done: Receiver<Result<Done>>,
    // Comes and goes with the jobs, so that it is allocated once.
    gradient: Option<Weights>,
}

struct Job {
    weights: Arc<Weights>,
    /// Which images of the data set.
    images: Vec<u32>,
    dropout: Option<Dropout>,
    gradient: Weights,
}

struct Done {
    gradient: Weights,
    tally: Tally,
}

impl Replicas {
    /// Starts `count` threads that end when this is dropped.
    pub(super) fn start<'scope, 'env>(
        scope: &'scope Scope<'scope, 'env>,
        count: usize,
        data: &'scope Dataset,
        make: MakeLearner<'scope>,
    ) -> Self {
        let line = |_| {
            let (jobs, next) = sync_channel(1);
            let (finished, done) = sync_channel(1);
            scope.spawn(move || work(data, make, &next, &finished));
            Line { jobs, done, gradient: Some(Weights::zeros()) }
        };
        Self { lines: (0..count).map(line).collect() }
    }

    /// Computes the mean over the batch's images of the gradients of their losses. `batch` names
    /// images of the data set; `dropout` is the whole batch's.
    ///
    /// The replicas' sums are added in the replicas' order, whoever is ready first: the same
    /// replicas give the same bits.
    ///
    /// # Errors
    /// The first replica's that failed.
    pub(super) fn gradient(
        &mut self,
        weights: &Arc<Weights>,
        batch: &[u32],
        dropout: Option<Dropout>,
    ) -> Result<(Weights, Tally)> {
        let replicas = self.lines.len();
        for (index, line) in self.lines.iter_mut().enumerate() {
            let own = share(batch.len(), replicas, index);
            let job = Job {
                weights: Arc::clone(weights),
                dropout: dropout.map(|whole| Dropout { first: whole.first + own.start, ..whole }),
                images: batch[own].to_vec(),
                gradient: line.gradient.take().unwrap_or_else(Weights::zeros),
            };
            line.jobs.send(job).map_err(|_| gone(index))?;
        }
        let mut sum = Weights::zeros();
        let mut tally = Tally::default();
        for (index, line) in self.lines.iter_mut().enumerate() {
            let done = line.done.recv().map_err(|_| gone(index))??;
            add(&mut sum, &done.gradient);
            tally.loss += done.tally.loss;
            tally.correct += done.tally.correct;
            line.gradient = Some(done.gradient);
        }
        let images = batch.len() as f32;
        for parameter in PARAMETERS {
            sum.get_mut(parameter).iter_mut().for_each(|g| *g /= images);
        }
        Ok((sum, tally))
    }
}

fn gone(index: usize) -> Error {
    Error::Bug(format!("replica {index} ended early"))
}

fn add(sum: &mut Weights, gradient: &Weights) {
    for parameter in PARAMETERS {
        for (sum, g) in sum.get_mut(parameter).iter_mut().zip(gradient.get(parameter)) {
            *sum += g;
        }
    }
}

/// A replica's life.
fn work(
    data: &Dataset,
    make: MakeLearner<'_>,
    jobs: &Receiver<Job>,
    done: &SyncSender<Result<Done>>,
) {
    let mut learner = None;
    let mut pixels = Vec::new();
    let mut labels = Vec::new();
    for mut job in jobs {
        pixels.clear();
        labels.clear();
        for &image in &job.images {
            pixels.extend_from_slice(&data.images[image as usize].0);
            labels.push(data.labels[image as usize]);
        }
        let share = Share { pixels: &pixels, labels: &labels, dropout: job.dropout };
        let result = learn(&mut learner, make, &job.weights, &share, &mut job.gradient);
        // Let go before answering, so that the weights can be changed in place.
        drop(job.weights);
        if done.send(result.map(|tally| Done { gradient: job.gradient, tally })).is_err() {
            return;
        }
    }
}

fn learn(
    learner: &mut Option<Box<dyn Learner>>,
    make: MakeLearner<'_>,
    weights: &Weights,
    share: &Share<'_>,
    gradient: &mut Weights,
) -> Result<Tally> {
    if share.labels.is_empty() {
        *gradient = Weights::zeros();
        return Ok(Tally::default());
    }
    let learner = match learner {
        Some(learner) => learner,
        None => learner.insert(make()?),
    };
    learner.set_weights(weights)?;
    learner.learn(share, gradient)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{IMAGE_PIXELS, Image};

    const HALF: Dropout = Dropout { rate: 0.5, seed: 11, first: 0 };

    fn data(images: usize) -> Dataset {
        let image = |i: usize| Image(std::array::from_fn(|p| (i * 37 + p * p / 5) as u8));
        Dataset {
            images: (0..images).map(image).collect(),
            labels: (0..images).map(|i| (i * 7 % 10) as u8).collect(),
            description: "stripes".into(),
            synthetic: true,
        }
    }

    /// The gradient of a batch as so many replicas find it.
    fn gradient(
        replicas: usize,
        data: &Dataset,
        batch: &[u32],
        dropout: Option<Dropout>,
        make: MakeLearner<'_>,
    ) -> Result<(Weights, Tally)> {
        std::thread::scope(|scope| {
            let mut replicas = Replicas::start(scope, replicas, data, make);
            replicas.gradient(&Arc::new(Weights::fresh(1)), batch, dropout)
        })
    }

    /// Its gradient is the sum of labels, and its loss of first pixels, so that a share that is
    /// lost, doubled or weighed wrongly shows.
    struct Counting;

    impl Learner for Counting {
        fn set_weights(&mut self, _: &Weights) -> Result<()> {
            Ok(())
        }

        fn learn(&mut self, share: &Share<'_>, gradient: &mut Weights) -> Result<Tally> {
            assert!(!share.labels.is_empty(), "an empty share was computed");
            let sum: u8 = share.labels.iter().sum();
            gradient.get_mut(PARAMETERS[7])[0] = f32::from(sum);
            let loss = share.pixels.iter().step_by(IMAGE_PIXELS).map(|&p| f64::from(p)).sum();
            Ok(Tally { loss, correct: share.dropout.unwrap().first })
        }
    }

    #[test]
    fn unequal_and_empty_shares_weigh_by_their_images() {
        let data = data(20);
        for (replicas, batch, firsts) in
            [(1, &[3, 1, 19, 4, 4][..], 0), (2, &[3, 1, 19, 4, 4], 2), (4, &[7, 2, 5], 3)]
        {
            let (got, tally) =
                gradient(replicas, &data, batch, Some(HALF), &|| Ok(Box::new(Counting))).unwrap();
            let at = |&i: &u32| f32::from(data.labels[i as usize]);
            let mean = batch.iter().map(at).sum::<f32>() / batch.len() as f32;
            assert_eq!(got.get(PARAMETERS[7])[0], mean, "{replicas} replicas");
            let pixels = batch.iter().map(|&i| f64::from(data.images[i as usize].0[0])).sum();
            assert_eq!(tally, Tally { loss: pixels, correct: firsts }, "{replicas} replicas");
        }
    }

    #[test]
    fn a_replica_that_fails_is_heard() {
        let make = || Err(Error::backend("torch", "out of memory"));
        let error = gradient(2, &data(4), &[0, 1], None, &make).unwrap_err();
        assert_eq!(error.to_string(), "backend torch: out of memory");
    }

    /// The tolerance is absolute, and relative for gradients above 1: sums of f32 in another
    /// order.
    #[cfg(feature = "torch")]
    #[test]
    fn the_averaged_gradient_is_that_of_one_replica_on_the_whole_batch() {
        const TOLERANCE: f32 = 1e-5;
        let data = data(64);
        let batch: Vec<u32> = (0..64).rev().collect();
        for dropout in [None, Some(HALF)] {
            let find = |replicas| {
                gradient(replicas, &data, &batch, dropout, &|| crate::backend::learner(1)).unwrap()
            };
            let (whole, tally) = find(1);
            let size = PARAMETERS.iter().flat_map(|&p| whole.get(p)).map(|g| g.abs()).sum::<f32>();
            assert!(size > 10.0, "a gradient of nothing would equal anything: {size}");
            for replicas in [2, 3] {
                let (shared, shared_tally) = find(replicas);
                for parameter in PARAMETERS {
                    for (a, b) in whole.get(parameter).iter().zip(shared.get(parameter)) {
                        let off = (a - b).abs() / a.abs().max(1.0);
                        assert!(off < TOLERANCE, "{replicas}: {parameter:?} {a} and {b}");
                    }
                }
                assert_eq!(shared_tally.correct, tally.correct);
                assert!((shared_tally.loss - tally.loss).abs() < 1e-3);
            }
        }
    }
}
