//! Where a kernel leaves what it finds.

use super::softmax::log_softmax;
use crate::backend::argmax;
use crate::model::CLASSES;

/// Room for the answers to some images.
pub(super) struct Answers<'a> {
    pub(super) classes: &'a mut [u8],
    /// Log-probabilities; empty where only classes are wanted.
    pub(super) scores: &'a mut [[f32; CLASSES]],
}

impl Answers<'_> {
    /// Answers an image. The class needs no softmax: the order of logits is that of probabilities.
    pub(super) fn put(&mut self, image: usize, mut row: [f32; CLASSES]) {
        if let Some(scores) = self.scores.get_mut(image) {
            log_softmax(&mut row);
            *scores = row;
        }
        self.classes[image] = argmax(&row);
    }

    /// The room for the images from number `from` on, `count` at most.
    pub(super) fn part(&mut self, from: usize, count: usize) -> Answers<'_> {
        let upto = (from + count).min(self.classes.len());
        let scores = if self.scores.is_empty() { 0..0 } else { from..upto };
        Answers { classes: &mut self.classes[from..upto], scores: &mut self.scores[scores] }
    }
}
