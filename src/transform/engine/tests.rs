//! Whole engines in this process: from objects in a folder to outputs in another.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::output::PIECE;
use super::*;
use crate::backend::{Null, Script};
use crate::data::{IMAGE_PIXELS, Image, encode_png};
use crate::error::{Error, Result};
use crate::transform::handler::{Mnist, Model, Predict, Prediction};
use crate::transform::message::{Failed, Written};
use crate::transform::split::{MEBIBYTE, Payload, Refused};
use crate::transform::terms::{
    AssembleWith, BatchStrategy, CompressionType, DataType, JoinSource, OutputKeys, Partition,
    Preprocess, SplitType,
};

/// Folders and a job over them: digits as lines, answered by the null backend.
struct Job {
    root: tempfile::TempDir,
    plan: Plan,
}

/// What came of it.
#[derive(Debug)]
struct Ended {
    done: BTreeMap<u32, Written>,
    failed: BTreeMap<u32, Failed>,
    report: InstanceReport,
}

impl Job {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("in")).unwrap();
        let plan = Plan {
            name: "test".into(),
            data_type: DataType::S3Prefix,
            input: String::new(),
            output: root.path().join("out").to_str().unwrap().to_owned(),
            output_keys: OutputKeys::Relative,
            model: None,
            model_file: None,
            backend: "null".into(),
            instances: 1,
            partition: Partition::RoundRobin,
            max_batch: 16,
            max_delay_ns: 1_000_000,
            preferred: vec![],
            coalesce: true,
            max_concurrent_transforms: 2,
            max_payload_bytes: Some(MEBIBYTE),
            invocations_timeout_s: 600,
            invocations_max_retries: 0,
            batch_strategy: BatchStrategy::MultiRecord,
            content_type: "text/plain".into(),
            accept: "application/jsonlines".into(),
            compression: CompressionType::None,
            split: SplitType::Line,
            assemble: AssembleWith::Line,
            input_filter: "$".into(),
            join: JoinSource::None,
            output_filter: "$".into(),
            probabilities: false,
            preprocess: Preprocess::Normalise,
            environment: BTreeMap::new(),
        };
        Self { root, plan }
    }

    fn put(&self, key: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.root.path().join("in").join(key), bytes).unwrap();
    }

    fn out(&self) -> PathBuf {
        self.root.path().join("out")
    }

    fn output(&self, key: &str) -> String {
        fs::read_to_string(self.out().join(key)).unwrap_or_else(|e| panic!("{key}: {e}"))
    }

    /// Does `keys` on two cores.
    fn try_run(&self, handler: &dyn Handler, backend: Null, keys: &[String]) -> Result<Ended> {
        let _ = fs::create_dir(self.out());
        let base = Location::parse(self.root.path().join("in").to_str().unwrap()).unwrap();
        let (done, failed) = (Mutex::new(BTreeMap::new()), Mutex::new(BTreeMap::new()));
        let (heard_in, heard) = crossbeam_channel::unbounded();
        let tell = |up| {
            let Up::Finished { done: more, failed: less } = up else { panic!("{up:?}") };
            heard_in.send(more.len() + less.len()).unwrap();
            for written in more {
                assert!(done.lock().unwrap().insert(written.object, written).is_none());
            }
            for (object, cause) in less {
                assert!(failed.lock().unwrap().insert(object, cause).is_none());
            }
        };
        let backend = Arc::new(backend);
        let parts = Parts { handler, backend, weights: Weights::zeros(), cores: 2, tell: &tell };
        let engine = Engine::new(&self.plan, &base, parts)?;
        let report = engine.run(|engine, to| {
            let objects: Vec<_> = (0..).zip(keys.iter().cloned()).collect();
            let mut chunks = objects.chunks(100).peekable();
            while let Some(some) = chunks.next() {
                to.send(some.to_vec(), chunks.peek().is_none())?;
            }
            // As a parent does, it waits for all objects before it says that there are no more.
            let mut left = keys.len();
            while left > 0 {
                crossbeam_channel::select! {
                    recv(heard) -> n => left -= n.unwrap(),
                    recv(engine.breaker.cause()) -> cause => return Err(cause.unwrap()),
                    default(Duration::from_secs(60)) => panic!("{left} objects never finished"),
                }
            }
            Ok(())
        })?;
        drop(engine);
        let (done, failed) = (done.into_inner().unwrap(), failed.into_inner().unwrap());
        assert_eq!(done.len() + failed.len(), keys.len(), "every object has one outcome");
        Ok(Ended { done, failed, report })
    }

    fn run(&self, handler: &dyn Handler, keys: &[String]) -> Ended {
        self.try_run(handler, Null::default(), keys).unwrap()
    }
}

