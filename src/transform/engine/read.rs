//! From keys to requests.

use std::io::Read;
use std::sync::Arc;

use super::Engine;
use super::guard::shielded;
use super::open::{Kept, Open};
use super::outcomes::Outcomes;
use crate::data::Image;
use crate::error::Result;
use crate::store::Body;
use crate::transform::message::Failed;
use crate::transform::split::{Payload, Refused, Splitter};
use crate::transform::terms::JoinSource;

/// An object with its number in the job.
pub(super) type Object = (u32, String);

/// Objects of at most so many bytes are read whole, and others as streams. A bucket's are under way
/// by dozens, so that it must not be much.
const WHOLE: u64 = 1 << 20;

/// What one thread reads into, again and again.
#[derive(Default)]
pub(super) struct Buffers {
    payload: Payload,
    images: Vec<Image>,
}

/// A request as it is handed over.
pub(super) struct Request<'a> {
    pub(super) open: &'a Arc<Open>,
    pub(super) payload: &'a Payload,
    pub(super) images: &'a [Image],
    pub(super) kept: Kept,
}

impl Engine<'_> {
    /// Reads objects, cuts them into requests, and hands these over one by one, in each object's
    /// order.
    pub(super) fn read(
        &self,
        objects: Vec<Object>,
        buffers: &mut Buffers,
        outcomes: &mut Outcomes,
        each: &mut dyn FnMut(Request<'_>, &mut Outcomes),
    ) {
        let (numbers, keys): (Vec<u32>, Vec<String>) = objects.into_iter().unzip();
        self.input.read_all(&keys, WHOLE, &mut |i, body| {
            if self.breaker.is_broken() {
                return;
            }
            let open = Open::new(numbers[i], keys[i].clone());
            let cut = body
                .map_err(Failed::whole)
                .and_then(|body| self.cut(&open, body, buffers, |request| each(request, outcomes)));
            match cut {
                Ok(()) => open.end(),
                Err(cause) => open.fail(cause),
            }
            self.advance(&open, outcomes);
        });
    }

    /// Cuts an object into requests, as long as there is hope for it.
    fn cut(
        &self,
        open: &Arc<Open>,
        body: Body<'_>,
        buffers: &mut Buffers,
        mut each: impl FnMut(Request<'_>),
    ) -> Result<(), Failed> {
        let mut whole;
        let (bytes, size): (&mut dyn Read, Option<u64>) = match body {
            Body::Whole(bytes) => {
                whole = bytes;
                (&mut whole, Some(bytes.len() as u64))
            }
            Body::Stream { bytes, size } => (bytes, size),
        };
        let mut splitter = Splitter::new(bytes, &self.rules).with_size(size);
        let Buffers { payload, images } = buffers;
        while open.is_open() && splitter.next(payload)? {
            // What the results are joined with is the record, and not what the model gets of it.
            let joined = self.plan.join == JoinSource::Input;
            let whole = (joined && self.processing.is_some()).then(|| payload.clone());
            images.clear();
            self.images(payload, images)?;
            let kept = Kept {
                records: payload.len(),
                first: payload.first_record(),
                offset: (!payload.is_empty()).then(|| payload.record_offset(0)),
                payload: whole,
                submitted: self.clock.now(),
            };
            each(Request { open, payload, images, kept });
        }
        Ok(())
    }

    /// What the model gets of a request.
    fn images(&self, payload: &mut Payload, images: &mut Vec<Image>) -> Result<(), Refused> {
        if let Some(processing) = &self.processing {
            payload.replace_records(|record, out| processing.input(record, out))?;
        }
        let (handler, content_type) = (self.handler, &self.plan.content_type);
        shielded("input_fn", || handler.input_fn(payload, content_type, images))
    }
}

impl From<Refused> for Failed {
    fn from(refused: Refused) -> Self {
        let Refused { record, offset, error } = refused;
        Self { record, offset, reason: error.to_string() }
    }
}
