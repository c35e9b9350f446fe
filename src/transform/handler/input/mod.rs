//! From a request to images, by its media type.

mod csv;
mod json;
mod npy;
mod pixels;
#[cfg(test)]
mod tests;

use super::media::MediaType;
use crate::data::{self, Image};
use crate::error::{Error, Result};
use crate::transform::split::{Payload, Refused};

/// Appends the images of a request's records, in order.
///
/// # Errors
/// [`Refused`] for a record without an image, with its number and place; [`Error::Invalid`] for a
/// media type that is not known.
pub(super) fn decode(
    payload: &Payload,
    content_type: &str,
    images: &mut Vec<Image>,
) -> Result<(), Refused> {
    let decode: fn(&[u8], &mut Vec<Image>) -> Result<()> = match MediaType::parse(content_type) {
        Some(MediaType::Image) => |bytes, images| picture(bytes).map(|image| images.push(image)),
        Some(MediaType::Npy) => npy::decode,
        Some(MediaType::Json) => json::decode,
        Some(MediaType::JsonLines) => json::decode_lines,
        Some(MediaType::Csv) => csv::decode,
        None => {
            let known = MediaType::READ.join(", ");
            let what = format!("content type `{content_type}`");
            return Err(Error::invalid(what, format!("not known; choose one of {known}")).into());
        }
    };
    for (i, record) in payload.records().enumerate() {
        decode(record, images).map_err(|error| payload.refuse(i, error))?;
    }
    Ok(())
}

/// A picture's bytes as an image. A decoder that panics over one fails that one alone, and not the
/// instance with all that is in flight.
///
/// # Errors
/// [`Error::Malformed`] for what is no picture, [`Error::Bug`] for what a decoder panics over.
pub(super) fn picture(bytes: &[u8]) -> Result<Image> {
    std::panic::catch_unwind(|| data::decode(bytes))
        .unwrap_or_else(|_| Err(Error::Bug("image: its decoder panicked".into())))
}
