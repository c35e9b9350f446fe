//! What a journal belongs to.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::config::Sweep;
use crate::data::Image;
use crate::measure::host::Facts;
use crate::model::{PARAMETERS, Weights};
use crate::record::Cell;

/// The version of the journal's lines. Another one is not resumed.
const SCHEMA: u32 = 1;

/// What a run measures, with what, and on which machine: its measurements may be joined only with
/// those of the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    schema: u32,
    plimsoll: String,
    libtorch: Option<String>,
    config: Sweep,
    cells: Vec<Cell>,
    machine: Machine,
    model: String,
    model_sha256: String,
    images: String,
    images_sha256: String,
}

/// What of a machine changes its figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Machine {
    machine_type: Option<String>,
    cpu: String,
    cores: usize,
    /// In whole gibibytes: what the kernel keeps for itself differs a little from start to start.
    memory_gib: u64,
    cgroup_cpus: Option<f64>,
    cgroup_memory_bytes: Option<u64>,
    os: String,
}

/// What a header is made of.
pub(in crate::sweep) struct Parts<'a> {
    pub(in crate::sweep) config: &'a Sweep,
    pub(in crate::sweep) cells: &'a [Cell],
    pub(in crate::sweep) facts: &'a Facts,
    pub(in crate::sweep) machine_type: Option<String>,
    pub(in crate::sweep) libtorch: Option<String>,
    pub(in crate::sweep) model: (&'a Weights, &'a str),
    pub(in crate::sweep) images: (&'a [Image], &'a str),
}

impl Header {
    pub(in crate::sweep) fn new(parts: Parts<'_>) -> Self {
        let Parts { config, cells, facts, machine_type, libtorch, model, images } = parts;
        let mut weights = Sha256::new();
        for parameter in PARAMETERS {
            for value in model.0.get(parameter) {
                weights.update(value.to_le_bytes());
            }
        }
        let mut pixels = Sha256::new();
        images.0.iter().for_each(|image| pixels.update(image.0));
        Self {
            schema: SCHEMA,
            plimsoll: env!("CARGO_PKG_VERSION").into(),
            libtorch,
            config: config.clone(),
            cells: cells.to_vec(),
            machine: Machine {
                machine_type,
                cpu: facts.cpu_model.clone(),
                cores: facts.cores,
                memory_gib: facts.memory_bytes >> 30,
                cgroup_cpus: facts.cgroup_cpus,
                cgroup_memory_bytes: facts.cgroup_memory_bytes,
                os: facts.os.clone(),
            },
            model: model.1.into(),
            model_sha256: hex(&weights.finalize()),
            images: images.1.into(),
            images_sha256: hex(&pixels.finalize()),
        }
    }

    /// Whether a line is a header as this version writes it, or is none at all: then to read it
    /// says what is wrong with it.
    pub(super) fn is_known(line: &[u8]) -> bool {
        #[derive(Deserialize)]
        struct Version {
            schema: u32,
        }
        serde_json::from_slice::<Version>(line).map_or(true, |version| version.schema == SCHEMA)
    }

    /// How many cells the run has.
    pub(super) fn cells(&self) -> usize {
        self.cells.len()
    }

