//! Instances: started together, spoken to, watched, and never left behind.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::link::{decode, encode};
use super::place::Placement;
use crate::error::{Error, Result};

/// What an instance's stderr may leave behind for its obituary.
const LAST_WORDS: u64 = 2_000;
/// How long an instance may take to leave once its input has ended.
const GRACE: Duration = Duration::from_secs(30);

/// Worker processes of one kind. Dropping it ends them.
pub struct Fleet<Up> {
    members: Vec<Member>,
    events: Receiver<(usize, Event<Up>)>,
}

/// What comes up from an instance.
#[derive(Debug)]
pub enum Event<Up> {
    /// A message.
    Message(Up),
    /// It has gone; nothing more will come from it. The reason is empty where it left in order.
    Gone(String),
}

struct Member {
    child: Arc<Mutex<Child>>,
    lines: Option<Sender<String>>,
}

impl<Up: DeserializeOwned + Send + 'static> Fleet<Up> {
    /// Starts `program instance KIND` once for each placement, bound to its cores, with the
    /// variables of `environment` added to those of this process.
    ///
    /// Each is in a process group of its own, so that Ctrl-C reaches the parent alone, which lets
    /// them finish what is in flight.
    ///
    /// # Errors
    /// [`Error::Instance`] where a process cannot be started; those before it are ended.
    pub fn start(
        program: &Path,
        kind: &str,
        placements: &[Placement],
        environment: &BTreeMap<String, String>,
    ) -> Result<Self> {
        let (up, events) = unbounded();
        let mut fleet = Self { members: Vec::with_capacity(placements.len()), events };
        for placement in placements {
            let mut command = Command::new(program);
            let cores: Vec<String> = placement.cores.iter().map(ToString::to_string).collect();
            command.args(["instance", kind, "--cores", &cores.join(",")]);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            spread_openmp(&mut command, &placement.cores);
            // After our own, so that what the user says of OpenMP's threads holds.
            command.envs(environment);
            #[cfg(unix)]
            std::os::unix::process::CommandExt::process_group(&mut command, 0);
            let index = placement.index;
            let child = command.spawn().map_err(|source| Error::Instance {
                index,
                reason: format!("cannot start {}: {source}", program.display()),
            })?;
            fleet.members.push(watch(index, child, up.clone()));
        }
        Ok(fleet)
    }

    /// How many were started.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether none was started.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Sends a message to an instance. It is queued; a slow or dead instance holds no one up.
    ///
    /// # Errors
    /// [`Error::Bug`] where the message cannot be encoded.
    pub fn send(&self, index: usize, message: &impl Serialize) -> Result<()> {
        let mut line = encode(message)?;
        line.push('\n');
        if let Some(lines) = &self.members[index].lines {
            // A closed channel means that the instance is gone, which its event says better.
            let _ = lines.send(line);
        }
        Ok(())
    }

    /// The next event and the instance it came from, or `None` after `timeout` without one.
    pub fn next(&self, timeout: Duration) -> Option<(usize, Event<Up>)> {
        self.events.recv_timeout(timeout).ok()
    }

    /// Ends an instance at once. Its event says when it has gone.
    pub fn kill(&self, index: usize) {
        // One that has just left is as well.
        let child = &self.members[index].child;
        let _ = child.lock().unwrap_or_else(PoisonError::into_inner).kill();
    }

    /// Tells an instance that no more will come: it finishes what it has and leaves.
    pub fn close(&mut self, index: usize) {
        self.members[index].lines = None;
    }
}

impl<Up> Drop for Fleet<Up> {
    /// Ends the input of those that still run, waits, and kills who does not leave.
    fn drop(&mut self) {
        for member in &mut self.members {
            member.lines = None;
        }
        let deadline = Instant::now() + GRACE;
        for member in &self.members {
            loop {
                let mut child = member.child.lock().unwrap_or_else(PoisonError::into_inner);
                match child.try_wait() {
                    Ok(None) if Instant::now() < deadline => {
                        drop(child);
                        thread::sleep(Duration::from_millis(2));
                    }
                    Ok(None) => {
                        // It has had its time. It may have left just now, which is as well.
                        let _ = child.kill();
                        let _ = child.wait();
                        break;
                    }
                    Ok(Some(_)) | Err(_) => break,
                }
            }
        }
    }
}

