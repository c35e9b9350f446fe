//! Epochs, batches and steps.

use std::sync::Arc;

use rand::seq::SliceRandom;
use rand::{Rng, RngExt};
use rand_pcg::Pcg64;

use super::evaluate::{Evaluation, evaluate};
use super::replicas::Replicas;
use super::sgd::Sgd;
use crate::backend::{self, Dropout, Tally};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::model::Weights;

/// How to train.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Passes over the training images.
    pub epochs: usize,
    /// Images a step, over all replicas together. The last step of an epoch takes what is left.
    pub batch_size: usize,
    /// The learning rate.
    pub rate: f32,
    /// The share of the last step's velocity that stays, from 0 to below 1.
    pub momentum: f32,
    /// The probability of each channel of the second convolution and of each feature of the first
    /// linear layer to be left out of a step, from 0 to below 1.
    pub dropout: f32,
    /// Decides the first weights, the order of the images and what is dropped.
    pub seed: u64,
    /// Replicas of the model, each on a thread of its own.
    pub replicas: usize,
}

impl Options {
    /// Refuses options that cannot be meant.
    ///
    /// # Errors
    /// [`Error::Invalid`], naming the option.
    pub fn check(&self) -> Result<()> {
        let counts = [
            ("epochs", self.epochs),
            ("batch size", self.batch_size),
            ("instance count", self.replicas),
        ];
        if let Some((name, _)) = counts.iter().find(|(_, count)| *count == 0) {
            return Err(Error::invalid(format!("{name} 0"), "must be 1 or more"));
        }
        if self.replicas > self.batch_size {
            return Err(Error::invalid(
                format!("instance count {}", self.replicas),
                format!("a batch of {} leaves some without an image", self.batch_size),
            ));
        }
        if !(self.rate.is_finite() && self.rate > 0.0) {
            return Err(Error::invalid(
                format!("learning rate {}", self.rate),
                "must be above 0; 0.01 is usual",
            ));
        }
        for (name, value) in [("momentum", self.momentum), ("dropout", self.dropout)] {
            if !(0.0..1.0).contains(&value) {
                let reason = "must be from 0 to below 1; 0.5 is usual";
                return Err(Error::invalid(format!("{name} {value}"), reason));
            }
        }
        Ok(())
    }
}