fn keys(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("{i}")).collect()
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The digits of `n` lines, different for each `seed`.
fn digits(seed: usize, n: usize) -> Vec<u8> {
    (0..n).map(|i| ((i * 7 + seed * 3 + i / 10) % 10) as u8).collect()
}

fn lines(digits: &[u8]) -> String {
    digits.iter().map(|digit| format!("{digit}\n")).collect()
}

fn answers(digits: &[u8]) -> String {
    digits.iter().map(|digit| format!("{{\"predictions\": {digit}}}\n")).collect()
}

/// A handler whose records are digits. It refuses `x` and panics over `!`.
#[derive(Clone, Copy)]
struct Digits;

impl Handler for Digits {
    fn input_fn(&self, payload: &Payload, _: &str, out: &mut Vec<Image>) -> Result<(), Refused> {
        for (i, record) in payload.records().enumerate() {
            match record {
                [digit @ b'0'..=b'9'] => out.push(Image([digit - b'0'; IMAGE_PIXELS])),
                b"!" => panic!("over an exclamation mark"),
                _ => return Err(payload.refuse(i, Error::malformed("digit", "not one"))),
            }
        }
        Ok(())
    }
}

/// Both ways of making batches.
fn both_ways(mut check: impl FnMut(&mut Job)) {
    for coalesce in [true, false] {
        let mut job = Job::new();
        job.plan.coalesce = coalesce;
        check(&mut job);
    }
}

#[test]
fn pictures_get_their_own_answers_and_checksums() {
    both_ways(|job| {
        job.plan.split = SplitType::None;
        job.plan.assemble = AssembleWith::None;
        job.plan.content_type = "application/x-image".into();
        job.plan.accept = "application/json".into();
        for i in 0..300 {
            job.put(&i.to_string(), encode_png(&Image([i as u8; IMAGE_PIXELS])).unwrap());
        }
        let ended = job.run(&Mnist, &keys(300));
        assert_eq!((ended.done.len(), ended.report.images), (300, 300), "{ended:?}");
        assert_eq!(ended.report.requests, 300);
        for i in 0..300u32 {
            let text = job.output(&format!("{i}.out"));
            assert_eq!(text, format!("{{\"predictions\": {}}}", i % 256 % 10));
            let hash = Sha256::digest(&text).into();
            let bytes = text.len() as u64;
            let written = Written { object: i, bytes, records: 1, sha256: hash };
            assert_eq!(ended.done[&i], written);
        }
        assert_eq!(files(&job.out()).len(), 300);
    });
}

#[test]
fn ten_thousand_lines_of_csv_keep_their_order_across_batches_and_requests() {
    both_ways(|job| {
        job.plan.content_type = "text/csv".into();
        job.plan.accept = "text/csv".into();
        let digits = digits(1, 10_000);
        let rest = ",0".repeat(IMAGE_PIXELS - 1);
        let text: String = digits.iter().map(|digit| format!("{digit}{rest}\n")).collect();
        job.put("0", text);
        let ended = job.run(&Mnist, &keys(1));
        assert_eq!(ended.failed, BTreeMap::new());
        assert_eq!((ended.done[&0].records, ended.report.images), (10_000, 10_000));
        assert!(ended.report.requests > 10, "{ended:?}");
        assert!(ended.report.batches >= 10_000 / 16);
        assert_eq!(job.output("0.out"), lines(&digits));
    });
}

/// A backend whose batches take times that have nothing to do with their order.
fn uneven() -> Null {
    let calls = AtomicU64::new(0);
    let script: Script = Arc::new(move |_, _| {
        let call = calls.fetch_add(1, Ordering::Relaxed);
        Ok(Duration::from_micros(call.wrapping_mul(0x9e37_79b9) % 7 * 100))
    });
    Null::scripted(script)
}

