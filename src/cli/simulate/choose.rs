//! The measured cells that a simulation is driven by.

use std::str::FromStr;

use crate::error::{Error, Result};
use crate::record::{Cell, CellRecord, RunRecord, Scenario, Verdict};
use crate::report;
use crate::sizing::simulate::Trust;
use crate::sweep;

/// What a cell has to be like: `backend=native,instances=2`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Like(Vec<(Key, String)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Backend,
    Device,
    Precision,
    Staging,
    Instances,
    Sessions,
    Threads,
    Batch,
}

const KEYS: [(&str, Key); 8] = [
    ("backend", Key::Backend),
    ("device", Key::Device),
    ("precision", Key::Precision),
    ("staging", Key::Staging),
    ("instances", Key::Instances),
    ("sessions", Key::Sessions),
    ("threads", Key::Threads),
    ("batch", Key::Batch),
];

impl FromStr for Like {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = || {
            let keys: Vec<&str> = KEYS.iter().map(|(name, _)| *name).collect();
            Error::invalid(
                format!("`{text}`"),
                format!("not a cell; write backend=native,instances=2, with {}", keys.join(", ")),
            )
        };
        let part = |part: &str| {
            let (name, value) = part.split_once('=')?;
            let (_, key) = KEYS.iter().find(|(known, _)| *known == name.trim())?;
            Some((*key, value.trim().to_owned()))
        };
        text.split(',').map(|text| part(text).ok_or_else(bad)).collect::<Result<_>>().map(Self)
    }
}

impl Like {
    fn fits(&self, cell: &Cell) -> bool {
        self.0.iter().all(|(key, value)| match key {
            Key::Backend => cell.backend == *value,
            Key::Device => cell.device == *value,
            Key::Precision => cell.precision == *value,
            Key::Staging => cell.staging == *value,
            Key::Instances => cell.instances.to_string() == *value,
            Key::Sessions => cell.sessions.to_string() == *value,
            Key::Threads => cell.threads.to_string() == *value,
            Key::Batch => cell.batch.to_string() == *value,
        })
    }
}

/// The offline cell to simulate: of those that fit the one that a report would recommend. Of
/// INVALID ones, where they are trusted, the fastest.
pub(super) fn choose(run: &RunRecord, like: &Like, trust: Trust) -> Result<Cell> {
    let fits = |record: &&CellRecord| {
        record.cell.scenario == Scenario::Offline
            && record.cell.has_model()
            && like.fits(&record.cell)
    };
    let mut cells: Vec<CellRecord> = run.cells.iter().filter(fits).cloned().collect();
    if cells.is_empty() {
        let there = run.cells.iter().filter(|record| record.cell.scenario == Scenario::Offline);
        let there: Vec<String> = there.take(5).map(|record| sweep::name(&record.cell)).collect();
        let there = if there.is_empty() {
            "the run has no offline cell; measure some: plimsoll sweep --scenario offline".into()
        } else {
            format!("the run's offline cells are those of {}...", there.join("; "))
        };
        return Err(Error::invalid("no offline cell to simulate from", there));
    }
    let any_valid = cells.iter().any(|record| record.verdict == Verdict::Valid);
    if !any_valid && trust == Trust::Valid {
        return Err(Error::invalid(
            "none of the offline cells is VALID",
            "measure them again on a quieter machine, or simulate from them all the same with \
             --invalid",
        ));
    }
    if !any_valid {
        cells.iter_mut().for_each(|record| record.verdict = Verdict::Valid);
    }
    let best = report::best(&cells).ok_or_else(|| Error::Bug("no cell is the best".into()))?;
    Ok(best.cell.cell.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_asked_for_by_what_it_is_like() {
        let like: Like = "backend=native, instances=2".parse().unwrap();
        assert!(like.fits(&Cell::on_cpu("native", 2, 8, 1)));
        assert!(!like.fits(&Cell::on_cpu("native", 1, 8, 1)));
        assert!(!like.fits(&Cell::on_cpu("torch", 2, 8, 1)));
        assert!(Like::default().fits(&Cell::on_cpu("torch", 2, 8, 1)));
        for text in ["", "native", "colour=red", "backend=native,2"] {
            let error = text.parse::<Like>().unwrap_err().to_string();
            assert!(error.contains("backend=native,instances=2"), "{error}");
        }
    }
}
