//! An instance at work on its share of a plan.
//!
//! One thread hears the parent; rayon reads and decodes; a session a core runs the model; as many
//! threads write. Between each two stands a bounded queue, so a slow stage holds the faster ones
//! back and memory stays flat.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};
use rayon::iter::{ParallelBridge, ParallelIterator};
use sha2::{Digest, Sha256};

use super::handler;
use super::job::InstanceReport;
use super::message::{Down, Failed, Up, Written};
use super::plan::Plan;
use crate::backend::{self, Backend, Outputs, Session, SessionOptions};
use crate::batching::{Policy, Queue};
use crate::clock::Clock;
use crate::data::{IMAGE_PIXELS, Image};
use crate::error::{Error, Result};
use crate::measure::host::{own_cores, peak_resident_bytes};
use crate::model::{self, Weights};
use crate::pipeline::{Done, Item, Link, drive};
use crate::staging::Pool;
use crate::store::{Input, Output};

/// Objects that one rayon task reads and decodes, and that one message to the parent is about.
const CHUNK: usize = 64;
/// Images of a warm-up batch at most.
const WARM_IMAGES: usize = 1024;

/// Does a share of a job, as the parent on the other end of `link` says.
///
/// # Errors
/// Whatever keeps the instance from working at all; it has been said to the parent too. Objects
/// that fail are reported one by one.
pub fn serve(link: &Link) -> Result<()> {
    let Some(Down::Open { plan, index, base }) = link.receive()? else {
        return Err(Error::Bug("an instance was told to work before it was told on what".into()));
    };
    let done = work(link, &plan, index, &base);
    if let Err(error) = &done {
        // If the parent is gone too, our exit code is all that is left to say.
        let _ = link.send(&Up::Broken { reason: error.to_string() });
    }
    done
}

/// What an image is known by on its way.
struct Tag {
    object: u32,
    key: String,
}

type Object = (u32, String);

struct Engine<'a> {
    link: &'a Link,
    plan: &'a Plan,
    input: Input,
    output: Output,
    clock: Clock,
    queue: Queue<Item<Tag>>,
    totals: Mutex<InstanceReport>,
}

fn work(link: &Link, plan: &Plan, index: usize, base: &str) -> Result<()> {
    let cores = own_cores().len();
    let (weights, model) = match &plan.model_file {
        Some(path) => model::load(path)?,
        None => model::shipped()?,
    };
    let backend = backend::by_name(&plan.backend)?;
    let clock = Clock::monotonic();
    let policy = Policy::new(plan.max_batch, plan.max_delay(), plan.preferred.clone())?;
    let engine = Engine {
        link,
        plan,
        input: Input::open(Path::new(base))?,
        output: Output::open(Path::new(&plan.output)),
        queue: Queue::new((cores + 1) * plan.max_batch, policy, clock.clone()),
        clock,
        totals: Mutex::new(InstanceReport { index, ..InstanceReport::default() }),
    };
    let readers = rayon::ThreadPoolBuilder::new()
        .num_threads(cores)
        .build()
        .map_err(|error| Error::unavailable("threads for decoding", error.to_string()))?;

    let (keys_in, keys) = bounded::<Vec<Object>>(2 * cores);
    let (written_in, written) = bounded::<Vec<(Tag, u8)>>(4 * cores);
    let (opened_in, opened) = bounded::<Result<()>>(cores);
    thread::scope(|scope| {
        for _ in 0..cores {
            let (opened_in, written_in) = (opened_in.clone(), written_in.clone());
            let (engine, weights, backend) = (&engine, &weights, backend.as_ref());
            scope.spawn(move || engine.infer(backend, weights, &opened_in, &written_in));
            let written = written.clone();
            scope.spawn(move || engine.write(&written));
        }
        drop((written_in, written, opened_in));
        scope.spawn({
            let (engine, readers) = (&engine, &readers);
            move || {
                let _closer = Closer { queue: &engine.queue };
                readers.install(|| keys.into_iter().par_bridge().for_each(|c| engine.read(c)));
                engine.queue.end();
            }
        });
        let heard = all_open(&opened, cores)
            .and_then(|()| link.send(&Up::Ready { model }))
            .and_then(|()| hear(link, keys_in));
        if heard.is_err() {
            engine.queue.abort();
        }
        heard
    })?;
    let mut report = *engine.totals.lock().unwrap_or_else(PoisonError::into_inner);
    report.peak_rss_bytes = peak_resident_bytes();
    link.send(&Up::Report(report))
}

/// Waits until every session has said that it is open. One that panicked says nothing.
fn all_open(opened: &Receiver<Result<()>>, sessions: usize) -> Result<()> {
    for _ in 0..sessions {
        opened.recv().unwrap_or_else(|_| Err(Error::Bug("a session died".into())))?;
    }
    Ok(())
}

/// Passes keys on until the parent has no more.
fn hear(link: &Link, keys: Sender<Vec<Object>>) -> Result<()> {
    while let Some(message) = link.receive()? {
        let Down::Keys(mut objects) = message else {
            return Err(Error::Bug("an instance was opened twice".into()));
        };
        while !objects.is_empty() {
            let rest = objects.split_off(objects.len().min(CHUNK));
            if keys.send(std::mem::replace(&mut objects, rest)).is_err() {
                return Err(Error::Bug("the readers of an instance have gone".into()));
            }
        }
    }
    Ok(())
}

