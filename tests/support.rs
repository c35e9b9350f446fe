//! What the tests of the program share: running it, watching its processes, objects to give it.

mod program;
#[cfg(feature = "cloud")]
pub(crate) mod s3;

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use plimsoll::data::{self, Image, Split, digits, encode_png};
use plimsoll::transform::Failure;
use plimsoll::transform::record::JobRecord;
use plimsoll::transform::request::{Draft, Local, SHIPPED_MODEL};

pub(crate) use self::program::{
    Ended, Running, children, end, install, lives, plimsoll, run, signal, wait_until,
};

/// The files of a finished report.
pub(crate) const REPORT: [&str; 7] = [
    "report.html",
    "report.md",
    "results.csv",
    "rounds.csv",
    "results.json",
    "latency.hlog",
    "bundle.tar.gz",
];

/// A job's folders, empty but for the input's.
pub(crate) struct Place {
    root: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir_in(scratch()).unwrap();
        fs::create_dir(root.path().join("in")).unwrap();
        Self { root }
    }

    /// One with so many digits in it, [`digit`] 0 to `n`.
    pub(crate) fn with_digits(n: usize) -> Self {
        let place = Self::new();
        for i in 0..n {
            place.put(&format!("{i:03}.png"), &png(&digit(i)));
        }
        place
    }

    /// One with `n` objects that are [`marked`] by their number modulo ten, as `digit/number.png`.
    /// They are links to ten files, for they are many.
    pub(crate) fn with_many(n: usize) -> Self {
        let place = Self::new();
        for class in 0..10.min(n) {
            place.put(&format!("{class}/{class}.png"), &png(&marked(class as u8)));
        }
        for i in 10..n {
            let folder = place.input().join((i % 10).to_string());
            fs::hard_link(folder.join(format!("{}.png", i % 10)), folder.join(format!("{i}.png")))
                .unwrap();
        }
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn input(&self) -> PathBuf {
        self.path("in")
    }

    pub(crate) fn output(&self) -> PathBuf {
        self.path("out")
    }

    /// The list of failed objects.
    pub(crate) fn failures(&self) -> PathBuf {
        self.path("out.plimsoll/job/failures.jsonl")
    }

    /// The list of outputs, a value for each line.
    pub(crate) fn listed(&self) -> Vec<serde_json::Value> {
        let list = fs::read_to_string(self.path("out.plimsoll/job/outputs.jsonl")).unwrap();
        list.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The record of the job.
    pub(crate) fn record(&self) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.path("out.plimsoll/job/job.json")).unwrap()).unwrap()
    }

    /// Removes all that jobs have left.
    pub(crate) fn clear(&self) {
        for left in ["out", "out.plimsoll"] {
            let _ = fs::remove_dir_all(self.path(left));
        }
    }

    /// Puts an object into the input.
    pub(crate) fn put(&self, key: &str, bytes: &[u8]) {
        let path = self.input().join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// The arguments of a job over it, which is called `job` unless it is called something else.
    pub(crate) fn job(&self, backend: &str, more: &[&str]) -> Vec<std::ffi::OsString> {
        let (input, output) = (self.input(), self.output());
        let mut args: Vec<std::ffi::OsString> = vec!["transform".into(), "--input".into()];
        args.extend([input.into(), "--output".into(), output.into()]);
        args.extend(["--backend", backend].map(Into::into));
        args.extend(more.iter().map(Into::into));
        if !more.contains(&"--job-name") {
            args.extend(["--job-name", "job"].map(Into::into));
        }
        args
    }

    /// The record of such a job on the null backend, for those who run it without the program.
    /// `change` sets fields of its request by their paths.
    pub(crate) fn null_job(&self, change: impl FnOnce(&mut Draft)) -> JobRecord {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        let source = "TransformInput.DataSource.S3DataSource";
        let mut draft = Draft::default();
        draft.set("TransformJobName", "job");
        draft.set("ModelName", SHIPPED_MODEL);
        draft.set(&format!("{source}.S3DataType"), "S3Prefix");
        draft.set(&format!("{source}.S3Uri"), text(self.input()));
        draft.set("TransformOutput.S3OutputPath", text(self.output()));
        draft.set("TransformResources.InstanceType", "ml.c5.xlarge");
        draft.set("TransformResources.InstanceCount", 1);
        change(&mut draft);
        let local = Local {
            backend: "null".into(),
            max_batch: 16,
            max_delay_ns: 1_000_000,
            ..Local::default()
        };
        JobRecord::new(draft.finish().unwrap(), local, Vec::new())
    }

    /// Every file of the output, as (key, text), in the order of keys.
    pub(crate) fn outputs(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for path in files(&self.output()) {
            let key = path.strip_prefix(self.output()).unwrap().to_str().unwrap().to_owned();
            found.push((key, fs::read_to_string(&path).unwrap()));
        }
        found.sort();
        found
    }

    /// How many files the output has by now.
    pub(crate) fn written(&self) -> usize {
        files(&self.output()).len()
    }
}

