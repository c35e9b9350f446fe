//! How a run chooses what it measures, and how long that should take.

use super::schedule::{Budget, Schedule, Whole};
use super::search::{self, Search};
use crate::config::Sweep;
use crate::error::{Error, Result};
use crate::measure::MIN_ROUNDS;
use crate::record::{Cell, Mode};
use crate::units::Nanos;

/// Time to start and end the instances of one measurement, roughly: most of it is the loading of
/// libtorch.
const START: Nanos = Nanos(350_000_000);

/// Time to find what the machine can do at best, before and after.
const CEILINGS: Nanos = Nanos(1_000_000_000);

/// Finalists of a search, as a rule.
const FINALISTS: usize = 3;

/// What a checked configuration asks for.
pub(super) fn mode(config: &Sweep) -> Mode {
    if config.search {
        Mode::Search
    } else if config.budget.0 > 0 {
        Mode::Budget
    } else {
        Mode::Grid
    }
}

/// The schedule of that mode over these cells, on so many cores.
pub(super) fn schedule(config: &Sweep, cells: &[Cell], cores: usize) -> Box<dyn Schedule> {
    match mode(config) {
        Mode::Grid => Box::new(Whole::new(config, cells)),
        Mode::Budget => Box::new(Budget::new(config, cells, measurement(config))),
        Mode::Search => Box::new(Search::new(config, cells, cores)),
    }
}

/// About how long one measurement takes. Its warm-up is taken to settle as soon as it can.
fn measurement(config: &Sweep) -> Nanos {
    let earliest = Nanos(config.warmup_window.0.saturating_mul(3));
    START + earliest.max(config.warmup_min).min(config.warmup_max) + config.window
}

fn times(measurement: Nanos, n: usize) -> Nanos {
    Nanos(measurement.0.saturating_mul(n as u64))
}

/// About how long a sweep of `cells` cells takes, its set-up aside; with a budget, that budget. In a
/// search, cells that it cannot answer with are not to be counted.
fn estimate(config: &Sweep, cells: usize) -> Nanos {
    let measurements = match mode(config) {
        Mode::Grid => cells.saturating_mul(config.rounds),
        Mode::Budget => return config.budget,
        Mode::Search => {
            let more = config.rounds.saturating_sub(MIN_ROUNDS);
            let probed = search::most(cells);
            probed * MIN_ROUNDS + probed.min(FINALISTS) * more
        }
    };
    times(measurement(config), measurements)
}

/// What a sweep of these cells will do and how long that should take, in a line.
///
/// # Errors
/// [`Error::Invalid`] for a budget that does not last for one cell, and for a search that has no
/// cell to look at.
pub fn expected(config: &Sweep, cells: &[Cell]) -> Result<String> {
    let all = cells.len();
    Ok(match mode(config) {
        Mode::Grid => {
            let more = config.max_rounds.saturating_sub(config.rounds);
            let narrowing = match times(measurement(config), all.saturating_mul(more)) {
                Nanos(0) => String::new(),
                most => format!(
                    ", and at most {most} more for cells whose interval is still wide after them"
                ),
            };
            format!(
                "{all} cells x {} rounds, about {}{narrowing}",
                config.rounds,
                estimate(config, all)
            )
        }
        Mode::Budget => {
            // The set-up measures the harness's own cost, once for each batch size.
            let setup = CEILINGS + times(measurement(config), config.batch_sizes.len());
            let cell = times(measurement(config), MIN_ROUNDS);
            if config.budget < setup + cell {
                let least = (setup + cell).seconds().ceil();
                return Err(Error::invalid(
                    "`budget`",
                    format!(
                        "{} is too short for the set-up and one cell in {MIN_ROUNDS} rounds: give \
                         at least {least:.0}s, fewer batch sizes, or a shorter `window`",
                        config.budget
                    ),
                ));
            }
            let fit = ((config.budget - setup).0 / cell.0.max(1)).min(all as u64);
            format!("{all} cells, of which about {fit} within the budget of {}", config.budget)
        }
        Mode::Search => {
            let eligible = cells.iter().filter(|cell| search::eligible(cell)).count();
            if eligible == 0 {
                return Err(Error::invalid(
                    "`search`",
                    "none of the cells is an offline one of a backend with a model",
                ));
            }
            format!(
                "{eligible} cells, of which a search measures at most {}, about {}",
                search::most(eligible),
                estimate(config, eligible)
            )
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Sweep {
        Sweep::parse(text, "a.toml").unwrap()
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

    fn cells(backend: &str, n: usize) -> Vec<Cell> {
        let cell = |batch| Cell::on_cpu(backend, 1, batch, 1);
        (1..=n).map(cell).collect()
    }

    /// Measurements of two seconds, and a set-up of six of them.
    const TWO_SECONDS: &str = "window = '1650ms'\nwarmup_max = '0'\nwarmup_min = '0'\n";

    #[test]
    fn what_is_to_come_is_said_for_each_mode() {
        let says =
            |more: &str, n| expected(&config(&format!("{TWO_SECONDS}{more}")), &cells("a", n));
        assert_eq!(
            says("max_rounds = 7", 36).unwrap(),
            "36 cells x 5 rounds, about 6.00 min, and at most 2.40 min more for cells whose \
             interval is still wide after them"
        );
        assert_eq!(says("max_rounds = 5", 2).unwrap(), "2 cells x 5 rounds, about 20.0 s");
        assert_eq!(
            says("budget = '72s'", 36).unwrap(),
            "36 cells, of which about 9 within the budget of 72.0 s"
        );
        assert_eq!(
            says("search = true", 36).unwrap(),
            "36 cells, of which a search measures at most 9, about 66.0 s"
        );
    }

    #[test]
    fn a_budget_that_lasts_for_no_cell_says_the_least() {
        let short = config(&format!("{TWO_SECONDS}budget = '18s'"));
        assert_eq!(
            expected(&short, &cells("a", 36)).unwrap_err().to_string(),
            "`budget`: 18.0 s is too short for the set-up and one cell in 3 rounds: give at least \
             19s, fewer batch sizes, or a shorter `window`"
        );
        assert!(
            expected(&Sweep { budget: Nanos(19_000_000_000), ..short }, &cells("a", 1)).is_ok()
        );
    }

    #[test]
    fn a_search_needs_a_cell_that_can_be_an_answer() {
        let error = expected(&config("search = true"), &cells("null", 36)).unwrap_err().to_string();
        assert!(error.starts_with("`search`: none of the cells"), "{error}");
    }

    #[test]
    fn the_mode_is_what_the_configuration_asks_for() {
        let modes = ["", "budget = '5m'", "search = true"].map(|text| mode(&config(text)));
        assert_eq!(modes, [Mode::Grid, Mode::Budget, Mode::Search]);
    }
}
