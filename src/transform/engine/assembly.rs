//! The way from predictions in any order to responses in the object's: pure bookkeeping.

use std::collections::VecDeque;

use crate::transform::message::Failed;

/// The requests of one object, from their announcement to the object's outcome.
///
/// Whoever brings something (a prediction, the end, a failure) asks [`Assembly::claim`] for work,
/// and with each piece done asks [`Assembly::next`] for another. One worker at a time has an
/// object's work, so that responses are written in order; the others leave at once, for the one who
/// is at it will be given what they brought. The last piece is [`Work::Finish`] or [`Work::Fail`]:
/// exactly one of the two, once.
///
/// `K` is what is kept of a request until its response is written, `P` a prediction.
#[derive(Debug)]
pub(super) struct Assembly<K, P> {
    /// Requests whose response is not yet being written, in order.
    waiting: VecDeque<Request<K, P>>,
    /// The number of the first of them.
    first: u64,
    /// Images of all of them.
    images: usize,
    stage: Stage,
    /// Whether a worker is at it.
    busy: bool,
}

#[derive(Debug)]
struct Request<K, P> {
    kept: K,
    images: usize,
    missing: usize,
    predictions: Vec<P>,
}

#[derive(Debug)]
enum Stage {
    /// More requests may come.
    Reading,
    /// All requests are known.
    Read,
    /// Nothing will be written; the cause has not been handed out yet.
    Failed(Failed),
    /// The outcome has been handed out.
    Over,
}

/// A piece of work.
#[derive(Debug, PartialEq)]
pub(super) enum Work<K, P> {
    /// Write the response of the next request.
    Respond {
        /// What was kept of it.
        kept: K,
        /// One for each of its images, in their order.
        predictions: Vec<P>,
    },
    /// All responses are written: the output is whole.
    Finish,
    /// The object has failed: drop what was written of it.
    Fail(Failed),
}

impl<K, P: Copy> Assembly<K, P> {
    /// An object of which no request is known.
    pub(super) fn new() -> Self {
        Self { waiting: VecDeque::new(), first: 0, images: 0, stage: Stage::Reading, busy: false }
    }

    /// Announces the next request, before any of its images can bring a prediction; gives its
    /// number.
    pub(super) fn announce(&mut self, images: usize, kept: K) -> u64 {
        let number = self.first + self.waiting.len() as u64;
        if self.is_open() {
            self.images += images;
            let predictions = Vec::new();
            self.waiting.push_back(Request { kept, images, missing: images, predictions });
        }
        number
    }

    /// All requests have been announced.
    pub(super) fn end(&mut self) {
        if matches!(self.stage, Stage::Reading) {
            self.stage = Stage::Read;
        }
    }

    /// Brings the prediction of an image: of which request, and which of its images. Each image
    /// brings one. Those of an object that has failed are let through and ignored.
    pub(super) fn arrive(&mut self, request: u64, position: usize, prediction: P) {
        if !self.is_open() {
            return;
        }
        let index = request.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        let Some(request) = index.and_then(|index| self.waiting.get_mut(index)) else { return };
        if request.predictions.is_empty() {
            // The first to come stands in for the others until they are there.
            request.predictions = vec![prediction; request.images];
        }
        request.predictions[position] = prediction;
        request.missing -= 1;
    }

    /// One failure fails the object; the first is its cause.
    pub(super) fn fail(&mut self, cause: Failed) {
        if self.is_open() {
            self.stage = Stage::Failed(cause);
            self.waiting.clear();
            self.images = 0;
        }
    }

    /// The first piece of work, if there is any and nobody is at it.
    pub(super) fn claim(&mut self) -> Option<Work<K, P>> {
        if self.busy { None } else { self.next() }
    }

