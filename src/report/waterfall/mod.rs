//! Where an image's time goes, stage by stage, and which stage to look at first.
//!
//! [`waterfall`] gives the stages of a cell, with those of a job around them, each as a share of
//! what the machine reached at best; [`bottleneck()`] says in one sentence what bounds the cell.

mod bars;
mod bottleneck;

pub(super) use self::bars::waterfall;
pub(super) use self::bottleneck::bottleneck;
