//! Holds `reports/schema.json` and the record together, with as much of JSON Schema as it uses.

use serde_json::{Value, json};

use super::fixture;

/// What is wrong with a value, with its place; nothing for one that fits. Stricter than JSON Schema
/// in two ways: a field that is not described is wrong, and so is a keyword not known here, for it
/// would promise what nobody checks.
fn faults(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |text: String| faults.push(format!("{at}: {text}"));
    let mut below = Vec::new();
    let numbers = |limit: &Value| value.as_f64().zip(limit.as_f64());
    for (keyword, rule) in schema.as_object().unwrap() {
        match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" => {}
            "$ref" => {
                let path = rule.as_str().unwrap().trim_start_matches('#');
                below.push((root.pointer(path).unwrap(), value, at.to_owned()));
            }
            "type" => {
                let names = rule.as_array().cloned().unwrap_or_else(|| vec![rule.clone()]);
                if !names.iter().any(|name| is(value, name.as_str().unwrap())) {
                    fault(format!("{value} is no {rule}"));
                }
            }
            "const" if value != rule => fault(format!("{value} is not {rule}")),
            "enum" if !rule.as_array().unwrap().contains(value) => {
                fault(format!("{value} is none of {rule}"));
            }
            "minimum" if numbers(rule).is_some_and(|(n, least)| n < least) => {
                fault(format!("{value} is below {rule}"));
            }
            "maximum" if numbers(rule).is_some_and(|(n, most)| n > most) => {
                fault(format!("{value} is above {rule}"));
            }
            "minItems" | "maxItems" => {
                if value.as_array().map(Vec::len) != schema["prefixItems"].as_array().map(Vec::len)
                {
                    fault(format!("{value} is not of its length"));
                }
            }
            "required" => {
                for name in rule.as_array().unwrap() {
                    if value.get(name.as_str().unwrap()).is_none() {
                        fault(format!("lacks {name}"));
                    }
                }
            }
            "properties" => {
                for (name, item) in value.as_object().unwrap() {
                    match rule.get(name) {
                        Some(rule) => below.push((rule, item, format!("{at}/{name}"))),
                        None => fault(format!("`{name}` is not described")),
                    }
                }
            }
            "items" => {
                for (place, item) in value.as_array().into_iter().flatten().enumerate() {
                    below.push((rule, item, format!("{at}/{place}")));
                }
            }
            "prefixItems" => {
                let rules = rule.as_array().unwrap().iter();
                for (rule, item) in rules.zip(value.as_array().into_iter().flatten()) {
                    below.push((rule, item, format!("{at}/-")));
                }
            }
            "const" | "enum" | "minimum" | "maximum" => {}
            unknown => fault(format!("keyword `{unknown}` is not checked")),
        }
    }
    for (schema, value, at) in below {
        faults.extend(self::faults(root, schema, value, &at));
    }
    faults
}

fn is(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => false,
    }
}

fn schema() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/reports/schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn a_record_fits_the_published_schema() {
    let schema = schema();
    let run = serde_json::to_value(fixture::run()).unwrap();
    assert_eq!(faults(&schema, &schema, &run, ""), [""; 0]);
}

#[test]
fn a_record_that_does_not_fit_is_told_where() {
    let schema = schema();
    let mut run = serde_json::to_value(fixture::run()).unwrap();
    run["schema_version"] = json!(2);
    run["cells"][0]["agreement"] = json!(1.5);
    run["cells"][1]["cell"]["batch"] = json!("8");
    run["host"].as_object_mut().unwrap().remove("os");
    run["novel"] = json!(true);
    let mut faults = faults(&schema, &schema, &run, "");
    faults.sort();
    assert_eq!(
        faults,
        [
            "/cells/0/agreement: 1.5 is above 1",
            "/cells/1/cell/batch: \"8\" is no \"integer\"",
            "/host: lacks \"os\"",
            "/schema_version: 2 is not 1",
            ": `novel` is not described",
        ]
    );
}
