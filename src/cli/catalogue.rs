//! `plimsoll catalogue`.

use std::path::PathBuf;
use std::time::SystemTime;

use comfy_table::CellAlignment::{Left, Right};

use super::exit;
use super::output::say;
use super::table::table;
use crate::config::catalogue::{Catalogue, MachineType, Pricing};
use crate::error::{Error, Result};
use crate::units;

/// What `plimsoll catalogue` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    files: Files,

    /// Machine types to show, or the beginnings of their names: ml.c5.xlarge, ml.c5, ml. All where
    /// none is given.
    names: Vec<String>,
}

/// The catalogue's files.
#[derive(Debug, clap::Args)]
pub(super) struct Files {
    /// A file of machine types over those that come with Plimsoll: it adds some, or changes keys,
    /// such as the price that you pay. May be given several times; configs/instances.toml explains
    /// every key.
    #[arg(long = "catalog", value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Files {
    /// The shipped catalogue with the files over it.
    pub(super) fn read(&self) -> Result<Catalogue> {
        Catalogue::of(&self.files)
    }
}

/// Prints the machine types.
pub(super) fn run(args: Args) -> Result<u8> {
    let catalogue = args.files.read()?;
    say(render(&chosen(&catalogue, &args.names)?, SystemTime::now()))?;
    Ok(exit::OK)
}

/// The machines that the names name, in the catalogue's order.
fn chosen<'a>(catalogue: &'a Catalogue, names: &[String]) -> Result<Vec<&'a MachineType>> {
    let named = |machine: &MachineType, name: &str| {
        // `c5` is not a beginning of `c5n.large`, but `ml.` is one of all of SageMaker's.
        machine.name.strip_prefix(name).is_some_and(|rest| {
            rest.is_empty() || rest.starts_with('.') || name.ends_with(['.', '-', '_'])
        })
    };
    for name in names {
        if !catalogue.machines.iter().any(|machine| named(machine, name)) {
            let near = catalogue.nearest(name);
            let near = near.map_or(String::new(), |near| format!("`{near}` is; "));
            return Err(Error::invalid(
                format!("`{name}`"),
                format!(
                    "is no machine type of the catalogue; {near}`plimsoll catalogue` shows them \
                     all, and --catalog adds those of a file"
                ),
            ));
        }
    }
    let machines = catalogue.machines.iter();
    Ok(machines
        .filter(|machine| names.is_empty() || names.iter().any(|name| named(machine, name)))
        .collect())
}

/// The machines as a table, and where their prices are from.
fn render(machines: &[&MachineType], today: SystemTime) -> String {
    let mut sources: Vec<&str> = Vec::new();
    let mut any_old = false;
    let rows: Vec<Vec<String>> = machines
        .iter()
        .map(|machine| {
            let old = machine.price_is_old(today);
            any_old |= old;
            let (region, date, source) = match &machine.price {
                Pricing::Hourly { region, date, source, .. } => {
                    let known = sources.iter().position(|known| known == source);
                    let index = known.unwrap_or_else(|| {
                        sources.push(source);
                        sources.len() - 1
                    });
                    (region.as_str(), date, format!("[{}]", index + 1))
                }
                Pricing::Owned { date, .. } => ("owned", date, "-".into()),
            };
            let gpu = machine.gpu.as_ref();
            vec![
                machine.name.clone(),
                format!("{} ({})", machine.vcpus, machine.physical_cores),
                format!("{} {}", machine.clock_ghz, machine.isa),
                machine.memory_gib.to_string(),
                gpu.map_or("-".into(), |gpu| format!("{} x {}", gpu.count, short(&gpu.model))),
                dollars(machine.usd_per_hour()),
                format!("{region} {date}{} {source}", if old { ", old" } else { "" }),
                format!("{} + {}", machine.provision_s.typical, machine.start_s.typical),
            ]
        })
        .collect();
    let header = [
        ("machine type", Left),
        ("vCPUs (cores)", Right),
        ("GHz", Left),
        ("GiB", Right),
        ("GPUs", Left),
        ("an hour", Right),
        ("price of", Left),
        ("start-up, s", Right),
    ];
    let mut lines = vec![table(&header, &rows), String::new()];
    let count = units::counted(machines.len(), "machine type");
    lines.push(format!(
        "{count}. Start-up: until the machine is there, which is not billed, and from then until the \
         container runs, which is."
    ));
    if any_old {
        lines.push(
            "Old prices are of more than six months ago: look them up, and give them in a file of \
             your own with --catalog."
                .into(),
        );
    }
    if machines.iter().any(|machine| matches!(machine.price, Pricing::Owned { .. })) {
        lines.push(
            "An hour of an owned machine: its purchase over its years, and its power.".into(),
        );
    }
    let sources = sources.iter().enumerate();
    lines.extend(sources.map(|(index, source)| format!("[{}] {source}", index + 1)));
    lines.join("\n")
}

