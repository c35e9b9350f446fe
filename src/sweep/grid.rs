//! Which cells a sweep measures, and which it leaves out.

use std::collections::HashSet;

use crate::backend;
use crate::config::Sweep;
use crate::error::{Error, Result};
use crate::measure;
use crate::record::{Cell, NO_MODEL, Scenario};
use crate::units::counted;

/// A pass with more threads than this many times the cores measures the scheduler alone.
const MAX_OVERCOMMIT: usize = 4;

/// What the grid has to know of the machine and the build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Processors that may be used.
    pub cores: usize,
    /// The backends that Plimsoll knows.
    pub backends: Vec<Offer>,
}

/// A backend that Plimsoll knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its name.
    pub name: String,
    /// Why it cannot be used here, if it cannot.
    pub missing: Option<String>,
}

impl Machine {
    /// This machine and this build.
    pub fn this() -> Self {
        let offer = |&name: &&str| Offer {
            name: name.into(),
            missing: backend::by_name(name).err().map(|error| error.to_string()),
        };
        let backends = backend::names().iter().map(offer).collect();
        Self { cores: measure::host::cores(), backends }
    }
}

/// The cells of a sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grid {
    /// Those to be measured: by backend, device, precision, staging, scenario, instances, sessions,
    /// threads and batch, in the configuration's order.
    pub cells: Vec<Cell>,
    /// Those that are left out, with the reason.
    pub skipped: Vec<(Cell, String)>,
    /// What the reader should know before believing the figures.
    pub warnings: Vec<String>,
}

/// The grid of a checked configuration on a machine.
///
/// # Errors
/// [`Error::Invalid`] for a scenario that is none; [`Error::Unavailable`] where no cell is left to
/// be measured, with the reason of the first.
pub fn grid(config: &Sweep, machine: &Machine) -> Result<Grid> {
    let mut grid = Grid::default();
    let mut known = HashSet::new();
    for (cell, missing) in points(config, machine)? {
        // Two ways to write the same point are one: `auto` and what it stands for, `20k` and 20000.
        if !known.insert(cell.clone()) {
            continue;
        }
        match missing.or_else(|| unfit(&cell, machine)) {
            Some(reason) => grid.skipped.push((cell, reason)),
            None => grid.cells.push(cell),
        }
    }
    if grid.cells.is_empty() {
        let reason = grid.skipped.first().map_or("no backend is left", |(_, reason)| reason);
        return Err(Error::unavailable("every cell of the grid", reason));
    }
    grid.warnings = warnings(&grid.cells, machine);
    Ok(grid)
}

/// The product of the configuration's lists, each point with the reason that its backend is missing.
fn points(config: &Sweep, machine: &Machine) -> Result<Vec<(Cell, Option<String>)>> {
    let scenarios = config
        .scenarios
        .iter()
        .map(|text| text.parse())
        .collect::<Result<Vec<Scenario>>>()
        .map_err(|error| Error::invalid("`scenarios`", error.to_string()))?;
    let mut cells = vec![(blank(), None)];
    cells = each(&cells, &chosen(config, machine), |cell, offer| {
        cell.0.backend.clone_from(&offer.name);
        cell.1.clone_from(&offer.missing);
    });
    cells = each(&cells, &config.devices, |cell, device| cell.0.device.clone_from(device));
    cells = each(&cells, &config.precisions, |cell, name| cell.0.precision.clone_from(name));
    cells = each(&cells, &config.staging, |cell, kind| {
        let auto = if cell.0.device == "cpu" { "pageable" } else { "pinned" };
        cell.0.staging = if kind == "auto" { auto.into() } else { kind.clone() };
    });
    cells = each(&cells, &scenarios, |cell, &scenario| cell.0.scenario = scenario);
    cells = each(&cells, &config.instances, |cell, &n| cell.0.instances = n);
    cells = each(&cells, &config.sessions, |cell, &n| cell.0.sessions = n);
    cells = each(&cells, &config.threads, |cell, &n| {
        let share = (machine.cores / (cell.0.instances * cell.0.sessions)).max(1);
        cell.0.threads = if n == 0 { share } else { n };
    });
    Ok(each(&cells, &config.batch_sizes, |cell, &n| cell.0.batch = n))
}

