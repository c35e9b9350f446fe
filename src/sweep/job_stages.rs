//! What an object of a batch-transform job costs besides its inference.

use std::path::Path;
use std::time::{Duration, Instant};

use super::stages::Times;
use crate::data::{self, Image};
use crate::error::{Error, Result};
use crate::record::{JobStages, StageClock};
use crate::store::{Body, Location, Store};
use crate::transform::handler::{Handler, Mnist, Prediction};

/// Objects that are measured, if there is time.
const OBJECTS: usize = 500;
/// So many are read between two looks at the clock. Those of the first time do not count: they
/// find nothing ready.
const CHUNK: usize = 20;
/// What writing the files may take, and again what measuring may.
const LIMIT: Duration = Duration::from_millis(250);
/// An answer is encoded faster than a clock is read, so this many times at once.
const ENCODINGS: u32 = 32;

/// Files of this size are read whole, as a job does.
const WHOLE: u64 = 1 << 20;

/// Measures the stages of a job around its inference, one object after the other on this thread: a
/// PNG of each image is written to a temporary folder, read from there, decoded, and an answer is
/// encoded and written, all by the code that a job uses. The files were written a moment ago and
/// are read from the system's cache; nothing is forced to the disk, as in a job.
///
/// # Errors
/// What keeps files from being written to the temporary folder or read.
pub(super) fn measure(images: &[Image]) -> Result<JobStages> {
    let folder = tempfile::tempdir()
        .map_err(|source| Error::io("create a folder in", std::env::temp_dir(), source))?;
    let store = store(folder.path())?;
    let start = Instant::now();
    let mut keys = Vec::with_capacity(OBJECTS + CHUNK);
    for image in images.iter().cycle().take(OBJECTS + CHUNK) {
        let key = format!("in/{:05}.png", keys.len());
        store.put(&key, &data::encode_png(image)?)?;
        keys.push(key);
        if keys.len() >= 2 * CHUNK && start.elapsed() > LIMIT {
            break;
        }
    }
    measured(&store, &keys)
}

/// Objects are kept in the folder as a job would keep them.
fn store(folder: &Path) -> Result<Store> {
    let text = folder.to_str().ok_or_else(|| {
        let reason = "not UTF-8; set TMPDIR to another folder";
        Error::invalid(format!("temporary folder {}", folder.display()), reason)
    })?;
    Store::create(&text.parse::<Location>()?)
}

/// The stages of the objects of these keys, but for the first chunk.
fn measured(store: &Store, keys: &[String]) -> Result<JobStages> {
    let (warmup, keys) = keys.split_at(CHUNK.min(keys.len()));
    Sample::default().take(store, warmup)?;
    let mut sample = Sample::default();
    let start = Instant::now();
    for chunk in keys.chunks(CHUNK) {
        sample.take(store, chunk)?;
        if start.elapsed() > LIMIT {
            break;
        }
    }
    Ok(sample.stages())
}

/// The times of objects so far.
#[derive(Default)]
struct Sample {
    objects: u64,
    read: Times,
    decode: Times,
    encode: Times,
    write: Times,
    response: Vec<u8>,
}

impl Sample {
    /// Adds the objects of these keys.
    fn take(&mut self, store: &Store, keys: &[String]) -> Result<()> {
        let mut outcome = Ok(());
        let mut ready = Instant::now();
        store.read_all(keys, WHOLE, &mut |n, body| {
            let read = Instant::now();
            if outcome.is_ok() {
                outcome = body.and_then(|body| self.one(store, &keys[n], body, read - ready));
            }
            ready = Instant::now();
        });
        outcome
    }

    /// Adds an object that was read in such a time.
    fn one(&mut self, store: &Store, key: &str, body: Body<'_>, read: Duration) -> Result<()> {
        let Body::Whole(bytes) = body else {
            return Err(Error::Bug("a small file was not read whole".into()));
        };
        let begun = Instant::now();
        let image = data::decode(bytes)?;
        let decoded = Instant::now();
        // No model runs here: the class is made up.
        let prediction = [Prediction::new(image.0[0] % 10, None)];
        for _ in 0..ENCODINGS {
            self.response.clear();
            Mnist.output_fn(&prediction, "application/json", &mut self.response)?;
        }
        let encoded = Instant::now();
        store.put(&format!("out/{key}.out"), &self.response)?;
        let written = Instant::now();
        self.objects += 1;
        self.read.add(read.into());
        self.decode.add((decoded - begun).into());
        self.encode.add(((encoded - decoded) / ENCODINGS).into());
        self.write.add((written - encoded).into());
        Ok(())
    }

    fn stages(&self) -> JobStages {
        let stage = |times: &Times| times.stage(self.objects, StageClock::Host);
        JobStages {
            objects: self.objects,
            read: stage(&self.read),
            decode: stage(&self.decode),
            encode: stage(&self.encode),
            write: stage(&self.write),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::IMAGE_PIXELS;

    #[test]
    fn every_stage_is_timed_and_stays_within_its_time() {
        let images: Vec<Image> = (0..7).map(|i| Image([i * 30; IMAGE_PIXELS])).collect();
        let start = Instant::now();
        let job = measure(&images).unwrap();
        println!("{job:?} in {:?}", start.elapsed());
        assert!(job.objects > 0 && job.objects <= OBJECTS as u64);
        for stage in [&job.read, &job.decode, &job.encode, &job.write] {
            assert_eq!(stage.batch.samples, job.objects);
            assert!(stage.ns_per_image > 0.0, "{job:?}");
        }
        // A file is more work than the answer of some twenty bytes.
        assert!(job.encode.ns_per_image < job.write.ns_per_image, "{job:?}");
        assert!(job.encode.ns_per_image < job.decode.ns_per_image, "{job:?}");
    }

    #[test]
    fn an_object_that_cannot_be_read_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path()).unwrap();
        let error = measured(&store, &["in/missing.png".into()]).unwrap_err().to_string();
        assert!(error.contains("missing.png"), "{error}");
        std::fs::write(folder.path().join("bad.png"), "no picture").unwrap();
        assert!(measured(&store, &["bad.png".into()]).is_err());
    }
}
