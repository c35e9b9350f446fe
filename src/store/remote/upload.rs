//! Uploads in parts.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::switch::Remote;
use crate::error::{Error, Result};

/// Parts that are under way at once, for each of which memory is held.
const AT_ONCE: usize = 4;

/// How long an upload that nobody wants is told so. A bucket's lifecycle rule ends it anyway.
const FAREWELL: Duration = Duration::from_secs(10);

type Sent = JoinHandle<object_store::Result<()>>;

/// An object that is uploaded in parts. Dropped unfinished, it is given up.
#[derive(Debug)]
pub(in crate::store) struct Upload {
    remote: Remote,
    key: String,
    path: Path,
    runtime: &'static Runtime,
    // None once it is finished.
    parts: Option<Box<dyn MultipartUpload>>,
    sent: VecDeque<Sent>,
    bytes: u64,
}

impl Upload {
    /// Begins one.
    pub(super) fn begin(remote: Remote, key: &str) -> Result<Self> {
        let path = remote.path(key)?;
        let runtime = remote.runtime;
        let begun = runtime.block_on(remote.client.objects.put_multipart(&path));
        let parts = begun.map_err(|error| remote.fail("write", key, &error))?;
        let key = key.to_owned();
        Ok(Self { remote, key, path, runtime, parts: Some(parts), sent: VecDeque::new(), bytes: 0 })
    }

    /// Sends a part; all but the last have the same size. Waits where many are under way.
    pub(in crate::store) fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        while self.sent.len() >= AT_ONCE {
            self.wait()?;
        }
        self.bytes += bytes.len() as u64;
        if let Some(parts) = &mut self.parts {
            let part = parts.put_part(PutPayload::from(Bytes::from(bytes)));
            self.sent.push_back(self.runtime.spawn(part));
        }
        Ok(())
    }

    /// Makes the object appear.
    pub(in crate::store) fn finish(mut self) -> Result<()> {
        while !self.sent.is_empty() {
            self.wait()?;
        }
        let Some(mut parts) = self.parts.take() else { return Ok(()) };
        match self.runtime.block_on(parts.complete()) {
            Ok(_) => Ok(()),
            // Where the answer to a first attempt is lost, the upload is over when it is tried
            // again.
            Err(_) if self.is_there() => Ok(()),
            Err(error) => {
                self.parts = Some(parts);
                Err(self.remote.fail("write", &self.key, &error))
            }
        }
    }

    /// Waits for the oldest part.
    fn wait(&mut self) -> Result<()> {
        let Some(part) = self.sent.pop_front() else { return Ok(()) };
        match self.runtime.block_on(part) {
            Ok(sent) => sent.map_err(|error| self.remote.fail("write", &self.key, &error)),
            Err(error) => Err(Error::Bug(format!("a part of an upload ended early: {error}"))),
        }
    }

    fn is_there(&self) -> bool {
        let head = self.runtime.block_on(self.remote.client.objects.head(&self.path));
        head.is_ok_and(|facts| facts.size == self.bytes)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let Some(mut parts) = self.parts.take() else { return };
        let sent = std::mem::take(&mut self.sent);
        // A part that arrives later would stay. What goes wrong here was wrong before, or is seen
        // to by the bucket.
        let _ = self.runtime.block_on(async move {
            tokio::time::timeout(FAREWELL, async move {
                for part in sent {
                    part.abort();
                    let _ = part.await;
                }
                parts.abort().await
            })
            .await
        });
    }
}