/// Every point with every value.
fn each<P: Clone, V>(points: &[P], values: &[V], set: impl Fn(&mut P, &V)) -> Vec<P> {
    let with = |point: &P, value: &V| {
        let mut point = point.clone();
        set(&mut point, value);
        point
    };
    points
        .iter()
        .flat_map(|point| values.iter().map(move |v| (point, v)))
        .map(|(p, v)| with(p, v))
        .collect()
}

/// A point before any value is set.
fn blank() -> Cell {
    Cell {
        backend: String::new(),
        device: String::new(),
        instances: 1,
        batch: 1,
        threads: 1,
        precision: String::new(),
        sessions: 1,
        staging: String::new(),
        scenario: Scenario::Offline,
    }
}

/// The backends asked for; of none, all that are there but the one without a model.
fn chosen(config: &Sweep, machine: &Machine) -> Vec<Offer> {
    if config.backends.is_empty() {
        let there = |offer: &&Offer| offer.missing.is_none() && offer.name != NO_MODEL;
        return machine.backends.iter().filter(there).cloned().collect();
    }
    let find = |name: &String| {
        let known = machine.backends.iter().find(|offer| offer.name == *name).cloned();
        let missing = Some(format!("backend `{name}` is unknown"));
        known.unwrap_or_else(|| Offer { name: name.clone(), missing })
    };
    config.backends.iter().map(find).collect()
}

/// Why a cell whose backend is there cannot be measured, if it cannot.
fn unfit(cell: &Cell, machine: &Machine) -> Option<String> {
    let Cell { backend, device, instances, threads, sessions, .. } = cell;
    if device != "cpu" {
        return Some(format!(
            "this Plimsoll measures the CPU alone: no backend of it runs on {device}; leave it out \
             of `devices`"
        ));
    }
    let precisions = backend::precisions(backend);
    if precisions.iter().all(|precision| precision.name() != cell.precision) {
        let names: Vec<_> = precisions.iter().map(|precision| precision.name()).collect();
        let names = names.join(" and ");
        return Some(format!("{backend} runs {names} only, not {}", cell.precision));
    }
    if cell.staging == "pinned" {
        return Some(
            "pinned memory serves copies to a CUDA device, and the CPU's batches are not copied"
                .into(),
        );
    }
    let workers = instances * sessions;
    if let Scenario::Closed(requests) = cell.scenario
        && requests < workers as u64
    {
        return Some(format!(
            "{} cannot occupy {workers} sessions: give at least closed:{workers}",
            counted(requests as usize, "outstanding request")
        ));
    }
    let busy = workers * threads;
    (busy > machine.cores * MAX_OVERCOMMIT).then(|| {
        format!(
            "{} are {busy} threads on {}: more than {MAX_OVERCOMMIT} a core would measure the \
             scheduler",
            who(cell),
            cores(machine)
        )
    })
}

/// "2 instances of 4 threads", "2 instances of 3 sessions of 4 threads".
fn who(cell: &Cell) -> String {
    let mut who = counted(cell.instances, "instance");
    if cell.sessions > 1 {
        who += &format!(" of {}", counted(cell.sessions, "session"));
    }
    who + &format!(" of {}", counted(cell.threads, "thread"))
}

