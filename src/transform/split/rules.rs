//! How objects are cut.

use crate::transform::terms::{BatchStrategy, CompressionType, SplitType};

/// SageMaker's "MB": payloads are limited in units of 1,048,576 bytes.
pub const MEBIBYTE: u64 = 1 << 20;

/// How objects become requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Where records begin and end.
    pub split: SplitType,
    /// How many records a request carries.
    pub strategy: BatchStrategy,
    /// Bytes of a request's body at most; `None` for any size.
    pub max_payload: Option<u64>,
    /// How the object is compressed. Splits and limits are of what comes out.
    pub compression: CompressionType,
}

impl Default for Rules {
    /// SageMaker's: no split, no compression, at most 6 MB.
    fn default() -> Self {
        Self {
            split: SplitType::None,
            strategy: BatchStrategy::MultiRecord,
            max_payload: Some(6 * MEBIBYTE),
            compression: CompressionType::None,
        }
    }
}
