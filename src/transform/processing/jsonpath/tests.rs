//! Paths as they are written, and what they select.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::element::Element;
use super::{JsonPath, Step};

fn apply(path: &str, json: &str) -> Result<String, String> {
    let mut out = b"before ".to_vec();
    let done = JsonPath::parse(path).unwrap().apply(json.as_bytes(), &mut out);
    let out = String::from_utf8(out).unwrap();
    match done {
        Ok(()) => Ok(out.strip_prefix("before ").unwrap().to_owned()),
        Err(error) => {
            assert_eq!(out, "before ", "an error leaves the output as it was");
            Err(error.to_string())
        }
    }
}

#[test]
fn every_documented_example_is_read_and_written_in_one_form() {
    for (written, plain) in [
        ("$", "$"),
        ("$.id", "$.id"),
        ("$.id.*", "$.id.*"),
        ("$.*", "$.*"),
        ("$[*]", "$.*"),
        ("$['id','SageMakerOutput']", "$['id','SageMakerOutput']"),
        ("$.['id','SageMakerOutput']", "$['id','SageMakerOutput']"),
        ("$['label', 'SageMakerOutput']", "$['label','SageMakerOutput']"),
        ("$[\"id\"]", "$.id"),
        ("$.field1.['child1','child2']", "$.field1['child1','child2']"),
        ("$.features", "$.features"),
        ("$[1]", "$[1]"),
        ("$[1,3,5]", "$[1,3,5]"),
        ("$[0,-1]", "$[0,-1]"),
        ("$[2:5]", "$[2:5]"),
        ("$[:5]", "$[:5]"),
        ("$[2:]", "$[2:]"),
        ("$[0,5:]", "$[0,5:]"),
        ("$[0:2, 5:]", "$[0:2,5:]"),
        ("$.predictions[0].label", "$.predictions[0].label"),
        (r"$['it\'s \\ odd']", r"$['it\'s \\ odd']"),
    ] {
        let path = JsonPath::parse(written).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(path.to_string(), plain);
    }
}

#[test]
fn a_refusal_points_at_the_column_and_says_what_is_supported() {
    for (text, column, part) in [
        ("id", 1, "a path begins with $"),
        ("$id", 2, "`i` cannot follow here; supported are"),
        ("$..id", 3, "any depth"),
        ("$.id ", 5, "` ` cannot follow here"),
        ("$.", 3, "a name is missing"),
        ("$. id", 3, "cannot begin a name"),
        ("$.é.length()", 11, "functions are not supported"),
        ("$[?(@.a>1)]", 3, "filters are not supported"),
        ("$[(@.length-1)]", 3, "scripts are not supported"),
        ("$[]", 3, "the bracket is empty"),
        ("$[id]", 3, "needs quotes"),
        ("$[", 3, "not closed"),
        ("$[1", 4, "not closed"),
        ("$[1 2]", 5, "divided by commas"),
        ("$[1:4:2]", 6, "step is not supported"),
        ("$[4:1]", 5, "ends at 1, before it begins at 4"),
        ("$[-1:-3]", 6, "ends at -3"),
        ("$[0,*]", 5, "stands alone"),
        ("$[*,0]", 4, "stands alone"),
        ("$[0,'a']", 5, "an index or a slice"),
        ("$['a',0]", 7, "names and numbers do not mix"),
        ("$['a','a']", 7, "'a' is named twice"),
        ("$['a", 5, "not closed"),
        ("$[-]", 3, "not followed by a number"),
        ("$[99999999999999999999]", 3, "too large"),
        ("$.field1.['child1','child2.grandchild']", 27, "children of children"),
    ] {
        let error = JsonPath::parse(text).unwrap_err().to_string();
        let place = format!("JSONPath `{text}`: column {column}: ");
        assert!(error.starts_with(&place) && error.contains(part), "{text}: {error}");
    }
}

