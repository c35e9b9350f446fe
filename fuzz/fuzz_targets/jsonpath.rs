//! Paths and the JSON they are applied to: nothing panics, and what is read is written alike.
//! The input's first line is the path.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll::transform::processing::JsonPath;

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(2, |&b| b == b'\n');
    let Ok(path) = std::str::from_utf8(parts.next().unwrap_or_default()) else { return };
    let Ok(path) = JsonPath::parse(path) else { return };
    let written = path.to_string();
    if written.chars().count() <= plimsoll::transform::processing::jsonpath::MAX_CHARACTERS {
        assert_eq!(JsonPath::parse(&written).expect("its own form is read"), path);
    }
    let mut out = Vec::new();
    if path.apply(parts.next().unwrap_or_default(), &mut out).is_ok() {
        let whole = JsonPath::parse("$").expect("the shortest path");
        whole.apply(&out, &mut Vec::new()).expect("a selection is JSON");
    } else {
        assert!(out.is_empty(), "an error leaves the output as it was");
    }
});
