//! Every row of the table of fields, at its limits and past them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::fields::{Fate, Field, Kind, REQUEST};
use super::*;
use crate::transform::terms::{
    AssembleWith, BatchStrategy, CompressionType, DataType, JoinSource, SplitType,
};

const URI: &str = "TransformInput.DataSource.S3DataSource.S3Uri";

/// The smallest request that there is.
fn smallest() -> Value {
    json!({
        "TransformJobName": "a",
        "ModelName": "m",
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}}
        },
        "TransformOutput": {"S3OutputPath": "s3://b/out"},
        "TransformResources": {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1},
    })
}

/// The SageMaker notebook's request: 100 pictures of digits.
fn notebook() -> Value {
    json!({
        "TransformJobName": "pytorch-inference-2019-11-22-00-26-12-600",
        "ModelName": "pytorch-inference-2019-11-22-00-26-12-046",
        "TransformInput": {
            "DataSource": {"S3DataSource": {
                "S3DataType": "S3Prefix",
                "S3Uri": "s3://sagemaker-us-west-2-123456789012/sagemaker/batch_transform",
            }},
            "ContentType": "application/x-image",
        },
        "TransformOutput": {
            "S3OutputPath": "s3://sagemaker-us-west-2-123456789012/pytorch-inference-2019-11-22",
        },
        "TransformResources": {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1},
    })
}

/// A request with every field that is not refused.
fn fullest() -> Value {
    json!({
        "TransformJobName": "full-1",
        "ModelName": "mnist",
        "MaxConcurrentTransforms": 4,
        "ModelClientConfig": {"InvocationsTimeoutInSeconds": 30, "InvocationsMaxRetries": 1},
        "MaxPayloadInMB": 25,
        "BatchStrategy": "SingleRecord",
        "Environment": {"A": "1", "_b": ""},
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": "m.json"}},
            "ContentType": "text/csv",
            "CompressionType": "Gzip",
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": "out",
            "Accept": "text/csv",
            "AssembleWith": "Line",
            "KmsKeyId": "alias/a",
        },
        "TransformResources": {
            "InstanceType": "ml.c5.xlarge",
            "InstanceCount": 3,
            "VolumeKmsKeyId": "alias/b",
            "TransformAmiVersion": "al2-ami-sagemaker-batch-gpu-535",
        },
        "DataProcessing": {"InputFilter": "$[1:]", "OutputFilter": "$[0,-1]", "JoinSource": "Input"},
        "Tags": [{"Key": "team", "Value": ""}],
        "ExperimentConfig": {
            "ExperimentName": "e", "TrialName": "t", "TrialComponentDisplayName": "d",
            "RunName": "r",
        },
    })
}

/// The smallest request with one field more, or another.
fn with(path: &str, value: impl Into<Value>) -> Value {
    edited(smallest(), path, value)
}

fn edited(mut request: Value, path: &str, value: impl Into<Value>) -> Value {
    let pointer = format!("/{}", path.replace('.', "/"));
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let mut place = &mut request;
    for part in parent.split('/').skip(1) {
        place = place.as_object_mut().unwrap().entry(part).or_insert_with(|| json!({}));
    }
    place[name] = value.into();
    request
}

fn read(request: &Value) -> crate::error::Result<(CreateTransformJob, Vec<String>)> {
    let request = CreateTransformJob::parse(request.to_string().as_bytes())?;
    let notes = request.check()?;
    Ok((request, notes))
}

#[track_caller]
fn accepts(request: &Value) -> CreateTransformJob {
    match read(request) {
        Ok((request, _)) => request,
        Err(error) => panic!("{error}: {request}"),
    }
}

/// The request is refused by an error that names the field and holds all of `says`.
#[track_caller]
fn refuses(request: &Value, path: &str, says: &str) {
    let error = read(request).expect_err(path).to_string();
    assert!(error.starts_with(&format!("`{path}`: ")), "{error}");
    assert!(error.contains(says), "{error}");
}

