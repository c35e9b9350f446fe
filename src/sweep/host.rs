//! The machine as a record keeps it.

use crate::backend;
use crate::measure::host::Facts;
use crate::record::Host;

/// The record of a machine, of that type. The load after the run is left to be filled in then.
pub fn host(
    facts: Facts,
    machine_type: Option<String>,
    libtorch: Option<String>,
    load_before: Option<f64>,
) -> Host {
    Host {
        machine_type,
        cpu_model: facts.cpu_model,
        cores: facts.cores,
        physical_cores: facts.physical_cores,
        memory_bytes: facts.memory_bytes,
        cgroup_cpus: facts.cgroup_cpus,
        cgroup_memory_bytes: facts.cgroup_memory_bytes,
        os: facts.os,
        isa: facts.isa,
        libtorch,
        git_revision: facts.git_revision,
        native_isa: backend::native_isa(),
        governor: facts.governor,
        load_before,
        load_after: None,
    }
}
