//! The machine that the figures belong to.

use serde::{Deserialize, Serialize};

/// Facts about a machine; a field is absent where the system does not tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Host {
    /// The machine type, as the catalogue of instance types names it; absent where it is not known.
    pub machine_type: Option<String>,
    /// Processor, as it names itself.
    pub cpu_model: String,
    /// Processors that this process may run on.
    pub cores: usize,
    /// Physical cores of the machine.
    pub physical_cores: Option<usize>,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Processors that the control group grants, if it limits them.
    pub cgroup_cpus: Option<f64>,
    /// Memory that the control group grants, in bytes, if it limits it.
    pub cgroup_memory_bytes: Option<u64>,
    /// Operating system and kernel.
    pub os: String,
    /// Instruction sets that matter here, of those the processor has: `avx2`, `fma`, `avx512f`...
    pub isa: Vec<String>,
    /// libtorch's version; absent in a build without it.
    pub libtorch: Option<String>,
    /// Git revision of the source, `-dirty` where changed; absent outside a checkout.
    pub git_revision: Option<String>,
    /// The instruction set that the native backend runs on: `avx512`, `avx2`, `neon`, `portable`.
    pub native_isa: Option<String>,
    /// How the processor's clock is governed: `performance`, `powersave`...
    pub governor: Option<String>,
    /// One-minute load average before the run.
    pub load_before: Option<f64>,
    /// One-minute load average after the run.
    pub load_after: Option<f64>,
}
