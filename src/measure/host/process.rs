//! Memory of this process.

use std::fs;

/// Bytes of memory that this process holds now; absent where the system does not tell.
pub fn resident_bytes() -> Option<u64> {
    field(&fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

/// The most bytes of memory that this process ever held; absent where the system does not tell.
pub fn peak_resident_bytes() -> Option<u64> {
    field(&fs::read_to_string("/proc/self/status").ok()?, "VmHWM:")
}

/// A field of `/proc/self/status`, which is written as `VmHWM: 1740 kB`.
fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_in_bytes() {
        let status = "Name:\tplimsoll\nVmHWM:\t    1740 kB\nVmRSS:\t       2 kB\n";
        assert_eq!(field(status, "VmHWM:"), Some(1740 * 1024));
        assert_eq!(field(status, "VmRSS:"), Some(2048));
        for status in ["", "VmHWM:", "VmHWM: many kB", "VmHWM: 12 pages"] {
            assert_eq!(field(status, "VmHWM:"), None, "{status}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn memory_that_was_touched_and_given_back_stays_in_the_peak() {
        let size = 32 << 20;
        drop(std::hint::black_box(vec![1u8; size]));
        assert!(peak_resident_bytes().unwrap() >= size as u64);
        assert!(resident_bytes().unwrap() > 0);
    }
}
