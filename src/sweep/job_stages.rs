//! What an object of a batch-transform job costs besides its inference.

use std::path::Path;
use std::time::{Duration, Instant};

use super::stages::Times;
use crate::data::{self, Image};
use crate::error::{Error, Result};
use crate::record::{JobStages, StageClock};
use crate::store::{Body, Location, Store};
use crate::transform::handler::{Handler, Mnist, Prediction};
use crate::units::Nanos;

/// Objects that are measured, if there is time.
const OBJECTS: usize = 500;
/// Objects before those, which are not: the first ones find nothing ready.
const WARMUP: usize = 16;
/// What all may take.
const LIMIT: Duration = Duration::from_millis(400);
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
    let count = OBJECTS + WARMUP;
    let keys: Vec<String> = (0..count).map(|n| format!("in/{n:05}.png")).collect();
    for (key, image) in keys.iter().zip(images.iter().cycle()) {
        store.put(key, &data::encode_png(image)?)?;
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

fn measured(store: &Store, keys: &[String]) -> Result<JobStages> {
    let [mut read, mut decode, mut encode, mut write] = [(); 4].map(|()| Times::default());
    let (mut objects, mut failure) = (0, None);
    let mut response = Vec::new();
    let start = Instant::now();
    let mut answered = start;
    store.read_all(keys, WHOLE, &mut |n, body| {
        let was_read = Instant::now();
        if failure.is_some() || (n > WARMUP && was_read - start > LIMIT) {
            return;
        }
        let one = || -> Result<()> {
            let Body::Whole(bytes) = body? else {
                return Err(Error::Bug("a small file was not read whole".into()));
            };
            let image = data::decode(bytes)?;
            let decoded = Instant::now();
            // No model runs here: the class is made up.
            let prediction = [Prediction::new(image.0[0] % 10, None)];
            for _ in 0..ENCODINGS {
                response.clear();
                Mnist.output_fn(&prediction, "application/json", &mut response)?;
            }
            let encoded = Instant::now();
            store.put(&format!("out/{n:05}.png.out"), &response)?;
            let written = Instant::now();
            if n >= WARMUP {
                objects += 1;
                read.add(Nanos::from(was_read - answered));
                decode.add(Nanos::from(decoded - was_read));
                encode.add(Nanos::from((encoded - decoded) / ENCODINGS));
                write.add(Nanos::from(written - encoded));
            }
            Ok(())
        };
        if let Err(error) = one() {
            failure = Some(error);
        }
        answered = Instant::now();
    });
    if let Some(error) = failure {
        return Err(error);
    }
    let stage = |times: &Times| times.stage(objects, StageClock::Host);
    Ok(JobStages {
        objects,
        read: stage(&read),
        decode: stage(&decode),
        encode: stage(&encode),
        write: stage(&write),
    })
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
