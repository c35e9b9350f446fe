//! The processor's caches, as Linux tells of them.

use std::fs;
use std::path::Path;

/// Bytes of the second-level cache of a core; absent where the system does not tell.
pub fn l2_bytes() -> Option<u64> {
    l2_of(Path::new("/sys/devices/system/cpu/cpu0/cache"))
}

/// The same of a folder with one `indexN` for each cache.
fn l2_of(folder: &Path) -> Option<u64> {
    fs::read_dir(folder).ok()?.filter_map(Result::ok).find_map(|entry| {
        let read = |name: &str| fs::read_to_string(entry.path().join(name)).ok();
        let holds_data = matches!(read("type")?.trim(), "Unified" | "Data");
        (holds_data && read("level")?.trim() == "2").then(|| size(read("size")?.trim())).flatten()
    })
}

/// `1024K` or `2M` in bytes.
fn size(text: &str) -> Option<u64> {
    let unit = match text.chars().last()? {
        'K' => 1 << 10,
        'M' => 1 << 20,
        _ => return text.parse().ok(),
    };
    text[..text.len() - 1].parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_level_is_found_among_the_caches() {
        let folder = tempfile::tempdir().unwrap();
        for (index, level, kind, size) in [
            (0, "1", "Data", "32K"),
            (1, "1", "Instruction", "32K"),
            (2, "2", "Unified", "2048K"),
            (3, "3", "Unified", "33M"),
        ] {
            let cache = folder.path().join(format!("index{index}"));
            fs::create_dir(&cache).unwrap();
            for (name, text) in [("level", level), ("type", kind), ("size", size)] {
                fs::write(cache.join(name), format!("{text}\n")).unwrap();
            }
        }
        assert_eq!(l2_of(folder.path()), Some(2 << 20));
        assert_eq!(l2_of(&folder.path().join("index0")), None);
    }

    #[test]
    fn sizes_are_read_as_the_kernel_writes_them() {
        let sizes = ["512", "48K", "2M", "", "K", "2G", "-1K"].map(size);
        assert_eq!(sizes, [Some(512), Some(48 << 10), Some(2 << 20), None, None, None, None]);
    }
}
