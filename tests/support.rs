//! What the tests of the program share: running it, watching its processes, objects to give it.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use plimsoll::data::{self, Image, Split, digits, encode_png};
use rustix::process::{Pid, Signal};

/// The longest that anything here may take: a hang is a failure with a name.
const PATIENCE: Duration = Duration::from_secs(100);

/// The program, in surroundings that say nothing: no network, no MNIST, no settings.
pub(crate) fn plimsoll<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.args(args).stdin(Stdio::null());
    for name in ["PLIMSOLL_MNIST_DIR", "PLIMSOLL_CACHE_DIR", "XDG_CACHE_HOME", "HOME"] {
        command.env_remove(name);
    }
    command.env("PLIMSOLL_OFFLINE", "1");
    command
}

/// Runs the program to its end.
pub(crate) fn run<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Ended {
    end(plimsoll(args))
}

/// Runs a command to its end, or kills it when that does not come.
pub(crate) fn end(command: Command) -> Ended {
    let said = format!("{command:?}");
    let output = assert_cmd::Command::from_std(command).timeout(PATIENCE).output().unwrap();
    Ended::new(&said, output)
}

/// What a run of the program came to.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    command: String,
}

impl Ended {
    fn new(command: &str, output: std::process::Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            command: command.to_owned(),
        }
    }

    /// Holds it to its exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: u8) -> Self {
        assert_eq!(self.code, Some(code.into()), "{self}");
        self
    }

    /// Holds standard output to what has to be in it.
    #[track_caller]
    pub(crate) fn says(self, words: &str) -> Self {
        assert!(self.stdout.contains(words), "standard output lacks {words:?}\n{self}");
        self
    }

    /// Holds standard error to what has to be in it.
    #[track_caller]
    pub(crate) fn complains(self, words: &str) -> Self {
        assert!(self.stderr.contains(words), "standard error lacks {words:?}\n{self}");
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}\n{self}"))
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { code, stdout, stderr, command } = self;
        writeln!(f, "{command}\nexit code {code:?}\n--- stdout\n{stdout}--- stderr\n{stderr}---")
    }
}

/// A run under way. It is killed if the test gives up on it.
pub(crate) struct Running {
    child: Option<Child>,
    command: String,
}

impl Running {
    /// Starts the program.
    pub(crate) fn start<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Self {
        let mut command = plimsoll(args);
        let said = format!("{command:?}");
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Self { child: Some(child), command: said }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// The instances that it has started.
    pub(crate) fn instances(&self) -> Vec<u32> {
        children(self.pid())
    }

    /// Waits until `done`, while the program runs.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let start = Instant::now();
        while !done(self) {
            if self.child.as_mut().unwrap().try_wait().unwrap().is_some() {
                panic!("it ended before {what}\n{}", self.output());
            }
            assert!(start.elapsed() < PATIENCE, "never {what}: {}", self.command);
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        let start = Instant::now();
        // Its few lines fit a pipe, so it never waits for a reader.
        while self.child.as_mut().unwrap().try_wait().unwrap().is_none() {
            assert!(start.elapsed() < PATIENCE, "it never ended: {}", self.command);
            std::thread::sleep(Duration::from_millis(5));
        }
        self.output()
    }

    fn output(&mut self) -> Ended {
        let child = self.child.take().unwrap();
        Ended::new(&self.command, child.wait_with_output().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Sends a signal to a process that may have gone.
pub(crate) fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    let _ = rustix::process::kill_process(pid, signal);
}

/// The processes that a process has started and that still run.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let mut found: Vec<u32> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok())
        .filter(|&pid| stat(pid).is_some_and(|(state, ppid)| ppid == parent && state != 'Z'))
        .collect();
    found.sort_unstable();
    found
}

/// Whether a process still runs.
pub(crate) fn lives(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, _)| !['Z', 'X'].contains(&state))
}

/// State and parent of a process, from `/proc`; see proc_pid_stat(5).
fn stat(pid: u32) -> Option<(char, u32)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in brackets, may hold anything, brackets too.
    let mut fields = text[text.rfind(')')? + 1..].split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// Waits until something that is not the program's doing alone is so.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "never {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

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
        self.path("out.failures.jsonl")
    }

    /// Puts an object into the input.
    pub(crate) fn put(&self, key: &str, bytes: &[u8]) {
        let path = self.input().join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// The arguments of a job over it.
    pub(crate) fn job(&self, backend: &str, more: &[&str]) -> Vec<std::ffi::OsString> {
        let (input, output) = (self.input(), self.output());
        let mut args: Vec<std::ffi::OsString> = vec!["transform".into(), "--input".into()];
        args.extend([input.into(), "--output".into(), output.into()]);
        args.extend(["--backend", backend].map(Into::into));
        args.extend(more.iter().map(Into::into));
        args
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
    let options = SessionOptions { max_batch: 1, threads: 1, outputs: Outputs::Classes };
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

/// Says that a test, or a part of one, was left out. Past the harness, which would swallow it.
pub(crate) fn skipped(why: &str) {
    writeln!(std::io::stderr(), "SKIPPED: {why}").unwrap();
}

/// Whether this process may do everything, so that no mode keeps it from a file.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
