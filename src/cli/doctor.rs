//! `plimsoll doctor`.

use super::exit;
use super::output::say;
use crate::backend::{self, Outputs, SessionOptions};
use crate::data::Split;
use crate::data::source::{Surroundings, cache_dir};
use crate::error::Result;
use crate::measure::host;
use crate::model;
use crate::units;

/// What `plimsoll doctor` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Says what was found, what is missing, and what to set.
pub(super) fn run(_: Args) -> Result<u8> {
    say(format_args!("plimsoll {}", env!("CARGO_PKG_VERSION")))?;
    machine()?;
    backends()?;
    model_and_data()?;
    Ok(exit::OK)
}

fn machine() -> Result<()> {
    let facts = host::facts();
    heading("Machine")?;
    if let Some(machine_type) = host::machine_type() {
        row("type", format!("{machine_type}, says EC2"))?;
    }
    row("processor", &facts.cpu_model)?;
    let physical = facts.physical_cores.map_or(String::new(), |n| format!(", {n} physical"));
    row("cores", format!("{} to use{physical}: {:?}", facts.cores, host::own_cores()))?;
    if let Some(cpus) = facts.cgroup_cpus {
        row("cgroup", format!("grants {cpus} processors; more instances than that gain nothing"))?;
    }
    row("memory", units::bytes(facts.memory_bytes))?;
    if let Some(bytes) = facts.cgroup_memory_bytes {
        row("cgroup", format!("grants {}", units::bytes(bytes)))?;
    }
    row("system", &facts.os)?;
    row("vector sets", facts.isa.join(" "))?;
    match facts.governor.as_deref() {
        Some(name @ ("powersave" | "conservative" | "ondemand" | "schedutil")) => row(
            "governor",
            format!("{name}; the clock follows the load, `performance` gives steadier figures"),
        )?,
        Some(name) => row("governor", name)?,
        None => {}
    }
    if let Some(load) = host::load_average() {
        let busy = load > 0.5 * facts.cores as f64;
        let advice =
            if busy { "; something else runs: figures will be low and uneven" } else { "" };
        row("load", format!("{load:.2}{advice}"))?;
    }
    Ok(())
}

fn backends() -> Result<()> {
    heading("Backends")?;
    let (weights, _) = model::shipped()?;
    let options = SessionOptions {
        max_batch: 1,
        threads: 1,
        outputs: Outputs::Classes,
        precision: Default::default(),
    };
    for name in backend::names() {
        let opened = backend::by_name(name).and_then(|b| b.open(&weights, &options).map(drop));
        row(name, opened.map_or_else(|error| format!("no: {error}"), |()| "works".into()))?;
    }
    if let Some(isa) = backend::native_isa() {
        row("native runs on", isa)?;
    }
    row("libtorch", backend::libtorch_version().unwrap_or_else(|| "not in this build".into()))?;
    row("cuda", "not in this release")
}

fn model_and_data() -> Result<()> {
    heading("Model and data")?;
    row("weights", model::shipped()?.1)?;
    let surroundings = Surroundings::of_process();
    let named = surroundings.named.as_ref().map(|dir| dir.display().to_string());
    row("PLIMSOLL_MNIST_DIR", named.unwrap_or_else(|| "not set".into()))?;
    let cache = cache_dir().map(|dir| dir.display().to_string());
    row("cache", cache.unwrap_or_else(|| "none: HOME is not set".into()))?;
    // Looking must not download: that is what `data fetch` is for.
    let offline = Surroundings { offline: true, ..surroundings };
    let found = crate::data::Source::find_in(&offline, &[Split::Test], &mut |_| {});
    row("images", found.map_or_else(|error| format!("no: {error}"), |source| source.to_string()))
}

fn heading(text: &str) -> Result<()> {
    say(format_args!("\n{text}"))
}

fn row(name: &str, value: impl std::fmt::Display) -> Result<()> {
    say(format_args!("  {name:<20}{value}"))
}
