//! Buckets through the `object_store` crate.

use std::io::{self, Read};
use std::pin::pin;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt, future, stream};
use object_store::list::PaginatedListOptions;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::Access;
use super::client::{Client, client};
use super::explain::{explain, is_missing};
use super::runtime::runtime;
use super::wire::{Aside, Page};
use crate::error::{Error, Result};
use crate::store::location::{Cloud, Location, Place};
use crate::store::{Body, Listing, key};

pub(in crate::store) use super::upload::Upload;

/// Requests that one call has under way at once. What they wait for is the way there and back, so
/// that a thread needs many of them.
const AT_ONCE: usize = 64;

/// KiB of objects that one call reads ahead. Larger ones than this come by themselves.
const AHEAD: u32 = 64 << 10;

/// A part of a bucket. Shared by threads, which all wait here, and none of which belongs to the
/// runtime.
#[derive(Clone, Debug)]
pub(in crate::store) struct Remote {
    cloud: Cloud,
    location: Location,
    pub(super) client: Client,
    pub(super) runtime: &'static Runtime,
}

impl Remote {
    /// Makes ready to talk to a bucket, and says nothing yet.
    pub(in crate::store) fn open(location: &Location, access: &Access) -> Result<Self> {
        let Place::Bucket { cloud, bucket, .. } = &location.0 else {
            return Err(Error::Bug(format!("{location} was taken for a bucket")));
        };
        let client = client(*cloud, bucket, access).map_err(|error| Error::Store {
            action: "open",
            uri: location.to_string(),
            reason: explain(*cloud, &error),
        })?;
        Ok(Self { cloud: *cloud, location: location.clone(), client, runtime: runtime()? })
    }

    /// Finds out whether anything can be written.
    pub(in crate::store) fn try_out(&self) -> Result<()> {
        let trial = format!(".plimsoll-trial-{}", std::process::id());
        self.put(&trial, b"trial")?;
        self.remove(&trial)
    }

    /// Checks that a key comes through as it is.
    pub(in crate::store) fn check(&self, key: &str) -> Result<()> {
        self.path(key).map(drop)
    }

    /// The whole key of an object.
    pub(super) fn path(&self, key: &str) -> Result<Path> {
        // Checked by itself, so that none names what lies beside the base.
        let whole = format!("{}{key}", self.location.key());
        key::for_bucket(key)
            .and_then(|()| key::for_bucket(&whole))
            .map_err(|reason| key::refused(key, reason))?;
        Path::parse(&whole).map_err(|error| key::refused(key, &error.to_string()))
    }

    /// The error of an action on an object.
    pub(super) fn fail(
        &self,
        action: &'static str,
        key: &str,
        error: &object_store::Error,
    ) -> Error {
        Error::Store { action, uri: self.uri(key), reason: explain(self.cloud, error) }
    }

    /// What an object is called in messages.
    fn uri(&self, key: &str) -> String {
        format!("{}{key}", self.location)
    }

    /// Every object whose key begins with `start`, page by page.
    pub(in crate::store) fn list(&self, start: &str) -> Result<Listing> {
        let base = self.location.key();
        let prefix = format!("{base}{start}");
        let prefix = Some(prefix.as_str()).filter(|prefix| !prefix.is_empty());
        let mut listing = Listing::default();
        let mut page_token = None;
        loop {
            let mut options = PaginatedListOptions { page_token, ..Default::default() };
            options.extensions.insert(Page);
            let page = self.runtime.block_on(self.client.pages.0.list_paginated(prefix, options));
            let page = page.map_err(|error| self.fail("list", start, &error))?;
            for object in &page.result.objects {
                let whole = object.location.as_ref();
                match whole.strip_prefix(base).filter(|key| key.starts_with(start)) {
                    Some(key) => listing.push(key, Some(object.size))?,
                    None => {
                        return Err(Error::Store {
                            action: "list",
                            uri: self.uri(start),
                            reason: format!("the store gives {whole:?}, which does not lie there"),
                        });
                    }
                }
            }
            if let Some(Aside(keys)) = page.result.extensions.get() {
                for key in keys {
                    listing.set_aside(key.escape_debug().to_string());
                }
            }
            page_token = page.page_token;
            if page_token.is_none() {
                return Ok(listing.finish());
            }
        }
    }

