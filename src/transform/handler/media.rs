//! Media types.

use super::Handler;
use crate::error::{Error, Result};

/// The media types that Plimsoll reads or writes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    /// `application/x-image`, `image/png` and `image/jpeg`: a picture says itself which it is.
    Image,
    /// `application/x-npy`.
    Npy,
    /// `application/json`.
    Json,
    /// `application/jsonlines`.
    JsonLines,
    /// `text/csv`.
    Csv,
}

impl MediaType {
    /// Every type that can be read, by name.
    pub const READ: &[&str] = &[
        "application/x-image",
        "image/png",
        "image/jpeg",
        "application/x-npy",
        "application/json",
        "application/jsonlines",
        "text/csv",
    ];

    /// Every type that can be written, by name.
    pub const WRITTEN: &[&str] =
        &["application/json", "application/jsonlines", "text/csv", "application/x-npy"];

    /// The type of that name, in any case and with any parameters; `None` for an unknown one.
    pub fn parse(name: &str) -> Option<Self> {
        // Once an object: the other names have no parameters to be cut off.
        let name = essence(name);
        [
            ("application/x-image", Self::Image),
            ("image/png", Self::Image),
            ("image/jpeg", Self::Image),
            ("application/x-npy", Self::Npy),
            ("application/json", Self::Json),
            ("application/jsonlines", Self::JsonLines),
            ("text/csv", Self::Csv),
        ]
        .into_iter()
        .find_map(|(known, media)| known.eq_ignore_ascii_case(name).then_some(media))
    }

    /// The type to answer with: as [`MediaType::parse`], and JSON where anything is accepted.
    pub fn accepted(accept: &str) -> Option<Self> {
        match essence(accept) {
            "" | "*/*" => Some(Self::Json),
            name => Self::parse(name),
        }
    }
}

/// Whether two names are of one media type, whatever their case and their parameters.
pub fn same_media_type(one: &str, other: &str) -> bool {
    essence(one).eq_ignore_ascii_case(essence(other))
}

/// A name without its parameters: `text/csv` of `text/csv; charset=utf-8`.
fn essence(name: &str) -> &str {
    name.split_once(';').map_or(name, |(essence, _)| essence).trim()
}

/// Checks that a handler reads the one type and writes the other. An empty `accept` and `*/*` leave
/// the choice to the handler.
///
/// # Errors
/// [`Error::Invalid`] naming the type and those that there are.
pub fn check_media_types(handler: &dyn Handler, content_type: &str, accept: &str) -> Result<()> {
    let among = |names: &[&str], name| names.iter().any(|known| same_media_type(known, name));
    let refuse = |what, names: &[&str]| {
        let reason = format!("not supported by this handler; it knows {}", names.join(", "));
        Err(Error::invalid(what, reason))
    };
    if !among(handler.content_types(), content_type) {
        return refuse(format!("content type `{content_type}`"), handler.content_types());
    }
    if !["", "*/*"].contains(&essence(accept)) && !among(handler.accepts(), accept) {
        return refuse(format!("accept `{accept}`"), handler.accepts());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Mnist;
    use super::*;

    #[test]
    fn every_type_that_is_said_to_be_read_or_written_is_known() {
        for name in MediaType::READ.iter().chain(MediaType::WRITTEN) {
            assert!(MediaType::parse(name).is_some(), "{name}");
            assert!(MediaType::accepted(name).is_some(), "{name}");
        }
    }

    #[test]
    fn case_and_parameters_make_no_difference() {
        for name in ["text/csv", "Text/CSV", "text/csv;charset=utf-8", " text/csv ; header=absent"]
        {
            assert_eq!(MediaType::parse(name), Some(MediaType::Csv), "{name}");
        }
        assert_eq!(MediaType::parse("text/csv2"), None);
    }

    #[test]
    fn whoever_accepts_anything_gets_json() {
        for accept in ["", "*/*", "*/*;q=0.8", "application/JSON"] {
            assert_eq!(MediaType::accepted(accept), Some(MediaType::Json), "{accept}");
        }
        assert_eq!(MediaType::parse("*/*"), None, "no object is of any type");
    }

    #[test]
    fn an_unsupported_type_is_refused_by_name_with_those_that_there_are() {
        let refusal = |content_type, accept| {
            check_media_types(&Mnist, content_type, accept).unwrap_err().to_string()
        };
        assert_eq!(
            refusal("image/gif", ""),
            "content type `image/gif`: not supported by this handler; it knows application/x-image, \
             image/png, image/jpeg, application/x-npy, application/json, application/jsonlines, \
             text/csv"
        );
        assert_eq!(
            refusal("text/csv", "text/html"),
            "accept `text/html`: not supported by this handler; it knows application/json, \
             application/jsonlines, text/csv, application/x-npy"
        );
        for accept in ["", "*/*", "text/csv"] {
            check_media_types(&Mnist, "Image/PNG", accept).unwrap();
        }
    }
}
