//! Going on with a job that did not complete.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::checksum::from_hex;
use super::conserve::{Lists, OUTPUTS, OutputLine};
use super::job::Wishes;
use super::outcomes::{Outcome, Outcomes, Output};
use super::preflight::Ready;
use super::record::{JobRecord, Jobs};
use crate::error::{Error, Result};
use crate::store::Body;

/// What was below the output before the job was first run: a line for each output that is not its
/// own.
pub(super) const BEFORE: &str = "before.jsonl";

/// Outputs whose checksums are asked for by one call.
const CHUNK: usize = 4096;
/// Outputs up to this size are read whole.
const WHOLE: u64 = 1 << 20;

/// The job that is gone on with, where that is wished; else that the name is free.
///
/// # Errors
/// [`Error::Invalid`] where there is no such job, where it still runs, where it asked for something
/// else, and where the name is taken.
pub(super) fn earlier(
    jobs: &Jobs,
    record: &JobRecord,
    wishes: Wishes,
) -> Result<Option<JobRecord>> {
    if !wishes.resume {
        return jobs.vacant(record.name()).map(|()| None);
    }
    let earlier = jobs.load(record.name())?.as_seen();
    let what = || format!("job {}", record.name());
    if !earlier.status.is_final() && earlier.process.host == record.process.host {
        let pid = earlier.process.pid;
        return Err(Error::invalid(
            what(),
            format!("it still runs, as process {pid}; stop it first, or wait for its end"),
        ));
    }
    if let Some(field) = difference(&earlier, record) {
        return Err(Error::invalid(
            what(),
            format!(
                "--resume goes on with the request that it was created with, and this one has \
                 another {field}; leave that out, or choose another --job-name"
            ),
        ));
    }
    Ok(Some(earlier))
}

/// Fields of a request that no output depends on: a job may go on with more instances, or fewer.
const OF_NO_EFFECT: [&str; 5] = [
    "ExperimentConfig",
    "MaxConcurrentTransforms",
    "ModelClientConfig",
    "Tags",
    "TransformResources",
];

/// The first field in which what is asked for differs, of those that outputs depend on.
fn difference(earlier: &JobRecord, record: &JobRecord) -> Option<String> {
    let value = |record: &JobRecord| {
        let local = &record.local;
        let mut request = serde_json::json!(record.request);
        if let Some(fields) = request.as_object_mut() {
            fields.retain(|field, _| !OF_NO_EFFECT.contains(&field.as_str()));
        }
        serde_json::json!({
            "request": request,
            "local": {
                "backend": local.backend,
                "model": local.model,
                "output_keys": local.output_keys,
                "probabilities": local.probabilities,
                "preprocess": local.preprocess,
            },
        })
    };
    differs(&value(earlier), &value(record)).map(|path| {
        let path = path.trim_start_matches('.');
        let path = path.strip_prefix("request.").or(path.strip_prefix("local.")).unwrap_or(path);
        path.to_owned()
    })
}

