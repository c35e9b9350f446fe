//! The model as a handler's own way of predicting sees it.

use std::collections::VecDeque;

use super::Prediction;
use crate::backend::{Predictions, Session, Ticket};
use crate::data::Image;
use crate::error::Result;
use crate::staging::Pool;

/// The model, loaded and ready.
pub struct Model<'a> {
    session: &'a mut dyn Session,
    pool: &'a Pool,
    predictions: Predictions,
}

impl<'a> Model<'a> {
    /// A session nothing of which is in flight, and a pool with a slot for each batch that may be
    /// and one more, each as large as the session's largest batch.
    pub fn new(session: &'a mut dyn Session, pool: &'a Pool) -> Self {
        Self { session, pool, predictions: Predictions::default() }
    }

    /// Appends a prediction for each image to `out`, in order. More images than the largest batch
    /// are run in several, as many at once as the device allows.
    ///
    /// # Errors
    /// What the backend says of the first batch that fails; nothing is appended then.
    pub fn run(&mut self, images: &[Image], out: &mut Vec<Prediction>) -> Result<()> {
        let before = out.len();
        let mut flying = VecDeque::new();
        let mut failed = None;
        let mut rest = images;
        while failed.is_none() && !rest.is_empty() {
            let mut slot = self.pool.take();
            let (batch, later) = rest.split_at(rest.len().min(slot.capacity()));
            rest = later;
            slot.fill(batch);
            match self.session.submit(slot) {
                Ok(ticket) => flying.push_back(ticket),
                Err(error) => failed = Some(error),
            }
            if flying.len() >= self.session.in_flight() {
                failed = failed.or(self.wait(&mut flying, out).err());
            }
        }
        // What is in flight has to be waited for, whether or not it is still wanted.
        while !flying.is_empty() {
            failed = failed.or(self.wait(&mut flying, out).err());
        }
        match failed {
            Some(error) => {
                out.truncate(before);
                Err(error)
            }
            None => Ok(()),
        }
    }

    /// Waits for the oldest batch.
    fn wait(&mut self, flying: &mut VecDeque<Ticket>, out: &mut Vec<Prediction>) -> Result<()> {
        let Some(ticket) = flying.pop_front() else { return Ok(()) };
        self.session.wait(ticket, &mut self.predictions)?;
        out.extend(Prediction::of(&self.predictions));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::backend::{Backend, Null, Outputs, SessionOptions};
    use crate::data::IMAGE_PIXELS;
    use crate::model::Weights;
    use crate::staging::Heap;

    fn images(n: usize) -> Vec<Image> {
        (0..n).map(|i| Image([i as u8; IMAGE_PIXELS])).collect()
    }

    fn run(null: &Null, n: usize, out: &mut Vec<Prediction>) -> Result<()> {
        let options = SessionOptions {
            max_batch: 4,
            threads: 1,
            outputs: Outputs::Scores,
            precision: Default::default(),
        };
        let mut session = null.open(&Weights::zeros(), &options).unwrap();
        let pool = Pool::new(&Heap, session.in_flight() + 1, 4).unwrap();
        let outcome = Model::new(session.as_mut(), &pool).run(&images(n), out);
        assert_eq!(pool.free(), session.in_flight() + 1, "every slot came back");
        outcome
    }

    #[test]
    fn more_images_than_a_batch_are_predicted_in_order() {
        for n in [0, 1, 4, 5, 23] {
            let mut out = vec![Prediction::new(9, None)];
            run(&Null::default(), n, &mut out).unwrap();
            let classes: Vec<usize> = out[1..].iter().map(|p| p.class.into()).collect();
            assert_eq!(classes, (0..n).map(|i| i % 10).collect::<Vec<_>>());
            let sure =
                |p: &Prediction| p.probabilities.is_some_and(|p_of| p_of[p.class as usize] == 1.0);
            assert!(out[1..].iter().all(sure));
            assert_eq!(out[0].class, 9, "what was there stays");
        }
    }

    #[test]
    fn a_batch_that_fails_leaves_no_predictions_behind() {
        let script = |batch, _| if batch == 1 { Err("as told".into()) } else { Ok(Duration::ZERO) };
        let mut out = Vec::new();
        let error = run(&Null::scripted(Arc::new(script)), 12, &mut out).unwrap_err();
        assert_eq!(error.to_string(), "backend null: as told");
        assert!(out.is_empty());
    }
}