    /// Why a run of this header cannot go on with the measurements of an earlier one, if it cannot:
    /// the first thing that differs. More rounds and more time than then are no difference.
    pub(super) fn differs_from(&self, earlier: &Self) -> Option<String> {
        let other = |what: &str, then: &str, now: &str| {
            (then != now).then(|| format!("{what} was {then}, and is {now} now"))
        };
        let hash = |what: &str, then: &str, now: &str| {
            (then != now)
                .then(|| format!("{what} are not the same as then, whatever they are called"))
        };
        let none = || "none".to_owned();
        let libtorch = |header: &Self| header.libtorch.clone().unwrap_or_else(none);
        let (then, now) = (&earlier.machine, &self.machine);
        let machine_type = |machine: &Machine| machine.machine_type.clone().unwrap_or_else(none);
        other("Plimsoll", &earlier.plimsoll, &self.plimsoll)
            .or_else(|| other("libtorch", &libtorch(earlier), &libtorch(self)))
            .or_else(|| {
                other("the machine type (--label)", &machine_type(then), &machine_type(now))
            })
            .or_else(|| other("the processor", &then.cpu, &now.cpu))
            .or_else(|| {
                other("the number of cores", &then.cores.to_string(), &now.cores.to_string())
            })
            .or_else(|| other("the system", &then.os, &now.os))
            .or_else(|| {
                (then != now).then(|| {
                    format!(
                        "memory and limits were {} GiB, {} and {}, and are {} GiB, {} and {} now",
                        then.memory_gib,
                        limit(then.cgroup_cpus, "processors"),
                        limit(then.cgroup_memory_bytes, "bytes"),
                        now.memory_gib,
                        limit(now.cgroup_cpus, "processors"),
                        limit(now.cgroup_memory_bytes, "bytes")
                    )
                })
            })
            .or_else(|| self.config_differs_from(&earlier.config))
            .or_else(|| {
                (self.cells != earlier.cells)
                    .then(|| "the cells of the grid are not the same as then".into())
            })
            .or_else(|| other("the model", &earlier.model, &self.model))
            .or_else(|| hash("the model's weights", &earlier.model_sha256, &self.model_sha256))
            .or_else(|| other("the data", &earlier.images, &self.images))
            .or_else(|| hash("the images", &earlier.images_sha256, &self.images_sha256))
    }

    /// The first key that differs but for limits that were raised.
    fn config_differs_from(&self, earlier: &Sweep) -> Option<String> {
        let (then, now) = (earlier, &self.config);
        for (key, then, now) in
            [("rounds", then.rounds, now.rounds), ("max_rounds", then.max_rounds, now.max_rounds)]
        {
            if now < then {
                return Some(format!(
                    "`{key}` was {then}, and is {now} now: it may only be raised"
                ));
            }
        }
        // Without a budget the schedule is another one.
        let limited = |config: &Sweep| config.budget.0 > 0;
        let raised = limited(then) == limited(now) && now.budget >= then.budget;
        let alike = Sweep {
            rounds: now.rounds,
            max_rounds: now.max_rounds,
            budget: if raised { now.budget } else { then.budget },
            ..then.clone()
        };
        let table = |config: &Sweep| config.to_toml().parse::<toml::Table>().unwrap_or_default();
        let (then, now) = (table(&alike), table(now));
        now.iter().find(|&(key, value)| then.get(key) != Some(value)).map(|(key, value)| {
            let then = then.get(key).map_or_else(|| "not there".into(), ToString::to_string);
            format!("`{key}` was {then}, and is {value} now")
        })
    }
}

