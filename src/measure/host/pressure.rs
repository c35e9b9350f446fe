//! What keeps processors from running at full speed: quotas, other guests of the hypervisor, heat.
//!
//! The kernel counts all three for ever. [`Counters`] reads the counts; the difference of two
//! readings is the [`Pressure`] of the time between them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::cgroup::{Group, groups};

/// A share of a processor's time is told from this many of the kernel's ticks (a hundredth of a
/// second, nearly everywhere) on: of fewer, a single stolen one would look like a twentieth.
const LEAST_TICKS: u64 = 20;

/// A reading of the kernel's counts.
#[derive(Clone, Debug)]
pub struct Counters {
    at: Instant,
    counts: Counts,
}

/// What kept the processors from running at full speed for a while. A field is absent where the
/// system does not tell, or the time was too short to tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pressure {
    /// Share of the time for which the quota of a control group, this process's or one above,
    /// held threads back; of a processor's time, mean over those that were watched.
    pub quota_share: Option<f64>,
    /// Share of a processor's time that the hypervisor gave to others, of the one that lost most:
    /// a session waits for its slowest thread.
    pub stolen_share: Option<f64>,
    /// Times that one of the processors was slowed down for its heat.
    pub thermal_events: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Counts {
    /// Processors that are watched.
    cores: usize,
    /// Nanoseconds that each group's threads were held back, added up over processors.
    throttled_ns: Vec<u64>,
    /// Stolen and all ticks of each processor.
    ticks: BTreeMap<usize, (u64, u64)>,
    /// Slow-downs for heat, of all the processors together.
    thermal: Option<u64>,
}

impl Counters {
    /// Reads the counts of these processors. Takes some tens of microseconds.
    pub fn read(cores: &[usize]) -> Self {
        Self { at: Instant::now(), counts: Counts::read(Path::new("/"), cores) }
    }

    /// What happened since another reading of the same processors.
    pub fn since(&self, before: &Self) -> Pressure {
        self.counts.since(&before.counts, self.at - before.at)
    }
}

impl Counts {
    /// `root` is `/`, or a stand-in for it.
    fn read(root: &Path, cores: &[usize]) -> Self {
        Self {
            cores: cores.len(),
            throttled_ns: groups(root).iter().filter_map(throttled_ns).collect(),
            ticks: ticks(root, cores),
            thermal: thermal(root, cores),
        }
    }

    fn since(&self, before: &Self, window: Duration) -> Pressure {
        // All groups on the way up count by themselves, and the narrowest is the one that holds.
        let longest = self
            .throttled_ns
            .iter()
            .zip(&before.throttled_ns)
            .map(|(now, before)| now.saturating_sub(*before))
            .max();
        let all_ns = window.as_nanos() as f64 * self.cores as f64;
        let quota_share = longest
            .filter(|_| all_ns > 0.0 && self.throttled_ns.len() == before.throttled_ns.len())
            .map(|held| (held as f64 / all_ns).min(1.0));
        let stolen_share = self
            .ticks
            .iter()
            .filter_map(|(core, (stolen, all))| {
                let (stolen_before, all_before) = before.ticks.get(core)?;
                let all = all.saturating_sub(*all_before);
                let stolen = stolen.saturating_sub(*stolen_before);
                (all >= LEAST_TICKS).then(|| stolen as f64 / all as f64)
            })
            .max_by(f64::total_cmp);
        let thermal_events = self.thermal.zip(before.thermal).map(|(a, b)| a.saturating_sub(b));
        Pressure { quota_share, stolen_share, thermal_events }
    }
}

/// `cpu.stat`: `throttled_usec` in the new kind, `throttled_time` in nanoseconds in the old.
/// Absent for a group that has no such count, as the top of the tree.
fn throttled_ns(group: &Group) -> Option<u64> {
    let (folder, name, factor) = match group {
        Group::V2(folder) => (folder, "throttled_usec", 1_000),
        Group::Cpu(folder) => (folder, "throttled_time", 1),
        Group::Memory(_) => return None,
    };
    let text = fs::read_to_string(folder.join("cpu.stat")).ok()?;
    let mut words = text.lines().filter_map(|line| line.split_once(' '));
    let (_, value) = words.find(|(word, _)| *word == name)?;
    value.trim().parse::<u64>().ok()?.checked_mul(factor)
}

/// Stolen and all ticks of each processor, from `/proc/stat`: `cpuN user nice system idle iowait
/// irq softirq steal guest guest_nice`. The time of guests is part of `user` and `nice`.
fn ticks(root: &Path, cores: &[usize]) -> BTreeMap<usize, (u64, u64)> {
    let text = fs::read_to_string(root.join("proc/stat")).unwrap_or_default();
    let line = |line: &str| {
        let (core, counts) = line.strip_prefix("cpu")?.split_once(' ')?;
        let core = core.parse().ok().filter(|core| cores.contains(core))?;
        let counts: Vec<u64> =
            counts.split_whitespace().take(8).map_while(|n| n.parse().ok()).collect();
        let stolen = *counts.get(7)?;
        Some((core, (stolen, counts.iter().sum())))
    };
    text.lines().filter_map(line).collect()
}