/// The path to the first difference of two values. A field that is null is as good as none.
fn differs(one: &Value, other: &Value) -> Option<String> {
    let (Value::Object(left), Value::Object(right)) = (one, other) else {
        return (one != other).then(String::new);
    };
    let null = Value::Null;
    let mut keys: Vec<&String> = left.keys().chain(right.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter().find_map(|key| {
        let of = |map: &serde_json::Map<String, Value>| map.get(key).unwrap_or(&null).clone();
        differs(&of(left), &of(right)).map(|path| format!(".{key}{path}"))
    })
}

/// Notes which objects had outputs before the job was first run, so that no resumed run takes them
/// for its own. Lists of a job of that name whose record is gone are removed.
///
/// # Errors
/// What keeps the output from being listed or the list from being written.
pub(super) fn note_before(ready: &Ready, lists: &Lists) -> Result<()> {
    if ready.output.counts_only() {
        return Ok(());
    }
    lists.remove(OUTPUTS)?;
    let there = ready.output.list("", false)?;
    let theirs = |&object: &usize| there.find(&ready.output_key(object)).is_some();
    let mut theirs = (0..ready.source.objects.len()).filter(theirs).peekable();
    if there.is_empty() || theirs.peek().is_none() {
        return lists.remove(BEFORE);
    }
    lists.write(BEFORE, theirs.map(|object| ready.key(object)))
}

/// The objects whose outputs an earlier run of the job has left, in order.
///
/// # Errors
/// What keeps the output or the earlier run's lists from being read.
pub(super) fn done(ready: &Ready, lists: &Lists, outcomes: &mut Outcomes) -> Result<Vec<u32>> {
    let there = ready.output.list("", true)?;
    let mut own = vec![false; ready.source.objects.len()];
    for (object, own) in own.iter_mut().enumerate() {
        *own = there.find(&ready.output_key(object)).is_some();
    }
    // What another job has left in an object's place is no output of this one...
    lists.read(BEFORE, &mut |key: String| {
        if let Some(object) = ready.source.objects.find(&key) {
            own[object] = false;
        }
    })?;
    // ...unless this one is known to have written over it.
    lists.read(OUTPUTS, &mut |line: OutputLine| {
        let Some(object) = ready.source.objects.find(&line.key) else { return };
        let Some(at) = there.find(&ready.output_key(object)) else { return };
        let whole = there.size(at).is_none_or(|size| size == line.bytes);
        let sum = from_hex(&line.sha256).filter(|_| whole);
        // One of another size has been written over by someone else.
        own[object] = sum.is_some();
        if let Some(sha256) = sum {
            outcomes.done(object, Output { bytes: line.bytes, records: line.records, sha256 });
        }
    })?;
    sum_up(ready, &mut own, outcomes);
    Ok((0..own.len() as u32).filter(|&object| own[object as usize]).collect())
}

/// Reads the outputs that no list has a checksum of. One that cannot be read is made again.
fn sum_up(ready: &Ready, own: &mut [bool], outcomes: &mut Outcomes) {
    let unknown: Vec<usize> = (0..own.len())
        .filter(|&object| own[object] && outcomes.of(object) == Outcome::Open)
        .collect();
    for objects in unknown.chunks(CHUNK) {
        let keys: Vec<String> = objects.iter().map(|&object| ready.output_key(object)).collect();
        ready.output.read_all(&keys, WHOLE, &mut |at, body| match body
            .and_then(|body| sum(body, &keys[at]))
        {
            Ok(output) => outcomes.done(objects[at], output),
            Err(_) => own[objects[at]] = false,
        });
    }
}

/// The size and the checksum of what an object holds.
fn sum(body: Body<'_>, key: &str) -> Result<Output> {
    let mut hash = Sha256::new();
    let bytes = match body {
        Body::Whole(bytes) => {
            hash.update(bytes);
            bytes.len() as u64
        }
        Body::Stream { bytes, .. } => {
            let mut buffer = vec![0; 1 << 16];
            let mut size = 0;
            loop {
                match bytes.read(&mut buffer) {
                    Ok(0) => break size,
                    Ok(n) => {
                        hash.update(&buffer[..n]);
                        size += n as u64;
                    }
                    Err(source) if source.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(source) => return Err(Error::io("read", key, source)),
                }
            }
        }
    };
    Ok(Output { bytes, records: None, sha256: hash.finalize().into() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::transform::record::fixture;

    #[test]
    fn the_first_field_that_differs_is_named_by_its_path() {
        for (one, other, path) in [
            (json!({"a": 1}), json!({"a": 1}), None),
            (json!({"a": {"b": 1, "c": 2}}), json!({"a": {"b": 1, "c": 3}}), Some(".a.c")),
            (json!({"a": null}), json!({}), None),
            (json!({}), json!({"z": 0}), Some(".z")),
            (json!({"a": [1]}), json!({"a": [2]}), Some(".a")),
            (json!({"a": {"b": 1}}), json!({"a": 1}), Some(".a")),
        ] {
            assert_eq!(differs(&one, &other).as_deref(), path, "{one} {other}");
            assert_eq!(differs(&other, &one).as_deref(), path, "{other} {one}");
        }
    }

    #[test]
    fn a_job_differs_by_what_its_outputs_depend_on_alone() {
        let one = fixture::record("a");
        let mut other = one.clone();
        other.local.max_batch += 1;
        other.local.coalesce = !other.local.coalesce;
        other.local.preferred = vec![3];
        assert_eq!(difference(&one, &other), None);
        other.local.probabilities = true;
        assert_eq!(difference(&one, &other).as_deref(), Some("probabilities"));
        let mut other = one.clone();
        other.request.transform_input.content_type = Some("text/csv".into());
        assert_eq!(difference(&one, &other).as_deref(), Some("TransformInput.ContentType"));
    }

    #[test]
    fn an_outputs_checksum_is_that_of_its_bytes_however_it_is_read() {
        let bytes = vec![7; 200_000];
        let whole = sum(Body::Whole(&bytes), "x").unwrap();
        let mut stream = bytes.as_slice();
        let streamed = sum(Body::Stream { bytes: &mut stream, size: None }, "x").unwrap();
        assert_eq!((whole, whole.bytes), (streamed, 200_000));
        // FIPS 180-2, appendix B.1.
        let abc = sum(Body::Whole(b"abc"), "x").unwrap();
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(crate::transform::checksum::tests::hex(&abc.sha256), known);
    }
}
