//! Which cells a sweep measures, and which it leaves out.

use crate::backend;
use crate::config::Sweep;
use crate::error::{Error, Result};
use crate::measure;
use crate::record::{Cell, Scenario};
use crate::units::Nanos;

/// A pass with more threads than this many times the cores measures the scheduler alone.
const MAX_OVERCOMMIT: usize = 4;

/// Time to start and end the instances of one measurement, roughly: most of it is the loading of
/// libtorch.
const START: Nanos = Nanos(350_000_000);

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
    /// Those to be measured: by backend, instances, threads and batch, in the configuration's
    /// order.
    pub cells: Vec<Cell>,
    /// Those that are left out, with the reason.
    pub skipped: Vec<(Cell, String)>,
    /// What the reader should know before believing the figures.
    pub warnings: Vec<String>,
}

/// The grid of a checked configuration on a machine.
///
/// # Errors
/// [`Error::Unavailable`] where no cell is left to be measured, with the reason of the first.
pub fn grid(config: &Sweep, machine: &Machine) -> Result<Grid> {
    let mut grid = Grid::default();
    for offer in chosen(config, machine) {
        for &instances in &config.instances {
            for threads in threads(config, machine, instances) {
                for &batch in &config.batch_sizes {
                    let cell = Cell {
                        backend: offer.name.clone(),
                        device: "cpu".into(),
                        instances,
                        batch,
                        threads,
                        precision: "f32".into(),
                        sessions: 1,
                        staging: "pageable".into(),
                        scenario: Scenario::Offline,
                    };
                    match unfit(&cell, &offer, machine) {
                        Some(reason) => grid.skipped.push((cell, reason)),
                        None => grid.cells.push(cell),
                    }
                }
            }
        }
    }
    if grid.cells.is_empty() {
        let reason = grid.skipped.first().map_or("no backend is left", |(_, reason)| reason);
        return Err(Error::unavailable("every cell of the grid", reason));
    }
    grid.warnings = warnings(&grid.cells, machine);
    Ok(grid)
}

/// About how long a sweep of `cells` cells takes, its preparation aside. Warm-ups are taken to
/// settle as soon as they can.
pub fn estimate(config: &Sweep, cells: usize) -> Nanos {
    let earliest = Nanos(config.warmup_window.0.saturating_mul(3));
    let warmup = earliest.max(config.warmup_min).min(config.warmup_max);
    let measurements = (cells as u64).saturating_mul(config.rounds as u64);
    Nanos((START + warmup + config.window).0.saturating_mul(measurements))
}

/// The backends asked for; of none, all that are there but the one without a model.
fn chosen(config: &Sweep, machine: &Machine) -> Vec<Offer> {
    if config.backends.is_empty() {
        let there = |offer: &&Offer| offer.missing.is_none() && offer.name != "null";
        return machine.backends.iter().filter(there).cloned().collect();
    }
    let find = |name: &String| {
        let known = machine.backends.iter().find(|offer| offer.name == *name).cloned();
        let missing = Some(format!("backend `{name}` is unknown"));
        known.unwrap_or_else(|| Offer { name: name.clone(), missing })
    };
    config.backends.iter().map(find).collect()
}

/// The threads of a pass, with 0 put into figures, each number once.
fn threads(config: &Sweep, machine: &Machine, instances: usize) -> Vec<usize> {
    let mut all = Vec::with_capacity(config.threads.len());
    for &threads in &config.threads {
        let threads = if threads == 0 { (machine.cores / instances).max(1) } else { threads };
        if !all.contains(&threads) {
            all.push(threads);
        }
    }
    all
}

/// Why a cell cannot be measured, if it cannot.
fn unfit(cell: &Cell, offer: &Offer, machine: &Machine) -> Option<String> {
    if let Some(reason) = &offer.missing {
        return Some(reason.clone());
    }
    let most = machine.cores * MAX_OVERCOMMIT;
    let all = cell.threads.saturating_mul(cell.instances);
    (all > most).then(|| {
        format!(
            "{} instances of {} threads are {all} threads on {}: more than {MAX_OVERCOMMIT} a core \
             would measure the scheduler",
            cell.instances,
            cell.threads,
            cores(machine)
        )
    })
}

/// One warning for each pair of instances and threads that overcommits the cores.
fn warnings(cells: &[Cell], machine: &Machine) -> Vec<String> {
    let mut warnings = Vec::new();
    for cell in cells {
        let (instances, threads) = (cell.instances, cell.threads);
        let warning = if instances > machine.cores {
            format!("{instances} instances share {}: they wait for each other", cores(machine))
        } else if instances * threads > machine.cores {
            format!(
                "{instances} instances of {threads} threads share {}: they wait for each other",
                cores(machine)
            )
        } else {
            continue;
        };
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
    fn the_estimate_grows_with_cells_and_rounds() {
        let config = config(
            "rounds = 3\nwindow = '1s'\nwarmup_min = '100ms'\nwarmup_window = '200ms'\n\
             warmup_max = '500ms'",
        );
        assert_eq!(estimate(&config, 10), Nanos(30 * 1_850_000_000));
        assert_eq!(estimate(&config, 0), Nanos(0));
    }

    #[test]
    fn the_shipped_configurations_keep_their_promised_times() {
        let minutes = |text: &str, cells| estimate(&config(text), cells).seconds() / 60.0;
        let default = include_str!("../../configs/default.toml");
        assert!(minutes(default, 3 * 2 * 6) < 5.0);
        let smoke = include_str!("../../configs/smoke.toml");
        assert!(minutes(smoke, 2 * 2 * 2) * 60.0 < 18.0);
    }

    #[test]
    fn this_machine_has_a_core_and_the_native_backend() {
        let machine = Machine::this();
        assert!(machine.cores >= 1);
        let native = machine.backends.iter().find(|offer| offer.name == "native").unwrap();
        assert_eq!(native.missing, None);
    }
}
