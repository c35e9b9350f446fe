//! A whole run: from a configuration to its record.

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use super::ceilings;
use super::check::Reference;
use super::fleet::{FleetBench, Setup};
use super::grid::Grid;
use super::host;
use super::instance::predict;
use super::journal::{Header, Journal, Parts};
use super::mode::{mode, schedule};
use super::runner::{self, Bench, Observer, Plan};
use super::{job_stages, waking};
use crate::backend::{self, Outputs, SessionOptions};
use crate::clock::Clock;
use crate::config::Sweep;
use crate::data::{self, Dataset, IMAGE_PIXELS, Image};
use crate::error::{Error, Result};
use crate::measure::host::Facts;
use crate::measure::{self, Drift, Sample, drift};
use crate::model::{self, Weights};
use crate::pipeline::sayable;
use crate::record::{Cell, CellRecord, NO_MODEL, PlanRecord, RunRecord, SCHEMA_VERSION};
use crate::staging::Pool;
use crate::units;

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
    /// The machine's type, as the catalogue of machine types names it, where it is known.
    pub machine_type: Option<String>,
    /// The command line, for the record.
    pub command: Vec<String>,
}

/// A run that is ready to measure.
#[derive(Debug)]
pub struct Prepared<'a> {
    order: &'a Order<'a>,
    clock: Clock,
    started: SystemTime,
    load_before: Option<f64>,
    facts: Facts,
    images: &'a [Image],
    reference: Reference,
    model_source: String,
    header: Header,
}

impl Prepared<'_> {
    /// What a journal of this run begins with.
    pub fn header(&self) -> &Header {
        &self.header
    }
}

/// Loads the model and asks the reference backend; the run's time begins here.
///
/// # Errors
/// A model that is none, images that are none, and a budget that is too short for one cell.
pub fn prepare<'a>(order: &'a Order<'a>) -> Result<Prepared<'a>> {
    let Order { config, grid, dataset, .. } = *order;
    let clock = Clock::monotonic();
    let started = SystemTime::now();
    let load_before = measure::host::load_average();
    let images = &dataset.images[..dataset.images.len().min(config.images)];
    if images.is_empty() {
        return Err(Error::invalid("images", "the data set holds none"));
    }
    order.model.as_deref().map_or(Ok(()), sayable)?;
    let (weights, model_source) = match &order.model {
        Some(path) => model::load(path)?,
        None => model::shipped()?,
    };
    let reference = reference(order, &weights, config.check_images.min(images.len()))?;
    let facts = measure::host::facts();
    let header = Header::new(Parts {
        config,
        cells: &grid.cells,
        facts: &facts,
        machine_type: order.machine_type.clone(),
        libtorch: backend::libtorch_version(),
        model: (&weights, &model_source),
        images: (images, &dataset.description),
    });
    Ok(Prepared {
        order,
        clock,
        started,
        load_before,
        facts,
        images,
        reference,
        model_source,
        header,
    })
}

