//! Whether two runs were measured under the same conditions.

use serde::Serialize;

use crate::record::{Host, RunRecord};
use crate::units::bytes;

/// Memory that differs by less than this share is the same: a kernel keeps more or less to itself.
const MEMORY_SLACK: f64 = 0.02;

/// A core's rate that differs by more than this share is worth a note.
const RATE_SLACK: f64 = 0.05;

/// A condition in which two runs differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What differs: "CPU model".
    pub what: &'static str,
    /// What it was in the base.
    pub base: String,
    /// What it was in the new run.
    pub new: String,
}

/// The conditions without which a comparison would be one of machines and not of versions: CPU,
/// cores, memory and their limits, instruction sets, libtorch, governor, model and images. Empty for
/// runs that are alike.
pub fn differences(base: &RunRecord, new: &RunRecord) -> Vec<Difference> {
    let facts = |run: &RunRecord| -> Vec<(&'static str, String)> {
        let host = &run.host;
        vec![
            ("CPU model", host.cpu_model.clone()),
            ("cores", host.cores.to_string()),
            ("physical cores", told(host.physical_cores)),
            ("CPUs granted by the control group", told(host.cgroup_cpus)),
            ("instruction sets", host.isa.join(" ")),
            ("instruction set of the native backend", told(host.native_isa.as_ref())),
            ("libtorch", told(host.libtorch.as_ref())),
            ("governor", told(host.governor.as_ref())),
            ("model", run.model_source.clone()),
            ("images", images(&run.data_source).into()),
        ]
    };
    let mut found: Vec<Difference> = facts(base)
        .into_iter()
        .zip(facts(new))
        .filter(|((_, base), (_, new))| base != new)
        .map(|((what, base), (_, new))| Difference { what, base, new })
        .collect();
    let memory = |host: &Host| {
        [
            ("memory", Some(host.memory_bytes)),
            ("memory granted by the control group", host.cgroup_memory_bytes),
        ]
    };
    for ((what, base), (_, new)) in memory(&base.host).into_iter().zip(memory(&new.host)) {
        if !alike(base, new) {
            let told = |size: Option<u64>| size.map_or_else(|| UNTOLD.into(), bytes);
            found.push(Difference { what, base: told(base), new: told(new) });
        }
    }
    found
}

/// What differs and is no reason not to compare, a sentence each: often it is what the comparison is
/// about.
pub fn notes(base: &RunRecord, new: &RunRecord) -> Vec<String> {
    let mut notes = Vec::new();
    let version = |run: &RunRecord| {
        let revision = run.host.git_revision.as_ref();
        let revision = revision.map_or_else(String::new, |revision| format!(" ({revision})"));
        format!("{}{revision}", run.plimsoll_version)
    };
    for (what, base, new) in [
        ("Plimsoll", version(base), version(new)),
        ("system", base.host.os.clone(), new.host.os.clone()),
    ] {
        if base != new {
            notes.push(format!("{what}: base {base}, new {new}"));
        }
    }
    if base.config_toml != new.config_toml {
        notes.push("the configurations differ; see config.toml in the bundles".into());
    }
    let rate = |run: &RunRecord| run.ceilings.as_ref().map(|top| top.fma_one_core_flop_per_s);
    if let (Some(base), Some(new)) = (rate(base), rate(new))
        && base > 0.0
        && (new / base - 1.0).abs() > RATE_SLACK
    {
        notes.push(format!(
            "one core's own multiply-add rate was {:.1} GFLOP/s in the base and {:.1} in the new \
             run: the machine itself was not equally fast",
            base / 1e9,
            new / 1e9
        ));
    }
    notes
}

/// What stands for what the system did not tell.
const UNTOLD: &str = "not told";

fn told(fact: Option<impl ToString>) -> String {
    fact.map_or_else(|| UNTOLD.into(), |fact| fact.to_string())
}

/// Images known by their checksums are the same ones wherever they lay.
fn images(source: &str) -> &str {
    match source.split_once(" from ") {
        Some((what, _)) if what.starts_with("MNIST ") => what,
        _ => source,
    }
}

fn alike(base: Option<u64>, new: Option<u64>) -> bool {
    match (base, new) {
        (Some(base), Some(new)) => base.abs_diff(new) as f64 <= base.max(new) as f64 * MEMORY_SLACK,
        (base, new) => base == new,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_run_is_like_itself() {
        let run = fixture::run();
        assert_eq!(differences(&run, &run), []);
        assert!(notes(&run, &run).is_empty());
    }

    #[test]
    fn every_condition_that_matters_is_named() {
        let base = fixture::run();
        type Change = fn(&mut RunRecord);
        let changes: [(&str, Change); 12] = [
            ("CPU model", |run| run.host.cpu_model.push('x')),
            ("cores", |run| run.host.cores = 8),
            ("physical cores", |run| run.host.physical_cores = None),
            ("CPUs granted by the control group", |run| run.host.cgroup_cpus = Some(1.5)),
            ("instruction sets", |run| run.host.isa.clear()),
            ("instruction set of the native backend", |run| {
                run.host.native_isa = Some("avx2".into());
            }),
            ("libtorch", |run| run.host.libtorch = None),
            ("governor", |run| run.host.governor = Some("powersave".into())),
            ("model", |run| run.model_source.push('x')),
            ("images", |run| run.data_source = "synthetic digits, seed 1: not MNIST".into()),
            ("memory", |run| run.host.memory_bytes /= 2),
            ("memory granted by the control group", |run| run.host.cgroup_memory_bytes = None),
        ];
        for (what, change) in changes {
            let mut new = fixture::run();
            change(&mut new);
            let found = differences(&base, &new);
            assert_eq!(found.iter().map(|found| found.what).collect::<Vec<_>>(), [what]);
            assert_ne!(found[0].base, found[0].new);
        }
    }

    #[test]
    fn where_images_lay_and_some_pages_of_memory_make_no_difference() {
        let base = fixture::run();
        let mut new = fixture::run();
        new.data_source = "MNIST test images from elsewhere".into();
        new.host.memory_bytes -= 1 << 20;
        (new.host.load_before, new.started) = (Some(1.0), "2027-01-01T00:00:00Z".into());
        assert_eq!(differences(&base, &new), []);
    }

    #[test]
    fn versions_configurations_and_the_machines_own_pace_are_noted() {
        let base = fixture::run();
        let mut new = fixture::run();
        new.plimsoll_version = "0.2.0".into();
        new.config_toml.push('\n');
        new.ceilings.as_mut().unwrap().fma_one_core_flop_per_s *= 0.8;
        let notes = notes(&base, &new);
        assert_eq!(notes.len(), 3);
        assert!(notes[0].starts_with("Plimsoll: base 0.1.0 (0f3c2a1b9d), new 0.2.0"), "{notes:?}");
        assert!(notes[2].contains("90.0 GFLOP/s in the base and 72.0"), "{notes:?}");
        assert_eq!(differences(&base, &new), []);
    }
}
