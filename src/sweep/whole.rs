//! A whole run: from a configuration to its record.

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::{Instant, SystemTime};

use super::ceilings;
use super::check::Reference;
use super::fleet::{FleetBench, Setup};
use super::grid::Grid;
use super::host;
use super::instance::predict;
use super::job_stages;
use super::runner::{self, Bench, Observer, Plan};
use crate::backend::{self, Outputs, SessionOptions};
use crate::config::Sweep;
use crate::data::{self, Dataset};
use crate::error::{Error, Result};
use crate::measure;
use crate::model;
use crate::pipeline::sayable;
use crate::record::{Cell, Mode, PlanRecord, RunRecord, SCHEMA_VERSION, Scenario};
use crate::staging::Pool;

/// The backend whose predictions all others are held to.
const REFERENCE: &str = "native";

/// What a run is made of.
#[derive(Debug)]
pub struct Order<'a> {
    /// The checked configuration, after every override.
    pub config: &'a Sweep,
    /// Its grid on this machine.
    pub grid: &'a Grid,
    /// The images, of which the first `config.images` are cycled.
    pub dataset: &'a Dataset,
    /// The model's file; the shipped weights where there is none.
    pub model: Option<PathBuf>,
    /// The Plimsoll that instances are started from.
    pub program: PathBuf,
    /// The command line, for the record.
    pub command: Vec<String>,
}

/// Measures every cell of a grid. A run that `stop` ends keeps what it measured.
///
/// # Errors
/// What keeps the run from starting, and what the observer cannot keep. Cells that fail are in the
/// record, INVALID.
pub fn sweep(
    order: &Order<'_>,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<RunRecord> {
    let Order { config, grid, dataset, .. } = *order;
    let started = SystemTime::now();
    let start = Instant::now();
    let load_before = measure::host::load_average();
    let images = &dataset.images[..dataset.images.len().min(config.images)];
    if images.is_empty() {
        return Err(Error::invalid("images", "the data set holds none"));
    }
    let check = config.check_images.min(images.len());
    order.model.as_deref().map_or(Ok(()), sayable)?;
    let (reference, model_source) = reference(order, check)?;

    // Instances read the images from a file: they are several megabytes.
    let mut file = tempfile::NamedTempFile::new()
        .map_err(|source| Error::io("create", std::env::temp_dir(), source))?;
    file.write_all(&data::idx::write_images(images))
        .and_then(|()| file.flush())
        .map_err(|source| Error::io("write", file.path(), source))?;
    let setup = Setup {
        program: order.program.clone(),
        model: order.model.clone(),
        images: file.path().to_owned(),
        check,
    };
    let mut bench = FleetBench::new(setup, config, stop);
    let mut warnings = grid.warnings.clone();
    let ceilings = ceilings::measure(images)?;
    let job_stages = job_stages::measure(images)
        .map_err(|error| warnings.push(format!("the stages of a job: {error}")))
        .ok();
    let own_cost = own_cost(&mut bench, config, &mut warnings);
    let plan = Plan {
        cells: &grid.cells,
        rounds: config.rounds,
        seed: config.seed,
        reference: &reference,
    };
    let outcome = runner::run(&plan, &mut bench, observer, stop)?;
    if outcome.interrupted {
        warnings
            .push("the run was interrupted: cells have fewer rounds than were asked for".into());
    }
    if dataset.synthetic {
        warnings.push(format!("the images are {}", dataset.description));
    }
    let ceilings = if outcome.interrupted {
        ceilings
    } else {
        ceilings::larger(ceilings, &ceilings::measure(images)?)
    };
    let mut host = host(measure::host::facts(), backend::libtorch_version(), load_before);
    host.load_after = measure::host::load_average();
    Ok(RunRecord {
        schema_version: SCHEMA_VERSION,
        plimsoll_version: env!("CARGO_PKG_VERSION").into(),
        started: humantime::format_rfc3339_seconds(started).to_string(),
        elapsed_s: start.elapsed().as_secs_f64(),
        command: order.command.clone(),
        seed: config.seed,
        config_toml: config.to_toml(),
        data_source: dataset.description.clone(),
        synthetic: dataset.synthetic,
        model_source,
        host,
        own_cost_ns_per_image: own_cost,
        ceilings: Some(ceilings),
        job_stages,
        plan: PlanRecord {
            mode: Mode::Grid,
            budget_s: None,
            grid_cells: grid.cells.len(),
            evidence: Vec::new(),
        },
        no_cuda: Some("this Plimsoll measures the CPU alone".into()),
        cells: outcome.cells,
        skipped: grid.skipped.clone(),
        warnings,
    })
}

/// What the reference backend says of the check set, and which weights that was with.
fn reference(order: &Order<'_>, check: usize) -> Result<(Reference, String)> {
    let (weights, source) = match &order.model {
        Some(path) => model::load(path)?,
        None => model::shipped()?,
    };
    let backend = backend::by_name(REFERENCE)?;
    let options = SessionOptions { max_batch: 64, threads: 1, outputs: Outputs::Scores };
    let mut session = backend.open(&weights, &options)?;
    let pool = Pool::new(&*backend.host_alloc(), 2, options.max_batch)?;
    let predictions = predict(session.as_mut(), &pool, &order.dataset.images[..check])?;
    let labels = order.dataset.labels.get(..check).map(<[u8]>::to_vec);
    Ok((Reference { predictions, labels, tolerance: order.config.score_tolerance }, source))
}

/// The harness's own cost at each batch size: the same pipeline over the null backend, in one
/// instance on all cores. One that cannot be measured is a warning: the cells may still be right.
fn own_cost(
    bench: &mut dyn Bench,
    config: &Sweep,
    warnings: &mut Vec<String>,
) -> Vec<(usize, f64)> {
    let mut costs = Vec::with_capacity(config.batch_sizes.len());
    for &batch in &config.batch_sizes {
        let cell = Cell {
            backend: "null".into(),
            device: "cpu".into(),
            instances: 1,
            batch,
            threads: 1,
            precision: "f32".into(),
            sessions: 1,
            staging: "pageable".into(),
            scenario: Scenario::Offline,
        };
        // Not round 0: there is no model whose predictions could be checked.
        match bench.measure(&cell, 1) {
            Ok(measured) if measured.images > 0 => {
                costs.push((batch, measured.seconds * 1e9 / measured.images as f64));
            }
            Ok(_) => warnings.push(format!("own cost at batch {batch}: nothing was measured")),
            Err(Error::Interrupted(_)) => break,
            Err(error) => warnings.push(format!("own cost at batch {batch}: {error}")),
        }
    }
    costs
}
