//! One request at a time through a session of its own: as SageMaker does it.

use crossbeam_channel::Receiver;

use super::Engine;
use super::coalesce::predict_once;
use super::outcomes::Outcomes;
use super::read::{Buffers, Object, Request};
use super::session::Opened;
use crate::transform::handler::{Model, Prediction};
use crate::transform::job::InstanceReport;

impl Engine<'_> {
    /// Takes one object after the other and runs it request by request, until no more keys come. No
    /// forward pass carries images of two requests; a request of more images than the largest batch
    /// is run in several.
    pub(super) fn transform(&self, opened: Opened, keys: &Receiver<Vec<Object>>) {
        let Opened { mut session, pool } = opened;
        let mut model = Model::new(session.as_mut(), &pool);
        let mut buffers = Buffers::default();
        let mut outcomes = Outcomes::default();
        let mut out = Vec::new();
        let mut report = InstanceReport::default();
        for objects in keys {
            self.read(objects, &mut buffers, &mut outcomes, &mut |request, outcomes| {
                report.requests += 1;
                self.invoke(request, &mut model, &mut out, &mut report, outcomes);
            });
            outcomes.flush(self);
            if self.breaker.is_broken() {
                break;
            }
        }
        self.add(report);
    }

    /// Runs a request and writes its response.
    fn invoke(
        &self,
        request: Request<'_>,
        model: &mut Model<'_>,
        out: &mut Vec<Prediction>,
        report: &mut InstanceReport,
        outcomes: &mut Outcomes,
    ) {
        let Request { open, images, kept, .. } = request;
        let outcome = self.with_retries(|| {
            let before = self.clock.now();
            let outcome = match self.handler.predict_fn() {
                Some(predict) => predict_once(predict, model, images, out),
                None => {
                    out.clear();
                    model.run(images, out)
                }
            };
            report.compute_ns += (self.clock.now() - before).0;
            report.batches += images.len().div_ceil(self.plan.max_batch) as u64;
            report.images += images.len() as u64;
            outcome
        });
        match outcome {
            Ok(()) => {
                let number = open.announce(images.len(), kept);
                open.arrive(out.iter().enumerate().map(|(i, &p)| (number, i, p)));
            }
            Err(error) => open.fail(kept.failed(error)),
        }
        self.advance(open, outcomes);
    }
}