fn limit(limit: Option<impl std::fmt::Display>, unit: &str) -> String {
    limit.map_or_else(|| format!("no limit of {unit}"), |limit| format!("{limit} {unit}"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::Overrides;
    use crate::data::IMAGE_PIXELS;
    use crate::model;
    use crate::units::Nanos;

    fn cells() -> Vec<Cell> {
        let cell = |batch| Cell::on_cpu("native", 1, batch, 1);
        vec![cell(1), cell(8)]
    }

    fn facts() -> Facts {
        Facts { cpu_model: "A".into(), cores: 2, memory_bytes: 8 << 30, ..Facts::default() }
    }

    fn of(config: &Sweep, cells: &[Cell], facts: &Facts, weights: &Weights, pixel: u8) -> Header {
        Header::new(Parts {
            config,
            cells,
            facts,
            machine_type: None,
            libtorch: None,
            model: (weights, "shipped"),
            images: (&[Image([pixel; IMAGE_PIXELS])], "MNIST"),
        })
    }

    /// A header of two cells.
    pub(in crate::sweep::journal) fn header() -> Header {
        of(&Sweep::default(), &cells(), &facts(), &model::shipped().unwrap().0, 0)
    }

    fn configured(config: &Sweep) -> Header {
        Header { config: config.clone(), ..header() }
    }

    #[test]
    fn a_header_is_read_back_as_it_was_written() {
        let text = serde_json::to_string(&header()).unwrap();
        let read: Header = serde_json::from_str(&text).unwrap();
        assert_eq!(read, header());
        assert_eq!(header().differs_from(&read), None);
    }

    #[test]
    fn what_is_not_as_then_is_named() {
        let mut weights = model::shipped().unwrap().0;
        let same = of(&Sweep::default(), &cells(), &facts(), &weights, 0);
        weights.get_mut(PARAMETERS[7])[9] += 1e-6;
        let default = Sweep::default();
        let moved = Facts { cpu_model: "B".into(), ..facts() };
        let limited = Facts { cgroup_cpus: Some(1.5), ..facts() };
        let shipped = model::shipped().unwrap().0;
        for (now, says) in [
            (of(&default, &cells(), &moved, &shipped, 0), "the processor was A, and is B now"),
            (
                of(&default, &cells(), &limited, &shipped, 0),
                "memory and limits were 8 GiB, no limit of processors and no limit of bytes, and \
                 are 8 GiB, 1.5 processors and no limit of bytes now",
            ),
            (
                of(&default, &cells()[1..], &facts(), &shipped, 0),
                "the cells of the grid are not the same as then",
            ),
            (
                of(&default, &cells(), &facts(), &weights, 0),
                "the model's weights are not the same as then, whatever they are called",
            ),
            (
                of(&default, &cells(), &facts(), &shipped, 1),
                "the images are not the same as then, whatever they are called",
            ),
            (
                Header { plimsoll: "9.9.9".into(), ..same.clone() },
                concat!("Plimsoll was ", env!("CARGO_PKG_VERSION"), ", and is 9.9.9 now"),
            ),
            (
                Header { libtorch: Some("2.11.0".into()), ..same.clone() },
                "libtorch was none, and is 2.11.0 now",
            ),
        ] {
            assert_eq!(now.differs_from(&same).as_deref(), Some(says));
        }
    }

    #[test]
    fn a_run_goes_on_under_its_own_label_alone() {
        let labelled = |label: Option<&str>| {
            let machine_type = label.map(str::to_owned);
            Header { machine: Machine { machine_type, ..header().machine }, ..header() }
        };
        for (then, now, says) in [
            (None, None, None),
            (Some("a"), Some("a"), None),
            (Some("a"), Some("b"), Some("the machine type (--label) was a, and is b now")),
            (Some("a"), None, Some("the machine type (--label) was a, and is none now")),
            (None, Some("b"), Some("the machine type (--label) was none, and is b now")),
        ] {
            assert_eq!(labelled(now).differs_from(&labelled(then)).as_deref(), says);
        }
        let text = serde_json::to_string(&labelled(Some("a"))).unwrap();
        assert_eq!(serde_json::from_str::<Header>(&text).unwrap(), labelled(Some("a")));
        // A journal from before there were labels has none.
        let text = serde_json::to_string(&header()).unwrap().replace("\"machine_type\":null,", "");
        assert!(!text.contains("machine_type"), "{text}");
        assert_eq!(serde_json::from_str::<Header>(&text).unwrap(), header());
    }

    #[test]
    fn every_key_of_the_configuration_counts_but_limits_that_are_raised() {
        let timed = Sweep { budget: Nanos(60_000_000_000), ..Sweep::default() };
        let says = |then: &Sweep, flags: Overrides| {
            configured(&flags.apply(then.clone())).differs_from(&configured(then))
        };
        let default = Sweep::default();
        let flags = Overrides { rounds: Some(6), max_rounds: Some(9), ..Overrides::default() };
        assert_eq!(says(&default, flags), None);
        let budget = |seconds: u64| Overrides {
            budget: Some(Nanos(seconds * 1_000_000_000)),
            ..Overrides::default()
        };
        assert_eq!(says(&timed, budget(90)), None);
        for (then, flags, text) in [
            (&timed, budget(30), "`budget` was \"1m\", and is \"30s\" now"),
            (&timed, budget(0), "`budget` was \"1m\", and is \"0ns\" now"),
            (&default, budget(60), "`budget` was \"0ns\", and is \"1m\" now"),
            (
                &default,
                Overrides { rounds: Some(4), ..Overrides::default() },
                "`rounds` was 5, and is 4 now: it may only be raised",
            ),
            (
                &default,
                Overrides { seed: Some(2), ..Overrides::default() },
                "`seed` was 1, and is 2 now",
            ),
            (
                &default,
                Overrides { search: Some(true), ..Overrides::default() },
                "`search` was false, and is true now",
            ),
        ] {
            assert_eq!(says(then, flags).as_deref(), Some(text));
        }
        let window = Sweep { window: Nanos(1), ..default.clone() };
        assert!(configured(&window).differs_from(&configured(&default)).is_some());
    }
}