#[test]
fn a_path_has_at_most_63_characters() {
    let longest = format!("$.{}", "é".repeat(61));
    JsonPath::parse(&longest).unwrap();
    let error = JsonPath::parse(&format!("{longest}é")).unwrap_err().to_string();
    assert!(error.contains("it has 64 characters; at most 63"), "{error}");
    assert!(JsonPath::parse("").unwrap_err().to_string().contains("write $ for the whole"));
}

#[test]
fn one_place_gives_its_value_and_several_an_array() {
    let record = r#"{"id": "a", "features": [1.0, 1e400, 3], "z": {"y": null, "x": 12345678901234567890123}}"#;
    for (path, selected) in [
        ("$.id", r#""a""#),
        ("$.features", "[1.0, 1e400, 3]"),
        ("$.features[1]", "1e400"),
        ("$.features[-1]", "3"),
        ("$.features[0,-1]", "[1.0,3]"),
        ("$.features[1:2]", "[1e400,3]"),
        ("$.features[2:]", "[3]"),
        ("$.features[0,1:]", "[1.0,1e400,3]"),
        ("$.features.*", "[1.0,1e400,3]"),
        ("$.z", r#"{"y": null, "x": 12345678901234567890123}"#),
        ("$.z.*", "[null,12345678901234567890123]"),
        ("$['z']['x']", "12345678901234567890123"),
        ("$['features','id']", r#"{"features":[1.0, 1e400, 3],"id":"a"}"#),
        ("$.*[0]", "[1.0]"),
        ("$.*.y", "[null]"),
    ] {
        assert_eq!(apply(path, record).as_deref(), Ok(selected), "{path}");
    }
    let twins = r#"{"a": {"x": 1, "y": 2}, "b": {"x": 3}}"#;
    assert_eq!(apply("$['b','a'].x", twins).as_deref(), Ok("[3,1]"));
    assert_eq!(apply("$.*['x','y']", twins).as_deref(), Ok(r#"[{"x":1,"y":2},{"x":3}]"#));
}

#[test]
fn names_are_compared_by_meaning_and_the_last_of_twins_counts() {
    assert_eq!(apply("$.a", r#"{"a": 1, "\u0061": 2}"#).as_deref(), Ok("2"));
    assert_eq!(apply(r"$['a\'b']", r#"{"a'b": 1}"#).as_deref(), Ok("1"));
    assert_eq!(apply(r#"$['"']"#, r#"{"\"": 1}"#).as_deref(), Ok("1"));
}

#[test]
fn what_is_named_must_be_there_except_below_a_star() {
    for (path, json, part) in [
        ("$.b", r#"{"a": 1}"#, "$.b: there is no member `b`"),
        ("$['a','b']", r#"{"a": 1}"#, "no member `b`"),
        ("$.a.b", r#"{"a": 1}"#, "neither object nor array has no members to name"),
        ("$[0]", r#"{"a": 1}"#, "an object has no elements to count"),
        ("$.a", "[1]", "an array has no members to name"),
        ("$.*", "7", "has no members or elements"),
        ("$[3]", "[1, 2, 3]", "index 3 is outside a width of 3"),
        ("$[0]", "[]", "width of 0"),
        ("$[1:3]", "[1, 2, 3]", "bound 3 is outside a width of 3"),
        ("$.*", "{}", "it selects nothing"),
        ("$[:]", "[]", "it selects nothing"),
        ("$.*.b", "[{}, 7]", "it selects nothing"),
        ("$[-1:0]", "[1, 2, 3]", "it selects nothing"),
        ("$", "{", "not JSON: EOF"),
        ("$", "1 2", "not JSON: trailing"),
        ("$.a", r#"{"a": 1} x"#, "not JSON: trailing"),
        ("$.a", r#"{"a": nan}"#, "not JSON: expected"),
        ("$[0]", "[1, 2", "not JSON: EOF"),
    ] {
        let error = apply(path, json).unwrap_err();
        assert!(error.starts_with(path) && error.contains(part), "{path} of {json}: {error}");
    }
    assert_eq!(apply("$.*.b", r#"[{}, 7, {"b": 1}, [2]]"#).as_deref(), Ok("[1]"));
    let error = JsonPath::parse("$").unwrap().apply(b"\"\xff\"", &mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "$: not JSON: byte 1 is not UTF-8");
}

fn any_path() -> impl Strategy<Value = JsonPath> {
    let names = proptest::collection::hash_set(r"[a-c '\\_é-]{0,4}", 1..3)
        .prop_map(|names| Step::Names(names.into_iter().collect()));
    let element = prop_oneof![
        (-9i64..9).prop_map(Element::At),
        (proptest::option::of(0i64..4), proptest::option::of(4i64..9))
            .prop_map(|(first, last)| Element::Slice(first, last)),
    ];
    let elements = proptest::collection::vec(element, 1..4).prop_map(Step::Elements);
    let step = prop_oneof![names, elements, Just(Step::All)];
    proptest::collection::vec(step, 0..4).prop_map(|steps| JsonPath { steps })
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-c\"\\\\é]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-c]", inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// What a path means, over values: slow and plain.
fn naive(values: Vec<Value>, steps: &[Step], lenient: bool) -> Option<Vec<Value>> {
    let Some((step, rest)) = steps.split_first() else { return Some(values) };
    let mut next = Vec::new();
    for value in values {
        match (step, &value) {
            (Step::Names(names), Value::Object(members)) => {
                let found: serde_json::Map<String, Value> = names
                    .iter()
                    .filter_map(|name| Some((name.clone(), members.get(name)?.clone())))
                    .collect();
                if found.len() < names.len() && !lenient {
                    return None;
                }
                if names.len() > 1 && rest.is_empty() {
                    next.extend((!found.is_empty()).then_some(Value::Object(found)));
                } else {
                    next.extend(names.iter().filter_map(|name| found.get(name).cloned()));
                }
            }
            (Step::Elements(wanted), Value::Array(elements)) => {
                for element in wanted {
                    match element.resolve(elements.len()) {
                        Ok(range) => next.extend_from_slice(&elements[range]),
                        Err(_) if lenient => {}
                        Err(_) => return None,
                    }
                }
            }
            (Step::All, Value::Array(elements)) => next.extend_from_slice(elements),
            (Step::All, Value::Object(members)) => next.extend(members.values().cloned()),
            _ if lenient => {}
            _ => return None,
        }
    }
    naive(next, rest, lenient || *step == Step::All)
}

proptest! {
    /// For all paths, reading what is written gives the path again.
    #[test]
    fn parse_undoes_display(path in any_path()) {
        let text = path.to_string();
        if text.chars().count() <= super::MAX_CHARACTERS {
            prop_assert_eq!(JsonPath::parse(&text).unwrap(), path);
        }
    }

    /// For all texts, a path is read or refused, and what is read can be written and read again.
    #[test]
    fn nothing_makes_the_parser_panic(text in r#"\$[.\[\]*'",:0-9a\\ é-]{0,20}"#) {
        if let Ok(path) = JsonPath::parse(&text) {
            prop_assert_eq!(JsonPath::parse(&path.to_string()).unwrap(), path);
        }
    }

    /// For all values, `$` gives back the text.
    #[test]
    fn the_whole_is_the_identity(value in any_json()) {
        let text = serde_json::to_string_pretty(&value).unwrap();
        prop_assert_eq!(apply("$", &text), Ok(text));
    }

    /// For all paths and values, the texts cut out mean what a walk over the values finds.
    #[test]
    fn selections_mean_what_a_walk_over_values_finds(path in any_path(), value in any_json()) {
        let mut out = Vec::new();
        let done = path.apply(value.to_string().as_bytes(), &mut out);
        let expected = naive(vec![value], &path.steps, false).filter(|found| !found.is_empty());
        match expected {
            None => prop_assert!(done.is_err()),
            Some(found) => {
                prop_assert!(done.is_ok(), "{:?}", done);
                let selected: Value = serde_json::from_slice(&out).unwrap();
                let one = path.gives_one();
                prop_assert_eq!(selected, if one { found[0].clone() } else { json!(found) });
            }
        }
    }
}