/// Where folders of thousands of files go: memory, where there is enough of it.
fn scratch() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    let enough = |facts: rustix::fs::StatVfs| facts.f_bavail * facts.f_frsize > 1 << 30;
    let writable = tempfile::tempfile_in(&memory).is_ok();
    if writable && rustix::fs::statvfs(&memory).is_ok_and(enough) {
        memory
    } else {
        std::env::temp_dir()
    }
}

/// Every file below a folder; none where it is not there. What goes meanwhile is passed over.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let entry = entry.unwrap();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(_) => found.push(entry.path()),
                Err(_) => {}
            }
        }
    }
    found
}

/// A digit that Plimsoll draws.
pub(crate) fn digit(index: usize) -> Image {
    digits::draw(1, Split::Test, index as u64).0
}

/// An image that the null backend takes for `class`: it looks at the first pixel alone.
pub(crate) fn marked(class: u8) -> Image {
    let mut image = digit(class.into());
    image.0[0] = 20 + class;
    image
}

pub(crate) fn png(image: &Image) -> Vec<u8> {
    encode_png(image).unwrap()
}

/// What an output object holds.
pub(crate) fn prediction(class: u8) -> String {
    format!("{{\"predictions\": {class}}}")
}

/// What a backend says of the objects below a folder, as [`Place::outputs`] should be.
pub(crate) fn predictions(backend: &str, input: &Path) -> Vec<(String, String)> {
    use plimsoll::backend::{Outputs, Predictions, SessionOptions, by_name};
    let mut paths = files(input);
    paths.sort();
    let (weights, _) = plimsoll::model::shipped().unwrap();
    let options = SessionOptions {
        max_batch: 1,
        threads: 1,
        outputs: Outputs::Classes,
        precision: Default::default(),
    };
    let mut session = by_name(backend).unwrap().open(&weights, &options).unwrap();
    let pool = plimsoll::staging::Pool::new(&plimsoll::staging::Heap, 1, 1).unwrap();
    let mut says = Predictions::default();
    let mut all: Vec<_> = paths
        .iter()
        .map(|path| {
            let mut slot = pool.take();
            slot.fill([&data::decode(&fs::read(path).unwrap()).unwrap()]);
            let ticket = session.submit(slot).unwrap();
            session.wait(ticket, &mut says).unwrap();
            let key = path.strip_prefix(input).unwrap().to_str().unwrap();
            (format!("{key}.out"), prediction(says.classes[0]))
        })
        .collect();
    all.sort();
    all
}

/// A name that is not UTF-8.
pub(crate) fn not_utf8() -> &'static OsStr {
    OsStr::from_bytes(b"bad\xff.png")
}

/// The failed objects that a job lists, in the order of keys.
pub(crate) fn failures(place: &Place) -> Vec<Failure> {
    let list = fs::read_to_string(place.failures()).unwrap();
    list.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Holds a job to have failed one object alone, for a reason that holds all of `says`.
#[track_caller]
pub(crate) fn check_one(place: &Place, ended: &Ended, name: &str, says: &[&str]) {
    let failures = failures(place);
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!(failures[0].key, name);
    for words in says {
        assert!(failures[0].reason.contains(words), "{words:?} is not in {failures:?}");
    }
    let line = format!("failed: {name}: {}\n", failures[0].reason);
    assert!(ended.stderr.contains(&line), "{ended}");
    assert!(ended.stderr.contains("1 object failed; they and the reasons are in "), "{ended}");
    assert!(ended.stderr.contains("out.plimsoll/job/failures.jsonl"), "{ended}");
}

/// Says that a test, or a part of one, was left out. Past the harness, which would swallow it.
pub(crate) fn skipped(why: &str) {
    writeln!(std::io::stderr(), "SKIPPED: {why}").unwrap();
}

/// Whether this process may do everything, so that no mode keeps it from a file.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
