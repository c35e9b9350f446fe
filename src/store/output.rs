//! Writing outputs, whole or not at all.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use crate::error::{Error, Result};

/// What the name of an unfinished output starts with. Nothing else starts so.
const PART: &str = ".plimsoll-part-";

/// A folder that outputs are written to. Shared by threads.
#[derive(Debug)]
pub struct Output {
    root: PathBuf,
    made: RwLock<HashSet<PathBuf>>,
    parts: AtomicU64,
}

impl Output {
    /// The folder `root`, made where it is missing, and tried: a file is written and removed, so
    /// that an output that cannot be written is found before any work is done.
    ///
    /// # Errors
    /// [`Error::Io`] naming the folder and the cause.
    pub fn create(root: &Path) -> Result<Self> {
        fs::create_dir_all(root).map_err(|source| Error::io("create", root, source))?;
        let output = Self::open(root);
        let trial = output.part_in(root);
        let tried = File::create(&trial).and_then(|mut file| file.write_all(b"trial"));
        let removed = fs::remove_file(&trial);
        tried.and(removed).map_err(|source| Error::io("write to", root, source))?;
        Ok(output)
    }

    /// The folder `root`, which someone else has created and tried.
    pub fn open(root: &Path) -> Self {
        Self { root: root.to_owned(), made: RwLock::default(), parts: AtomicU64::new(0) }
    }

    /// Writes an output under `key`, over what may be there. It appears whole or not at all, also
    /// where the process is killed meanwhile.
    ///
    /// # Errors
    /// [`Error::Io`] naming the output and the cause.
    pub fn put(&self, key: &str, bytes: &[u8]) -> Result<()> {
        let path = self.root.join(key);
        let folder = path.parent().unwrap_or(&self.root);
        self.make(folder)?;
        let written = match unnamed::put(folder, &path, bytes) {
            Some(written) => written,
            None => self.put_by_renaming(folder, &path, bytes),
        };
        written.map_err(|source| Error::io("write", &path, source))
    }

    /// Writes a part beside the output and renames it.
    fn put_by_renaming(&self, folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let part = self.part_in(folder);
        let written = File::create_new(&part)
            .and_then(|mut file| file.write_all(bytes))
            .and_then(|()| fs::rename(&part, path));
        if written.is_err() {
            // That failure is what matters; the part may not even be there.
            let _ = fs::remove_file(&part);
        }
        written
    }

    /// Removes parts that earlier jobs left when they were killed, and gives how many there were.
    ///
    /// # Errors
    /// [`Error::Io`] where a folder cannot be listed or a part cannot be removed.
    pub fn sweep_parts(&self) -> Result<usize> {
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

    fn make(&self, folder: &Path) -> Result<()> {
        if folder == self.root
            || self.made.read().unwrap_or_else(PoisonError::into_inner).contains(folder)
        {
            return Ok(());
        }
        fs::create_dir_all(folder).map_err(|source| Error::io("create", folder, source))?;
        self.made.write().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned());
        Ok(())
    }

    fn part_in(&self, folder: &Path) -> PathBuf {
        let number = self.parts.fetch_add(1, Ordering::Relaxed);
        folder.join(format!("{PART}{}-{number}", std::process::id()))
    }
}

/// Files that have no name until they are whole. They need one change to a folder where renaming
/// needs three, and leave nothing behind when the process is killed.
#[cfg(target_os = "linux")]
mod unnamed {
    use std::fs::File;
    use std::io::{self, Write};
    use std::os::fd::AsRawFd;
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, Ordering};

    use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};
    use rustix::io::Errno;

    /// Writes a new file; `None` where this file system has no unnamed files or the name is taken,
    /// and nothing was done.
    pub(super) fn put(folder: &Path, path: &Path, bytes: &[u8]) -> Option<io::Result<()>> {
        let mode = Mode::from_raw_mode(0o666);
        let file = open(folder, OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC, mode);
        let mut file = match file {
            Ok(file) => File::from(file),
            // An old kernel takes the flag for the opening of a folder.
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT | Errno::INVAL) => return None,
            Err(error) => return Some(Err(error.into())),
        };
        if let Err(error) = file.write_all(bytes) {
            return Some(Err(error));
        }
        match name(&file, path) {
            Ok(()) => Some(Ok(())),
            // No /proc here, or an output of an earlier run that a rename replaces.
            Err(Errno::NOENT | Errno::EXIST) => None,
            Err(error) => Some(Err(error.into())),
        }
    }

    /// Gives an unnamed file its name: by its descriptor, which kernels before 6.10 allow to
    /// privileged processes alone, or else by the longer way through /proc.
    fn name(file: &File, path: &Path) -> Result<(), Errno> {
        static BY_DESCRIPTOR: AtomicBool = AtomicBool::new(true);
        if BY_DESCRIPTOR.load(Ordering::Relaxed) {
            match linkat(file, "", CWD, path, AtFlags::EMPTY_PATH) {
                // Also what a kernel says that does not allow it.
                Err(Errno::NOENT) => BY_DESCRIPTOR.store(false, Ordering::Relaxed),
                outcome => return outcome,
            }
        }
        let number = format!("/proc/self/fd/{}", file.as_raw_fd());
        linkat(CWD, number, CWD, path, AtFlags::SYMLINK_FOLLOW)
    }
}

/// Other systems have only renaming.
#[cfg(not(target_os = "linux"))]
mod unnamed {
    pub(super) fn put(
        _: &std::path::Path,
        _: &std::path::Path,
        _: &[u8],
    ) -> Option<std::io::Result<()>> {
        None
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
    fn outputs_are_written_over_and_folders_made() {
        let root = tempfile::tempdir().unwrap();
        let output = Output::create(&root.path().join("new/out")).unwrap();
        for text in ["first", "second"] {
            output.put("a/b.out", text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(root.path().join("new/out/a/b.out")).unwrap(), text);
        }
        let left: Vec<_> = fs::read_dir(root.path().join("new/out/a")).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn a_failed_output_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let output = Output::create(root.path()).unwrap();
        // A folder stands where the output should go.
        fs::create_dir(root.path().join("x.out")).unwrap();
        let error = output.put("x.out", b"1").unwrap_err().to_string();
        assert!(error.contains("x.out"), "{error}");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_in_the_way_of_the_folder_is_found_at_once() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Output::create(file.path()).unwrap_err();
        assert!(matches!(error, Error::Io { action: "create", .. }), "{error}");
    }

    #[test]
    fn parts_of_dead_processes_are_swept_and_those_of_live_ones_kept() {
        let root = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let dead = root.path().join(format!("{PART}{}-0", child.id()));
        let live = root.path().join(format!("{PART}{}-0", std::process::id()));
        fs::write(&dead, "").unwrap();
        fs::write(&live, "").unwrap();
        assert_eq!(Output::open(root.path()).sweep_parts().unwrap(), 1);
        assert!(!dead.exists() && live.exists());
    }
}
