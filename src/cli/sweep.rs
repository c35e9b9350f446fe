//! `plimsoll sweep`.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use indicatif::ProgressBar;

use super::origin::Origin;
use super::output::{note, say};
use super::{exit, progress, stop, values};
use crate::backend;
use crate::config::catalogue::Catalogue;
use crate::config::{Overrides, Sweep};
use crate::data::Split;
use crate::error::{Error, Result};
use crate::measure::host;
use crate::record::{CellRecord, Round, Verdict};
use crate::report::{self, Exporter};
use crate::sweep::{self, Grid, Journal, Machine, Observer, Order, Step};
use crate::units::{self, Nanos};

/// What `plimsoll sweep` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Configuration in TOML; configs/default.toml explains every key and is what is used without
    /// one (under 6 minutes on two cores). configs/smoke.toml takes 20 seconds.
    config: Option<PathBuf>,

    /// Folder for the report: report.html, report.md, results.csv, rounds.csv, results.json,
    /// latency.hlog and bundle.tar.gz. A report that is in it is replaced.
    #[arg(long, value_name = "DIR", default_value = "reports/latest")]
    out: PathBuf,

    /// Backends to compare, over the file's.
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    backend: Option<Vec<String>>,

    /// Where models run, over the file's: cpu, or cuda:N. Devices that are not there are skipped
    /// and listed.
    #[arg(long, value_name = "DEVICE,..", value_delimiter = ',')]
    device: Option<Vec<String>>,

    /// Arithmetic, over the file's: f32, or int8, which native alone has; it is faster, and its
    /// answers may differ by a little. What a backend does not have is skipped and listed.
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    precision: Option<Vec<String>>,

    /// Memory that batches wait in, over the file's: auto, pageable or pinned. Pinned memory is
    /// copied to a CUDA device faster, and cannot be swapped out.
    #[arg(long, value_name = "KIND,..", value_delimiter = ',')]
    staging: Option<Vec<String>>,

    /// What is issued, over the file's: offline (throughput), closed:N (N requests outstanding) or
    /// server:R (R requests a second). Each one more multiplies the cells.
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    scenario: Option<Vec<String>>,

    /// How long a request may wait for its batch to fill, over the file's; for closed:N and server:R.
    /// Longer gives fuller batches and later answers.
    #[arg(long, value_name = "TIME", value_parser = units::parse_span)]
    max_delay: Option<Nanos>,

    /// Instance counts, over the file's. Each instance is a process with its share of the cores.
    #[arg(long, value_name = "N,..", value_delimiter = ',', value_parser = values::count)]
    instances: Option<Vec<usize>>,

    /// Batch sizes in images, over the file's.
    #[arg(long, value_name = "B,..", value_delimiter = ',', value_parser = values::count)]
    batch: Option<Vec<usize>>,

    /// Sessions side by side on each device of an instance, over the file's. Each holds a copy of
    /// the model.
    #[arg(long, value_name = "S,..", value_delimiter = ',', value_parser = values::count)]
    sessions: Option<Vec<usize>>,

    /// Threads of one forward pass, over the file's; 0 for all the cores of a session.
    #[arg(long, value_name = "T,..", value_delimiter = ',')]
    threads: Option<Vec<usize>>,

    /// Passes over all cells. Fewer than 3 give no valid interval; 5 is a good number.
    #[arg(long, value_name = "N", value_parser = values::count)]
    rounds: Option<usize>,

    /// Passes at most, for cells whose interval is still wider than 5%. The same as --rounds gives
    /// every cell the same number of them.
    #[arg(long, value_name = "N", value_parser = values::count)]
    max_rounds: Option<usize>,

    /// Time for the whole run, 5m say: the most telling cells are measured first, then the intervals
    /// narrowed until it is used up. What it does not reach is listed as skipped. 0 for no limit.
    #[arg(long, value_name = "TIME", value_parser = units::parse_span)]
    budget: Option<Nanos>,

    /// Look for the fastest offline cell in a quarter of the cells at most; the report says what a
    /// model predicts of the others, which are not measured.
    #[arg(long)]
    search: bool,

    /// Seed of the order of cells, of the intervals and of synthetic digits.
    #[arg(long)]
    seed: Option<u64>,

    /// The model's file. Without it, the weights that come with Plimsoll.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,

    /// What this machine is, as the catalogue of machine types names it, so that `plimsoll size` can
    /// price what it measures: ml.g5.xlarge. EC2 is asked where it is not given. Any other name will
    /// do, and `size` will need it in a catalogue of yours.
    #[arg(long, value_name = "NAME", value_parser = values::label)]
    label: Option<String>,

    #[command(flatten)]
    origin: Origin,

    /// Go on with the sweep that was interrupted or killed in the folder of --out. What it measured
    /// is not measured again; everything but more rounds and more time has to be as then.
    #[arg(long, conflicts_with = "dry_run")]
    resume: bool,

    /// Show the cells and the time they should take, and measure nothing.
    #[arg(long)]
    dry_run: bool,
}