/// What to know of cells that take more than the machine has, once for each kind.
fn warnings(cells: &[Cell], machine: &Machine) -> Vec<String> {
    let mut warnings = Vec::new();
    for cell in cells {
        let who = if cell.instances > machine.cores {
            format!("{} instances", cell.instances)
        } else if cell.instances * cell.sessions * cell.threads > machine.cores {
            who(cell)
        } else {
            continue;
        };
        let warning = format!("{who} share {}: they wait for each other", cores(machine));
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    warnings
}

fn cores(machine: &Machine) -> String {
    if machine.cores == 1 { "one core".into() } else { format!("{} cores", machine.cores) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(cores: usize) -> Machine {
        let offer = |name: &str, missing: Option<&str>| Offer {
            name: name.into(),
            missing: missing.map(Into::into),
        };
        let backends = vec![
            offer("native", None),
            offer("null", None),
            offer("torch", Some("built without libtorch")),
        ];
        Machine { cores, backends }
    }

    fn config(text: &str) -> Sweep {
        Sweep::parse(text, "a.toml").unwrap()
    }

    /// (backend, instances, threads, batch) of each cell.
    fn points(cells: &[Cell]) -> Vec<(&str, usize, usize, usize)> {
        cells.iter().map(|c| (c.backend.as_str(), c.instances, c.threads, c.batch)).collect()
    }

    #[test]
    fn the_cells_are_the_product_of_the_lists_in_their_order() {
        let config = config(
            "backends = ['null', 'native']\ninstances = [2, 1]\nbatch_sizes = [8, 1]\nthreads = [1]",
        );
        let grid = grid(&config, &machine(2)).unwrap();
        let expected = [
            ("null", 2, 1, 8),
            ("null", 2, 1, 1),
            ("null", 1, 1, 8),
            ("null", 1, 1, 1),
            ("native", 2, 1, 8),
            ("native", 2, 1, 1),
            ("native", 1, 1, 8),
            ("native", 1, 1, 1),
        ];
        assert_eq!(points(&grid.cells), expected);
        assert_eq!((grid.skipped.len(), grid.warnings.len()), (0, 0));
        assert!(grid.cells.iter().all(|cell| cell.device == "cpu" && cell.precision == "f32"));
    }

    #[test]
    fn no_backends_mean_all_that_are_there_but_the_one_without_a_model() {
        let grid = grid(&config("instances = [1]\nbatch_sizes = [1]"), &machine(2)).unwrap();
        assert_eq!(points(&grid.cells), [("native", 1, 2, 1)]);
        assert!(grid.skipped.is_empty());
    }

    #[test]
    fn a_backend_asked_for_and_missing_is_skipped_with_the_reason() {
        let config =
            config("backends = ['torch', 'native']\ninstances = [1]\nbatch_sizes = [1, 2]");
        let grid = grid(&config, &machine(2)).unwrap();
        assert_eq!(points(&grid.cells), [("native", 1, 2, 1), ("native", 1, 2, 2)]);
        let (cells, reasons): (Vec<_>, Vec<_>) = grid.skipped.into_iter().unzip();
        assert_eq!(points(&cells), [("torch", 1, 2, 1), ("torch", 1, 2, 2)]);
        assert_eq!(reasons, ["built without libtorch"; 2]);
    }

    #[test]
    fn a_grid_without_a_cell_is_an_error_with_the_reason() {
        let error = grid(&config("backends = ['torch']"), &machine(2)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "every cell of the grid is not available: built without libtorch"
        );
        assert!(matches!(error, Error::Unavailable { .. }));
    }

    #[test]
    fn zero_threads_are_an_equal_share_of_the_cores_and_no_cell_comes_twice() {
        let config = config(
            "backends = ['native']\ninstances = [1, 2, 3, 8]\nbatch_sizes = [1]\nthreads = [0, 1]",
        );
        let grid = grid(&config, &machine(4)).unwrap();
        let expected = [
            ("native", 1, 4, 1),
            ("native", 1, 1, 1),
            ("native", 2, 2, 1),
            ("native", 2, 1, 1),
            ("native", 3, 1, 1),
            ("native", 8, 1, 1),
        ];
        assert_eq!(points(&grid.cells), expected);
        assert_eq!(grid.warnings, ["8 instances share 4 cores: they wait for each other"]);
    }

    #[test]
    fn overcommitted_cells_are_warned_of_and_absurd_ones_skipped() {
        let config = config(
            "backends = ['native']\ninstances = [1, 2]\nbatch_sizes = [1, 2]\nthreads = [2, 4]",
        );
        let grid = grid(&config, &machine(1)).unwrap();
        let expected =
            [("native", 1, 2, 1), ("native", 1, 2, 2), ("native", 1, 4, 1), ("native", 1, 4, 2)];
        assert_eq!(points(&grid.cells)[..4], expected);
        assert_eq!(points(&grid.cells)[4..], [("native", 2, 2, 1), ("native", 2, 2, 2)]);
        assert_eq!(grid.skipped.len(), 2);
        assert_eq!(
            grid.skipped[0].1,
            "2 instances of 4 threads are 8 threads on one core: more than 4 a core would measure \
             the scheduler"
        );
        assert_eq!(grid.warnings.len(), 3, "{:?}", grid.warnings);
    }

    #[test]
    fn every_dimension_multiplies_the_cells() {
        let config = config(
            "backends = ['native']\ninstances = [1, 2]\nbatch_sizes = [1, 2]\nsessions = [1, 2]\n\
             threads = [1]\nscenarios = ['offline', 'closed:8', 'server:2k']\n\
             staging = ['auto', 'pageable']",
        );
        let grid = grid(&config, &machine(8)).unwrap();
        assert_eq!(grid.cells.len(), 3 * 2 * 2 * 2, "`auto` is `pageable` on a CPU");
        assert!(grid.cells.iter().all(|cell| cell.staging == "pageable"));
        let of = |cell: &Cell| (cell.scenario, cell.instances, cell.sessions, cell.batch);
        assert_eq!(of(&grid.cells[1]), (Scenario::Offline, 1, 1, 2));
        assert_eq!(of(&grid.cells[2]), (Scenario::Offline, 1, 2, 1));
        assert_eq!(of(&grid.cells[8]), (Scenario::Closed(8), 1, 1, 1));
        assert_eq!(of(&grid.cells[23]), (Scenario::Server(2_000), 2, 2, 2));
    }

    /// The reasons for which the cells of a configuration are skipped, each once.
    fn reasons(text: &str, cores: usize) -> Vec<String> {
        let text = format!("backends = ['native']\nbatch_sizes = [1]\n{text}");
        let skipped = grid(&config(&text), &machine(cores)).unwrap().skipped;
        let mut reasons: Vec<String> = skipped.into_iter().map(|(_, reason)| reason).collect();
        reasons.dedup();
        reasons
    }

    #[test]
    fn what_this_plimsoll_cannot_measure_is_skipped_with_the_reason() {
        for (text, reason) in [
            (
                "devices = ['cpu', 'cuda:0']",
                "this Plimsoll measures the CPU alone: no backend of it runs on cuda:0; leave it \
                 out of `devices`",
            ),
            ("precisions = ['f32', 'bf16']", "native runs f32 and int8 only, not bf16"),
            (
                "staging = ['auto', 'pinned']",
                "pinned memory serves copies to a CUDA device, and the CPU's batches are not copied",
            ),
            (
                "scenarios = ['offline', 'closed:1']\ninstances = [2]",
                "1 outstanding request cannot occupy 2 sessions: give at least closed:2",
            ),
            (
                "scenarios = ['offline', 'closed:5']\ninstances = [2]\nsessions = [2, 3]\nthreads = [1]",
                "5 outstanding requests cannot occupy 6 sessions: give at least closed:6",
            ),
            (
                "sessions = [1, 8]\ninstances = [2]\nthreads = [1]",
                "2 instances of 8 sessions of 1 thread are 16 threads on 2 cores: more than 4 a \
                 core would measure the scheduler",
            ),
        ] {
            assert_eq!(reasons(text, 2), [reason], "{text}");
        }
    }

    #[test]
    fn sessions_share_their_instances_cores_and_are_warned_of_where_there_are_too_few() {
        let text =
            "backends = ['native']\nbatch_sizes = [1]\ninstances = [2]\nsessions = [1, 2, 4]";
        let grid = grid(&config(text), &machine(4)).unwrap();
        let threads: Vec<usize> = grid.cells.iter().map(|cell| cell.threads).collect();
        assert_eq!(threads, [2, 1, 1]);
        assert_eq!(
            grid.warnings,
            ["2 instances of 4 sessions of 1 thread share 4 cores: they wait for each other"]
        );
    }

    #[test]
    fn a_scenario_that_is_none_is_refused_by_its_key() {
        let error = grid(&config("scenarios = ['online']"), &machine(2)).unwrap_err().to_string();
        assert!(error.starts_with("`scenarios`: scenario `online`: not one; write "), "{error}");
    }

    #[test]
    fn this_machine_has_a_core_and_the_native_backend() {
        let machine = Machine::this();
        assert!(machine.cores >= 1);
        let native = machine.backends.iter().find(|offer| offer.name == "native").unwrap();
        assert_eq!(native.missing, None);
    }
}
