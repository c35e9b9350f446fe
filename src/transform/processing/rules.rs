//! Which requests can be processed, and the readable refusals of the others.

use super::jsonpath::{JsonPath, Step};
use crate::error::{Error, Result};
use crate::transform::terms::{AssembleWith, JoinSource, SplitType};

/// How records and results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Csv,
    Json,
    JsonLines,
}

/// The format that both media types name, once they and the splitting agree.
pub(super) fn format(
    content_type: &str,
    accept: &str,
    split: SplitType,
    assemble: AssembleWith,
) -> Result<Format> {
    let (given, wanted) = (essence(content_type), essence(accept));
    let format = of_media_type(&given).ok_or_else(|| {
        Error::invalid(
            format!("ContentType `{content_type}`"),
            "DataProcessing works on text/csv, application/json and application/jsonlines alone; \
             choose one of them, or leave the filters at $ and JoinSource at None",
        )
    })?;
    if given != wanted {
        let what = format!("Accept `{accept}`");
        let reason =
            format!("with DataProcessing it must be the same as ContentType; set `{given}`");
        return Err(Error::invalid(what, reason));
    }
    let agree = matches!(
        (split, assemble),
        (SplitType::None, AssembleWith::None) | (SplitType::Line, AssembleWith::Line)
    );
    if !agree {
        let fix = match split {
            SplitType::None | SplitType::Line => {
                format!("the two must be the same; set AssembleWith to {split:?}")
            }
            SplitType::RecordIO | SplitType::TFRecord => {
                "its records are not text; set SplitType and AssembleWith to Line, or both to None"
                    .into()
            }
        };
        let what = format!("SplitType {split:?} with AssembleWith {assemble:?}");
        return Err(Error::invalid(what, format!("with DataProcessing, {fix}")));
    }
    if format == Format::Csv && split != SplitType::Line {
        return Err(Error::invalid(
            format!("SplitType {split:?}"),
            "CSV is processed row by row; set SplitType and AssembleWith to Line",
        ));
    }
    Ok(format)
}

/// Reads one of the two filters, for that format.
pub(super) fn filter(field: &str, text: &str) -> Result<JsonPath> {
    JsonPath::parse(text).map_err(|error| in_field(field, error))
}

/// A row of CSV is an array: one step by index is all that it offers.
pub(super) fn fits_csv(field: &str, path: &JsonPath) -> Result<()> {
    match path.steps() {
        [] | [Step::Elements(_) | Step::All] => Ok(()),
        _ => Err(Error::invalid(
            format!("{field} `{path}`"),
            "a row of CSV is an array, so columns are chosen by index, as in $[0], $[1:4] or \
             $[0,5:]",
        )),
    }
}

/// Whether there is nothing to process.
pub(super) fn idle(input: &JsonPath, join: JoinSource, output: &JsonPath) -> bool {
    input.is_whole() && join == JoinSource::None && output.is_whole()
}

/// A path's error, with the field that the path stands in.
fn in_field(field: &str, error: Error) -> Error {
    match error {
        Error::Invalid { what, reason } => {
            Error::Invalid { what: format!("{field}: {what}"), reason }
        }
        other => other,
    }
}

/// A media type without parameters, in small letters.
fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn of_media_type(essence: &str) -> Option<Format> {
    match essence {
        "text/csv" => Some(Format::Csv),
        "application/json" => Some(Format::Json),
        "application/jsonlines" => Some(Format::JsonLines),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSV: &str = "text/csv";

    #[test]
    fn the_two_media_types_agree_whatever_their_spelling() {
        let lines = (SplitType::Line, AssembleWith::Line);
        let charset = "Text/CSV; charset=utf-8";
        assert_eq!(format(charset, CSV, lines.0, lines.1).unwrap(), Format::Csv);
        let none = (SplitType::None, AssembleWith::None);
        let jsonl = "application/jsonlines";
        assert_eq!(format(jsonl, jsonl, none.0, none.1).unwrap(), Format::JsonLines);
    }

    #[test]
    fn each_refusal_names_the_field_and_the_fix() {
        let json = "application/json";
        let line = AssembleWith::Line;
        for (content_type, accept, split, assemble, parts) in [
            ("image/png", json, SplitType::Line, line, ["ContentType `image/png`", "text/csv"]),
            ("", "", SplitType::Line, line, ["ContentType ``", "choose one"]),
            (CSV, json, SplitType::Line, line, ["Accept `application/json`", "set `text/csv`"]),
            (CSV, "", SplitType::Line, line, ["Accept ``", "set `text/csv`"]),
            (json, json, SplitType::None, line, ["SplitType None", "AssembleWith to None"]),
            (json, json, SplitType::Line, AssembleWith::None, ["Line", "AssembleWith to Line"]),
            (json, json, SplitType::RecordIO, AssembleWith::None, ["RecordIO", "not text"]),
            (CSV, CSV, SplitType::None, AssembleWith::None, ["SplitType None", "row by row"]),
        ] {
            let error = format(content_type, accept, split, assemble).unwrap_err().to_string();
            for part in parts {
                assert!(error.contains(part), "{error}");
            }
        }
    }
}