/// A GPU's model without its maker, who is the same for nearly all.
fn short(model: &str) -> &str {
    model.strip_prefix("NVIDIA ").unwrap_or(model)
}

/// USD with the cents, and what there is of smaller change: `$0.17`, `$0.0893`, `$13.35`.
fn dollars(usd: f64) -> String {
    let text = format!("{usd:.4}");
    let cents = text.len() - 2;
    let short = text.trim_end_matches('0');
    format!("${}", &text[..short.len().max(cents)])
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const OWN: &str = r#"
[[machine]]
name = "mine"
like = "g5.12xlarge"
provider = "owned"
owned = { purchase_usd = 8766, years = 2, watts = 500, usd_per_kwh = 0.3, date = "2026-11-01" }
provision_s = { typical = 0, low = 0, high = 0 }

[[machine]]
name = "rented"
like = "c5.large"
price = { usd_per_hour = 0.08925, region = "here", date = "2026-01-01", source = "a bill" }
"#;

    fn catalogue() -> Catalogue {
        let shipped = Catalogue::shipped().unwrap();
        let own = Catalogue::parse(OWN, "a.toml", &shipped).unwrap();
        shipped.with(own)
    }

    fn names(words: &[&str]) -> Result<Vec<String>> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let catalogue = catalogue();
        let chosen = chosen(&catalogue, &words)?;
        Ok(chosen.iter().map(|machine| machine.name.clone()).collect())
    }

    #[test]
    fn each_machine_is_a_line_with_its_price_and_where_that_is_from() {
        let catalogue = catalogue();
        let machines: Vec<_> = ["mine", "rented", "ml.c5.xlarge"]
            .iter()
            .map(|name| catalogue.find(name).unwrap())
            .collect();
        // 2026-11-22.
        let today = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_305_600);
        let text = render(&machines, today);
        let words = |name: &str| {
            let line = text.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            words("mine"),
            "mine 48 (24) 2.8 avx2 192 4 x A10G $0.65 owned 2026-11-01 - 0 + 180"
        );
        assert_eq!(
            words("rented"),
            "rented 2 (1) 3.4 avx512 4 - $0.0892 here 2026-01-01, old [1] 10 + 90"
        );
        assert!(
            words("ml.c5.xlarge").contains("$0.204 us-west-2 2026-09-01 [2] 218 + 107"),
            "{text}"
        );
        for line in
            ["[1] a bill", "3 machine types. Start-up", "Old prices are of", "An hour of an ow"]
        {
            assert!(text.contains(line), "{line}: {text}");
        }
        let fresh = render(&machines[..1], today);
        assert!(!fresh.contains("Old prices") && fresh.contains("1 machine type."), "{fresh}");
    }

    #[test]
    fn machines_are_chosen_by_their_names_or_what_these_begin_with() {
        assert_eq!(names(&["mine"]).unwrap(), ["mine"]);
        assert_eq!(names(&[]).unwrap().len(), catalogue().machines.len());
        let c5 = names(&["rented", "c5"]).unwrap();
        assert!(c5.contains(&"c5.24xlarge".into()) && c5.last().unwrap() == "rented", "{c5:?}");
        assert!(c5.iter().all(|name| name.starts_with("c5.") || name == "rented"), "{c5:?}");
        assert!(names(&["ml."]).unwrap().iter().all(|name| name.starts_with("ml.")));
        let error = names(&["mine", "ml.c5.xlagre"]).unwrap_err().to_string();
        assert!(
            error.starts_with("`ml.c5.xlagre`: is no machine type of the catalogue; `ml.c5.xl")
        );
        for word in ["", "c"] {
            assert!(names(&[word]).is_err(), "{word}");
        }
    }

    #[test]
    fn dollars_have_cents_and_what_is_smaller() {
        for (usd, text) in [
            (0.2, "$0.20"),
            (0.204, "$0.204"),
            (1.4084, "$1.4084"),
            (13.0, "$13.00"),
            (55.04, "$55.04"),
            (0.00001, "$0.00"),
        ] {
            assert_eq!(dollars(usd), text);
        }
    }
}
