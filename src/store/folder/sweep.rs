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
    rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH)
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
}