#[test]
fn objects_of_all_sizes_run_interleaved_and_keep_apart() {
    both_ways(|job| {
        job.plan.max_payload_bytes = Some(20);
        let sizes = |i: usize| [0, 1, 3, 10, 11, 97, 1000][i % 7];
        for i in 0..70 {
            job.put(&i.to_string(), lines(&digits(i, sizes(i))));
        }
        let ended = job.try_run(&Digits, uneven(), &keys(70)).unwrap();
        assert_eq!(ended.failed, BTreeMap::new());
        for i in 0..70 {
            assert_eq!(ended.done[&(i as u32)].records, sizes(i) as u64);
            let all = digits(i, sizes(i));
            // A request has ten lines: it is answered by as many.
            assert_eq!(job.output(&format!("{i}.out")), answers(&all), "{i}");
        }
    });
}

#[test]
fn a_bad_record_fails_its_object_alone_and_says_where_it_is() {
    both_ways(|job| {
        job.plan.max_payload_bytes = Some(20);
        let mut text = lines(&digits(0, 500));
        text.replace_range(2 * 321..2 * 321 + 1, "x");
        job.put("0", text);
        job.put("1", lines(&digits(1, 500)));
        job.put("2", "1\n2\n!\n4\n");
        let ended = job.run(&Digits, &[keys(3), vec!["gone".into()]].concat());
        let cause = &ended.failed[&0];
        assert_eq!((cause.record, cause.offset), (Some(321), Some(642)));
        assert_eq!(cause.reason, "digit: not one");
        assert_eq!(
            ended.failed[&2],
            Failed::whole("input_fn: it panicked: over an exclamation mark")
        );
        assert!(ended.failed[&3].reason.contains("gone"), "{ended:?}");
        assert_eq!(files(&job.out()), ["1.out"]);
        assert_eq!(job.output("1.out"), answers(&digits(1, 500)));
    });
}

#[test]
fn an_image_that_the_backend_refuses_is_named_by_its_record() {
    let mut job = Job::new();
    job.plan.max_batch = 1;
    job.put("0", lines(&digits(0, 40)));
    // Three batches warm each of two sessions up. One image comes to a bad end after its retry.
    let run = |retries| {
        let bad = AtomicUsize::new(0);
        let script: Script = Arc::new(move |batch, _| {
            if batch >= 5 && bad.fetch_add(1, Ordering::Relaxed) < 2 {
                return Err("as told".into());
            }
            Ok(Duration::from_micros(300))
        });
        let mut plan = job.plan.clone();
        plan.invocations_max_retries = retries;
        let job = Job { root: tempfile::tempdir().unwrap(), plan };
        fs::create_dir(job.root.path().join("in")).unwrap();
        let job =
            Job { plan: Plan { output: job.out().to_str().unwrap().into(), ..job.plan }, ..job };
        job.put("0", lines(&digits(0, 40)));
        job.try_run(&Digits, Null::scripted(script), &keys(1)).unwrap()
    };
    let ended = run(0);
    let cause = &ended.failed[&0];
    assert_eq!(cause.reason, "backend null: as told");
    let record = cause.record.unwrap();
    assert!(record >= 2 && cause.offset == Some(2 * record), "{cause:?}");
    assert_eq!(run(2).failed, BTreeMap::new(), "two retries are enough for one image");
}

#[test]
fn a_faithful_request_is_tried_again_as_a_whole() {
    let mut job = Job::new();
    job.plan.coalesce = false;
    job.plan.max_concurrent_transforms = 1;
    job.put("0", lines(&digits(0, 40)));
    let failing = |batches: std::ops::Range<u64>| {
        Null::scripted(Arc::new(move |batch, _| {
            if batches.contains(&batch) { Err("as told".into()) } else { Ok(Duration::ZERO) }
        }))
    };
    job.plan.invocations_max_retries = 1;
    let ended = job.try_run(&Digits, failing(4..5), &keys(1)).unwrap();
    assert_eq!(ended.failed, BTreeMap::new());
    let ended = job.try_run(&Digits, failing(3..1000), &keys(1)).unwrap();
    assert_eq!(ended.failed[&0].reason, "backend null: as told");
}

