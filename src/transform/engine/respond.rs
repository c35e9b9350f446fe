//! From predictions to responses, and from responses to the output.

use super::Engine;
use super::assembly::Work;
use super::guard::shielded;
use super::open::{Kept, Open};
use super::outcomes::Outcomes;
use crate::error::Result;
use crate::transform::handler::Prediction;
use crate::transform::message::Failed;
use crate::transform::processing::Processing;
use crate::transform::split::Payload;
use crate::transform::terms::AssembleWith;

impl Engine<'_> {
    /// Does what there is to do for an object, unless someone is at it.
    pub(super) fn advance(&self, open: &Open, outcomes: &mut Outcomes) {
        let mut work = open.claim();
        while let Some(piece) = work {
            match piece {
                Work::Respond { kept, predictions } => {
                    if let Err(cause) = self.respond(open, &kept, &predictions) {
                        open.fail(cause);
                    }
                }
                Work::Finish => outcomes.finish(self, open),
                Work::Fail(cause) => outcomes.fail(open, cause),
            }
            work = open.next();
        }
    }

    /// Writes the response to a request.
    fn respond(&self, open: &Open, kept: &Kept, predictions: &[Prediction]) -> Result<(), Failed> {
        self.in_time(kept)?;
        let mut response = Vec::new();
        shielded("output_fn", || {
            self.handler.output_fn(predictions, &self.plan.accept, &mut response)
        })
        .map_err(|error| kept.failed(error))?;
        if let Some(processing) = &self.processing {
            response = process(processing, kept, &response)?;
        }
        if self.plan.assemble == AssembleWith::Line && !response.ends_with(b"\n") {
            response.push(b'\n');
        }
        open.output()
            .append(kept.records as u64, response, &self.output, || self.output_key(open))
            .map_err(Failed::whole)
    }

    /// Whether a request was answered within the time that a request may take.
    fn in_time(&self, kept: &Kept) -> Result<(), Failed> {
        let took = self.clock.now() - kept.submitted;
        let limit = self.plan.invocations_timeout_s;
        if took.seconds() <= limit as f64 {
            return Ok(());
        }
        Err(kept.failed(format_args!(
            "a request of {} from record {} on took {took}, longer than InvocationsTimeoutInSeconds \
             ({limit} s) lets it; raise that, or make requests smaller",
            if kept.records == 1 { "1 record".into() } else { format!("{} records", kept.records) },
            kept.first,
        )))
    }
}

/// What data processing makes of a response: a line for each record, the last one open.
fn process(processing: &Processing, kept: &Kept, response: &[u8]) -> Result<Vec<u8>, Failed> {
    let results = processing.results(response, kept.records).map_err(|error| kept.failed(error))?;
    // Without a join no one looks at the records, and none are kept.
    let mut records = kept.payload.iter().flat_map(Payload::records);
    let mut text = Vec::with_capacity(2 * response.len());
    for (i, result) in results.into_iter().enumerate() {
        if i > 0 {
            text.push(b'\n');
        }
        let record = records.next().unwrap_or_default();
        processing.output(record, result, &mut text).map_err(|error| kept.failed_at(i, error))?;
    }
    Ok(text)
}