/// Aborts the queue when a thread that fills or empties it panics: the others would wait for it
/// for ever.
struct Closer<'a> {
    queue: &'a Queue<Item<Tag>>,
}

impl Drop for Closer<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.queue.abort();
        }
    }
}

impl Engine<'_> {
    /// Reads and decodes a chunk of objects and queues their images.
    fn read(&self, objects: Vec<Object>) {
        let mut bytes = Vec::new();
        let mut items = Vec::with_capacity(objects.len());
        let mut failed = Vec::new();
        for (object, key) in objects {
            let read =
                self.input.read(&key, self.plan.max_payload_bytes.unwrap_or(u64::MAX), &mut bytes);
            match read.and_then(|()| handler::input(&bytes)) {
                Ok(image) => items.push(Item { image, tag: Tag { object, key } }),
                Err(error) => failed.push((object, Failed::whole(error))),
            }
        }
        if self.queue.push_all(&mut items).is_err() {
            // The sessions are gone, and the parent hears why from them.
            return;
        }
        self.tell(Vec::new(), failed);
    }

    /// One session: opens it, warms it, says so, and runs what the queue gives.
    fn infer(
        &self,
        backend: &dyn Backend,
        weights: &Weights,
        opened: &Sender<Result<()>>,
        written: &Sender<Vec<(Tag, u8)>>,
    ) {
        let _closer = Closer { queue: &self.queue };
        let max_batch = self.plan.max_batch;
        let options = SessionOptions { max_batch, threads: 1, outputs: Outputs::Classes };
        let open = backend.open(weights, &options).and_then(|mut session| {
            let pool = Pool::new(&*backend.host_alloc(), session.in_flight() + 1, max_batch)?;
            warm(session.as_mut(), &pool)?;
            Ok((session, pool))
        });
        let (mut session, pool) = match open {
            Ok(open) => open,
            Err(error) => {
                // Nobody listens any more where another session failed first.
                let _ = opened.send(Err(error));
                return;
            }
        };
        let _ = opened.send(Ok(()));
        let mut own = InstanceReport::default();
        drive(session.as_mut(), &self.queue, &pool, &self.clock, 0, |done| {
            own.images += done.items.len() as u64;
            own.batches += 1;
            own.compute_ns += done.times.device.compute.0;
            own.queued_ns += done.times.queued.0;
            self.deliver(done, written);
        });
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        totals.images += own.images;
        totals.batches += own.batches;
        totals.compute_ns += own.compute_ns;
        totals.queued_ns += own.queued_ns;
    }

    /// Hands a batch's predictions to the writers, in chunks that several can share.
    fn deliver(&self, done: Done<'_, Tag>, written: &Sender<Vec<(Tag, u8)>>) {
        let take = |tag: &mut Tag| Tag { object: tag.object, key: std::mem::take(&mut tag.key) };
        match done.outcome {
            Ok(predictions) => {
                let classes = predictions.classes.chunks(CHUNK);
                for (items, classes) in done.items.chunks_mut(CHUNK).zip(classes) {
                    let tags = items.iter_mut().map(|arrived| take(&mut arrived.item.tag));
                    // The writers outlive every session, unless one of them panicked.
                    let _ = written.send(tags.zip(classes.iter().copied()).collect());
                }
            }
            Err(error) => {
                let reason = error.to_string();
                let failed = done.items.iter().map(|i| (i.item.tag.object, Failed::whole(&reason)));
                self.tell(Vec::new(), failed.collect());
            }
        }
    }

    /// Writes outputs until the sessions have gone.
    fn write(&self, written: &Receiver<Vec<(Tag, u8)>>) {
        for chunk in written {
            let mut done = Vec::with_capacity(chunk.len());
            let mut failed = Vec::new();
            for (tag, class) in chunk {
                let text = handler::output(class);
                match self.output.put(&handler::output_key(&tag.key), text.as_bytes()) {
                    Ok(()) => done.push(Written {
                        object: tag.object,
                        bytes: text.len() as u64,
                        records: 1,
                        sha256: hex(&Sha256::digest(&text)),
                    }),
                    Err(error) => failed.push((tag.object, Failed::whole(error))),
                }
            }
            self.tell(done, failed);
        }
    }

    fn tell(&self, done: Vec<Written>, failed: Vec<(u32, Failed)>) {
        if !(done.is_empty() && failed.is_empty()) {
            // A parent that is gone has ended our input too.
            let _ = self.link.send(&Up::Finished { done, failed });
        }
    }
}

/// Runs batches of nothing in particular: first calls allocate, choose kernels and load code. They
/// are full unless that would take long.
fn warm(session: &mut dyn Session, pool: &Pool) -> Result<()> {
    let blank = Image([0; IMAGE_PIXELS]);
    let mut predictions = backend::Predictions::default();
    for _ in 0..3 {
        let mut slot = pool.take();
        let images = slot.capacity().min(WARM_IMAGES);
        slot.fill(std::iter::repeat_n(&blank, images));
        let ticket = session.submit(slot)?;
        session.wait(ticket, &mut predictions)?;
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