/// Keeps each of an instance's OpenMP threads on a core of its own, unless the user has said where
/// they belong. Left alone, two of them meet on one core as often as not, and the rest of the team
/// waits for both.
fn spread_openmp(command: &mut Command, cores: &[usize]) {
    const SAID: [&str; 3] = ["GOMP_CPU_AFFINITY", "OMP_PLACES", "OMP_PROC_BIND"];
    if SAID.iter().all(|name| std::env::var_os(name).is_none()) {
        let cores: Vec<String> = cores.iter().map(ToString::to_string).collect();
        command.env("GOMP_CPU_AFFINITY", cores.join(" "));
    }
}

/// Starts the three threads that carry an instance's streams.
fn watch<Up: DeserializeOwned + Send + 'static>(
    index: usize,
    mut child: Child,
    up: Sender<(usize, Event<Up>)>,
) -> Member {
    let (lines, to_write) = unbounded::<String>();
    if let Some(stdin) = child.stdin.take() {
        thread::spawn(move || write_lines(stdin, &to_write));
    }
    let stdout = child.stdout.take();
    let stderr = child.stderr.take();
    let child = Arc::new(Mutex::new(child));
    let last_words = thread::spawn(move || stderr.map(tail).unwrap_or_default());
    thread::spawn({
        let child = Arc::clone(&child);
        move || {
            let mut broken = String::new();
            for line in stdout.map(BufReader::new).into_iter().flat_map(BufRead::lines) {
                match line
                    .map_err(|e| e.to_string())
                    .and_then(|line| decode(&line).map_err(|error| error.to_string()))
                {
                    Ok(message) => {
                        // Nobody listens any more once the fleet is dropped.
                        let _ = up.send((index, Event::Message(message)));
                    }
                    Err(error) => {
                        broken = error;
                        // It would work on unheard, and wait for an answer for ever.
                        let _ = child.lock().unwrap_or_else(PoisonError::into_inner).kill();
                        break;
                    }
                }
            }
            let words = last_words.join().unwrap_or_default();
            let _ = up.send((index, Event::Gone(obituary(&child, &broken, &words))));
        }
    });
    Member { child, lines: Some(lines) }
}

fn write_lines(mut stdin: ChildStdin, lines: &Receiver<String>) {
    for line in lines {
        // A broken pipe means that the instance is gone, which its event says better.
        if stdin.write_all(line.as_bytes()).and_then(|()| stdin.flush()).is_err() {
            return;
        }
    }
}

/// The end of what a stream says, all of which is read.
fn tail(mut stream: impl Read) -> String {
    let mut kept = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(n @ 1..) = stream.read(&mut chunk) {
        kept.extend_from_slice(&chunk[..n]);
        let over = kept.len().saturating_sub(LAST_WORDS as usize);
        kept.drain(..over);
    }
    String::from_utf8_lossy(&kept).trim().to_owned()
}

/// Why an instance is gone; empty where it left in order. One that was `broken` was killed for it,
/// so its exit status says nothing of its own.
fn obituary(child: &Mutex<Child>, broken: &str, words: &str) -> String {
    let status = loop {
        // Polled, so that who kills it can have the lock.
        match child.lock().unwrap_or_else(PoisonError::into_inner).try_wait() {
            Ok(Some(status)) => break status.to_string(),
            Ok(None) => thread::sleep(Duration::from_millis(1)),
            Err(error) => break error.to_string(),
        }
    };
    let cause = match (broken, status.as_str()) {
        ("", "exit status: 0") => return String::new(),
        ("", status) => status,
        (broken, _) => broken,
    };
    [cause, words].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join("; ")
}
