//! Responses, by the type that the job accepts.
//!
//! | accept | one image | several |
//! | --- | --- | --- |
//! | `application/json` | `{"predictions": 7}` | `{"predictions": [7, 2]}` |
//! | `application/jsonlines` | `{"predictions": 7}` and a line end | such a line an image |
//! | `text/csv` | `7` and a line end | such a line an image |
//! | `application/x-npy` | int64, shape `(1,)` | int64, shape `(N,)` |
//!
//! Where probabilities are wanted, JSON has them under `"probabilities"`, ten an image; a line of
//! CSV is `7,p0,..,p9`; and npy is float32 of shape `(N, 10)` with the probabilities alone. JSON is
//! spaced as Python's `json.dumps` spaces it.
//!
//! Lines end with `\n`, the last one too, so that responses can be put one after the other.

use std::io::Write;

use super::media::MediaType;
use super::{Prediction, npy};
use crate::error::{Error, Result};

/// Appends the response for `predictions` to `response`.
///
/// # Errors
/// [`Error::Invalid`] for a type that is not in the table; [`Error::Malformed`] for probabilities
/// that are no numbers, which broken weights give.
pub fn encode(predictions: &[Prediction], accept: &str, response: &mut Vec<u8>) -> Result<()> {
    let media = MediaType::accepted(accept);
    // Nearly every request of a job: it is worth not a single call.
    if let ([Prediction { class, probabilities: None }], Some(MediaType::Json)) =
        (predictions, media)
    {
        response.extend_from_slice(b"{\"predictions\": ");
        push_class(*class, response);
        response.push(b'}');
        return Ok(());
    }
    check(predictions)?;
    match media {
        Some(MediaType::Json) => json(predictions, response),
        Some(MediaType::JsonLines) => {
            for prediction in predictions {
                json(std::slice::from_ref(prediction), response);
                response.push(b'\n');
            }
        }
        Some(MediaType::Csv) => csv(predictions, response),
        Some(MediaType::Npy) => write_npy(predictions, response),
        Some(MediaType::Image) | None => {
            return Err(Error::invalid(
                format!("accept `{accept}`"),
                format!("cannot be written; choose one of {}", MediaType::WRITTEN.join(", ")),
            ));
        }
    }
    Ok(())
}

/// Refuses what no format has a place for.
fn check(predictions: &[Prediction]) -> Result<()> {
    let probable = predictions.iter().filter_map(|p| p.probabilities).flatten();
    if probable.into_iter().all(f32::is_finite) {
        return Ok(());
    }
    Err(Error::malformed(
        "probabilities",
        "not numbers; the model's weights are broken or far too large, train it again",
    ))
}

fn json(predictions: &[Prediction], response: &mut Vec<u8>) {
    response.extend_from_slice(b"{\"predictions\": ");
    one_or_list(predictions, response, |prediction, response| {
        push_class(prediction.class, response);
    });
    if predictions.iter().any(|prediction| prediction.probabilities.is_some()) {
        response.extend_from_slice(b", \"probabilities\": ");
        one_or_list(predictions, response, |prediction, response| {
            let row = prediction.probabilities.as_ref().map_or(&[][..], |row| row);
            list(row, response, |&probability, response| push_number(probability, response));
        });
    }
    response.push(b'}');
}

/// One is written as it is, and not as a list of one.
fn one_or_list<T>(all: &[T], response: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
    match all {
        [one] => write(one, response),
        _ => list(all, response, write),
    }
}

fn list<T>(all: &[T], response: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
    response.push(b'[');
    for (i, one) in all.iter().enumerate() {
        if i > 0 {
            response.extend_from_slice(b", ");
        }
        write(one, response);
    }
    response.push(b']');
}

fn csv(predictions: &[Prediction], response: &mut Vec<u8>) {
    for prediction in predictions {
        push_class(prediction.class, response);
        for &probability in prediction.probabilities.iter().flatten() {
            response.push(b',');
            push_number(probability, response);
        }
        response.push(b'\n');
    }
}

fn write_npy(predictions: &[Prediction], response: &mut Vec<u8>) {
    let n = predictions.len();
    if predictions.iter().any(|prediction| prediction.probabilities.is_some()) {
        npy::write_header("<f4", &format!("({n}, 10)"), response);
        let rows =
            predictions.iter().map(|prediction| prediction.probabilities.unwrap_or_default());
        response.extend(rows.flatten().flat_map(f32::to_le_bytes));
    } else {
        npy::write_header("<i8", &format!("({n},)"), response);
        response.extend(predictions.iter().flat_map(|p| i64::from(p.class).to_le_bytes()));
    }
}

/// A class in decimal.
fn push_class(class: u8, response: &mut Vec<u8>) {
    if class < 10 {
        return response.push(b'0' + class);
    }
    push_formatted(format_args!("{class}"), response);
}

