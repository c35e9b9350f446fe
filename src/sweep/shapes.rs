//! Every batch shape that a cell will run is run before its warm-up: frameworks choose kernels, and
//! grow their buffers, at the first batch of a size.

use crate::backend::{Predictions, Session};
use crate::data::Image;
use crate::error::Result;
use crate::record::Scenario;
use crate::staging::Pool;

/// Up to this size every one is run; they take no time, and most ragged batches are small.
const EACH: usize = 32;

/// The sizes to run for batches of up to `batch` images. Offline all batches are full. Requests
/// make ragged ones: those of more than 32 images are covered by the powers of two, for all of
/// them would be half a million images at the larger sizes.
fn shapes(scenario: Scenario, batch: usize) -> Vec<usize> {
    if scenario == Scenario::Offline {
        return vec![batch];
    }
    let mut sizes: Vec<usize> = (1..=batch.min(EACH)).collect();
    let doubled = std::iter::successors(Some(2 * EACH), |size| size.checked_mul(2));
    sizes.extend(doubled.take_while(|&size| size < batch));
    if batch > EACH {
        sizes.push(batch);
    }
    sizes
}

/// Runs a batch of each shape that the cell will run, through the slots that it will use.
///
/// # Errors
/// The first batch's that fails.
pub(super) fn warm(
    session: &mut dyn Session,
    pool: &Pool,
    scenario: Scenario,
    batch: usize,
    images: &[Image],
) -> Result<()> {
    let mut predictions = Predictions::default();
    for size in shapes(scenario, batch) {
        let mut slot = pool.take();
        slot.fill(images.iter().cycle().take(size));
        let ticket = session.submit(slot)?;
        session.wait(ticket, &mut predictions)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offline_only_full_batches_are_run() {
        assert_eq!(shapes(Scenario::Offline, 128), [128]);
    }

    #[test]
    fn small_batches_are_all_run_and_large_ones_by_powers_of_two() {
        assert_eq!(shapes(Scenario::Closed(1), 1), [1]);
        assert_eq!(shapes(Scenario::Server(1), 5), [1, 2, 3, 4, 5]);
        assert_eq!(shapes(Scenario::Server(1), 32).len(), 32);
        assert_eq!(shapes(Scenario::Server(1), 33)[30..], [31, 32, 33]);
        assert_eq!(shapes(Scenario::Server(1), 256)[31..], [32, 64, 128, 256]);
        assert_eq!(shapes(Scenario::Server(1), 300)[31..], [32, 64, 128, 256, 300]);
    }
}
