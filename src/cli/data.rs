//! `plimsoll data`.

use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};

use super::origin::Origin;
use super::output::{note, say};
use super::{exit, progress};
use crate::data::source::{self, Progress, Surroundings, cache_dir, fetch};
use crate::data::{Source, Split, sample};
use crate::error::{Error, Result};
use crate::units;

/// What `plimsoll data` does.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Download MNIST and check it against its MD5 sums.
    Fetch(Fetch),
    /// Write labelled pictures for a transform job.
    Sample(Sample),
}

/// What `plimsoll data fetch` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Fetch {
    /// Where to put the four files; by default the cache that every other command looks into:
    /// $PLIMSOLL_CACHE_DIR/mnist, else $XDG_CACHE_HOME/plimsoll/mnist, else ~/.cache/plimsoll/mnist.
    /// Files that are there already are checked and kept.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Ask this address, to which the file names are added, instead of the public mirrors; give it
    /// again for more of them, tried in order. What it sends has to be MNIST all the same.
    #[arg(long = "mirror", value_name = "URL")]
    mirrors: Vec<String>,
}

/// What `plimsoll data sample` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Sample {
    /// How many pictures: 1000, 10k. More than MNIST has are refused; of synthetic digits there is
    /// no end.
    #[arg(long, default_value = "1000", value_parser = units::parse_count)]
    count: u64,
    /// The folder for 000000.png and so on; made where it is not there. labels.csv goes beside it,
    /// not into it, for a job reads every file of its input folder.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Which part of MNIST, from its first picture on: test or train.
    #[arg(long, default_value = "test")]
    split: Split,
    #[command(flatten)]
    origin: Origin,
    /// Seed of the synthetic digits: the same seed gives the same pictures on every machine. MNIST
    /// is not touched by it.
    #[arg(long, default_value_t = source::DEFAULT_SEED)]
    seed: u64,
    /// Overwrite an earlier sample and its labels.csv. A folder that holds anything else is refused
    /// still.
    #[arg(long)]
    force: bool,
}

/// Runs it.
pub(super) fn run(command: Command) -> Result<u8> {
    match command {
        Command::Fetch(args) => run_fetch(args),
        Command::Sample(args) => run_sample(args),
    }
}

/// [`Source::find`] for a command: with a bar while MNIST is downloaded, and a word where synthetic
/// digits have to stand in for it.
pub(super) fn find_source(data_dir: Option<&Path>, splits: &[Split]) -> Result<Source> {
    let mut surroundings = Surroundings::of_process();
    if let Some(dir) = data_dir {
        surroundings.named = Some(dir.to_owned());
    }
    let mut bar = DownloadBar::default();
    let source = Source::find_in(&surroundings, splits, &mut |progress| bar.show(progress))?;
    bar.finish();
    if let Source::Synthetic { reason: Some(reason), .. } = &source {
        note(format_args!("warning: {reason}"));
        note(format_args!("warning: going on with {source}"));
    }
    Ok(source)
}

fn run_fetch(args: Fetch) -> Result<u8> {
    let Surroundings { mirrors, offline, .. } = Surroundings::of_process();
    if offline {
        return Err(Error::unavailable(
            "the network",
            "PLIMSOLL_OFFLINE is set; unset it to fetch",
        ));
    }
    let mirrors = if args.mirrors.is_empty() { mirrors } else { args.mirrors };
    let dir = args.dir.or_else(cache_dir).ok_or_else(|| {
        Error::unavailable("a cache folder", "HOME is not set; name a folder with --dir")
    })?;
    let mut bar = DownloadBar::default();
    let fetched =
        fetch(&dir, &[Split::Train, Split::Test], &mirrors, &mut |progress| bar.show(progress))?;
    bar.finish();
    for file in fetched {
        let origin = file.mirror.map_or("was there".to_owned(), |mirror| format!("from {mirror}"));
        say(format_args!("{}: {origin}, MD5 is right", file.path.display()))?;
    }
    Ok(exit::OK)
}

fn run_sample(args: Sample) -> Result<u8> {
    let source = args.origin.source(&[args.split], args.seed)?;
    let request = sample::Request {
        source,
        split: args.split,
        count: args.count,
        out: args.out,
        force: args.force,
    };
    let bar = progress::bar(request.count, "pictures");
    let written = sample::write(&request, &|| bar.inc(1))?;
    bar.finish_and_clear();
    say(format_args!(
        "{} pictures in {}, labels in {}\n{}",
        units::count(request.count),
        request.out.display(),
        written.labels.display(),
        written.description
    ))?;
    Ok(exit::OK)
}

/// One bar a file; nothing where standard error is no terminal.
#[derive(Default)]
struct DownloadBar(Option<(&'static str, ProgressBar)>);

impl DownloadBar {
    fn show(&mut self, progress: Progress) {
        let Some((file, bar)) = &self.0 else {
            self.0 = Some((progress.file, Self::bar(progress)));
            return;
        };
        if *file == progress.file {
            bar.set_position(progress.received);
        } else {
            bar.finish_and_clear();
            self.0 = Some((progress.file, Self::bar(progress)));
        }
    }

    fn bar(progress: Progress) -> ProgressBar {
        let bar = ProgressBar::new(progress.total.unwrap_or(0)).with_message(progress.file);
        match style("{msg} {bar:32} {bytes}/{total_bytes}, {eta} left") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }

    fn finish(self) {
        if let Some((_, bar)) = self.0 {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> Result<ProgressStyle> {
    ProgressStyle::with_template(template)
        .map_err(|error| Error::Bug(format!("the progress bar's template: {error}")))
}
