//! Links libtorch so that the binary, the tests and the benches find it at run time.
//!
//! The link arguments of a dependency's build script do not reach our own targets, so what tch's
//! script does for itself has to be said again here.
//!
//! One thing is left out on purpose: `-Wl,--no-as-needed -ltorch`, which would load the CUDA half of
//! libtorch into every process, whether it is asked for or not. That costs 0.2 s and 350 MB of
//! resident memory at each start (0.35 s and 116 MB without), instances included.

fn main() {
    println!("cargo:rerun-if-changed=src/build.rs");
    if std::env::var_os("CARGO_FEATURE_TORCH").is_none() {
        return;
    }
    if let Some(dir) = std::env::var_os("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{}", dir.to_string_lossy());
    }
}
