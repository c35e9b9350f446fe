//! Facts about the machine, and what this process uses of it.

mod affinity;
mod cache;
mod cgroup;
mod ec2;
mod git;
mod identity;
mod pressure;
mod process;

use std::path::Path;

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

pub use self::affinity::{in_parallel, own_cores, pin};
pub use self::cache::l2_bytes;
pub use self::ec2::machine_type;
pub use self::identity::ProcessIdentity;
pub use self::pressure::{Counters, Pressure};
pub use self::process::{peak_resident_bytes, resident_bytes};

/// Facts about the machine; a field is absent where the system does not tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Processor, as it names itself; "unknown" where it does not.
    pub cpu_model: String,
    /// Processors that this process may run on, at least 1.
    pub cores: usize,
    /// Physical cores of the machine.
    pub physical_cores: Option<usize>,
    /// Memory in bytes; 0 where the system does not tell.
    pub memory_bytes: u64,
    /// Processors that the control group grants, if it limits them.
    pub cgroup_cpus: Option<f64>,
    /// Memory that the control group grants, in bytes, if it limits it.
    pub cgroup_memory_bytes: Option<u64>,
    /// Operating system and kernel.
    pub os: String,
    /// Instruction sets that matter here, of those that the processor has.
    pub isa: Vec<String>,
    /// How the first processor's clock is governed: `performance`, `powersave`...
    pub governor: Option<String>,
    /// Revision of Plimsoll's checkout that the current folder lies in, `-dirty` where changed.
    pub git_revision: Option<String>,
}

/// Looks the machine over. Takes some milliseconds, and some more for git.
pub fn facts() -> Facts {
    let what = RefreshKind::nothing()
        .with_cpu(CpuRefreshKind::nothing())
        .with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(what).ok();
    let memory_bytes = system.as_ref().map_or(0, System::total_memory);
    let limits = cgroup::limits(Path::new("/"));
    Facts {
        cpu_model: system.as_ref().and_then(cpu_model).unwrap_or_else(|| "unknown".into()),
        cores: cores(),
        physical_cores: System::physical_core_count().ok(),
        memory_bytes,
        cgroup_cpus: limits.cpus,
        // The old control groups say "no limit" with a number of their own.
        cgroup_memory_bytes: limits.memory_bytes.filter(|&limit| limit < memory_bytes),
        os: os(),
        isa: isa(),
        governor: governor(Path::new("/")),
        git_revision: std::env::current_dir().ok().and_then(|dir| git::revision(&dir)),
    }
}

/// Processors that this process may run on, at least 1: its affinity and the quota of its control
/// group, where they limit it.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Bytes of memory that this process may use: the machine's, or what its control group grants
/// where that is less; 0 where the system does not tell.
pub fn memory() -> u64 {
    let what = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let total = System::new_with_specifics(what).as_ref().map_or(0, System::total_memory);
    cgroup::limits(Path::new("/")).memory_bytes.map_or(total, |limit| limit.min(total))
}

/// One-minute load average; absent on systems without one.
pub fn load_average() -> Option<f64> {
    System::load_average().ok().map(|load| load.one)
}

/// How the first processor's clock is governed. Virtual machines mostly hide it. `root` is `/`, or
/// a stand-in for it.
fn governor(root: &Path) -> Option<String> {
    let path = root.join("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    let text = std::fs::read_to_string(path).ok()?;
    let name = text.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

fn cpu_model(system: &System) -> Option<String> {
    let brand = system.cpus().first()?.brand().trim();
    (!brand.is_empty()).then(|| brand.to_owned())
}

fn os() -> String {
    let name = System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.into());
    match System::kernel_version() {
        Ok(kernel) => format!("{name}, kernel {kernel}, {}", std::env::consts::ARCH),
        Err(_) => format!("{name}, {}", std::env::consts::ARCH),
    }
}

/// The instruction sets that matrix products use, of those that the processor has.
#[cfg(target_arch = "x86_64")]
fn isa() -> Vec<String> {
    macro_rules! present {
        ($($name:tt)*) => {
            [$(($name, std::arch::is_x86_feature_detected!($name))),*]
        };
    }
    let all = present!("sse4.2" "avx" "avx2" "fma" "f16c" "avx512f" "avx512bw" "avx512vl"
        "avx512vnni" "avx512bf16" "avx512fp16");
    all.iter().filter(|(_, has)| *has).map(|(name, _)| (*name).to_owned()).collect()
}

/// The instruction sets that matrix products use, of those that the processor has.
#[cfg(target_arch = "aarch64")]
fn isa() -> Vec<String> {
    macro_rules! present {
        ($($name:tt)*) => {
            [$(($name, std::arch::is_aarch64_feature_detected!($name))),*]
        };
    }
    let all = present!("neon" "fp16" "dotprod" "i8mm" "bf16" "sve" "sve2");
    all.iter().filter(|(_, has)| *has).map(|(name, _)| (*name).to_owned()).collect()
}

/// No one has asked yet on this architecture.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn isa() -> Vec<String> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_processor_and_memory() {
        let facts = facts();
        println!("{facts:?} {:?}", load_average());
        assert!(facts.cores >= 1);
        assert!(facts.memory_bytes > 64 << 20, "{}", facts.memory_bytes);
        assert!(!facts.cpu_model.is_empty() && !facts.os.is_empty());
        if let Some(limit) = facts.cgroup_memory_bytes {
            assert!(limit < facts.memory_bytes);
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_processor_is_the_one_the_kernel_names() {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap();
        let model = facts().cpu_model;
        assert!(model == "unknown" || info.contains(&model), "{model}");
    }

    #[test]
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    fn the_instruction_sets_are_among_the_kernels_flags() {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap();
        for name in isa() {
            // The kernel writes two of them in its own way.
            let flag = match name.as_str() {
                "sse4.2" => "sse4_2".to_owned(),
                "avx512vnni" | "avx512bf16" | "avx512fp16" => name.replace("avx512", "avx512_"),
                _ => name,
            };
            assert!(info.split_whitespace().any(|word| word == flag), "{flag}");
        }
    }

    #[test]
    fn the_governor_is_as_the_kernel_names_it() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(governor(root.path()), None);
        let folder = root.path().join("sys/devices/system/cpu/cpu0/cpufreq");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("scaling_governor"), "powersave\n").unwrap();
        assert_eq!(governor(root.path()).as_deref(), Some("powersave"));
    }

    #[test]
    fn the_memory_to_use_is_at_most_the_machines() {
        let (memory, facts) = (memory(), facts());
        assert!(memory > 0 && memory <= facts.memory_bytes, "{memory} of {facts:?}");
    }

    #[test]
    #[cfg(unix)]
    fn the_load_average_is_a_number() {
        assert!(load_average().is_some_and(|load| load >= 0.0));
    }
}
