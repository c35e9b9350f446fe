//! The words of a transform job, each with the values that CreateTransformJob gives it.
//!
//! The same names serve as JSON of a request, as flags and in messages to instances. Sources: the
//! SageMaker API reference, `CreateTransformJob`, and the Batch Transform developer guide.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

macro_rules! term {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident,)+ }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum,
        )]
        #[value(rename_all = "verbatim")]
        pub enum $name { $($(#[$value_doc])* $value,)+ }
    };
}

term! {
    /// What the input's URI names.
    DataType {
        /// Every object whose key begins with it, literally.
        #[default]
        S3Prefix,
        /// A manifest: a JSON array of a prefix and of what to append to it.
        ManifestFile,
    }
}

term! {
    /// How an object is cut into records.
    SplitType {
        /// Not at all: the object is one record.
        #[default]
        None,
        /// At line ends.
        Line,
        /// By MXNet's RecordIO framing.
        RecordIO,
        /// By TensorFlow's TFRecord framing.
        TFRecord,
    }
}

term! {
    /// How many records a request carries.
    BatchStrategy {
        /// As many whole records as the payload limit lets in.
        #[default]
        MultiRecord,
        /// One.
        SingleRecord,
    }
}

term! {
    /// How responses become an output object.
    AssembleWith {
        /// One after the other, as they are.
        #[default]
        None,
        /// With a newline after each.
        Line,
    }
}

term! {
    /// How objects are compressed.
    CompressionType {
        /// They are not.
        #[default]
        None,
        /// By gzip; several members in one object are read as one.
        Gzip,
    }
}

term! {
    /// What a record's result is joined with.
    JoinSource {
        /// With nothing.
        #[default]
        None,
        /// With the record that it came from.
        Input,
    }
}

/// How objects are shared out among instances. SageMaker does not say how it does it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Partition {
    /// Contiguous runs of the sorted keys.
    KeyOrder,
    /// In turn, along the sorted keys.
    #[default]
    RoundRobin,
    /// The largest first, each to the instance that has the fewest bytes.
    SizeBalanced,
}

/// What an output is called below the output's URI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum OutputKeys {
    /// By the object's key below the directory part of the input's prefix.
    #[default]
    Relative,
    /// By the object's whole key.
    Full,
}

/// What is done to pixels before the model sees them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Preprocess {
    /// (x / 255 - 0.1307) / 0.3081, as in training.
    #[default]
    Normalise,
    /// x / 255 alone, which the SageMaker notebook's handler does, against its own training.
    ToTensor,
}
