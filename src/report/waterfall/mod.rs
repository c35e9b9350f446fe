//! Where an image's time goes, stage by stage, and which stage to look at first.
//!
//! [`waterfall`] gives the stages of a cell, with those of a job around them, each as a share of
//! what the machine reached at best; [`bottleneck()`] says in one sentence what bounds the cell, and
//! [`peak_shares`] how much of the machine's multiply-adds each backend uses.

mod bars;
mod bottleneck;
mod shares;

pub(super) use self::bars::waterfall;
pub(super) use self::bottleneck::bottleneck;
pub(super) use self::shares::peak_shares;