/// A text field: these lengths are taken, and the next longer one is not.
#[track_caller]
fn text_of(path: &str, least: usize, most: usize) {
    for length in [least, most] {
        accepts(&with(path, "a".repeat(length)));
    }
    if least > 0 {
        refuses(&with(path, ""), path, "is empty");
    }
    refuses(&with(path, "a".repeat(most + 1)), path, &format!("at most {most}"));
    refuses(&with(path, 7), path, "7 must be a text, in quotes");
}

#[track_caller]
fn number_from(path: &str, least: u64, most: u64) {
    for value in [least, most] {
        accepts(&with(path, value));
    }
    refuses(&with(path, most + 1), path, &format!("from {least} to {most}"));
    let below = least as i64 - 1;
    for value in [json!(below), json!(1.5), json!(-1e300)] {
        refuses(&with(path, value), path, "must be a whole number");
    }
    refuses(&with(path, "3"), path, "without quotes");
}

#[track_caller]
fn word_of(path: &str, known: &[&str]) {
    for word in known {
        accepts(&with(path, *word));
    }
    let choices = known.join(", ");
    for word in ["", "none", "Nine"] {
        refuses(&with(path, word), path, &format!("choose from {choices}"));
    }
    refuses(&with(path, json!([])), path, &choices);
}

#[test]
fn job_names_are_held_to_length_and_pattern() {
    text_of("TransformJobName", 1, 63);
    for name in ["-a", "a-", "a_b", "a.b", "a b", "é"] {
        refuses(&with("TransformJobName", name), "TransformJobName", "letters, digits and hyphens");
    }
    accepts(&with("TransformJobName", "a--1-B"));
}

#[test]
fn model_names_are_held_to_length_and_pattern() {
    text_of("ModelName", 1, 63);
    refuses(&with("ModelName", "-a"), "ModelName", "letters, digits and hyphens");
}

#[test]
fn concurrency_times_payload_is_at_most_100() {
    let path = "MaxConcurrentTransforms";
    accepts(&with(path, 0));
    accepts(&with(path, 16));
    refuses(&with(path, 17), path, "17 times MaxPayloadInMB, 6 (its default), is 102; at most 100");
    for (requests, payload) in [(1, 100), (100, 1), (4, 25), (0, 100), (4_000_000_000_u64, 0)] {
        accepts(&edited(with(path, requests), "MaxPayloadInMB", payload));
    }
    let over = edited(with(path, 2), "MaxPayloadInMB", 51);
    refuses(&over, path, "2 times MaxPayloadInMB, 51, is 102");
    refuses(&with(path, -1), path, "-1 must be a whole number from 0 up");
    refuses(&with(path, u64::MAX), path, "must be a whole number");
    refuses(&with(path, "1"), path, "without quotes");
}

#[test]
fn timeouts_and_retries_are_held_to_their_bounds() {
    number_from("ModelClientConfig.InvocationsTimeoutInSeconds", 1, 3600);
    number_from("ModelClientConfig.InvocationsMaxRetries", 0, 3);
    refuses(&with("ModelClientConfig", 3), "ModelClientConfig", "an object with Invocations");
}

#[test]
fn payloads_are_held_to_100_megabytes() {
    number_from("MaxPayloadInMB", 0, 100);
}

#[test]
fn words_are_taken_as_the_api_spells_them() {
    word_of("BatchStrategy", &["MultiRecord", "SingleRecord"]);
    word_of("TransformInput.CompressionType", &["None", "Gzip"]);
    word_of("TransformInput.SplitType", &["None", "Line", "RecordIO", "TFRecord"]);
    word_of("TransformOutput.AssembleWith", &["None", "Line"]);
    word_of("DataProcessing.JoinSource", &["Input", "None"]);
    word_of("TransformInput.DataSource.S3DataSource.S3DataType", &["S3Prefix", "ManifestFile"]);
}