    /// Reads objects, [`AT_ONCE`], and hands them over as they come.
    pub(in crate::store) fn read_all<K: AsRef<str>>(
        &self,
        keys: &[K],
        whole: u64,
        each: &mut dyn FnMut(usize, Result<Body<'_>>),
    ) {
        let ahead = &Semaphore::new(AHEAD as usize);
        let bodies = stream::iter(keys.iter().enumerate()).map(|(index, key)| async move {
            (index, self.fetch(key.as_ref(), whole, ahead).await)
        });
        let mut bodies = pin!(bodies.buffer_unordered(AT_ONCE));
        while let Some((index, fetched)) = self.runtime.block_on(bodies.next()) {
            match fetched {
                Ok(Fetched::Whole(bytes, _room)) => each(index, Ok(Body::Whole(&bytes))),
                Ok(Fetched::Stream(chunks, size)) => {
                    let mut bytes = Chunks {
                        chunks,
                        rest: Bytes::new(),
                        cloud: self.cloud,
                        runtime: self.runtime,
                    };
                    each(index, Ok(Body::Stream { bytes: &mut bytes, size: Some(size) }));
                }
                Err(error) => each(index, Err(error)),
            }
        }
    }

    async fn fetch<'a>(&self, key: &str, whole: u64, ahead: &'a Semaphore) -> Result<Fetched<'a>> {
        let path = self.path(key)?;
        let fail = |error| self.fail("read", key, &error);
        let object = self.client.objects.get(&path).await.map_err(fail)?;
        let size = object.meta.size;
        if size > whole {
            return Ok(Fetched::Stream(object.into_stream(), size));
        }
        // The answer's head is here; its body waits until there is room for it.
        let room = u32::try_from(size / 1024 + 1).unwrap_or(u32::MAX).min(AHEAD);
        let room = ahead.acquire_many(room).await.ok();
        Ok(Fetched::Whole(object.bytes().await.map_err(fail)?, room))
    }

    /// An object of at most `limit` bytes; `None` where there is none.
    pub(in crate::store) fn get(&self, key: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        let path = self.path(key)?;
        let bytes = self.runtime.block_on(async {
            let object = self.client.objects.get(&path).await?;
            if object.meta.size > limit { Ok(None) } else { object.bytes().await.map(Some) }
        });
        match bytes {
            Ok(Some(bytes)) => Ok(Some(bytes.into())),
            Ok(None) => Err(crate::store::too_large(key, limit)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(self.fail("read", key, &error)),
        }
    }

    /// Writes an object by one request.
    pub(in crate::store) fn put(&self, key: &str, bytes: &[u8]) -> Result<()> {
        self.runtime.block_on(self.send(key, bytes))
    }

    /// Writes objects, [`AT_ONCE`].
    pub(in crate::store) fn put_all(&self, outputs: &[(String, Vec<u8>)]) -> Vec<Result<()>> {
        self.each_of(outputs, |(key, bytes)| self.send(key, bytes))
    }

    async fn send(&self, key: &str, bytes: &[u8]) -> Result<()> {
        let path = self.path(key)?;
        let payload = PutPayload::from(Bytes::copy_from_slice(bytes));
        let sent = self.client.objects.put(&path, payload).await;
        sent.map(drop).map_err(|error| self.fail("write", key, &error))
    }

    /// Begins an object that is written in parts.
    pub(in crate::store) fn begin(&self, key: &str) -> Result<Upload> {
        Upload::begin(self.clone(), key)
    }

    /// The sizes of objects; `None` where there is none.
    pub(in crate::store) fn sizes_of(&self, keys: &[&str]) -> Vec<Result<Option<u64>>> {
        self.each_of(keys, |key| async move {
            let path = self.path(key)?;
            match self.client.objects.head(&path).await {
                Ok(facts) => Ok(Some(facts.size)),
                Err(error) if is_missing(&error) => Ok(None),
                Err(error) => Err(self.fail("read", key, &error)),
            }
        })
    }

    /// Removes an object, which may be missing.
    pub(in crate::store) fn remove(&self, key: &str) -> Result<()> {
        let path = self.path(key)?;
        match self.runtime.block_on(self.client.objects.delete(&path)) {
            Err(error) if !is_missing(&error) => Err(self.fail("remove", key, &error)),
            _ => Ok(()),
        }
    }

    /// Does something with each of many, [`AT_ONCE`], and gives the outcomes in their order.
    fn each_of<'a, T, O, F: Future<Output = Result<O>>>(
        &self,
        all: &'a [T],
        what: impl Fn(&'a T) -> F,
    ) -> Vec<Result<O>> {
        let mut outcomes: Vec<_> = all.iter().map(|_| None).collect();
        let done = stream::iter(all.iter().enumerate())
            .map(|(index, one)| what(one).map(move |outcome| (index, outcome)))
            .buffer_unordered(AT_ONCE)
            .for_each(|(index, outcome)| {
                outcomes[index] = Some(outcome);
                future::ready(())
            });
        self.runtime.block_on(done);
        outcomes.into_iter().flatten().collect()
    }
}

/// An object that has come, or begun to.
enum Fetched<'a> {
    /// All of it, and the room that it takes.
    Whole(Bytes, Option<SemaphorePermit<'a>>),
    /// Its pieces, and its size.
    Stream(BoxStream<'static, object_store::Result<Bytes>>, u64),
}

/// An object's pieces, read on a thread that waits for them.
struct Chunks {
    chunks: BoxStream<'static, object_store::Result<Bytes>>,
    rest: Bytes,
    cloud: Cloud,
    runtime: &'static Runtime,
}

impl Read for Chunks {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.runtime.block_on(self.chunks.next()) {
                Some(Ok(chunk)) => self.rest = chunk,
                Some(Err(error)) => return Err(io::Error::other(explain(self.cloud, &error))),
                None => return Ok(0),
            }
        }
        let taken = into.len().min(self.rest.len());
        into[..taken].copy_from_slice(&self.rest.split_to(taken));
        Ok(taken)
    }
}
