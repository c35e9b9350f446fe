//! The flags that say which images a command works on.

use std::path::PathBuf;

use crate::data::{Source, Split};
use crate::error::Result;

/// Which images.
#[derive(Debug, clap::Args)]
pub(crate) struct Origin {
    /// A folder of MNIST's IDX files, gzipped or not; its absence or damage is an error. Without
    /// it, PLIMSOLL_MNIST_DIR, the cache, the mirrors and at last synthetic digits are tried.
    #[arg(long, value_name = "DIR", conflicts_with = "synthetic")]
    data_dir: Option<PathBuf>,
    /// Draw digits that look like MNIST's, even where MNIST is there.
    #[arg(long)]
    synthetic: bool,
}

impl Origin {
    /// Where the images come from; says so where synthetic digits, of that seed, have to stand in
    /// for MNIST.
    pub(super) fn source(&self, splits: &[Split], seed: u64) -> Result<Source> {
        if self.synthetic {
            return Ok(Source::synthetic(seed));
        }
        Ok(match super::data::find_source(self.data_dir.as_deref(), splits)? {
            Source::Synthetic { reason, .. } => Source::Synthetic { seed, reason },
            found => found,
        })
    }
}
