//! Files that have no name until they are whole. They need one change to a folder where renaming
//! needs three, and leave nothing behind when the process is killed.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat};
use rustix::io::Errno;

/// Writes a new file below the open folder `at`, into its `folder` and as its `name`; `None` where
/// this file system has no unnamed files or the name is taken, and nothing was done.
pub(super) fn put(
    at: BorrowedFd<'_>,
    folder: &str,
    name: &str,
    bytes: &[u8],
) -> Option<io::Result<()>> {
    let mode = Mode::from_raw_mode(0o666);
    let file = openat(at, folder, OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC, mode);
    let mut file = match file {
        Ok(file) => File::from(file),
        // An old kernel takes the flag for the opening of a folder.
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT | Errno::INVAL) => return None,
        Err(error) => return Some(Err(error.into())),
    };
    if let Err(error) = file.write_all(bytes) {
        return Some(Err(error));
    }
    match give_name(&file, at, name) {
        Ok(()) => Some(Ok(())),
        // No /proc here, or an output of an earlier run that a rename replaces.
        Err(Errno::NOENT | Errno::EXIST) => None,
        Err(error) => Some(Err(error.into())),
    }
}

/// Gives an unnamed file its name: by its descriptor, which kernels before 6.10 allow to
/// privileged processes alone, or else by the longer way through /proc.
fn give_name(file: &File, at: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
    static BY_DESCRIPTOR: AtomicBool = AtomicBool::new(true);
    if BY_DESCRIPTOR.load(Ordering::Relaxed) {
        match linkat(file, "", at, name, AtFlags::EMPTY_PATH) {
            // Also what a kernel says that does not allow it.
            Err(Errno::NOENT) => BY_DESCRIPTOR.store(false, Ordering::Relaxed),
            outcome => return outcome,
        }
    }
    let number = format!("/proc/self/fd/{}", file.as_raw_fd());
    linkat(CWD, number, at, name, AtFlags::SYMLINK_FOLLOW)
}
