//! Objects that have come to their end, gathered until several can be written and told at once.

use super::Engine;
use super::open::Open;
use super::output::{PIECE, Whole};
use crate::transform::message::{Failed, Up, Written};

/// What one thread has gathered.
#[derive(Default)]
pub(super) struct Outcomes {
    /// Outputs that are to be put, with what will have been written then.
    outputs: Vec<(String, Vec<u8>)>,
    small: Vec<Written>,
    bytes: usize,
    done: Vec<Written>,
    failed: Vec<(u32, Failed)>,
}

impl Outcomes {
    /// An object whose responses are all there.
    pub(super) fn finish(&mut self, engine: &Engine<'_>, open: &Open) {
        let output = std::mem::take(&mut *open.output());
        match output.finish(open.object, &engine.output) {
            Ok(Whole::Small(text, written)) => {
                self.bytes += text.len();
                self.outputs.push((engine.output_key(open), text));
                self.small.push(written);
                if self.bytes >= PIECE {
                    self.flush(engine);
                }
            }
            Ok(Whole::Streamed(written)) => self.done.push(written),
            Err(error) => self.failed.push((open.object, Failed::whole(error))),
        }
    }

    /// An object that has failed. What was written of it goes.
    pub(super) fn fail(&mut self, open: &Open, cause: Failed) {
        drop(std::mem::take(&mut *open.output()));
        self.failed.push((open.object, cause));
    }

    /// Puts and tells what was gathered.
    pub(super) fn flush(&mut self, engine: &Engine<'_>) {
        if !self.outputs.is_empty() {
            let put = engine.output.put_all(&self.outputs);
            for (written, put) in self.small.drain(..).zip(put) {
                match put {
                    Ok(()) => self.done.push(written),
                    Err(error) => self.failed.push((written.object, Failed::whole(error))),
                }
            }
            self.outputs.clear();
            self.bytes = 0;
        }
        if !(self.done.is_empty() && self.failed.is_empty()) {
            let done = std::mem::take(&mut self.done);
            let failed = std::mem::take(&mut self.failed);
            (engine.tell)(Up::Finished { done, failed });
        }
    }
}