#[test]
fn no_faithful_forward_pass_carries_images_of_two_requests() {
    let mut job = Job::new();
    job.plan.coalesce = false;
    job.plan.max_concurrent_transforms = 1;
    job.plan.max_batch = 4;
    job.plan.max_payload_bytes = Some(10);
    job.put("0", lines(&digits(0, 12)));
    job.put("1", lines(&digits(1, 3)));
    let sizes = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&sizes);
    let script: Script = Arc::new(move |_, images| {
        seen.lock().unwrap().push(images);
        Ok(Duration::ZERO)
    });
    let ended = job.try_run(&Digits, Null::scripted(script), &keys(2)).unwrap();
    // Requests of five lines, five, and two; then one of three.
    assert_eq!(sizes.lock().unwrap()[3..], [4, 1, 4, 1, 2, 3]);
    assert_eq!((ended.report.requests, ended.report.batches, ended.report.images), (4, 6, 15));
    assert_eq!(job.output("0.out"), answers(&digits(0, 12)));
}

#[test]
fn coalesced_batches_carry_images_of_many_objects() {
    let mut job = Job::new();
    job.plan.max_delay_ns = 1_000_000_000;
    for i in 0..160 {
        job.put(&i.to_string(), lines(&digits(i, 1)));
    }
    let ended = job.run(&Digits, &keys(160));
    assert_eq!((ended.report.images, ended.report.batches), (160, 10), "{ended:?}");
}

#[test]
fn the_last_images_wait_for_no_others_though_the_parent_may_have_more() {
    let mut job = Job::new();
    // Longer than the test lets an object take.
    job.plan.max_delay_ns = 3_600_000_000_000;
    for i in 0..250 {
        job.put(&i.to_string(), lines(&digits(i, 1)));
    }
    let ended = job.run(&Digits, &keys(250));
    assert_eq!(ended.done.len(), 250);
}

/// [`Digits`] with responses of a megabyte.
struct Large;

impl Handler for Large {
    fn input_fn(&self, payload: &Payload, kind: &str, out: &mut Vec<Image>) -> Result<(), Refused> {
        Digits.input_fn(payload, kind, out)
    }

    fn output_fn(&self, some: &[Prediction], _: &str, response: &mut Vec<u8>) -> Result<()> {
        response.resize(MEBIBYTE as usize, b'0' + some[0].class);
        Ok(())
    }
}

#[test]
fn a_large_output_is_streamed_and_whole() {
    both_ways(|job| {
        job.plan.batch_strategy = BatchStrategy::SingleRecord;
        job.plan.assemble = AssembleWith::None;
        let digits = digits(0, 20);
        job.put("0", lines(&digits));
        let ended = job.run(&Large, &keys(1));
        let expected: Vec<u8> = digits
            .iter()
            .flat_map(|digit| std::iter::repeat_n(b'0' + digit, MEBIBYTE as usize))
            .collect();
        assert!(expected.len() > 2 * PIECE);
        assert!(fs::read(job.out().join("0.out")).unwrap() == expected);
        let written = &ended.done[&0];
        assert_eq!(written.bytes, expected.len() as u64);
        assert_eq!(written.sha256[..], Sha256::digest(&expected)[..]);
    });
}

#[test]
fn nothing_is_left_of_a_streamed_output_that_fails() {
    both_ways(|job| {
        job.plan.batch_strategy = BatchStrategy::SingleRecord;
        job.put("0", [lines(&digits(0, 40)), "x\n".into()].concat());
        let ended = job.run(&Large, &keys(1));
        assert_eq!(ended.failed[&0].record, Some(40));
        assert_eq!(files(&job.out()), Vec::<String>::new());
    });
}

#[test]
fn records_are_filtered_joined_with_their_results_and_filtered_again() {
    both_ways(|job| {
        job.plan.content_type = "text/csv".into();
        job.plan.accept = "text/csv".into();
        job.plan.max_payload_bytes = Some(5_000);
        job.plan.input_filter = "$[1:]".into();
        job.plan.join = JoinSource::Input;
        job.plan.output_filter = "$[0,-1]".into();
        // How slices end is for data processing to say; so that it does not matter, the last column
        // is the last of the picture either way.
        let digits = digits(3, 100);
        let rest = ",0".repeat(IMAGE_PIXELS - 1);
        let row = |(i, digit): (usize, &u8)| format!("id{i},{digit}{rest}\n");
        let text: String = digits.iter().enumerate().map(row).collect();
        job.put("0", text);
        let ended = job.run(&Mnist, &keys(1));
        assert_eq!(ended.failed, BTreeMap::new());
        assert!(ended.report.requests > 10);
        let row = |(i, digit): (usize, &u8)| format!("id{i},{digit}\n");
        assert_eq!(job.output("0.out"), digits.iter().enumerate().map(row).collect::<String>());
    });
}

