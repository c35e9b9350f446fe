//! A build without buckets. Nothing here can be made, so nothing but opening is ever called.

use std::convert::Infallible;

use crate::error::{Error, Result};
use crate::store::location::Location;
use crate::store::{Access, Body, Listing};

/// A bucket, of which there is none.
#[derive(Debug)]
pub(in crate::store) struct Remote(Infallible);

/// An upload to it.
#[derive(Debug)]
pub(in crate::store) struct Upload(Infallible);

impl Remote {
    pub(in crate::store) fn open(location: &Location, _: &Access) -> Result<Self> {
        Err(Error::unavailable(
            location.to_string(),
            "this build has no cloud stores; build with --features cloud",
        ))
    }

    pub(in crate::store) fn try_out(&self) -> Result<()> {
        match self.0 {}
    }

    pub(in crate::store) fn check(&self, _: &str) -> Result<()> {
        match self.0 {}
    }

    pub(in crate::store) fn list(&self, _: &str) -> Result<Listing> {
        match self.0 {}
    }

    pub(in crate::store) fn read_all<K: AsRef<str>>(
        &self,
        _: &[K],
        _: u64,
        _: &mut dyn FnMut(usize, Result<Body<'_>>),
    ) {
        match self.0 {}
    }

    pub(in crate::store) fn get(&self, _: &str, _: u64) -> Result<Option<Vec<u8>>> {
        match self.0 {}
    }

    pub(in crate::store) fn put(&self, _: &str, _: &[u8]) -> Result<()> {
        match self.0 {}
    }

    pub(in crate::store) fn put_all(&self, _: &[(String, Vec<u8>)]) -> Vec<Result<()>> {
        match self.0 {}
    }

    pub(in crate::store) fn begin(&self, _: &str) -> Result<Upload> {
        match self.0 {}
    }

    pub(in crate::store) fn sizes_of(&self, _: &[&str]) -> Vec<Result<Option<u64>>> {
        match self.0 {}
    }

    pub(in crate::store) fn remove(&self, _: &str) -> Result<()> {
        match self.0 {}
    }
}

impl Upload {
    pub(in crate::store) fn write(&mut self, _: Vec<u8>) -> Result<()> {
        match self.0 {}
    }

    pub(in crate::store) fn finish(self) -> Result<()> {
        match self.0 {}
    }
}
