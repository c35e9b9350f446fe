//! Limits of the control groups that this process lies in, old (v1) and new (v2).
//!
//! Each process lies in a group of a tree, and every group above it may limit it too: the
//! smallest limit on the way counts. In a container the tree's upper part is often out of sight
//! while `/proc/self/cgroup` still names it, so folders that are not there are passed over.

use std::fs;
use std::path::{Path, PathBuf};

/// What the groups grant; absent where they do not limit it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Limits {
    /// Processors' worth of time.
    pub(super) cpus: Option<f64>,
    /// Bytes of memory.
    pub(super) memory_bytes: Option<u64>,
}

/// A folder of a group that this process lies in, or of one above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// Of the new kind.
    V2(PathBuf),
    /// Of the old kind's hierarchy for processors.
    Cpu(PathBuf),
    /// Of the old kind's hierarchy for memory.
    Memory(PathBuf),
}

/// The limits of this process. `root` is `/`, or a stand-in for it.
pub(super) fn limits(root: &Path) -> Limits {
    let mut limits = Limits::default();
    for group in groups(root) {
        match group {
            Group::V2(folder) => limits.narrow(v2_cpus(&folder), v2_memory(&folder)),
            Group::Cpu(folder) => limits.narrow(v1_cpus(&folder), None),
            Group::Memory(folder) => {
                limits.narrow(None, number(&folder.join("memory.limit_in_bytes")));
            }
        }
    }
    limits
}

/// The groups of this process and all above them.
pub(super) fn groups(root: &Path) -> Vec<Group> {
    let text = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let tree = root.join("sys/fs/cgroup");
    let mut groups = Vec::new();
    for line in text.lines() {
        // hierarchy:controllers:path; the new kind has hierarchy 0 and no controllers.
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        if controllers.is_empty() {
            // Beside the old kind, the new one lies in a folder of its own.
            for top in [tree.clone(), tree.join("unified")] {
                groups.extend(way_up(&top, path).into_iter().map(Group::V2));
            }
            continue;
        }
        // Several controllers of one hierarchy lie in one folder, with links of each one's name.
        for controller in controllers.split(',') {
            let folders = || way_up(&tree.join(controller), path).into_iter();
            match controller {
                "cpu" => groups.extend(folders().map(Group::Cpu)),
                "memory" => groups.extend(folders().map(Group::Memory)),
                _ => {}
            }
        }
    }
    groups
}

impl Limits {
    /// Takes over what is narrower.
    fn narrow(&mut self, cpus: Option<f64>, memory_bytes: Option<u64>) {
        if let Some(cpus) = cpus {
            self.cpus = Some(self.cpus.map_or(cpus, |limit| limit.min(cpus)));
        }
        if let Some(bytes) = memory_bytes {
            self.memory_bytes = Some(self.memory_bytes.map_or(bytes, |limit| limit.min(bytes)));
        }
    }
}

/// The folder of the group and those of all groups above it, the tree's top included.
fn way_up(top: &Path, path: &str) -> Vec<PathBuf> {
    let mut folder = top.to_owned();
    let mut folders = vec![folder.clone()];
    // A group outside of this container's view is written with `..`: there is nothing to see.
    for part in path.split('/').filter(|part| !part.is_empty() && *part != "..") {
        folder.push(part);
        folders.push(folder.clone());
    }
    folders
}

/// `cpu.max`: "QUOTA PERIOD" in microseconds, or "max PERIOD".
fn v2_cpus(folder: &Path) -> Option<f64> {
    let text = fs::read_to_string(folder.join("cpu.max")).ok()?;
    let mut words = text.split_whitespace();
    let quota: f64 = words.next()?.parse().ok()?;
    let period: f64 = words.next()?.parse().ok()?;
    share(quota, period)
}

/// `memory.max`: bytes, or "max".
fn v2_memory(folder: &Path) -> Option<u64> {
    number(&folder.join("memory.max"))
}

/// `cpu.cfs_quota_us` over `cpu.cfs_period_us`; a quota of -1 is none.
fn v1_cpus(folder: &Path) -> Option<f64> {
    let quota = number(&folder.join("cpu.cfs_quota_us"))? as f64;
    let period = number(&folder.join("cpu.cfs_period_us"))? as f64;
    share(quota, period)
}

fn share(quota: f64, period: f64) -> Option<f64> {
    let share = quota / period;
    (share.is_finite() && share > 0.0).then_some(share)
}

/// The whole number in a file; absent for "max", -1 and a file that is not there.
fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> Limits {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        limits(root.path())
    }

    #[test]
    fn a_machine_without_control_groups_has_no_limits() {
        assert_eq!(machine(&[]), Limits::default());
        assert_eq!(machine(&[("proc/self/cgroup", "nonsense\n\n::\n")]), Limits::default());
    }

    #[test]
    fn the_narrowest_of_the_new_groups_on_the_way_up_counts() {
        let limits = machine(&[
            ("proc/self/cgroup", "0::/user.slice/job.scope\n"),
            ("sys/fs/cgroup/user.slice/cpu.max", "150000 100000\n"),
            ("sys/fs/cgroup/user.slice/memory.max", "1073741824\n"),
            ("sys/fs/cgroup/user.slice/job.scope/cpu.max", "max 100000\n"),
            ("sys/fs/cgroup/user.slice/job.scope/memory.max", "536870912\n"),
        ]);
        assert_eq!(limits, Limits { cpus: Some(1.5), memory_bytes: Some(512 << 20) });
    }

    #[test]
    fn a_container_sees_its_own_group_at_the_top() {
        let limits = machine(&[
            ("proc/self/cgroup", "0::/../../docker/4711\n"),
            ("sys/fs/cgroup/cpu.max", "200000 100000\n"),
            ("sys/fs/cgroup/memory.max", "max\n"),
        ]);
        assert_eq!(limits, Limits { cpus: Some(2.0), memory_bytes: None });
    }

    #[test]
    fn the_old_groups_are_read_each_in_its_own_hierarchy() {
        let limits = machine(&[
            ("proc/self/cgroup", "4:memory:/box\n2:cpu,cpuacct:/box\n1:name=systemd:/\n0::/\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
            ("sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "50000\n"),
            ("sys/fs/cgroup/cpu/box/cpu.cfs_period_us", "100000\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/memory/box/memory.limit_in_bytes", "268435456\n"),
        ]);
        assert_eq!(limits, Limits { cpus: Some(0.5), memory_bytes: Some(256 << 20) });
    }

    #[test]
    fn a_quota_that_cannot_be_meant_is_no_limit() {
        for text in ["0 100000", "100000 0", "100000", "-1 100000", "fast"] {
            let limits =
                machine(&[("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/cpu.max", text)]);
            assert_eq!(limits.cpus, None, "{text}");
        }
    }
}
