//! What a user may make their own of a job: how the model is loaded, how a request becomes images,
//! how these are predicted, and how predictions become a response.
//!
//! [`Handler`] has SageMaker's four functions, each with a default for the MNIST CNN; [`Mnist`]
//! takes all the defaults. `examples/own_handler.rs` is one of a user's own.
//!
//! What the default reads, one record after the other:
//!
//! | content type | a record is |
//! | --- | --- |
//! | `application/x-image`, `image/png`, `image/jpeg` | one PNG or JPEG, as its first bytes say |
//! | `application/x-npy` | an array `.npy` |
//! | `application/json` | an array |
//! | `application/jsonlines` | lines, each an array |
//! | `text/csv` | lines of 784 numbers, an image each; or 28 lines of 28, and so on |
//!
//! Arrays have the shape `[784]`, `[28, 28]`, `[1, 28, 28]`, or `[N, ..]` of one of these; a
//! `[28, 28]` is one image. **Numbers** are pixels from 0, the ground, to 255, the ink, where they
//! are whole numbers; they are shares from 0 to 1 of that, to be multiplied by 255 and rounded,
//! where they are floating-point numbers. An `.npy` says by its type which they are. In text they
//! are floating-point numbers as soon as one of an array of JSON, or of an image of CSV, is written
//! with a point or an exponent. Anything out of range is refused.
//!
//! What the default writes is in [`output`].

mod contract;
mod input;
mod media;
mod model;
mod npy;
pub mod output;
mod prediction;

pub use self::contract::{Handler, Mnist, Predict};
pub use self::media::{MediaType, check_media_types, same_media_type};
pub use self::model::Model;
pub use self::prediction::Prediction;
