//! Plotly's script, small enough to travel in every report.

use std::sync::OnceLock;

use super::pack;
use crate::error::{Error, Result};

const OPEN: &str = "<script type=\"text/javascript\">";
const CLOSE: &str = "</script>";

/// Plotly's script, packed; once a process.
pub(super) fn packed() -> Result<&'static str> {
    static PACKED: OnceLock<String> = OnceLock::new();
    if let Some(packed) = PACKED.get() {
        return Ok(packed);
    }
    let sources = plotly::Plot::offline_js_sources();
    let script = plotly_script(&sources)
        .ok_or_else(|| Error::Bug("the plotly crate lays its scripts out anew".into()))?;
    let packed = pack::packed(script.as_bytes())?;
    Ok(PACKED.get_or_init(|| packed))
}

/// The first of the two scripts that the crate offers. The second one sets formulas, of which our
/// plots have none.
fn plotly_script(sources: &str) -> Option<&str> {
    let start = sources.find(OPEN)? + OPEN.len();
    // The last end before the next script begins: the first one could lie in a string.
    let next = start + sources[start..].find(OPEN)?;
    let end = sources[start..next].rfind(CLOSE)?;
    sources[start..start + end].contains("plotly.js v").then(|| &sources[start..start + end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packed_script_is_plotlys_alone_and_fits_the_page() {
        let packed = packed().unwrap();
        assert!(packed.len() < 1_660_000, "{} bytes", packed.len());
        let script = pack::unpacked(packed);
        assert!(script.trim_start().starts_with("/**\n* plotly.js v"));
        assert!(!script.contains("MathJax.js") && script.len() > 4_000_000);
    }

    #[test]
    fn scripts_laid_out_anew_are_noticed() {
        assert_eq!(plotly_script("<script src=x></script>"), None);
        assert_eq!(plotly_script(&format!("{OPEN}other{CLOSE}{OPEN}more{CLOSE}")), None);
    }
}
