//! Links libtorch so that the binary, the tests and the benches find it at run time.
//!
//! The link arguments of a dependency's build script do not reach our own targets, so what tch's
//! script does for itself has to be said again here.

fn main() {
    println!("cargo:rerun-if-changed=src/build.rs");
    if std::env::var_os("CARGO_FEATURE_TORCH").is_none() {
        return;
    }
    if let Some(dir) = std::env::var_os("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{}", dir.to_string_lossy());
    }
}
