//! Records through the three steps.

use proptest::prelude::*;

use super::Processing;
use crate::error::Result;
use crate::transform::terms::{AssembleWith, JoinSource, SplitType};

const CSV: &str = "text/csv";
const JSON: &str = "application/json";
const LINES: &str = "application/jsonlines";

fn by_line(input: &str, join: JoinSource, output: &str, media_type: &str) -> Processing {
    let (split, assemble) = (SplitType::Line, AssembleWith::Line);
    let processing = Processing::new(input, join, output, media_type, media_type, split, assemble);
    processing.unwrap_or_else(|error| panic!("{error}")).expect("there is something to do")
}

fn whole(input: &str, join: JoinSource, output: &str, media_type: &str) -> Processing {
    let (split, assemble) = (SplitType::None, AssembleWith::None);
    let processing = Processing::new(input, join, output, media_type, media_type, split, assemble);
    processing.unwrap().expect("there is something to do")
}

fn input(processing: &Processing, record: &str) -> Result<String> {
    let mut out = Vec::new();
    processing.input(record.as_bytes(), &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

fn output(processing: &Processing, record: &str, result: &str) -> Result<String> {
    let mut out = Vec::new();
    processing.output(record.as_bytes(), result.as_bytes(), &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn the_defaults_leave_nothing_to_do_whatever_the_types() {
    let (split, assemble) = (SplitType::RecordIO, AssembleWith::None);
    let none = Processing::new("$", JoinSource::None, "$", "image/png", JSON, split, assemble);
    assert!(none.unwrap().is_none());
}

#[test]
fn documented_csv_examples() {
    let all = by_line("$", JoinSource::Input, "$", CSV);
    assert_eq!(output(&all, "1,2,3", "1").unwrap(), "1,2,3,1");

    let id_and_inference = by_line("$[1:]", JoinSource::Input, "$[0,-1]", CSV);
    assert_eq!(input(&id_and_inference, "id-7,0.5,1.0,x").unwrap(), "0.5,1.0,x");
    assert_eq!(output(&id_and_inference, "id-7,0.5,1.0,x", "0.25").unwrap(), "id-7,0.25");

    let second_to_fifth = by_line("$[1:4]", JoinSource::None, "$", CSV);
    assert_eq!(input(&second_to_fifth, "0,1,2,3,4,5,6").unwrap(), "1,2,3,4");
    let to_the_sixth = by_line("$[:5]", JoinSource::None, "$", CSV);
    assert_eq!(input(&to_the_sixth, "0,1,2,3,4,5,6").unwrap(), "0,1,2,3,4,5");
    let from_the_sixth = by_line("$[5:]", JoinSource::None, "$", CSV);
    assert_eq!(input(&from_the_sixth, "0,1,2,3,4,5,6").unwrap(), "5,6");

    let mixed = by_line("$", JoinSource::Input, "$[0,5:]", CSV);
    assert_eq!(output(&mixed, "0,1,2,3,4,5", "6,7").unwrap(), "0,5,6,7");
}

#[test]
fn documented_json_examples() {
    let all = by_line("$", JoinSource::Input, "$", JSON);
    assert_eq!(
        output(&all, r#"{"key":1}"#, r#"{"label":1}"#).unwrap(),
        r#"{"key":1,"SageMakerOutput":{"label":1}}"#
    );
    assert_eq!(
        output(&all, "[1, 2.0]", r#"{"label":1}"#).unwrap(),
        r#"{"SageMakerInput":[1, 2.0],"SageMakerOutput":{"label":1}}"#
    );

    let id = by_line("$.features", JoinSource::Input, "$['id','SageMakerOutput']", LINES);
    let record = r#"{"id": 7, "features": [1.0, 2.50]}"#;
    assert_eq!(input(&id, record).unwrap(), "[1.0, 2.50]");
    assert_eq!(
        output(&id, record, r#"{"predictions": 3}"#).unwrap(),
        r#"{"id":7,"SageMakerOutput":{"predictions": 3}}"#
    );
}

#[test]
fn an_object_keeps_its_members_in_their_order_and_spelling() {
    let all = by_line("$", JoinSource::Input, "$", LINES);
    assert_eq!(
        output(&all, r#" { "z": 1.0, "a": 1e400, "z\u0021": "\u00e9" } "#, "7").unwrap(),
        r#"{ "z": 1.0, "a": 1e400, "z\u0021": "\u00e9","SageMakerOutput":7}"#
    );
    assert_eq!(output(&all, "{}", "7").unwrap(), r#"{"SageMakerOutput":7}"#);
}

#[test]
fn a_member_of_the_reserved_name_is_overwritten() {
    let all = by_line("$", JoinSource::Input, "$", LINES);
    for (record, joined) in [
        (r#"{"SageMakerOutput": 1}"#, r#"{"SageMakerOutput":7}"#),
        (r#"{"b": 1, "SageMakerOutput": 1, "a": 2}"#, r#"{"b":1,"a":2,"SageMakerOutput":7}"#),
        (r#"{"SageMaker\u004futput": 1, "\u0061": 2}"#, r#"{"\u0061":2,"SageMakerOutput":7}"#),
    ] {
        assert_eq!(output(&all, record, "7").unwrap(), joined);
    }
}

#[test]
fn records_of_lines_stay_on_one_line() {
    let all = by_line("$", JoinSource::Input, "$", JSON);
    assert_eq!(
        output(&all, r#"{"a": 1}"#, "{\r\n  \"b\": \"x\\ny\"\n}\n").unwrap(),
        r#"{"a": 1,"SageMakerOutput":{  "b": "x\ny"}}"#
    );
    let whole = whole("$", JoinSource::Input, "$", JSON);
    assert_eq!(
        output(&whole, "{\n  \"a\": 1\n}\n", "[\n7\n]\n").unwrap(),
        "{\n  \"a\": 1,\"SageMakerOutput\":[\n7\n]}"
    );
}

#[test]
fn unsplit_json_lines_are_paired_line_by_line() {
    let lines = whole("$.x", JoinSource::Input, "$['id','SageMakerOutput']", LINES);
    let record = "{\"id\": 1, \"x\": 10}\n\n{\"id\": 2, \"x\": 20}\n";
    assert_eq!(input(&lines, record).unwrap(), "10\n20");
    assert_eq!(
        output(&lines, record, "7\n8\n").unwrap(),
        "{\"id\":1,\"SageMakerOutput\":7}\n{\"id\":2,\"SageMakerOutput\":8}"
    );
    let error = output(&lines, record, "7\n8\n9\n").unwrap_err().to_string();
    assert!(error.contains("3 lines for 2 records"), "{error}");
}

#[test]
fn a_response_is_taken_apart_by_lines() {
    let all = by_line("$", JoinSource::Input, "$", JSON);
    assert_eq!(all.results(b"{\n}\n", 1).unwrap(), [b"{\n}"]);
    assert_eq!(all.results(b"7\r\n8\n", 2).unwrap(), [b"7", b"8"]);
    let error = all.results(b"{\"predictions\": [7, 8]}", 2).unwrap_err().to_string();
    assert!(error.contains("1 lines for 2 records") && error.contains("SingleRecord"), "{error}");
}

#[test]
fn quoted_fields_stay_quoted_and_count_as_one() {
    let some = by_line("$[1]", JoinSource::Input, "$[1,-1]", CSV);
    let record = r#"7,"a, ""b""",x"#;
    assert_eq!(input(&some, record).unwrap(), r#""a, ""b""""#);
    assert_eq!(output(&some, record, r#""c,d""#).unwrap(), r#""a, ""b""","c,d""#);
    assert_eq!(input(&some, "7,,8").unwrap(), r#""""#, "an empty line would be no row");
}

#[test]
fn what_cannot_be_processed_says_why() {
    let csv = by_line("$[4]", JoinSource::Input, "$[5]", CSV);
    let json = by_line("$.a", JoinSource::Input, "$.SageMakerOutput", LINES);
    for (error, parts) in [
        (input(&csv, "1,2,3,4"), ["InputFilter: $[4]: index 4", "width of 4"]),
        (output(&csv, "1,2,3", "1"), ["OutputFilter: $[5]: index 5", "width of 4"]),
        (output(&csv, "1,\"2", "1"), ["JoinSource Input: the record: not CSV: column 1", "quote"]),
        (output(&csv, "1,2", "1\n2"), ["JoinSource Input: the result", "line end"]),
        (input(&json, "{\"a\": }"), ["InputFilter: $.a: not JSON", "column"]),
        (input(&json, "{}"), ["InputFilter: $.a", "no member `a`"]),
        (output(&json, "{} {}", "1"), ["JoinSource Input: the record: not JSON", "trailing"]),
        (
            output(&json, "{}", "ERROR"),
            ["JoinSource Input: the result: not JSON", "expected value"],
        ),
        (output(&json, "{}", ""), ["JoinSource Input: the result: not JSON", "EOF"]),
    ] {
        let error = error.unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{error}");
        }
    }
    let alone = by_line("$[0]", JoinSource::None, "$", CSV);
    assert_eq!(output(&alone, "1,2", "ERROR\n").unwrap(), "ERROR");
    let error = output(&alone, "1,2", "7\n8\n").unwrap_err().to_string();
    assert!(error.contains("a row has a line end within"), "{error}");
}

#[test]
fn names_do_not_select_columns() {
    let (split, assemble) = (SplitType::Line, AssembleWith::Line);
    for path in ["$.id", "$['id','x']", "$[0].x", "$[0][1]"] {
        let made = Processing::new("$", JoinSource::None, path, CSV, CSV, split, assemble);
        let error = made.unwrap_err().to_string();
        assert!(error.starts_with("OutputFilter `$") && error.contains("by index"), "{error}");
    }
    let made = Processing::new("$..a", JoinSource::None, "$", JSON, JSON, split, assemble);
    let error = made.unwrap_err().to_string();
    assert!(error.starts_with("InputFilter: JSONPath `$..a`: column 3"), "{error}");
}

proptest! {
    /// For all objects, the result that was joined is found again under its name.
    #[test]
    fn what_is_joined_is_found_again(
        members in proptest::collection::hash_map("[a-zSO\"\\\\é]{0,8}", any::<i32>(), 0..5),
        result in any::<Option<i64>>(),
    ) {
        let record = serde_json::to_string(&members).unwrap();
        let result = serde_json::to_string(&result).unwrap();
        let joined = by_line("$", JoinSource::Input, "$.SageMakerOutput", LINES);
        prop_assert_eq!(output(&joined, &record, &result).unwrap(), result.clone());
        let kept = by_line("$", JoinSource::Input, "$", LINES);
        let mut all: std::collections::HashMap<String, serde_json::Value> =
            serde_json::from_str(&output(&kept, &record, &result).unwrap()).unwrap();
        prop_assert_eq!(all.remove("SageMakerOutput").unwrap().to_string(), result);
        prop_assert_eq!(all.len(), members.len());
    }

    /// For all rows, the joined row has the record's columns and then the result's, with their
    /// values.
    #[test]
    fn joined_rows_read_as_both_rows(
        record in proptest::collection::vec("[ab,\" ]{0,4}", 1..5),
        result in proptest::collection::vec("[ab,\" ]{0,4}", 1..3),
    ) {
        let write = |row: &[String]| {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(row).unwrap();
            String::from_utf8(writer.into_inner().unwrap()).unwrap()
        };
        let joined = by_line("$", JoinSource::Input, "$", CSV);
        let row = output(&joined, &write(&record), &write(&result)).unwrap();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(row.as_bytes());
        let columns: Vec<String> =
            reader.records().next().unwrap().unwrap().iter().map(str::to_owned).collect();
        prop_assert_eq!(columns, [record, result].concat());
    }
}
