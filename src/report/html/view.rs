//! What the page shows, as text ready for its template.

use super::charts::image_ns;
use crate::measure::Interval;
use crate::record::{CellRecord, Host, RunRecord, Scenario};
use crate::report::best::Best;
use crate::report::words::{self, UNKNOWN};
use crate::units::{Nanos, bytes, count, counted};

/// A figure of the headline, with its name and a remark.
pub(super) struct Tile {
    pub(super) name: &'static str,
    pub(super) figure: String,
    pub(super) remark: String,
}

/// The figures of the recommended cell.
pub(super) fn tiles(record: &CellRecord) -> Vec<Tile> {
    let mut tiles = vec![Tile {
        name: "Batch latency",
        figure: words::span(record.latency.p50_ns),
        remark: match record.latency.p99_ns {
            Some(p99) => format!("median; 99% within {}", Nanos(p99)),
            None => "median; too few samples for p99".into(),
        },
    }];
    if let Some(rss) = record.peak_rss_bytes {
        let all = rss.saturating_mul(record.cell.instances as u64);
        let remark = match record.cell.instances {
            1 => "peak, one instance".into(),
            n => format!("peak an instance; {} for {n}", bytes(all)),
        };
        tiles.push(Tile { name: "Memory", figure: bytes(rss), remark });
    }
    tiles.push(Tile {
        name: "Agreement",
        figure: words::percent(record.agreement),
        remark: match record.accuracy {
            Some(accuracy) => {
                format!("with the reference; {} classified right", words::percent(accuracy))
            }
            None => "of predictions equal the reference's".into(),
        },
    });
    tiles
}

/// The interval of a cell in words: "±0.4% (95% interval 45,600 to 46,000, 5 rounds)".
pub(super) fn interval(record: &CellRecord) -> String {
    let rounds = counted(record.rounds.len(), "round");
    match words::plus_minus(record) {
        Some(half) => {
            let (low, high) = record.throughput_ci95;
            format!("{half} (95% interval {} to {}, {rounds})", exact(low), exact(high))
        }
        None => format!("{rounds}, so no interval"),
    }
}

/// What the harness costs beside what the recommended cell took, in a sentence.
pub(super) fn own_cost(run: &RunRecord, best: Option<Best<'_>>) -> Option<String> {
    let record = best?.cell;
    let (batch, cost) =
        run.own_cost_ns_per_image.iter().find(|(batch, _)| *batch == record.cell.batch)?;
    let took = image_ns(record);
    Some(format!(
        "At batch {batch} an image costs the harness {}: {} of the {} that one instance of the best \
         cell takes for it.",
        Nanos(*cost as u64),
        words::percent(cost / took),
        Nanos(took as u64),
    ))
}

/// What the latencies of a run are of.
pub(super) fn latency_is(run: &RunRecord) -> &'static str {
    let offline = |record: &CellRecord| record.cell.scenario == Scenario::Offline;
    match (run.cells.iter().all(offline), run.cells.iter().any(offline)) {
        (true, _) => "Time of a batch from its closing to its predictions.",
        (_, false) => {
            "Time of a request from its submission, or from its scheduled time at a given rate, to \
             its prediction."
        }
        _ => {
            "Offline, the time of a batch from its closing to its predictions; otherwise that of a \
             request from its submission, or from its scheduled time at a given rate."
        }
    }
}

/// A ratio with its interval: "3.20 times (2.90 to 3.60)".
pub(super) fn times(ratio: &Interval) -> String {
    let [median, low, high] = [ratio.median, ratio.low, ratio.high].map(words::times);
    format!("{median} times ({low} to {high})")
}

