//! The asynchronous runtime that all buckets of this process share.

use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};

use crate::error::{Error, Result};

/// Threads that talk to servers. Requests are made and answers taken on the threads that ask, so
/// that two are enough for what one process decodes.
const THREADS: usize = 2;

/// The runtime, started when it is first asked for.
pub(super) fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
    let start = || {
        Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("store")
            .enable_all()
            .build()
            .map_err(|error| error.to_string())
    };
    RUNTIME.get_or_init(start).as_ref().map_err(|reason| {
        Error::unavailable("a thread to reach stores with", format!("{reason}; raise the limit"))
    })
}
