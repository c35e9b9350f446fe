//! The example of a handler of one's own does what it says.

#[expect(dead_code, reason = "it is a program elsewhere, with a main")]
#[path = "../examples/own_handler.rs"]
mod example;

use plimsoll::data::{Image, encode_png};
use plimsoll::transform::handler::{Handler, Mnist, Prediction, check_media_types};
use plimsoll::transform::split::{Payload, Rules, Splitter};

use example::Paper;

fn prediction(class: u8, probability: f32) -> Prediction {
    let mut row = [0.0; 10];
    row[usize::from(class)] = probability;
    Prediction { class, probabilities: Some(row) }
}

#[test]
fn it_inverts_the_images_of_its_own_request_alone() {
    let ink = Image(std::array::from_fn(|i| (i % 256) as u8));
    let paper = Image(ink.0.map(|pixel| 255 - pixel));
    let png = encode_png(&paper).unwrap();
    let mut payload = Payload::default();
    assert!(Splitter::new(&mut &png[..], &Rules::default()).next(&mut payload).unwrap());
    let mut images = vec![ink];
    Paper.input_fn(&payload, "image/png", &mut images).unwrap();
    assert_eq!(images, [ink, ink]);
    Mnist.input_fn(&payload, "image/png", &mut images).unwrap();
    assert_eq!(images[2], paper, "the default handler takes it as it is");
}

#[test]
fn it_answers_with_the_digit_and_its_confidence() {
    let mut response = Vec::new();
    Paper.output_fn(&[prediction(7, 0.9981)], "application/json", &mut response).unwrap();
    assert_eq!(response, br#"{"digit": 7, "confidence": 0.998}"#);
    response.clear();
    let two = [prediction(7, 0.9981), prediction(2, 0.5)];
    Paper.output_fn(&two, "application/jsonlines", &mut response).unwrap();
    let lines = "{\"digit\": 7, \"confidence\": 0.998}\n{\"digit\": 2, \"confidence\": 0.500}";
    assert_eq!(response, lines.as_bytes());
}

#[test]
fn it_says_what_it_needs_and_what_it_writes() {
    let plain = Prediction { class: 7, probabilities: None };
    let error = Paper.output_fn(&[plain], "", &mut Vec::new()).unwrap_err().to_string();
    assert!(error.contains("--probabilities"), "{error}");
    check_media_types(&Paper, "image/png", "application/json").unwrap();
    let error = check_media_types(&Paper, "image/png", "text/csv").unwrap_err().to_string();
    assert!(error.contains("it knows application/json, application/jsonlines"), "{error}");
}