/// Facts about the machine and the run, by name.
pub(super) fn environment(run: &RunRecord) -> Vec<(&'static str, String)> {
    let host = &run.host;
    let mut facts = vec![
        ("Machine type", host.machine_type.clone().unwrap_or_default()),
        ("Processor", host.cpu_model.clone()),
        ("Cores", cores(host)),
        ("Clock governor", host.governor.clone().unwrap_or_default()),
        ("Memory", memory(host)),
        ("Instruction sets", host.isa.join(", ")),
        ("Native backend", host.native_isa.clone().unwrap_or_default()),
        ("System", host.os.clone()),
        ("libtorch", host.libtorch.clone().unwrap_or_else(|| "not in this build".into())),
        ("Plimsoll", plimsoll(run)),
        ("Images", run.data_source.clone()),
        ("Weights", run.model_source.clone()),
        ("Started", run.started.clone()),
        ("Took", seconds(run.elapsed_s)),
        ("Seed", run.seed.to_string()),
    ];
    if let Some(load) = load(host) {
        facts.push(("Load average", load));
    }
    facts.retain(|(_, fact)| !fact.trim().is_empty());
    facts
}

fn cores(host: &Host) -> String {
    let usable = format!("{} usable", host.cores);
    let physical = host.physical_cores.map(|n| format!("{n} physical"));
    let granted = host.cgroup_cpus.map(|n| format!("{n} granted by the control group"));
    [Some(usable), physical, granted].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn memory(host: &Host) -> String {
    let granted = host.cgroup_memory_bytes.map_or_else(String::new, |granted| {
        format!(", {} granted by the control group", bytes(granted))
    });
    format!("{}{granted}", bytes(host.memory_bytes))
}

fn plimsoll(run: &RunRecord) -> String {
    match &run.host.git_revision {
        Some(revision) => format!("{}, revision {revision}", run.plimsoll_version),
        None => run.plimsoll_version.clone(),
    }
}

fn load(host: &Host) -> Option<String> {
    match (host.load_before, host.load_after) {
        (None, None) => None,
        (before, after) => {
            let told = |load: Option<f64>| load.map_or(UNKNOWN.into(), |load| format!("{load:.2}"));
            Some(format!("{} before, {} after (one minute)", told(before), told(after)))
        }
    }
}

fn seconds(span: f64) -> String {
    std::time::Duration::try_from_secs_f64(span)
        .map_or_else(|_| UNKNOWN.into(), |span| Nanos::from(span).to_string())
}

/// The command line as a POSIX shell would read it.
pub(in crate::report) fn command(words: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:=+@%".contains(c);
    let quoted = words.iter().map(|word| {
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// A throughput with all its whole digits.
fn exact(per_second: f64) -> String {
    if per_second.is_finite() && per_second >= 0.0 {
        count(per_second.round() as u64)
    } else {
        UNKNOWN.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::best;
    use crate::report::fixture;

    #[test]
    fn the_headline_has_its_interval_in_words() {
        let mut cell = fixture::cell("torch", 2, 128);
        assert_eq!(interval(&cell), "±1.0% (95% interval 19,800 to 20,200, 3 rounds)");
        cell.rounds.truncate(1);
        assert_eq!(interval(&cell), "1 round, so no interval");
    }

    #[test]
    fn own_cost_is_told_as_a_share_of_what_the_best_cell_took() {
        let run = RunRecord {
            cells: vec![fixture::cell("torch", 2, 128)],
            own_cost_ns_per_image: vec![(64, 400.0), (128, 350.0)],
            ..fixture::empty()
        };
        assert_eq!(
            own_cost(&run, best(&run.cells)).unwrap(),
            "At batch 128 an image costs the harness 350 ns: 0.35% of the 100.0 us that one instance \
             of the best cell takes for it."
        );
        assert_eq!(own_cost(&run, None), None);
    }

    #[test]
    fn a_command_can_be_pasted_into_a_shell() {
        let words = ["plimsoll", "sweep", "my grid.toml", "", "it's", "--batch=1,2"];
        let text = command(&words.map(String::from));
        assert_eq!(text, r"plimsoll sweep 'my grid.toml' '' 'it'\''s' --batch=1,2");
    }

    #[test]
    fn what_the_system_does_not_tell_is_left_out() {
        let run = RunRecord { host: Host::default(), ..fixture::empty() };
        let facts = environment(&run);
        assert!(
            facts
                .iter()
                .all(|(name, _)| !["Machine type", "Processor", "Load average"].contains(name))
        );
        assert!(facts.contains(&("libtorch", "not in this build".into())));
        assert!(facts.contains(&("Took", "5.72 min".into())));
        assert!(environment(&fixture::run()).contains(&("Machine type", "ml.c6i.large".into())));
    }
}
