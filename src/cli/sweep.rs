//! `plimsoll sweep`.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use indicatif::ProgressBar;

use super::origin::Origin;
use super::output::{note, say};
use super::{exit, progress, stop, values};
use crate::backend;
use crate::config::{Overrides, Sweep};
use crate::data::Split;
use crate::error::{Error, Result};
use crate::record::{Cell, CellRecord, Round, Verdict};
use crate::report::{self, Exporter};
use crate::sweep::{self, Grid, Machine, Observer, Order, Step};
use crate::units;

/// What `plimsoll sweep` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Configuration in TOML; configs/default.toml explains every key and is what is used without
    /// one (under 6 minutes on two cores). configs/smoke.toml takes 20 seconds.
    config: Option<PathBuf>,

    /// Folder for results.csv, rounds.csv, results.json and report.html. A report that is in it is
    /// replaced.
    #[arg(long, value_name = "DIR", default_value = "reports/latest")]
    out: PathBuf,

    /// Backends to compare, over the file's.
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    backend: Option<Vec<String>>,

    /// Instance counts, over the file's. Each instance is a process with its share of the cores.
    #[arg(long, value_name = "N,..", value_delimiter = ',', value_parser = values::count)]
    instances: Option<Vec<usize>>,

    /// Batch sizes in images, over the file's.
    #[arg(long, value_name = "B,..", value_delimiter = ',', value_parser = values::count)]
    batch: Option<Vec<usize>>,

    /// Threads of one forward pass, over the file's; 0 for all the cores of an instance.
    #[arg(long, value_name = "T,..", value_delimiter = ',')]
    threads: Option<Vec<usize>>,

    /// Passes over all cells. Fewer than 3 give no valid interval; 5 is a good number.
    #[arg(long, value_name = "N", value_parser = values::count)]
    rounds: Option<usize>,

    /// Seed of the order of cells, of the intervals and of synthetic digits.
    #[arg(long)]
    seed: Option<u64>,

    /// The model's file. Without it, the weights that come with Plimsoll.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,

    #[command(flatten)]
    origin: Origin,

    /// Show the cells and the time they should take, and measure nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Runs the sweep.
pub(super) fn run(args: Args) -> Result<u8> {
    let file = args.config.as_deref().map(Sweep::read).transpose()?.unwrap_or_default();
    let overrides = Overrides {
        backends: args.backend,
        instances: args.instances,
        batch_sizes: args.batch,
        threads: args.threads,
        rounds: args.rounds,
        seed: args.seed,
        ..Overrides::default()
    };
    let config = overrides.apply(file);
    config.check(backend::names())?;
    let grid = sweep::grid(&config, &Machine::this())?;
    announce(&config, &grid);
    if args.dry_run {
        for cell in &grid.cells {
            say(name(cell))?;
        }
        return Ok(exit::OK);
    }
    let mut exporter = Exporter::open(&args.out)?;
    let source = args.origin.source(&[Split::Test], config.seed)?;
    let dataset = source.load_at_most(Split::Test, config.images)?;
    note(format_args!("images: {}", dataset.description));
    let stop = stop::on_signal()?;
    let order = Order {
        config: &config,
        grid: &grid,
        dataset: &dataset,
        model: args.model,
        program: super::own_program()?,
        command: std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect(),
    };
    let bar = progress::bar((grid.cells.len() * config.rounds) as u64, "measurements");
    let mut watch = Watch { bar, exporter: &mut exporter };
    let run = sweep::sweep(&order, &mut watch, stop);
    watch.bar.finish_and_clear();
    let run = run?;
    exporter.finish(&run)?;
    say(report::table::render(&run, console_width()))?;
    say(format_args!("report: {}", args.out.join("report.html").display()))?;
    let valid = |cell: &CellRecord| cell.verdict == Verdict::Valid;
    Ok(if stop.load(Ordering::Relaxed) {
        exit::INTERRUPTED
    } else if run.cells.iter().all(valid) {
        exit::OK
    } else {
        exit::PARTIAL
    })
}

/// Keeps the files up to date and the bar moving.
struct Watch<'a> {
    bar: ProgressBar,
    exporter: &'a mut Exporter,
}

impl Observer for Watch<'_> {
    fn begins(&mut self, at: Step<'_>) {
        self.bar.set_length(at.total as u64);
        self.bar.set_position(at.done as u64);
        self.bar.set_message(name(at.cell));
    }

    fn measured(&mut self, at: Step<'_>, outcome: Result<&Round, &Error>) -> Result<()> {
        match outcome {
            Ok(round) => self.exporter.round_done(at.cell, round),
            Err(error) => {
                self.bar.suspend(|| note(format_args!("warning: {}: {error}", name(at.cell))));
                Ok(())
            }
        }
    }

    fn completed(&mut self, record: &CellRecord) -> Result<()> {
        self.exporter.cell_done(record)
    }
}

fn announce(config: &Sweep, grid: &Grid) {
    note(format_args!(
        "{} cells x {} rounds, about {}",
        grid.cells.len(),
        config.rounds,
        sweep::estimate(config, grid.cells.len())
    ));
    for (cell, reason) in &grid.skipped {
        note(format_args!("  {}: skipped: {reason}", name(cell)));
    }
    for warning in &grid.warnings {
        note(format_args!("warning: {warning}"));
    }
}

/// A cell in a few words.
fn name(cell: &Cell) -> String {
    format!(
        "{} x{}, batch {}, {} thread{}",
        cell.backend,
        cell.instances,
        units::count(cell.batch as u64),
        cell.threads,
        if cell.threads == 1 { "" } else { "s" }
    )
}

fn console_width() -> u16 {
    comfy_table::Table::new().width().unwrap_or(100)
}