#[test]
fn the_words_of_the_table_are_those_of_the_terms() {
    fn terms<T: clap::ValueEnum>() -> Vec<String> {
        let all = T::value_variants().iter().filter_map(|term| term.to_possible_value());
        let mut all: Vec<_> = all.map(|term| term.get_name().to_owned()).collect();
        all.sort();
        all
    }
    let mut found = std::collections::BTreeMap::new();
    for (path, _, kind) in rows(REQUEST, "", None) {
        if let Kind::Word { known, .. } = kind {
            let mut known: Vec<_> = known.iter().map(|word| (*word).to_owned()).collect();
            known.sort();
            found.insert(path.rsplit('.').next().unwrap().to_owned(), known);
        }
    }
    for (name, terms) in [
        ("BatchStrategy", terms::<BatchStrategy>()),
        ("S3DataType", terms::<DataType>()),
        ("CompressionType", terms::<CompressionType>()),
        ("SplitType", terms::<SplitType>()),
        ("AssembleWith", terms::<AssembleWith>()),
        ("JoinSource", terms::<JoinSource>()),
    ] {
        assert_eq!(found.remove(name), Some(terms), "{name}");
    }
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn sixteen_variables_are_allowed() {
    let path = "Environment";
    let variables = |n: usize| -> Value { (0..n).map(|i| (format!("V{i}"), "x")).collect() };
    accepts(&with(path, json!({})));
    accepts(&with(path, variables(16)));
    refuses(&with(path, variables(17)), path, "has 17 variables; at most 16");
    refuses(&with(path, json!(["A=1"])), path, "an object of texts");
}

#[test]
fn variables_are_held_to_length_and_pattern() {
    let named = |name: &str| with("Environment", json!({name: "x"}));
    accepts(&named(&"A".repeat(1024)));
    refuses(&named(&"A".repeat(1025)), "Environment", "has 1025 characters; at most 1024");
    refuses(&named(""), "Environment", "is empty");
    refuses(&named("9A"), "Environment", "not a digit first");
    accepts(&with("Environment.A", "x".repeat(10_240)));
    refuses(&with("Environment.A", "x".repeat(10_241)), "Environment.A", "at most 10240");
    refuses(&with("Environment.A", 1), "Environment.A", "1 must be a text, in quotes");
    refuses(&with("Environment.A", Value::Null), "Environment.A", "null must be a text");
}

#[test]
fn inputs_that_are_not_for_transforms_are_refused_with_the_reason() {
    let path = "TransformInput.DataSource.S3DataSource.S3DataType";
    refuses(&with(path, "AugmentedManifestFile"), path, "write a ManifestFile");
    refuses(&with(path, "Converse"), path, "language models");
}

#[test]
fn places_are_uris_of_stores_or_paths() {
    for path in [URI, "TransformOutput.S3OutputPath"] {
        for place in ["s3://b", "s3://b/k", "gs://b/k", "az://c/k", "file:///a", "a/b", "null://1m"]
        {
            accepts(&with(path, place));
        }
        accepts(&with(path, "a".repeat(1024)));
        refuses(&with(path, "a".repeat(1025)), path, "at most 1024");
        refuses(&with(path, ""), path, "is empty");
        for place in ["https://b/k", "s3://", "s3:///k", "hdfs://b/k"] {
            refuses(&with(path, place), path, "write s3://bucket/key");
        }
        refuses(&with(path, json!({})), path, "an object must be a text");
    }
}

#[test]
fn media_types_keys_and_filters_are_held_to_their_lengths() {
    text_of("TransformInput.ContentType", 0, 256);
    text_of("TransformOutput.Accept", 0, 256);
    text_of("TransformOutput.KmsKeyId", 0, 2048);
    text_of("TransformResources.VolumeKmsKeyId", 0, 2048);
    text_of("DataProcessing.InputFilter", 0, 63);
    text_of("DataProcessing.OutputFilter", 0, 63);
    text_of("TransformResources.TransformAmiVersion", 1, 63);
    for name in ["ExperimentName", "TrialName", "TrialComponentDisplayName", "RunName"] {
        text_of(&format!("ExperimentConfig.{name}"), 1, 120);
    }
}

#[test]
fn lengths_are_counted_in_characters() {
    accepts(&with("TransformInput.ContentType", "é".repeat(256)));
}

#[test]
fn instance_types_look_like_some_and_strange_families_are_noted() {
    let path = "TransformResources.InstanceType";
    assert_eq!(read(&smallest()).unwrap().1, Vec::<String>::new());
    for kind in ["c5.xlarge", "ml.c5", "", "ml.c5.xlarge ", "local"] {
        assert!(read(&with(path, kind)).unwrap_err().to_string().starts_with(&format!("`{path}`")));
    }
    let (_, notes) = read(&with(path, "ml.p5.48xlarge")).unwrap();
    assert_eq!(notes.len(), 1);
    assert!(notes[0].contains("ml.p5.48xlarge") && notes[0].contains("may refuse"), "{notes:?}");
}

#[test]
fn instances_are_at_most_100() {
    number_from("TransformResources.InstanceCount", 1, 100);
}

#[test]
fn a_disks_key_is_not_for_machines_with_disks_of_their_own() {
    let path = "TransformResources.VolumeKmsKeyId";
    let request = edited(with(path, "alias/a"), "TransformResources.InstanceType", "ml.g5.xlarge");
    refuses(&request, path, "ml.g5.xlarge, which has disks of its own");
}

#[test]
fn system_images_are_held_to_their_pattern() {
    let path = "TransformResources.TransformAmiVersion";
    refuses(&with(path, "al2--ami"), path, "al2-ami-sagemaker-batch-gpu-535");
}

#[test]
fn data_capture_is_refused_with_the_reason() {
    let config = json!({"DestinationS3Uri": "s3://b/capture", "GenerateInferenceId": true});
    refuses(&with("DataCaptureConfig", config), "DataCaptureConfig", "leave it out");
    refuses(&with("DataCaptureConfig", 7), "DataCaptureConfig", "leave it out");
}

#[test]
fn tags_are_held_to_their_number_and_lengths() {
    let tags = |n: usize, key: &str, value: &str| {
        with("Tags", vec![json!({"Key": key, "Value": value}); n])
    };
    accepts(&tags(0, "k", ""));
    accepts(&tags(50, &"k".repeat(128), &"v".repeat(256)));
    refuses(&tags(51, "k", "v"), "Tags", "has 51 entries; at most 50");
    refuses(&tags(1, "", "v"), "Tags[0].Key", "is empty");
    refuses(&tags(1, &"k".repeat(129), "v"), "Tags[0].Key", "at most 128");
    refuses(&tags(2, "k", &"v".repeat(257)), "Tags[0].Value", "at most 256");
    refuses(&with("Tags", json!([{"Key": "k"}])), "Tags[0].Value", "is missing");
    refuses(&with("Tags", json!(["k"])), "Tags[0]", "an object with Key, Value");
    refuses(&with("Tags", json!({"k": "v"})), "Tags", "a list of objects");
}

#[test]
fn what_is_required_is_missed_by_name() {
    for path in [
        "TransformJobName",
        "ModelName",
        "TransformInput",
        "TransformInput.DataSource",
        "TransformInput.DataSource.S3DataSource",
        "TransformInput.DataSource.S3DataSource.S3DataType",
        URI,
        "TransformOutput",
        "TransformOutput.S3OutputPath",
        "TransformResources",
        "TransformResources.InstanceType",
        "TransformResources.InstanceCount",
    ] {
        let mut request = smallest();
        let pointer = format!("/{}", path.replace('.', "/"));
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        request.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        refuses(&request, path, "is missing; write it into the request");
        refuses(&with(path, Value::Null), path, "is missing");
    }
}

#[test]
fn what_is_unknown_is_refused_with_the_nearest_name() {
    for (path, near) in [
        ("TransformJobNam", "did you mean TransformJobName?"),
        ("transform_job_name", "did you mean TransformJobName?"),
        ("MaxPayloadInMb", "did you mean MaxPayloadInMB?"),
        ("TransformInput.contentType", "did you mean ContentType?"),
        ("TransformOutput.S3OutputURI", "did you mean S3OutputPath?"),
        ("DataProcessing.Zzz", "choose from InputFilter, OutputFilter, JoinSource"),
        ("ExperimentConfig.Name", "choose from"),
    ] {
        let error = read(&with(path, "x")).unwrap_err().to_string();
        assert!(error.starts_with(&format!("`{path}`: is no field")), "{error}");
        assert!(error.contains(near), "{error}");
    }
}

#[test]
fn what_is_no_object_at_all_is_refused() {
    for (text, says) in [
        ("", "no JSON"),
        ("{", "no JSON"),
        ("[]", "must be a JSON object"),
        ("null", "must be a JSON object"),
        ("\u{0}", "no JSON"),
    ] {
        let error = CreateTransformJob::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[test]
fn what_was_read_is_written_back() {
    for request in [smallest(), notebook(), fullest()] {
        let read = accepts(&request);
        assert_eq!(serde_json::to_value(&read).unwrap(), request);
    }
}

#[test]
fn null_is_a_field_that_is_not_there() {
    let read = accepts(&with("BatchStrategy", Value::Null));
    assert_eq!(serde_json::to_value(read).unwrap(), smallest());
}

#[test]
fn every_field_that_is_only_recorded_is_noted_once() {
    let (_, notes) = read(&fullest()).unwrap();
    let paths: Vec<_> = notes.iter().map(|note| note.split(':').next().unwrap()).collect();
    assert_eq!(
        paths,
        [
            "TransformOutput.KmsKeyId",
            "TransformResources.VolumeKmsKeyId",
            "TransformResources.TransformAmiVersion",
            "Tags",
            "ExperimentConfig",
        ]
    );
}

#[test]
fn a_key_of_no_letters_is_none() {
    assert!(read(&with("TransformOutput.KmsKeyId", "")).unwrap().1.is_empty());
}

#[test]
fn a_strategy_without_a_split_is_noted() {
    let (_, notes) = read(&with("BatchStrategy", "SingleRecord")).unwrap();
    assert!(notes[0].starts_with("BatchStrategy: SingleRecord does nothing while"), "{notes:?}");
    let split = edited(with("BatchStrategy", "SingleRecord"), "TransformInput.SplitType", "Line");
    assert!(read(&split).unwrap().1.is_empty());
}

#[test]
fn a_variable_of_the_container_contract_is_not_the_users() {
    let request = with("Environment", json!({"SAGEMAKER_BATCH": "false", "A": "1"}));
    let (request, notes) = read(&request).unwrap();
    assert_eq!(
        notes,
        ["Environment.SAGEMAKER_BATCH: it is true for the instances, whatever is \
                        written"]
    );
    let plan = plan(&request, &Local::default()).unwrap();
    assert_eq!(plan.environment["SAGEMAKER_BATCH"], "true");
    assert_eq!(plan.environment["A"], "1");
}

#[test]
fn the_notebooks_request_comes_to_this_plan() {
    let local = Local { backend: "null".into(), ..Local::default() };
    let plan = plan(&accepts(&notebook()), &local).unwrap();
    let expected = json!({
        "name": "pytorch-inference-2019-11-22-00-26-12-600",
        "data_type": "S3Prefix",
        "input": "s3://sagemaker-us-west-2-123456789012/sagemaker/batch_transform",
        "output": "s3://sagemaker-us-west-2-123456789012/pytorch-inference-2019-11-22",
        "output_keys": "relative",
        "model": null,
        "model_file": null,
        "backend": "null",
        "instances": 1,
        "partition": "round-robin",
        "max_batch": 256,
        "max_delay_ns": 10_000_000,
        "preferred": [],
        "coalesce": true,
        "max_concurrent_transforms": 1,
        "max_payload_bytes": 6 * 1024 * 1024,
        "invocations_timeout_s": 600,
        "invocations_max_retries": 3,
        "batch_strategy": "MultiRecord",
        "content_type": "application/x-image",
        "accept": "application/json",
        "compression": "None",
        "split": "None",
        "assemble": "None",
        "input_filter": "$",
        "join": "None",
        "output_filter": "$",
        "probabilities": false,
        "preprocess": "normalise",
        "environment": {"SAGEMAKER_BATCH": "true"},
    });
    assert_eq!(serde_json::to_value(plan).unwrap(), expected);
}

#[test]
fn everything_that_was_asked_for_is_in_the_plan() {
    let local = Local {
        backend: "native".into(),
        model: Some("s3://b/model.tar.gz".into()),
        partition: crate::transform::terms::Partition::SizeBalanced,
        output_keys: crate::transform::terms::OutputKeys::Full,
        coalesce: false,
        max_batch: 32,
        max_delay_ns: 7,
        preferred: vec![8, 16],
        probabilities: true,
        preprocess: crate::transform::terms::Preprocess::ToTensor,
    };
    let plan = plan(&accepts(&fullest()), &local).unwrap();
    let expected = json!({
        "name": "full-1",
        "data_type": "ManifestFile",
        "input": "m.json",
        "output": "out",
        "output_keys": "full",
        "model": "s3://b/model.tar.gz",
        "model_file": null,
        "backend": "native",
        "instances": 3,
        "partition": "size-balanced",
        "max_batch": 32,
        "max_delay_ns": 7,
        "preferred": [8, 16],
        "coalesce": false,
        "max_concurrent_transforms": 4,
        "max_payload_bytes": 25 * 1024 * 1024,
        "invocations_timeout_s": 30,
        "invocations_max_retries": 1,
        "batch_strategy": "SingleRecord",
        "content_type": "text/csv",
        "accept": "text/csv",
        "compression": "Gzip",
        "split": "Line",
        "assemble": "Line",
        "input_filter": "$[1:]",
        "join": "Input",
        "output_filter": "$[0,-1]",
        "probabilities": true,
        "preprocess": "to-tensor",
        "environment": {
            "A": "1",
            "_b": "",
            "SAGEMAKER_BATCH": "true",
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": "25",
            "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD",
            "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "4",
        },
    });
    assert_eq!(serde_json::to_value(plan).unwrap(), expected);
}

#[test]
fn zero_is_any_payload_and_one_transform_at_once() {
    let request = edited(with("MaxPayloadInMB", 0), "MaxConcurrentTransforms", 0);
    let plan = plan(&accepts(&request), &Local::default()).unwrap();
    assert_eq!((plan.max_payload_bytes, plan.max_concurrent_transforms), (None, 1));
    // They were set, if to nothing, and the container is told so.
    assert_eq!(plan.environment["SAGEMAKER_MAX_PAYLOAD_IN_MB"], "0");
    assert_eq!(plan.environment["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"], "0");
}

#[test]
fn what_is_accepted_depends_on_accept_and_then_on_the_environment() {
    let usual = json!({"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv"});
    let npy = json!("application/x-npy");
    for (accept, environment, expected) in [
        (Value::Null, json!({}), "application/json"),
        (json!("*/*"), json!({}), "application/json"),
        (json!(""), json!({}), "application/json"),
        (Value::Null, usual.clone(), "text/csv"),
        (json!("*/*"), usual.clone(), "text/csv"),
        (npy.clone(), usual, "application/x-npy"),
        (npy, json!({}), "application/x-npy"),
    ] {
        let request = edited(with("TransformOutput.Accept", accept), "Environment", environment);
        assert_eq!(plan(&accepts(&request), &Local::default()).unwrap().accept, expected);
    }
}

#[test]
fn a_model_that_no_file_was_given_for_is_noted() {
    let request = accepts(&smallest());
    let local = Local::default();
    assert!(local.note_on_model(&request).unwrap().contains("ModelName: m is not known here"));
    let named = Local { model: Some("m.pth".into()), ..local.clone() };
    assert_eq!(named.note_on_model(&request), None);
    let shipped = accepts(&with("ModelName", SHIPPED_MODEL));
    assert_eq!(local.note_on_model(&shipped), None);
}

#[test]
fn a_plan_is_only_made_of_a_sound_request() {
    let mut request = accepts(&smallest());
    request.transform_resources.instance_count = 0;
    let error = plan(&request, &Local::default()).unwrap_err().to_string();
    assert!(error.starts_with("`TransformResources.InstanceCount`: 0 must be"), "{error}");
}

#[test]
fn the_table_in_the_docs_is_the_one_that_is_checked_by() {
    let docs = include_str!("mod.rs");
    let table: Vec<&str> = docs.lines().filter_map(|line| line.strip_prefix("//! | `")).collect();
    let rows: Vec<_> = rows(REQUEST, "", None)
        .into_iter()
        .map(|(path, fate, _)| {
            let fate = match fate {
                Fate::Honoured => "honoured",
                Fate::Recorded(_) => "recorded",
                Fate::Refused(_) => "refused",
            };
            format!("{path}` | {fate} |")
        })
        .collect();
    assert_eq!(table, rows);
}

/// Every field that is no part, with its path and with what becomes of it or of what it is in.
fn rows(fields: &[Field], at: &str, above: Option<Fate>) -> Vec<(String, Fate, Kind)> {
    let mut all = Vec::new();
    for field in fields {
        let path = super::walk::join(at, field.name);
        let fate = match above {
            None | Some(Fate::Honoured) => field.fate,
            Some(fate) => fate,
        };
        match field.kind {
            Kind::Part(fields) => all.extend(rows(fields, &path, Some(fate))),
            Kind::List { fields, .. } => {
                all.extend(rows(fields, &format!("{path}[]"), Some(fate)));
            }
            kind => all.push((path, fate, kind)),
        }
    }
    all
}

/// Any JSON, with names that a request knows among its keys.
fn any_json() -> impl Strategy<Value = Value> {
    let names: Vec<String> = rows(REQUEST, "", None)
        .iter()
        .flat_map(|(path, _, _)| path.split('.').map(|name| name.replace("[]", "")))
        .collect();
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        prop::sample::select(vec!["S3Prefix", "None", "Line", "s3://b/k", "ml.c5.xlarge"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 8, move |inner| {
        let name = prop_oneof![4 => prop::sample::select(names.clone()), 1 => ".{0,12}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_json_makes_it_panic(value in any_json()) {
        let _ = read(&value);
    }

    #[test]
    fn no_value_of_one_field_makes_it_panic(
        row in prop::sample::select(rows(REQUEST, "", None).into_iter().map(|row| row.0)
            .filter(|path| !path.contains('[')).collect::<Vec<_>>()),
        value in any_json(),
    ) {
        if let Ok((request, _)) = read(&edited(fullest(), &row, value)) {
            // What is taken can be planned, and is written back as it can be read again.
            plan(&request, &Local::default()).unwrap();
            let text = serde_json::to_vec(&request).unwrap();
            prop_assert_eq!(CreateTransformJob::parse(&text).unwrap(), request);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = CreateTransformJob::parse(&bytes);
    }
}

#[test]
fn a_draft_takes_what_flags_add_and_then_is_checked_as_a_whole() {
    let mut draft = Draft::parse(br#"{"TransformInput": {"ContentType": "text/csv"}}"#).unwrap();
    assert_eq!(draft.text("TransformInput.ContentType"), Some("text/csv"));
    assert_eq!(draft.text("TransformInput.SplitType"), None);
    draft.set(URI, "in");
    draft.set_missing(URI, "elsewhere");
    draft.set("TransformInput.ContentType", "image/png");
    assert_eq!(draft.text(URI), Some("in"));
    assert_eq!(draft.text("TransformInput.ContentType"), Some("image/png"));
    let error = draft.finish().unwrap_err().to_string();
    assert_eq!(
        error,
        "`TransformJobName`: is missing; write it into the request or give --job-name"
    );
}

#[test]
fn a_draft_refuses_what_is_wrong_by_itself() {
    for text in [r#"{"TransformInput": 3}"#, r#"{"MaxPayloadInMB": 101}"#, r#"{"X": 1}"#] {
        assert!(Draft::parse(text.as_bytes()).is_err(), "{text}");
    }
}