    /// The next piece of work for the one who has done the last; without any, whoever brings more
    /// claims it.
    pub(super) fn next(&mut self) -> Option<Work<K, P>> {
        let work = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Failed(cause) => Some(Work::Fail(cause)),
            Stage::Over => None,
            Stage::Read if self.waiting.is_empty() => Some(Work::Finish),
            open => {
                self.stage = open;
                self.respond()
            }
        };
        self.busy = work.is_some();
        work
    }

    fn respond(&mut self) -> Option<Work<K, P>> {
        let Request { kept, images, predictions, .. } =
            self.waiting.pop_front_if(|request| request.missing == 0)?;
        self.first += 1;
        self.images -= images;
        Some(Work::Respond { kept, predictions })
    }

    /// Images whose responses have not come to be written.
    pub(super) fn images(&self) -> usize {
        self.images
    }

    /// Whether the object can still come to a good end, and has not come to any.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Reading | Stage::Read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Everything there is to do, done.
    fn drain(assembly: &mut Assembly<u64, u32>) -> Vec<Work<u64, u32>> {
        let mut done = Vec::new();
        let mut work = assembly.claim();
        while let Some(piece) = work {
            done.push(piece);
            work = assembly.next();
        }
        done
    }

    fn respond(kept: u64, predictions: &[u32]) -> Work<u64, u32> {
        Work::Respond { kept, predictions: predictions.to_vec() }
    }

    #[test]
    fn responses_come_in_the_order_of_requests_each_when_all_its_images_are_there() {
        let mut assembly = Assembly::new();
        assert_eq!((assembly.announce(2, 10), assembly.announce(1, 11)), (0, 1));
        assembly.arrive(1, 0, 5);
        assembly.arrive(0, 1, 4);
        assert_eq!(drain(&mut assembly), []);
        assembly.arrive(0, 0, 3);
        assert_eq!(assembly.images(), 3);
        assert_eq!(drain(&mut assembly), [respond(10, &[3, 4]), respond(11, &[5])]);
        assert_eq!(assembly.images(), 0);
        assembly.end();
        assert_eq!(drain(&mut assembly), [Work::Finish]);
        assert_eq!(drain(&mut assembly), []);
    }

    #[test]
    fn one_worker_at_a_time_has_an_objects_work() {
        let mut assembly = Assembly::new();
        assembly.announce(1, 0);
        assembly.announce(1, 1);
        assembly.arrive(0, 0, 7);
        assert_eq!(assembly.claim(), Some(respond(0, &[7])));
        assembly.arrive(1, 0, 8);
        assembly.end();
        assert_eq!(assembly.claim(), None, "the first worker is still at it");
        assert_eq!(assembly.next(), Some(respond(1, &[8])));
        assert_eq!(assembly.next(), Some(Work::Finish));
        assert_eq!((assembly.next(), assembly.claim()), (None, None));
    }

    #[test]
    fn a_failure_while_a_response_is_written_is_that_workers_next_piece() {
        let mut assembly = Assembly::new();
        assembly.announce(1, 0);
        assembly.announce(1, 1);
        assembly.arrive(0, 0, 7);
        assert!(assembly.claim().is_some());
        assembly.fail(Failed::whole("the disk is full"));
        assembly.fail(Failed::whole("a later one"));
        assembly.arrive(1, 0, 8);
        assembly.end();
        assert!(!assembly.is_open());
        assert_eq!(assembly.claim(), None);
        assert_eq!(assembly.next(), Some(Work::Fail(Failed::whole("the disk is full"))));
        assert_eq!(assembly.next(), None);
    }

    #[test]
    fn an_object_without_requests_is_whole_and_so_is_a_request_without_images() {
        let mut assembly: Assembly<u64, u32> = Assembly::new();
        assembly.end();
        assert_eq!(drain(&mut assembly), [Work::Finish]);
        let mut assembly = Assembly::new();
        assembly.announce(0, 3);
        assert_eq!(drain(&mut assembly), [respond(3, &[])]);
    }

    /// What happens to an object, from outside.
    #[derive(Clone, Debug)]
    enum Step {
        Arrive(usize, usize),
        Fail,
        End,
    }

    /// Requests of so many images, and their happenings in some order, each at the earliest after
    /// its request was announced (which `Step::End` does for all that are left).
    fn histories() -> impl Strategy<Value = (Vec<usize>, Vec<Step>, Vec<bool>)> {
        (proptest::collection::vec(0usize..5, 0..8), proptest::bool::weighted(0.3)).prop_flat_map(
            |(sizes, fails)| {
                let mut steps: Vec<Step> = vec![Step::End];
                for (request, &images) in sizes.iter().enumerate() {
                    steps.extend((0..images).map(|position| Step::Arrive(request, position)));
                }
                steps.extend(fails.then_some(Step::Fail));
                let n = steps.len();
                let pauses = proptest::collection::vec(any::<bool>(), n);
                (Just(sizes), Just(steps).prop_shuffle(), pauses)
            },
        )
    }

    proptest! {
        /// For all interleavings of arrivals, the end and a failure, with workers that are slow or
        /// quick: what is written is a beginning of the sequential output, all of it where nothing
        /// failed, and the object has exactly one outcome.
        #[test]
        fn every_interleaving_gives_the_sequential_output_and_one_outcome(
            (sizes, steps, pauses) in histories(),
        ) {
            let mut assembly = Assembly::new();
            let mut announced = 0;
            let mut announce_to = |assembly: &mut Assembly<u64, u32>, n: usize| {
                while announced < n {
                    let number = assembly.announce(sizes[announced], announced as u64);
                    if assembly.is_open() {
                        assert_eq!(number, announced as u64);
                    }
                    announced += 1;
                }
            };
            let mut written: Vec<u32> = Vec::new();
            let mut next_response = 0;
            let (mut finished, mut failed) = (0, 0);
            let mut at_work = false;
            let fails = steps.iter().any(|step| matches!(step, Step::Fail));
            let mut failed_at_all = false;
            for (step, pause) in steps.iter().zip(pauses).chain([(&Step::End, false)]) {
                match step {
                    Step::Arrive(request, position) => {
                        announce_to(&mut assembly, request + 1);
                        let prediction = (*request * 10 + *position) as u32;
                        assembly.arrive(*request as u64, *position, prediction);
                    }
                    Step::Fail => {
                        failed_at_all |= assembly.is_open();
                        assembly.fail(Failed::whole("as told"));
                    }
                    Step::End => {
                        announce_to(&mut assembly, sizes.len());
                        assembly.end();
                    }
                }
                // A slow worker takes one piece and is still at it when the next thing happens.
                loop {
                    let work = if at_work { assembly.next() } else { assembly.claim() };
                    at_work = work.is_some();
                    match work {
                        None => break,
                        Some(Work::Respond { kept, predictions }) => {
                            prop_assert_eq!(finished + failed, 0);
                            prop_assert_eq!(kept, next_response);
                            prop_assert_eq!(predictions.len(), sizes[kept as usize]);
                            next_response += 1;
                            written.extend(predictions);
                        }
                        Some(Work::Finish) => finished += 1,
                        Some(Work::Fail(_)) => failed += 1,
                    }
                    if pause {
                        prop_assert!(assembly.claim().is_none());
                        break;
                    }
                }
            }
            let sequential: Vec<u32> = sizes
                .iter()
                .enumerate()
                .flat_map(|(request, &n)| (0..n).map(move |p| (request * 10 + p) as u32))
                .collect();
            prop_assert!(sequential.starts_with(&written));
            prop_assert_eq!((finished, failed), if failed_at_all { (0, 1) } else { (1, 0) });
            if !failed_at_all {
                prop_assert_eq!(written, sequential);
            }
            prop_assert!(fails || !failed_at_all);
            prop_assert_eq!(assembly.images(), 0);
        }
    }
}
