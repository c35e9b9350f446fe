//! Plotly's script, small enough to travel in every report.

use std::io::Write;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::error::{Error, Result};

const OPEN: &str = "<script type=\"text/javascript\">";
const CLOSE: &str = "</script>";

/// Plotly's script, compressed and in base64; packed once a process.
///
/// Base64 also takes care of whatever in the script could end the element that holds it.
pub(super) fn packed() -> Result<&'static str> {
    static PACKED: OnceLock<String> = OnceLock::new();
    if let Some(packed) = PACKED.get() {
        return Ok(packed);
    }
    let sources = plotly::Plot::offline_js_sources();
    let script = plotly_script(&sources)
        .ok_or_else(|| Error::Bug("the plotly crate lays its scripts out anew".into()))?;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    let packed = gzip
        .write_all(script.as_bytes())
        .and_then(|()| gzip.finish())
        .map_err(|error| Error::Bug(format!("the page's script cannot be packed: {error}")))?;
    Ok(PACKED.get_or_init(|| STANDARD.encode(packed)))
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
    use std::io::Read;

    use super::*;

    #[test]
    fn the_packed_script_is_plotlys_alone_and_fits_the_page() {
        let packed = packed().unwrap();
        assert!(packed.len() < 1_950_000, "{} bytes", packed.len());
        let bytes = STANDARD.decode(packed).unwrap();
        let mut script = String::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut script).unwrap();
        assert!(script.trim_start().starts_with("/**\n* plotly.js v"));
        assert!(!script.contains("MathJax.js") && script.len() > 4_000_000);
    }

    #[test]
    fn scripts_laid_out_anew_are_noticed() {
        assert_eq!(plotly_script("<script src=x></script>"), None);
        assert_eq!(plotly_script(&format!("{OPEN}other{CLOSE}{OPEN}more{CLOSE}")), None);
    }
}