/// What has happened.
#[derive(Clone, Copy, Debug)]
pub enum Progress {
    /// A step was made with so many images.
    Step {
        /// Images in it.
        images: usize,
    },
    /// An epoch is over.
    Epoch {
        /// Which, from 1.
        number: usize,
        /// Mean loss over the epoch's images, as each was seen, with dropout.
        train_loss: f64,
        /// How the weights do on the test images.
        test: Evaluation,
    },
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Trained {
    /// After the last step.
    pub weights: Weights,
    /// How they do on the test images.
    pub test: Evaluation,
}

/// Whether this build can train at all, asked before anything is read.
///
/// # Errors
/// [`Error::Unavailable`] in a build without libtorch.
pub fn available() -> Result<()> {
    backend::learner(1).map(drop)
}

/// Trains fresh weights. `report` is called after every step and epoch; an error from it stops the
/// training, which is how a user's Ctrl-C arrives.
///
/// The same options, images and build of libtorch on the same kind of processor give the same
/// weights. Another number of replicas gives weights that differ by rounding.
///
/// # Errors
/// [`Error::Invalid`] for options that cannot be meant and for a training that diverges,
/// [`Error::Unavailable`] in a build without libtorch, [`Error::Backend`] where libtorch refuses.
pub fn train(
    options: &Options,
    train: &Dataset,
    test: &Dataset,
    report: &mut dyn FnMut(Progress) -> Result<()>,
) -> Result<Trained> {
    options.check()?;
    for data in [train, test] {
        if data.images.is_empty() {
            return Err(Error::malformed(data.description.clone(), "no images"));
        }
    }
    std::thread::scope(|scope| {
        let make = &|| backend::learner(1);
        let replicas = Replicas::start(scope, options.replicas, train, make);
        epochs(options, replicas, train, test, report)
    })
}

fn epochs(
    options: &Options,
    mut replicas: Replicas,
    train: &Dataset,
    test: &Dataset,
    report: &mut dyn FnMut(Progress) -> Result<()>,
) -> Result<Trained> {
    // The fresh weights are drawn from the seed's first stream.
    let mut random = Pcg64::new(options.seed.into(), 1);
    let mut weights = Arc::new(Weights::fresh(options.seed));
    let mut sgd = Sgd::new(options.rate, options.momentum);
    let mut last = None;
    for number in 1..=options.epochs {
        let mut seen = Tally::default();
        let order = shuffled(train.images.len(), &mut random)?;
        for batch in order.chunks(options.batch_size) {
            let dropout = Dropout { rate: options.dropout, seed: random.random(), first: 0 };
            let (gradient, tally) = replicas.gradient(&weights, batch, Some(dropout))?;
            sgd.step(Arc::make_mut(&mut weights), &gradient);
            seen.loss += tally.loss;
            report(Progress::Step { images: batch.len() })?;
        }
        let train_loss = seen.loss / train.images.len() as f64;
        let test = evaluate(&weights, test)?;
        if !(train_loss.is_finite() && test.loss.is_finite()) {
            return Err(diverged(options.rate, number));
        }
        report(Progress::Epoch { number, train_loss, test })?;
        last = Some(test);
    }
    let test = last.ok_or_else(|| Error::Bug("training without an epoch".into()))?;
    Ok(Trained { weights: Arc::unwrap_or_clone(weights), test })
}

/// Each image's number once, in a random order.
fn shuffled(images: usize, random: &mut impl Rng) -> Result<Vec<u32>> {
    let images = u32::try_from(images)
        .map_err(|_| Error::invalid("training images", "more than 4,294,967,295"))?;
    let mut order: Vec<u32> = (0..images).collect();
    order.shuffle(random);
    Ok(order)
}

fn diverged(rate: f32, epoch: usize) -> Error {
    Error::invalid(
        format!("learning rate {rate}"),
        format!("the loss grew past all bounds in epoch {epoch}; choose a lower one"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        Options {
            epochs: 2,
            batch_size: 16,
            rate: 0.05,
            momentum: 0.5,
            dropout: 0.5,
            seed: 1,
            replicas: 2,
        }
    }

    #[test]
    fn an_epoch_sees_each_image_once_and_each_epoch_in_another_order() {
        let mut random = Pcg64::new(1, 1);
        let [first, second] = [(); 2].map(|()| shuffled(100, &mut random).unwrap());
        assert_ne!(first, second);
        for mut order in [first, second] {
            order.sort_unstable();
            assert_eq!(order, (0..100).collect::<Vec<_>>());
        }
    }

    #[test]
    fn options_that_cannot_be_meant_are_named() {
        for (options, want) in [
            (Options { epochs: 0, ..options() }, "epochs 0: must be 1 or more"),
            (Options { batch_size: 0, ..options() }, "batch size 0: must be 1 or more"),
            (Options { replicas: 0, ..options() }, "instance count 0: must be 1 or more"),
            (
                Options { replicas: 17, ..options() },
                "instance count 17: a batch of 16 leaves some without an image",
            ),
            (
                Options { rate: f32::NAN, ..options() },
                "learning rate NaN: must be above 0; 0.01 is usual",
            ),
            (
                Options { momentum: 1.0, ..options() },
                "momentum 1: must be from 0 to below 1; 0.5 is usual",
            ),
        ] {
            assert_eq!(options.check().unwrap_err().to_string(), want);
        }
    }

    #[cfg(feature = "torch")]
    mod with_libtorch {
        use super::*;
        use crate::data::{IMAGE_PIXELS, Image};

        /// Bars whose place is the label: what a few steps can learn.
        fn bars(images: usize) -> Dataset {
            let bar = |i: usize| {
                let left = 2 + 2 * (i % 10) + 28 * (i / 10 % 5);
                Image(std::array::from_fn(
                    |p| if (p + IMAGE_PIXELS - left) % 28 < 3 { 255 } else { 0 },
                ))
            };
            Dataset {
                images: (0..images).map(bar).collect(),
                labels: (0..images).map(|i| (i % 10) as u8).collect(),
                description: "bars".into(),
                synthetic: true,
            }
        }

        fn run(options: &Options) -> (Trained, Vec<f64>) {
            let data = bars(200);
            let (mut losses, mut images) = (Vec::new(), 0);
            let trained = train(options, &data, &data, &mut |progress| {
                match progress {
                    Progress::Step { images: n } => images += n,
                    Progress::Epoch { test, .. } => losses.push(test.loss),
                }
                Ok(())
            });
            assert_eq!(images, 200 * options.epochs);
            (trained.unwrap(), losses)
        }

        #[test]
        fn training_learns() {
            let (trained, losses) = run(&Options { epochs: 8, ..options() });
            assert!(losses[7] < 0.5 * losses[0], "{losses:?}");
            assert_eq!(trained.test.loss, losses[7]);
            assert!(trained.test.accuracy() > 0.9, "{:?}", trained.test);
        }

        #[test]
        fn the_same_seed_and_instance_count_give_the_same_weights() {
            let (first, _) = run(&options());
            let (second, _) = run(&options());
            assert_eq!(first.weights, second.weights);
            let (other, _) = run(&Options { seed: 2, ..options() });
            assert_ne!(first.weights, other.weights);
        }

        #[test]
        fn a_training_that_diverges_says_so() {
            let data = bars(64);
            let wild = Options { rate: 1e30, ..options() };
            let error = train(&wild, &data, &data, &mut |_| Ok(())).unwrap_err().to_string();
            assert!(error.contains("choose a lower one"), "{error}");
        }

        #[test]
        fn an_error_from_the_report_stops_the_training() {
            let data = bars(64);
            let mut steps = 0;
            let error = train(&options(), &data, &data, &mut |_| {
                steps += 1;
                if steps == 3 { Err(Error::Interrupted("enough".into())) } else { Ok(()) }
            });
            assert!(matches!(error, Err(Error::Interrupted(_))));
            assert_eq!(steps, 3);
        }
    }
}
