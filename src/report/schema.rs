//! Holds `reports/schema.json` and the record together.

use serde_json::{Value, json};

use super::fixture;
use crate::record::{Advice, RunRecord};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/reports/schema.json");
const ADVICE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/reports/advice.schema.json");

fn read(path: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn published() -> Value {
    read(PATH)
}

/// Holds a published schema to the one that was derived, or publishes it.
fn hold(path: &str, derived: &Value) {
    if std::env::var_os("PLIMSOLL_BLESS").is_some() {
        std::fs::write(path, serde_json::to_string_pretty(derived).unwrap() + "\n").unwrap();
    }
    assert_eq!(read(path), *derived, "run the tests once with PLIMSOLL_BLESS=1");
}

/// The schema is derived from the record's types and their words. Run the tests with
/// `PLIMSOLL_BLESS=1` to publish a change, and raise `SCHEMA_VERSION` where a field has gone or has
/// changed its meaning.
#[test]
fn the_published_schema_is_that_of_the_record() {
    let mut derived = serde_json::to_value(schemars::schema_for!(RunRecord)).unwrap();
    derived["title"] = json!("A Plimsoll run (results.json)");
    derived["properties"]["schema_version"]["const"] = json!(crate::record::SCHEMA_VERSION);
    hold(PATH, &derived);
}

/// The same of a sizing answer, whose version is `ADVICE_VERSION`.
#[test]
fn the_published_schema_of_an_answer_is_that_of_the_record() {
    let mut derived = serde_json::to_value(schemars::schema_for!(Advice)).unwrap();
    derived["title"] = json!("A Plimsoll sizing answer (advice.json)");
    derived["properties"]["version"]["const"] = json!(crate::record::ADVICE_VERSION);
    hold(ADVICE, &derived);
}

#[test]
fn an_answer_fits_its_published_schema_and_another_does_not() {
    let schema = jsonschema::validator_for(&read(ADVICE)).unwrap();
    for advice in [fixture::advice(), fixture::service_advice()] {
        let advice = serde_json::to_value(advice).unwrap();
        let faults: Vec<String> = schema.iter_errors(&advice).map(|f| f.to_string()).collect();
        assert_eq!(faults, [""; 0]);
    }
    for (place, wrong) in [
        ("/version", json!(7)),
        ("/choices/0/basis", json!({"basis": "guessed"})),
        ("/choices/0/cost_usd", json!(1.0)),
        ("/choices/0/machines", json!("2")),
        ("/question", json!(null)),
    ] {
        let mut advice = serde_json::to_value(fixture::advice()).unwrap();
        *advice.pointer_mut(place).unwrap() = wrong;
        assert!(!schema.is_valid(&advice), "{place}");
    }
}

#[test]
fn a_record_fits_the_published_schema() {
    let schema = jsonschema::validator_for(&published()).unwrap();
    let run = serde_json::to_value(fixture::run()).unwrap();
    let faults: Vec<String> = schema.iter_errors(&run).map(|fault| fault.to_string()).collect();
    assert_eq!(faults, [""; 0]);
}

#[test]
fn a_record_that_does_not_fit_is_refused() {
    let schema = jsonschema::validator_for(&published()).unwrap();
    let run = serde_json::to_value(fixture::run()).unwrap();
    for (place, wrong) in [
        ("/schema_version", json!(1)),
        ("/cells/1/cell/batch", json!("8")),
        ("/cells/0/verdict", json!("FINE")),
        ("/host/os", json!(null)),
    ] {
        let mut run = run.clone();
        *run.pointer_mut(place).unwrap() = wrong;
        assert!(!schema.is_valid(&run), "{place}");
    }
}
