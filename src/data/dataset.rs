//! Labelled images, and which part of MNIST they are.

use std::fmt;
use std::str::FromStr;

use super::Image;
use crate::error::{Error, Result};

/// A part of MNIST.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Split {
    /// The 60,000 images to learn from.
    Train,
    /// The 10,000 images to measure with.
    Test,
}

impl Split {
    /// Images that MNIST has in it.
    pub const fn size(self) -> usize {
        match self {
            Self::Train => 60_000,
            Self::Test => 10_000,
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Train => "train",
            Self::Test => "test",
        })
    }
}

impl FromStr for Split {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "train" => Ok(Self::Train),
            "test" => Ok(Self::Test),
            _ => Err(Error::invalid(format!("split `{text}`"), "unknown; write test or train")),
        }
    }
}

/// Labelled images in memory.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The images, in the order of their source.
    pub images: Vec<Image>,
    /// The digit, 0 to 9, of each image.
    pub labels: Vec<u8>,
    /// What they are, for every output that used them: "MNIST test images from /data/mnist",
    /// "synthetic digits, seed 1: not MNIST".
    pub description: String,
    /// Whether Plimsoll drew them itself.
    pub synthetic: bool,
}
