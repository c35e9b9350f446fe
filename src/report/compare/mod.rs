//! One run against another: what became faster, what became slower, and what cannot be told.
//!
//! Cells are paired where all of their parameters are equal. The ratio is that of their medians,
//! new over base, so that 1.10 is a tenth faster. Two runs share no rounds, so its interval comes
//! from resampling both sides, each by itself; see
//! [`unpaired_ratio_interval`](crate::measure::unpaired_ratio_interval).

mod environment;
mod pairs;
mod table;

pub use self::environment::{Difference, differences, notes};
pub use self::pairs::{Change, Comparison, Pair, compare};
pub use self::table::render;
