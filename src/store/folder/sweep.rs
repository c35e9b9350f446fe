//! Removing what killed processes left.

use std::fs;

use super::{Folder, PART};
use crate::error::{Error, Result};

impl Folder {
    /// Removes parts of processes that are gone, and gives how many there were.
    pub(in crate::store) fn sweep(&self) -> Result<usize> {
        let mut swept = 0;
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).map_err(|e| Error::io("list", &folder, e))? {
                let entry = entry.map_err(|e| Error::io("list", &folder, e))?;
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(entry.path());
                } else if entry.file_name().to_string_lossy().strip_prefix(PART).is_some_and(stale)
                {
                    let path = entry.path();
                    fs::remove_file(&path).map_err(|e| Error::io("remove", &path, e))?;
                    swept += 1;
                }
            }
        }
        Ok(swept)
    }
}

/// Whether the process that a part's name ends with (`PID-NUMBER`) is gone.
fn stale(pid_and_number: &str) -> bool {
    let pid = pid_and_number.split('-').next().and_then(|pid| pid.parse::<i32>().ok());
    let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) else { return false };
    rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH) || defunct(pid)
}

/// Whether a process has ended and nobody has asked how: in a container without an init it stays so
/// for ever. Its state comes behind its name, which is in parentheses and may hold some itself; see
/// proc_pid_stat(5).
fn defunct(pid: rustix::process::Pid) -> bool {
    let text = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    text.is_ok_and(|text| {
        let state = text.rsplit_once(") ").map_or("", |(_, rest)| rest);
        state.starts_with(['Z', 'X'])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_dead_processes_are_swept_and_those_of_live_ones_kept() {
        let root = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        fs::create_dir(root.path().join("below")).unwrap();
        let dead = root.path().join(format!("below/{PART}{}-0", child.id()));
        let live = root.path().join(format!("{PART}{}-0", std::process::id()));
        fs::write(&dead, "").unwrap();
        fs::write(&live, "").unwrap();
        assert_eq!(Folder::attach(root.path()).sweep().unwrap(), 1);
        assert!(!dead.exists() && live.exists());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_that_has_ended_and_was_not_asked_how_is_gone() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let part = format!("{}-0", child.id());
        let start = std::time::Instant::now();
        while !stale(&part) {
            assert!(start.elapsed().as_secs() < 30, "it never ended");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        child.wait().unwrap();
        assert!(!stale(&format!("{}-0", std::process::id())));
    }
}
