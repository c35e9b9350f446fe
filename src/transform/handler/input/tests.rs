//! The same picture is the same image, whatever it travels as.

use super::*;
use crate::data::encode_png;
use crate::transform::handler::{Handler, Mnist};
use crate::transform::split::{MEBIBYTE, Rules, Splitter};
use crate::transform::terms::{BatchStrategy, CompressionType, SplitType};

fn image(seed: usize) -> Image {
    // Extremes and all between, so that a rounding or a transposition shows.
    Image(std::array::from_fn(|i| ((i + seed) * 37 % 256) as u8))
}

fn images_of(object: &[u8], split: SplitType, content_type: &str) -> Result<Vec<Image>, Refused> {
    let strategy = BatchStrategy::MultiRecord;
    let compression = CompressionType::None;
    let rules = Rules { split, strategy, max_payload: Some(6 * MEBIBYTE), compression };
    let mut bytes = object;
    let mut splitter = Splitter::new(&mut bytes, &rules);
    let (mut payload, mut images) = (Payload::default(), Vec::new());
    while splitter.next(&mut payload)? {
        Mnist.input_fn(&payload, content_type, &mut images)?;
    }
    Ok(images)
}

fn joined<T: ToString>(numbers: impl IntoIterator<Item = T>, between: &str) -> String {
    numbers.into_iter().map(|number| number.to_string()).collect::<Vec<_>>().join(between)
}

fn npy(descr: &str, values: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    crate::transform::handler::npy::write_header(descr, "(1, 28, 28)", &mut bytes);
    bytes.extend(values.into_iter().flatten());
    bytes
}

#[test]
fn every_content_type_gives_the_same_image_for_the_same_picture() {
    let image = image(0);
    let pixels = || image.0.iter().copied();
    let shares = || pixels().map(|pixel| f32::from(pixel) / 255.0);
    let rows = image.0.chunks(28).map(|row| format!("[{}]", joined(row, ", ")));
    let json = format!("[{}]", joined(rows, ", "));
    let png = encode_png(&image).unwrap();
    let csv = joined(pixels(), ",");
    for (content_type, bytes) in [
        ("application/x-image", png.clone()),
        ("image/png", png),
        ("application/x-npy", npy("|u1", [pixels().collect()])),
        ("application/x-npy", npy(">i2", pixels().map(|p| i16::from(p).to_be_bytes().to_vec()))),
        ("application/x-npy", npy("<f4", shares().map(|share| share.to_le_bytes().to_vec()))),
        ("application/x-npy", npy(">f8", shares().map(|s| f64::from(s).to_be_bytes().to_vec()))),
        ("application/json", json.clone().into()),
        ("application/json; charset=utf-8", format!("[{}]", joined(shares(), ",")).into()),
        ("application/jsonlines", json.into()),
        ("Text/CSV", csv.into()),
        ("text/csv", joined(shares(), ",").into()),
        (
            "text/csv",
            image.0.chunks(28).map(|row| joined(row, ",") + "\n").collect::<String>().into(),
        ),
    ] {
        let got = images_of(&bytes, SplitType::None, content_type).unwrap();
        assert!(got == [image], "{content_type}");
    }
}

/// A JPEG loses a little; of one shade it loses nothing.
#[test]
fn a_jpeg_is_a_picture_too() {
    let mut jpeg = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 100)
        .encode(&[128; 784], 28, 28, image::ExtendedColorType::L8)
        .unwrap();
    for content_type in ["application/x-image", "image/jpeg", "image/png"] {
        let got = images_of(&jpeg, SplitType::None, content_type).unwrap();
        assert!(got == [Image([128; 784])], "{content_type}");
    }
}

#[test]
fn records_of_one_request_come_in_order() {
    let pictures: Vec<Image> = (0..5).map(image).collect();
    let lines: String = pictures.iter().map(|image| joined(image.0, ",") + "\n").collect();
    assert!(images_of(lines.as_bytes(), SplitType::Line, "text/csv").unwrap() == pictures);
    assert!(images_of(lines.as_bytes(), SplitType::None, "text/csv").unwrap() == pictures);

    let frame = |png: Vec<u8>| {
        let head = [0xced7_230a_u32.to_le_bytes(), (png.len() as u32).to_le_bytes()].concat();
        let mut frame = [head, png].concat();
        frame.resize(frame.len().next_multiple_of(4), 0);
        frame
    };
    let object: Vec<u8> =
        pictures.iter().flat_map(|image| frame(encode_png(image).unwrap())).collect();
    assert!(images_of(&object, SplitType::RecordIO, "application/x-image").unwrap() == pictures);
}

#[test]
fn a_record_without_an_image_is_refused_with_its_number_and_place() {
    let good = joined(image(0).0, ",");
    let object = format!("{good}\nnonsense\n{good}\n");
    let refused = images_of(object.as_bytes(), SplitType::Line, "text/csv").unwrap_err();
    assert_eq!((refused.record, refused.offset), (Some(1), Some(good.len() as u64 + 1)));
    assert!(refused.to_string().contains("1 numbers, but a line has 784"), "{refused}");
    let refused = images_of(b"", SplitType::None, "image/png").unwrap_err();
    assert_eq!(refused.to_string(), "record 0 at byte 0: image: zero bytes; not a picture");
    let refused = images_of(b"x", SplitType::None, "image/gif").unwrap_err();
    assert!(refused.to_string().contains("`image/gif`: not known; choose one of"), "{refused}");
    assert_eq!(refused.record, None);
}
