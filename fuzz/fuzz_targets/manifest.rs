//! Manifests: any bytes are read or refused, and what is read has distinct suffixes.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use plimsoll::transform::Manifest;

fuzz_target!(|data: &[u8]| {
    let Ok(manifest) = Manifest::parse(data, "fuzz") else { return };
    assert!(manifest.len() > 0 && !manifest.prefix().is_empty());
    let suffixes: HashSet<&str> = manifest.suffixes().collect();
    assert_eq!(suffixes.len(), manifest.len());
});
