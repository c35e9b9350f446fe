//! Plotly's script, small enough to travel in every report and in the binary.

use std::sync::OnceLock;

use super::pack;

/// The script of the plotly crate, compressed by our build script.
const GZIP: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/plotly.min.js.gz"));

/// Plotly's script, packed; once a process.
pub(super) fn packed() -> &'static str {
    static PACKED: OnceLock<String> = OnceLock::new();
    PACKED.get_or_init(|| pack::text(GZIP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packed_script_is_plotlys_alone_and_fits_the_page() {
        let packed = packed();
        assert!(packed.len() < 1_660_000, "{} bytes", packed.len());
        let script = pack::unpacked(packed);
        assert!(script.starts_with("/**\n* plotly.js v"), "{}", &script[..80]);
        assert!(!script.contains("MathJax.js") && script.len() > 4_000_000);
    }
}
