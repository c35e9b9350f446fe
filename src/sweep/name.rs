//! A cell in a few words.

use crate::record::{Cell, Scenario};
use crate::units::{count, counted};

/// A cell in a few words, for a terminal: what every grid varies, and of the rest what is not usual.
pub fn name(cell: &Cell) -> String {
    let Cell { backend, device, instances, batch, threads, precision, sessions, staging, scenario } =
        cell;
    let mut name = format!(
        "{backend} x{instances}, batch {}, {}",
        count(*batch as u64),
        counted(*threads, "thread")
    );
    let mut add = |unusual: bool, text: &str| {
        if unusual {
            name.push_str(", ");
            name.push_str(text);
        }
    };
    add(*sessions != 1, &counted(*sessions, "session"));
    add(device != "cpu", device);
    add(precision != "f32", precision);
    add(staging != "pageable", staging);
    add(*scenario != Scenario::Offline, &scenario.to_string());
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_usual_goes_without_saying() {
        let usual = Cell::on_cpu("native", 2, 1_000, 1);
        assert_eq!(name(&usual), "native x2, batch 1,000, 1 thread");
        let unusual = Cell {
            device: "cuda:1".into(),
            threads: 2,
            precision: "f16".into(),
            sessions: 3,
            staging: "pinned".into(),
            scenario: Scenario::Closed(8),
            ..usual
        };
        assert_eq!(
            name(&unusual),
            "native x2, batch 1,000, 2 threads, 3 sessions, cuda:1, f16, pinned, closed:8"
        );
    }
}
