//! Holds `reports/schema.json` and the record together.

use serde_json::{Value, json};

use super::fixture;
use crate::record::RunRecord;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/reports/schema.json");

fn published() -> Value {
    serde_json::from_str(&std::fs::read_to_string(PATH).unwrap()).unwrap()
}

/// The schema is derived from the record's types and their words. Run the tests with
/// `PLIMSOLL_BLESS=1` to publish a change, and raise `SCHEMA_VERSION` where a field has gone or has
/// changed its meaning.
#[test]
fn the_published_schema_is_that_of_the_record() {
    let mut derived = serde_json::to_value(schemars::schema_for!(RunRecord)).unwrap();
    derived["title"] = json!("A Plimsoll run (results.json)");
    derived["properties"]["schema_version"]["const"] = json!(crate::record::SCHEMA_VERSION);
    if std::env::var_os("PLIMSOLL_BLESS").is_some() {
        std::fs::write(PATH, serde_json::to_string_pretty(&derived).unwrap() + "\n").unwrap();
    }
    assert_eq!(published(), derived, "run the tests once with PLIMSOLL_BLESS=1");
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