#[test]
fn a_response_that_cannot_be_matched_with_its_records_fails_the_object() {
    struct Mute;
    impl Handler for Mute {
        fn input_fn(
            &self,
            payload: &Payload,
            t: &str,
            out: &mut Vec<Image>,
        ) -> Result<(), Refused> {
            Digits.input_fn(payload, t, out)
        }
        fn output_fn(&self, _: &[Prediction], _: &str, response: &mut Vec<u8>) -> Result<()> {
            response.extend_from_slice(b"1\n");
            Ok(())
        }
    }
    let mut job = Job::new();
    job.plan.content_type = "text/csv".into();
    job.plan.accept = "text/csv".into();
    job.plan.join = JoinSource::Input;
    job.put("0", "1\n2\n3\n");
    let ended = job.run(&Mute, &keys(1));
    assert!(ended.failed[&0].reason.contains("1 lines for 3 records"), "{ended:?}");
}

/// A way of predicting of one's own: everything is one more. It gives too little for nines.
struct Own;

impl Handler for Own {
    fn input_fn(&self, payload: &Payload, kind: &str, out: &mut Vec<Image>) -> Result<(), Refused> {
        Digits.input_fn(payload, kind, out)
    }

    fn predict_fn(&self) -> Option<&dyn Predict> {
        Some(self)
    }
}

impl Predict for Own {
    fn predict(
        &self,
        model: &mut Model<'_>,
        images: &[Image],
        out: &mut Vec<Prediction>,
    ) -> Result<()> {
        model.run(images, out)?;
        out.iter_mut().for_each(|prediction| prediction.class += 1);
        out.retain(|prediction| prediction.class < 10);
        Ok(())
    }
}

#[test]
fn a_handlers_own_way_of_predicting_is_used_and_what_it_lacks_fails_alone() {
    both_ways(|job| {
        for i in 0..100 {
            job.put(&i.to_string(), lines(&[i as u8 % 10]));
        }
        let ended = job.run(&Own, &keys(100));
        assert_eq!(ended.failed.len(), 10, "{ended:?}");
        assert_eq!(ended.failed[&9].reason, "predict_fn: it gave 0 predictions for 1 images");
        assert_eq!(ended.failed[&9].record, Some(0));
        for i in (0..100).filter(|i| i % 10 != 9) {
            assert_eq!(job.output(&format!("{i}.out")), answers(&[i as u8 % 10 + 1]));
        }
    });
}

#[test]
fn a_request_that_takes_too_long_fails_its_object() {
    both_ways(|job| {
        job.plan.invocations_timeout_s = 0;
        job.put("0", lines(&digits(0, 3)));
        let ended = job.run(&Digits, &keys(1));
        let reason = &ended.failed[&0].reason;
        assert!(reason.starts_with("a request of 3 records from record 0 on took "), "{reason}");
        assert!(reason.contains("InvocationsTimeoutInSeconds (0 s)"), "{reason}");
    });
}

#[test]
fn probabilities_come_with_the_answers_where_they_are_asked_for() {
    let mut job = Job::new();
    job.plan.probabilities = true;
    job.plan.accept = "text/csv".into();
    job.put("0", "3\n");
    job.run(&Digits, &keys(1));
    let text = job.output("0.out");
    let fields: Vec<f32> = text.trim().split(',').map(|f| f.parse().unwrap()).collect();
    assert_eq!(fields, [3.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn a_session_that_panics_ends_the_instance_and_hangs_no_one() {
    both_ways(|job| {
        for i in 0..1000 {
            job.put(&i.to_string(), lines(&digits(i, 1)));
        }
        let script: Script = Arc::new(|batch, _| {
            assert!(batch < 5, "at batch {batch}");
            Ok(Duration::ZERO)
        });
        let error = job.try_run(&Digits, Null::scripted(script), &keys(1000)).unwrap_err();
        assert!(error.to_string().contains("panicked: at batch 5"), "{error}");
        assert!(matches!(error, Error::Bug(_)), "{error}");
    });
}

#[test]
fn an_instance_whose_session_cannot_be_opened_says_why() {
    both_ways(|job| {
        let script: Script = Arc::new(|_, _| Err("no memory".into()));
        let error = job.try_run(&Digits, Null::scripted(script), &keys(0)).unwrap_err();
        assert_eq!(error.to_string(), "backend null: no memory");
    });
}
