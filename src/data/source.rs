//! Which MNIST: a folder, the cache, the public mirrors, or none of these.

use std::path::Path;

use super::{Dataset, Split};
use crate::error::{Error, Result};

/// Where images come from.
#[derive(Clone, Debug)]
pub struct Source {}

impl Source {
    /// Looks for MNIST: in `explicit` or else the folder that `PLIMSOLL_MNIST_DIR` names; in the
    /// cache; on the public mirrors, unless `offline` or `PLIMSOLL_OFFLINE` is set. With none of
    /// these it is the synthetic digits, seed 1. Only the files of `splits` have to exist.
    ///
    /// # Errors
    /// A named folder that is absent, or that lacks a file of `splits`: never silently another
    /// source.
    pub fn find(_explicit: Option<&Path>, _splits: &[Split], _offline: bool) -> Result<Self> {
        Err(Error::Bug("not yet".into()))
    }

    /// The synthetic digits. The same seed draws the same digits on every machine.
    pub fn synthetic(_seed: u64) -> Self {
        Self {}
    }

    /// All images of a split; 10,000 test and 60,000 train images where they are synthetic.
    ///
    /// # Errors
    /// Files that are absent or damaged.
    pub fn load(&self, split: Split) -> Result<Dataset> {
        self.load_at_most(split, split.size())
    }

    /// The first `limit` images of a split, or all where it has fewer.
    ///
    /// # Errors
    /// As [`Source::load`].
    pub fn load_at_most(&self, _split: Split, _limit: usize) -> Result<Dataset> {
        Err(Error::Bug("not yet".into()))
    }
}