/// The shortest digits that give the same 32-bit number back; always with a point or an exponent,
/// as Python writes floats.
fn push_number(number: f32, response: &mut Vec<u8>) {
    push_formatted(format_args!("{number:?}"), response);
}

fn push_formatted(arguments: std::fmt::Arguments<'_>, response: &mut Vec<u8>) {
    // Writing to memory does not fail.
    let _ = response.write_fmt(arguments);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(predictions: &[Prediction], accept: &str) -> Vec<u8> {
        // What was there stays.
        let mut response = b"|".to_vec();
        encode(predictions, accept, &mut response).unwrap();
        assert_eq!(response.remove(0), b'|');
        response
    }

    fn text(predictions: &[Prediction], accept: &str) -> String {
        String::from_utf8(written(predictions, accept)).unwrap()
    }

    fn plain(classes: &[u8]) -> Vec<Prediction> {
        classes.iter().map(|&class| Prediction::new(class, None)).collect()
    }

    fn probable(class: u8) -> Prediction {
        let mut row = [0.0; 10];
        row[usize::from(class)] = 0.998;
        (row[0], row[1]) = (1e-10, 0.002);
        Prediction { class, probabilities: Some(row) }
    }

    const ROW: &str = "[1e-10, 0.002, 0.0, 0.0, 0.0, 0.0, 0.0, 0.998, 0.0, 0.0]";

    #[test]
    fn one_image_is_answered_as_pythons_json_dumps_writes_it() {
        assert_eq!(text(&plain(&[7]), "application/json"), r#"{"predictions": 7}"#);
        assert_eq!(text(&plain(&[0]), ""), r#"{"predictions": 0}"#);
        assert_eq!(text(&plain(&[255]), "*/*"), r#"{"predictions": 255}"#);
    }

    #[test]
    fn several_images_are_answered_with_a_list() {
        assert_eq!(text(&plain(&[7, 2]), "application/json"), r#"{"predictions": [7, 2]}"#);
        assert_eq!(text(&[], "application/json"), r#"{"predictions": []}"#);
    }

    #[test]
    fn lines_of_json_and_csv_are_one_an_image() {
        assert_eq!(
            text(&plain(&[7, 2]), "application/jsonlines"),
            "{\"predictions\": 7}\n{\"predictions\": 2}\n"
        );
        assert_eq!(text(&plain(&[7, 2]), "text/csv; charset=utf-8"), "7\n2\n");
    }

    #[test]
    fn probabilities_follow_where_they_are_there() {
        let one = [probable(7)];
        assert_eq!(
            text(&one, "application/json"),
            format!(r#"{{"predictions": 7, "probabilities": {ROW}}}"#)
        );
        let two = [probable(7), probable(7)];
        assert_eq!(
            text(&two, "application/json"),
            format!(r#"{{"predictions": [7, 7], "probabilities": [{ROW}, {ROW}]}}"#)
        );
        assert_eq!(
            text(&two, "application/jsonlines"),
            format!("{{\"predictions\": 7, \"probabilities\": {ROW}}}\n").repeat(2)
        );
        let row = ROW.trim_matches(['[', ']']).replace(", ", ",");
        assert_eq!(text(&two, "text/csv"), format!("7,{row}\n").repeat(2));
        serde_json::from_slice::<serde_json::Value>(&written(&two, "")).unwrap();
    }

    /// The bytes are those of `np.save(f, np.array([7, 2]))`.
    #[test]
    fn npy_is_what_numpy_writes() {
        let bytes = written(&plain(&[7, 2]), "application/x-npy");
        let header =
            b"\x93NUMPY\x01\x00\x76\x00{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }";
        assert!(bytes.starts_with(header), "{:?}", String::from_utf8_lossy(&bytes));
        assert!(bytes[header.len()..127].iter().all(|&b| b == b' ') && bytes[127] == b'\n');
        assert_eq!(bytes[128..], [7, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);

        let bytes = written(&[probable(7)], "application/x-npy");
        assert_eq!(bytes.len(), 128 + 40);
        assert_eq!(bytes[128 + 28..128 + 32], 0.998f32.to_le_bytes());
        let header = String::from_utf8_lossy(&bytes[10..128]);
        assert!(header.starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 10), }"));
    }

    #[test]
    fn what_is_no_number_is_not_written() {
        let broken = Prediction { class: 0, probabilities: Some([f32::NAN; 10]) };
        for accept in MediaType::WRITTEN {
            let error = encode(&[broken], accept, &mut Vec::new()).unwrap_err().to_string();
            assert!(error.starts_with("probabilities: not numbers"), "{error}");
        }
    }

    #[test]
    fn a_type_that_cannot_be_written_is_named() {
        let error = encode(&plain(&[7]), "image/png", &mut Vec::new()).unwrap_err().to_string();
        assert!(error.contains("accept `image/png`") && error.contains("text/csv"), "{error}");
    }
}
