//! The command line: words on the terminal and exit codes, no arithmetic.

mod catalogue;
mod compare;
mod completions;
mod data;
mod doctor;
pub mod exit;
mod instance;
mod jobs;
mod origin;
mod output;
mod progress;
mod report;
mod results;
mod simulate;
mod size;
mod stop;
mod sweep;
mod table;
mod train;
mod transform;
mod values;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::{Error, Result};
use crate::transform::handler::{Handler, Mnist};

/// Measures batch inference on this machine before you pay for the real one.
///
/// Runs SageMaker-style batch-transform jobs over the MNIST CNN, and compares instance counts and
/// batch sizes by throughput and latency.
#[derive(Debug, Parser)]
#[command(name = "plimsoll", version, after_help = exit::HELP, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a batch-transform job: one output for each object.
    Transform(Box<transform::Args>),
    /// List the batch-transform jobs of an output, describe one, stop it, or wait for it.
    #[command(subcommand)]
    Jobs(jobs::Command),
    /// Measure a grid of backend x instances x batch size x threads, and write a report.
    Sweep(Box<sweep::Args>),
    /// Render a run's report again: the page and every other file, from a bundle or a record.
    Report(report::Args),
    /// Set one run against another, cell by cell: improved, worse, or no difference.
    Compare(compare::Args),
    /// Say which machine type, how many and which batch size a job or a service needs, and what it
    /// costs.
    Size(Box<size::Args>),
    /// Show the machine types that there are to choose among: what they have, and what they cost.
    #[command(visible_alias = "catalog")]
    Catalogue(catalogue::Args),
    /// Play a job or a service on many machines through, driven by a run's measured times.
    Simulate(Box<simulate::Args>),
    /// Train the MNIST CNN and write model.tar.gz.
    Train(train::Args),
    /// Fetch MNIST, or write sample pictures.
    #[command(subcommand)]
    Data(data::Command),
    /// Say what was found on this machine, what is missing, and what to set.
    Doctor(doctor::Args),
    /// Print a completion script for a shell.
    Completions(completions::Args),
    /// Be an instance: a worker process that another Plimsoll started.
    #[command(hide = true)]
    Instance(instance::Args),
}

/// The program that instances are started from: this one.
fn own_program() -> Result<PathBuf> {
    std::env::current_exe().map_err(|source| Error::io("find", "the running program", source))
}

/// Runs the program and gives its exit code.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    main_with(Mnist, args)
}

/// Runs the program with a handler of one's own, and gives its exit code.
///
/// A job's instances are started from the running program, so that a binary whose `main` is this
/// function is parent and instances of its jobs, all with its handler.
pub fn main_with(
    handler: impl Handler + 'static,
    args: impl Iterator<Item = OsString>,
) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Where the terminal is gone there is no one to tell.
            let _ = error.print();
            return exit::code(if error.use_stderr() { exit::USAGE } else { exit::OK });
        }
    };
    let outcome = match cli.command {
        Command::Transform(args) => transform::run(*args, &handler),
        Command::Jobs(command) => jobs::run(command),
        Command::Sweep(args) => sweep::run(*args),
        Command::Report(args) => report::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Size(args) => size::run(*args, &handler),
        Command::Catalogue(args) => catalogue::run(args),
        Command::Simulate(args) => simulate::run(*args),
        Command::Train(args) => train::run(args),
        Command::Data(command) => data::run(command),
        Command::Doctor(args) => doctor::run(args),
        Command::Completions(args) => completions::run(args),
        Command::Instance(args) => instance::run(args, &handler),
    };
    match outcome {
        Ok(code) => exit::code(code),
        Err(error) => {
            output::complain(&error);
            exit::code(exit::of(&error))
        }
    }
}