impl Args {
    fn overrides(&self) -> Overrides {
        Overrides {
            backends: self.backend.clone(),
            devices: self.device.clone(),
            precisions: self.precision.clone(),
            staging: self.staging.clone(),
            scenarios: self.scenario.clone(),
            instances: self.instances.clone(),
            batch_sizes: self.batch.clone(),
            sessions: self.sessions.clone(),
            threads: self.threads.clone(),
            rounds: self.rounds,
            max_rounds: self.max_rounds,
            budget: self.budget,
            search: self.search.then_some(true),
            max_delay: self.max_delay,
            seed: self.seed,
        }
    }
}

/// Runs the sweep.
pub(super) fn run(args: Args) -> Result<u8> {
    let file = args.config.as_deref().map(Sweep::read).transpose()?.unwrap_or_default();
    let config = args.overrides().apply(file);
    config.check(backend::names())?;
    let grid = sweep::grid(&config, &Machine::this())?;
    if args.resume {
        Journal::expect_in(&args.out)?;
    }
    announce(&config, &grid)?;
    if args.dry_run {
        for cell in &grid.cells {
            say(sweep::name(cell))?;
        }
        return Ok(exit::OK);
    }
    let interrupted = Journal::lies_in(&args.out);
    if interrupted && !args.resume {
        note(format_args!(
            "note: {} holds a sweep that did not end; it is replaced (--resume goes on with one)",
            args.out.display()
        ));
    }
    // What a resumed run has left is opened for writing when it is known to go together.
    let open = || Exporter::open(&args.out);
    let early = (!args.resume).then(open).transpose()?;
    let source = args.origin.source(&[Split::Test], config.seed)?;
    let dataset = source.load_at_most(Split::Test, config.images)?;
    note(format_args!("images: {}", dataset.description));
    let machine_type = args.label.or_else(host::machine_type);
    machine_type.as_deref().map_or(Ok(()), tell_of)?;
    let stop = stop::on_signal()?;
    let order = Order {
        config: &config,
        grid: &grid,
        dataset: &dataset,
        model: args.model,
        program: super::own_program()?,
        machine_type,
        command: std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect(),
    };
    let prepared = sweep::prepare(&order)?;
    let mut journal = if args.resume {
        let journal = Journal::resume(&args.out, prepared.header())?;
        note(format_args!("resumed: {} measurements were taken before", journal.measurements()));
        journal
    } else {
        Journal::create(&args.out, prepared.header())?
    };
    let mut exporter = early.map_or_else(open, Ok)?;
    let bar = progress::bar(grid.cells.len() as u64, "measurements");
    let mut watch = Watch { bar, exporter: &mut exporter };
    let run = sweep::sweep(prepared, &mut journal, &mut watch, stop);
    watch.bar.finish_and_clear();
    let run = run?;
    exporter.finish(&run)?;
    say(report::table::render(&run, console_width()))?;
    say(format_args!("report: {}", args.out.join("report.html").display()))?;
    if stop.load(Ordering::Relaxed) {
        note("the same command with --resume goes on where this one was interrupted");
        return Ok(exit::INTERRUPTED);
    }
    journal.remove()?;
    let valid = |cell: &CellRecord| cell.verdict == Verdict::Valid;
    Ok(if run.cells.iter().all(valid) { exit::OK } else { exit::PARTIAL })
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
        self.bar.set_message(sweep::name(at.cell));
    }

    fn measured(&mut self, at: Step<'_>, outcome: Result<&Round, &Error>) -> Result<()> {
        match outcome {
            Ok(round) => self.exporter.round_done(at.cell, round),
            Err(error) => {
                self.bar
                    .suspend(|| note(format_args!("warning: {}: {error}", sweep::name(at.cell))));
                Ok(())
            }
        }
    }

    fn completed(&mut self, record: &CellRecord) -> Result<()> {
        self.exporter.cell_done(record)
    }
}

fn announce(config: &Sweep, grid: &Grid) -> Result<()> {
    note(sweep::expected(config, &grid.cells)?);
    for (cell, reason) in &grid.skipped {
        note(format_args!("  {}: skipped: {reason}", sweep::name(cell)));
    }
    for warning in &grid.warnings {
        note(format_args!("warning: {warning}"));
    }
    Ok(())
}

/// Says under which machine type the figures go, and whether it can be priced.
fn tell_of(machine_type: &str) -> Result<()> {
    let catalogue = Catalogue::shipped()?;
    let hint = if catalogue.find(machine_type).is_some() {
        String::new()
    } else {
        let near = catalogue.nearest(machine_type);
        let near = near.map_or(String::new(), |near| format!(" (the nearest is {near})"));
        format!(
            "; Plimsoll's catalogue has none of that name{near}: `plimsoll size` will need it in one \
             of yours, by --catalog"
        )
    };
    note(format_args!("machine type: {machine_type}{hint}"));
    Ok(())
}

fn console_width() -> u16 {
    comfy_table::Table::new().width().unwrap_or(100)
}
