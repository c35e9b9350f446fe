//! Links libtorch so that the binary, the tests and the benches find it at run time, and compresses
//! the script that every report carries.
//!
//! The link arguments of a dependency's build script do not reach our own targets, so what tch's
//! script does for itself has to be said again here.
//!
//! One thing is left out on purpose: `-Wl,--no-as-needed -ltorch`, which would load the CUDA half of
//! libtorch into every process, whether it is asked for or not. That costs 0.2 s and 350 MB of
//! resident memory at each start (0.35 s and 116 MB without), instances included.

use std::env;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() {
    println!("cargo:rerun-if-changed=src/build.rs");
    let out: PathBuf = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR").into();
    compress_plotly(&out.join("plotly.min.js.gz")).expect("cannot write plotly's script");
    if env::var_os("CARGO_FEATURE_TORCH").is_none() {
        return;
    }
    if let Some(dir) = env::var_os("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{}", dir.to_string_lossy());
    }
}

/// Writes plotly's script as the binary holds it: the crate's own text of it, with another script
/// that sets formulas, of which our plots have none, would be a third of the binary.
fn compress_plotly(to: &Path) -> io::Result<()> {
    let sources = plotly::Plot::offline_js_sources();
    let script = first_script(&sources)
        .filter(|script| script.contains("plotly.js v"))
        .ok_or_else(|| io::Error::other("the plotly crate lays its scripts out anew"))?;
    let mut file = GzEncoder::new(File::create(to)?, Compression::best());
    file.write_all(script.as_bytes())?;
    file.finish()?.sync_all()
}

/// The text of the first of several scripts.
fn first_script(sources: &str) -> Option<&str> {
    const OPEN: &str = "<script type=\"text/javascript\">";
    let start = sources.find(OPEN)? + OPEN.len();
    // The last end before the next script begins: the first one could lie in a string.
    let next = start + sources[start..].find(OPEN)?;
    let end = sources[start..next].rfind("</script>")?;
    Some(sources[start..start + end].trim_start())
}