/// Measures the cells of a grid, those that the configuration's mode chooses, and goes on with what
/// the journal holds. A run that `stop` ends keeps what it measured.
///
/// # Errors
/// What keeps the run from starting, and what the observer or the journal cannot keep. Cells that
/// fail are in the record, INVALID.
pub fn sweep(
    prepared: Prepared<'_>,
    journal: &mut Journal,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<RunRecord> {
    let Prepared { order, clock, images, reference, .. } = &prepared;
    let Order { config, grid, dataset, .. } = **order;
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
        check: reference.predictions.classes.len(),
    };
    let mut bench = FleetBench::new(setup, config, stop);
    let mut warnings = grid.warnings.clone();
    warnings.extend(cached(images.len()));
    if journal.measurements() > 0 {
        warnings.push(format!(
            "the run was interrupted and resumed at {}, with {} measurements taken before; times \
             leave the pause out",
            humantime::format_rfc3339_seconds(prepared.started),
            journal.measurements()
        ));
    }
    let ceilings = ceilings::measure(images)?;
    let job_stages = job_stages::measure(images)
        .map_err(|error| warnings.push(format!("the stages of a job: {error}")))
        .ok();
    let waking = waking::measure();
    let own_cost = own_cost(&mut bench, config, &mut warnings);
    let mut schedule = schedule(config, &grid.cells, prepared.facts.cores);
    let plan = Plan { cells: &grid.cells, seed: config.seed, reference, clock };
    let outcome = runner::run(&plan, &mut *schedule, &mut bench, journal, observer, stop)?;
    if outcome.interrupted {
        warnings
            .push("the run was interrupted: cells have fewer rounds than were asked for".into());
    }
    if dataset.synthetic {
        warnings.push(format!("the images are {}", dataset.description));
    }
    warnings.extend(drift_of(&outcome.cells, config.seed).and_then(|drift| drift.warning()));
    let ceilings = if outcome.interrupted {
        ceilings
    } else {
        let rates = outcome.cells.iter().map(|r| (&r.cell, r.throughput_images_per_s));
        let (ceilings, warning) = ceilings::again(ceilings, images, rates)?;
        warnings.extend(warning);
        ceilings
    };
    let libtorch = backend::libtorch_version();
    let machine_type = order.machine_type.clone();
    let mut host = host(prepared.facts.clone(), machine_type, libtorch, prepared.load_before);
    host.load_after = measure::host::load_average();
    let left_out = outcome.findings.left_out.into_iter();
    let left_out = left_out.map(|(index, reason)| (grid.cells[index].clone(), reason));
    Ok(RunRecord {
        schema_version: SCHEMA_VERSION,
        plimsoll_version: env!("CARGO_PKG_VERSION").into(),
        started: humantime::format_rfc3339_seconds(prepared.started).to_string(),
        elapsed_s: (journal.before() + clock.now()).seconds(),
        command: order.command.clone(),
        seed: config.seed,
        config_toml: config.to_toml(),
        data_source: dataset.description.clone(),
        synthetic: dataset.synthetic,
        model_source: prepared.model_source.clone(),
        host,
        own_cost_ns_per_image: own_cost,
        ceilings: Some(ceilings),
        job_stages,
        waking: Some(waking),
        plan: PlanRecord {
            mode: mode(config),
            budget_s: (config.budget.0 > 0).then(|| config.budget.seconds()),
            grid_cells: grid.cells.len(),
            evidence: outcome.findings.evidence,
        },
        no_cuda: Some("this Plimsoll measures the CPU alone".into()),
        cells: outcome.cells,
        skipped: grid.skipped.iter().cloned().chain(left_out).collect(),
        warnings,
    })
}

/// How the machine's speed changed over the rounds of all cells.
pub(super) fn drift_of(cells: &[CellRecord], seed: u64) -> Option<Drift> {
    let rounds = cells.iter().enumerate().flat_map(|(cell, record)| {
        record.rounds.iter().map(move |round| Sample {
            cell,
            round: round.round,
            at_s: round.at_s,
            rate: round.throughput_images_per_s,
        })
    });
    drift(&rounds.collect::<Vec<_>>(), seed)
}

/// What to say of images so few that a processor's own cache holds them.
fn cached(images: usize) -> Option<String> {
    let l2 = measure::host::l2_bytes()?;
    let bytes = (images * IMAGE_PIXELS) as u64;
    (bytes <= l2).then(|| {
        format!(
            "the {} images that are cycled ({}) fit into the processor's L2 cache ({}): a real job \
             reads from memory; raise `images`",
            units::count(images as u64),
            units::bytes(bytes),
            units::bytes(l2)
        )
    })
}

/// What the reference backend says of the check set.
fn reference(order: &Order<'_>, weights: &Weights, check: usize) -> Result<Reference> {
    let backend = backend::by_name(REFERENCE)?;
    let options = SessionOptions {
        max_batch: 64,
        threads: 1,
        outputs: Outputs::Scores,
        precision: Default::default(),
    };
    let mut session = backend.open(weights, &options)?;
    let pool = Pool::new(&*backend.host_alloc(), 2, options.max_batch)?;
    let predictions = predict(session.as_mut(), &pool, &order.dataset.images[..check])?;
    let labels = order.dataset.labels.get(..check).map(<[u8]>::to_vec);
    Ok(Reference { predictions, labels, tolerance: order.config.score_tolerance })
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
        let cell = Cell::on_cpu(NO_MODEL, 1, batch, 1);
        // Not the first time: there is no model whose predictions could be checked.
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
