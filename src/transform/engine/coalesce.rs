//! Batches that carry images of many requests and objects: the fast way.

use crossbeam_channel::{Receiver, Sender};

use super::Engine;
use super::guard::shielded;
use super::open::Tag;
use super::outcomes::Outcomes;
use super::read::{Buffers, Object, Request};
use super::session::Opened;
use crate::batching::{Arrived, Queue};
use crate::data::Image;
use crate::error::{Error, Result};
use crate::pipeline::{Done, Item, drive};
use crate::transform::handler::{Model, Predict, Prediction};
use crate::transform::job::InstanceReport;

/// Images that are queued together, and predictions that are handed on together.
const CHUNK: usize = 64;
/// How many times the queue's images one object may have on their way. It takes that to keep all
/// sessions busy with one object, and more would only be waiting for its first.
const WINDOW: usize = 4;

/// Images on their way to a session. The tag is there until the prediction takes it.
pub(super) type Images = Queue<Item<Option<Tag>>>;
/// Predictions on their way to the outputs.
pub(super) type Predicted = Vec<(Tag, Prediction)>;

impl Engine<'_> {
    /// Reads objects and queues their images until no more keys come.
    pub(super) fn feed(&self, keys: &Receiver<Vec<Object>>, queue: &Images) {
        let mut buffers = Buffers::default();
        let mut outcomes = Outcomes::default();
        let mut items = Vec::with_capacity(CHUNK);
        for objects in keys {
            let mut requests = 0;
            let read = objects.len();
            self.read(objects, &mut buffers, &mut outcomes, &mut |request, _| {
                requests += 1;
                self.queue(request, &mut items, queue);
            });
            // A queue that is closed is an instance that has broken off, which says why.
            let _ = queue.push_all(&mut items);
            if self.supply.read(read) {
                queue.press();
            }
            outcomes.flush(self);
            self.add(InstanceReport { requests, ..InstanceReport::default() });
            if self.breaker.is_broken() {
                return;
            }
        }
    }

    /// Queues the images of a request, or gathers them in `items` to be queued with others.
    fn queue(&self, request: Request<'_>, items: &mut Vec<Item<Option<Tag>>>, queue: &Images) {
        let Request { open, payload, images, mut kept } = request;
        let window = WINDOW * queue.capacity();
        if kept.first > 0 {
            // What is not queued never makes room.
            let _ = queue.push_all(items);
            open.wait_for_room(images.len(), window, || self.breaker.is_broken());
            kept.submitted = self.clock.now();
        }
        // Only with an image a record can be told which came from which.
        let paired = images.len() == payload.len();
        let number = open.announce(images.len(), kept);
        for (i, image) in images.iter().enumerate() {
            let record =
                paired.then(|| (payload.first_record() + i as u64, payload.record_offset(i)));
            let tag = Tag { open: open.clone(), request: number, position: i as u32, record };
            items.push(Item { image: *image, tag: Some(tag) });
            if items.len() >= CHUNK && queue.push_all(items).is_err() {
                return;
            }
        }
    }

    /// Runs what the queue gives through a session.
    pub(super) fn infer(&self, opened: Opened, queue: &Images, predicted: &Sender<Predicted>) {
        let Opened { mut session, pool } = opened;
        let mut report = InstanceReport::default();
        if let Some(predict) = self.handler.predict_fn() {
            let mut model = Model::new(session.as_mut(), &pool);
            self.predict_all(predict, &mut model, queue, &mut report, predicted);
        } else {
            let retries = self.plan.invocations_max_retries;
            drive(session.as_mut(), queue, &pool, &self.clock, retries, |done| {
                report.images += done.items.len() as u64;
                report.batches += 1;
                report.compute_ns += done.times.device.compute.0;
                report.queued_ns += done.times.queued.0;
                self.deliver(done, predicted);
            });
        }
        self.add(report);
    }

    /// Hands a batch's predictions on, in chunks that several threads can share.
    fn deliver(&self, done: Done<'_, Option<Tag>>, predicted: &Sender<Predicted>) {
        match done.outcome {
            Ok(predictions) => hand_on(done.items, Prediction::of(predictions), predicted),
            Err(error) => self.fail(done.items, &error),
        }
    }

    /// Runs what the queue gives through a handler's own way of predicting.
    fn predict_all(
        &self,
        predict: &dyn Predict,
        model: &mut Model<'_>,
        queue: &Images,
        report: &mut InstanceReport,
        predicted: &Sender<Predicted>,
    ) {
        let (mut items, mut images, mut out) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(closed) = queue.next_batch(&mut items) {
            report.queued_ns += items.iter().map(|arrived| (closed - arrived.at).0).sum::<u64>();
            images.clear();
            images.extend(items.iter().map(|arrived| arrived.item.image));
            let before = self.clock.now();
            let mut run = |images: &[Image], out: &mut Vec<Prediction>| {
                report.batches += 1;
                report.images += images.len() as u64;
                predict_once(predict, model, images, out)
            };
            let alone = images.len() == 1;
            let outcome = if alone {
                self.with_retries(|| run(&images, &mut out))
            } else {
                run(&images, &mut out)
            };
            match outcome {
                Ok(()) => hand_on(&mut items, out.iter().copied(), predicted),
                Err(error) if alone => self.fail(&mut items, &error),
                // As with a batch that a session failed: who is to blame fails alone.
                Err(_) => {
                    for (item, image) in items.chunks_mut(1).zip(&images) {
                        let image = std::slice::from_ref(image);
                        match self.with_retries(|| run(image, &mut out)) {
                            Ok(()) => hand_on(item, out.iter().copied(), predicted),
                            Err(error) => self.fail(item, &error),
                        }
                    }
                }
            }
            report.compute_ns += (self.clock.now() - before).0;
        }
    }

    /// Fails the objects of images that have no prediction.
    fn fail(&self, items: &mut [Arrived<Item<Option<Tag>>>], error: &Error) {
        let mut outcomes = Outcomes::default();
        for tag in items.iter_mut().filter_map(|arrived| arrived.item.tag.take()) {
            tag.open.fail(tag.failed(error));
            self.advance(&tag.open, &mut outcomes);
        }
        outcomes.flush(self);
    }

    /// Brings predictions to their objects, and writes what is whole, until no more come.
    pub(super) fn gather(&self, predicted: &Receiver<Predicted>) {
        let mut outcomes = Outcomes::default();
        for chunk in predicted {
            for same in chunk.chunk_by(|(a, _), (b, _)| std::ptr::eq(&*a.open, &*b.open)) {
                let open = &same[0].0.open;
                open.arrive(
                    same.iter()
                        .map(|(tag, prediction)| (tag.request, tag.position as usize, *prediction)),
                );
                self.advance(open, &mut outcomes);
            }
            outcomes.flush(self);
        }
    }
}

/// Sends predictions of images on in chunks.
fn hand_on(
    items: &mut [Arrived<Item<Option<Tag>>>],
    mut predictions: impl Iterator<Item = Prediction>,
    predicted: &Sender<Predicted>,
) {
    for items in items.chunks_mut(CHUNK) {
        let tags = items.iter_mut().filter_map(|arrived| arrived.item.tag.take());
        // The receivers outlive every session, unless one of them panicked.
        let _ = predicted.send(tags.zip(predictions.by_ref()).collect());
    }
}

/// Calls a handler's function once, over what `out` held; it must give a prediction an image.
pub(super) fn predict_once(
    predict: &dyn Predict,
    model: &mut Model<'_>,
    images: &[Image],
    out: &mut Vec<Prediction>,
) -> Result<()> {
    out.clear();
    shielded("predict_fn", || predict.predict(model, images, out))?;
    if out.len() == images.len() {
        return Ok(());
    }
    let reason = format!("it gave {} predictions for {} images", out.len(), images.len());
    Err(Error::malformed("predict_fn", reason))
}
