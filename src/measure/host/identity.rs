//! Which process this is, so that another process can tell later whether it still runs.

use std::fs;

use serde::{Deserialize, Serialize};
use sysinfo::System;

/// A process of a machine. A number alone would not do: numbers are given again, machines are
/// started again, and containers count their processes by themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// The machine's name.
    pub host: String,
    /// The process's number.
    pub pid: u32,
    /// When it was started, in the kernel's ticks since the machine was; absent where the system
    /// does not tell. Wall-clock times would move when the clock is set.
    pub start_ticks: Option<u64>,
    /// Which start of the machine this is.
    pub boot: Option<String>,
    /// Among which processes its number counts.
    pub namespace: Option<String>,
}

impl ProcessIdentity {
    /// This process.
    pub fn this() -> Self {
        let pid = std::process::id();
        Self {
            host: System::host_name().unwrap_or_default(),
            pid,
            start_ticks: stat(pid).map(|stat| stat.start_ticks),
            boot: boot(),
            namespace: namespace(),
        }
    }

    /// Whether the process is certain to be gone. It is not where this cannot be told: on another
    /// machine, in another container, or on a system that says nothing of processes.
    pub fn is_gone(&self) -> bool {
        gone(self, &Self::this(), stat(self.pid))
    }
}

/// What `/proc` says of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    start_ticks: u64,
    /// It has ended, and its parent has not yet asked how.
    defunct: bool,
}

/// `now` is what has its number, looked up by `here`.
fn gone(process: &ProcessIdentity, here: &ProcessIdentity, now: Option<Stat>) -> bool {
    if process.host != here.host || process.boot.is_none() || process.start_ticks.is_none() {
        return false;
    }
    if process.boot != here.boot {
        return here.boot.is_some();
    }
    process.namespace == here.namespace
        && now.is_none_or(|stat| stat.defunct || Some(stat.start_ticks) != process.start_ticks)
}

fn stat(pid: u32) -> Option<Stat> {
    read_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Reads `/proc/PID/stat`: the third field is the state, the 22nd the start. The second is the
/// program's name in parentheses, which may hold spaces and parentheses itself.
fn read_stat(text: &str) -> Option<Stat> {
    let (_, after_name) = text.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace();
    let state = fields.next()?;
    let start_ticks = fields.nth(18)?.parse().ok()?;
    Some(Stat { start_ticks, defunct: matches!(state, "Z" | "X") })
}

fn boot() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}

fn namespace() -> Option<String> {
    Some(fs::read_link("/proc/self/ns/pid").ok()?.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process() -> ProcessIdentity {
        ProcessIdentity {
            host: "a".into(),
            pid: 7,
            start_ticks: Some(100),
            boot: Some("first".into()),
            namespace: Some("pid:[1]".into()),
        }
    }

    fn runs(start_ticks: u64) -> Option<Stat> {
        Some(Stat { start_ticks, defunct: false })
    }

    #[test]
    fn a_process_is_gone_when_its_number_is_free_or_another_has_it() {
        let here = process();
        assert!(!gone(&process(), &here, runs(100)));
        assert!(gone(&process(), &here, None));
        assert!(gone(&process(), &here, runs(101)), "its number was given again");
        assert!(gone(&process(), &here, Some(Stat { start_ticks: 100, defunct: true })));
    }

    #[test]
    fn a_machine_that_was_started_again_has_none_of_its_processes() {
        let here = ProcessIdentity { boot: Some("second".into()), ..process() };
        assert!(gone(&process(), &here, runs(100)));
    }

    #[test]
    fn what_cannot_be_told_is_not_gone() {
        let elsewhere = ProcessIdentity { host: "b".into(), ..process() };
        assert!(!gone(&process(), &elsewhere, None));
        let container = ProcessIdentity { namespace: Some("pid:[2]".into()), ..process() };
        assert!(!gone(&process(), &container, None));
        let silent = ProcessIdentity { start_ticks: None, boot: None, ..process() };
        assert!(!gone(&silent, &process(), None));
        let blind = ProcessIdentity { boot: None, namespace: None, ..process() };
        assert!(!gone(&process(), &blind, None));
    }

    #[test]
    fn a_programs_name_may_hold_anything() {
        let tail = "4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 4711 23";
        for name in ["sh", "a) S 1 2 (b", ") Z"] {
            let stat = read_stat(&format!("1 ({name}) S {tail}"));
            assert_eq!(stat, Some(Stat { start_ticks: 4711, defunct: false }), "{name}");
        }
        assert!(read_stat(&format!("1 (sh) Z {tail}")).unwrap().defunct);
        for text in ["", "1 (sh", "1 (sh) S 4 5"] {
            assert_eq!(read_stat(text), None, "{text}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_runs_and_a_child_that_has_ended_does_not() {
        let this = ProcessIdentity::this();
        assert!(!this.is_gone(), "{this:?}");
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let start_ticks = stat(child.id()).map(|stat| stat.start_ticks);
        let of_child = ProcessIdentity { pid: child.id(), start_ticks, ..this };
        assert!(!of_child.is_gone());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(of_child.is_gone());
    }
}