/// Slow-downs of processors for their heat. Virtual machines mostly hide them.
fn thermal(root: &Path, cores: &[usize]) -> Option<u64> {
    let count = |core: &usize| {
        let file = format!("sys/devices/system/cpu/cpu{core}/thermal_throttle/core_throttle_count");
        fs::read_to_string(root.join(file)).ok()?.trim().parse::<u64>().ok()
    };
    let counts: Vec<u64> = cores.iter().filter_map(count).collect();
    (!counts.is_empty()).then(|| counts.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> Counts {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Counts::read(root.path(), &[0, 2])
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_system_that_tells_nothing_gives_nothing() {
        let counts = machine(&[]);
        assert_eq!(counts.since(&counts, SECOND), Pressure::default());
        let odd = machine(&[
            ("proc/self/cgroup", "0::/\nodd\n"),
            ("sys/fs/cgroup/cpu.stat", "throttled_usec many\nusage_usec\n"),
            ("proc/stat", "cpu0\ncpu0 1 2 3\ncpux 1 2 3 4 5 6 7 8\n\ncpu0 a b c d e f g h\n"),
            ("sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "hot"),
        ]);
        assert_eq!(odd.since(&odd, SECOND), Pressure::default());
    }

    #[test]
    fn the_quota_that_held_most_counts_in_the_new_groups() {
        let at = |outer: u64, inner: u64| {
            machine(&[
                ("proc/self/cgroup", "0::/pod/box\n"),
                ("sys/fs/cgroup/cpu.stat", "usage_usec 5\n"),
                (
                    "sys/fs/cgroup/pod/cpu.stat",
                    &format!("nr_throttled 1\nthrottled_usec {outer}\n"),
                ),
                ("sys/fs/cgroup/pod/box/cpu.stat", &format!("throttled_usec {inner}\n")),
            ])
        };
        // 300 ms of two processors' second.
        let pressure = at(900_000, 100_000).since(&at(600_000, 50_000), SECOND);
        assert_eq!(pressure.quota_share, Some(0.15));
        assert_eq!(at(7, 7).since(&at(7, 7), SECOND).quota_share, Some(0.0));
        assert_eq!(at(9_999_999, 7).since(&at(7, 7), SECOND).quota_share, Some(1.0));
        assert_eq!(at(9, 9).since(&at(7, 7), Duration::ZERO).quota_share, None);
    }

    #[test]
    fn the_old_groups_count_in_nanoseconds() {
        let at = |held: u64| {
            machine(&[
                ("proc/self/cgroup", "4:memory:/box\n2:cpu,cpuacct:/box\n0::/\n"),
                ("sys/fs/cgroup/cpu/box/cpu.stat", &format!("throttled_time {held}\n")),
            ])
        };
        let pressure = at(500_000_000).since(&at(100_000_000), SECOND);
        assert_eq!(pressure.quota_share, Some(0.2));
    }

    #[test]
    fn the_processor_that_lost_most_counts_and_only_those_of_the_cell() {
        let at = |[zero, one, two]: [(u64, u64); 3]| {
            let line = |n, (stolen, idle)| format!("cpu{n} 10 0 5 {idle} 0 0 0 {stolen} 10 0\n");
            let text = [line(0, zero), line(1, one), line(2, two)].concat();
            machine(&[("proc/stat", &format!("cpu  9 9 9 9 9 9 9 9 9 9\n{text}intr 1\n"))])
        };
        let before = at([(5, 100), (5, 100), (5, 100)]);
        let after = at([(7, 198), (95, 110), (15, 190)]);
        assert_eq!(after.since(&before, SECOND).stolen_share, Some(0.1));
    }

    #[test]
    fn a_share_of_too_few_ticks_is_not_told() {
        let at =
            |stolen: u64| machine(&[("proc/stat", &format!("cpu0 0 0 0 0 0 0 0 {stolen} 0 0\n"))]);
        assert_eq!(at(19).since(&at(0), SECOND).stolen_share, None);
        assert_eq!(at(20).since(&at(0), SECOND).stolen_share, Some(1.0));
    }

    #[test]
    fn heat_is_counted_over_the_processors() {
        let file =
            |n| format!("sys/devices/system/cpu/cpu{n}/thermal_throttle/core_throttle_count");
        let at =
            |zero: &str, two: &str| machine(&[(&file(0), zero), (&file(1), "77"), (&file(2), two)]);
        assert_eq!(at("5\n", "7\n").since(&at("4", "4"), SECOND).thermal_events, Some(4));
        assert_eq!(at("5", "7").since(&at("5", "7"), SECOND).thermal_events, Some(0));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_machine_is_read_quickly_and_shares_are_shares() {
        let cores = super::super::own_cores();
        let before = Counters::read(&cores);
        std::thread::sleep(Duration::from_millis(250));
        let pressure = Counters::read(&cores).since(&before);
        println!("{pressure:?}");
        for share in [pressure.quota_share, pressure.stolen_share].into_iter().flatten() {
            assert!((0.0..=1.0).contains(&share), "{pressure:?}");
        }
        assert!(pressure.stolen_share.is_some(), "Linux tells of stolen time everywhere");
    }
}
