//! What becomes of pictures of every kind, and of what is no picture.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, GrayImage, ImageEncoder};
use proptest::prelude::*;

use super::decode;
use crate::data::{IMAGE_PIXELS, IMAGE_SIDE, Image, Split, digits, encode_png};
use crate::error::{Error, Result};

/// A PNG in parts, so that a test can get any of them wrong.
#[derive(Clone, Debug)]
struct Png {
    width: u32,
    height: u32,
    depth: u8,
    /// 0 grey, 2 colour, 3 palette, 4 grey and alpha, 6 colour and alpha.
    color: u8,
    interlaced: bool,
    /// Chunks before the image data.
    extra: Vec<(&'static [u8; 4], Vec<u8>)>,
    /// Filtered rows.
    rows: Vec<u8>,
}

impl Png {
    fn grey(rows: Vec<u8>) -> Self {
        let side = IMAGE_SIDE as u32;
        let extra = Vec::new();
        Self { width: side, height: side, depth: 8, color: 0, interlaced: false, extra, rows }
    }

    fn bytes(&self) -> Vec<u8> {
        self.bytes_in_parts(1)
    }

    fn bytes_in_parts(&self, parts: usize) -> Vec<u8> {
        let mut header = [self.width.to_be_bytes(), self.height.to_be_bytes()].concat();
        header.extend([self.depth, self.color, 0, 0, self.interlaced.into()]);
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(&self.rows).unwrap();
        let data = zlib.finish().unwrap();

        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        chunk(&mut png, b"IHDR", &header);
        for (kind, data) in &self.extra {
            chunk(&mut png, kind, data);
        }
        for part in data.chunks(data.len().div_ceil(parts)) {
            chunk(&mut png, b"IDAT", part);
        }
        chunk(&mut png, b"IEND", b"");
        png
    }
}

fn chunk(png: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    png.extend((data.len() as u32).to_be_bytes());
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(data);
    png.extend(kind);
    png.extend(data);
    png.extend(crc.sum().to_be_bytes());
}

/// Rows of one repeated pixel, without a filter.
fn plain_rows(row: &[u8]) -> Vec<u8> {
    let row = [&[0], row].concat();
    row.repeat(IMAGE_SIDE)
}

fn reason(result: Result<Image>) -> String {
    match result.unwrap_err() {
        Error::Malformed { what, reason } => {
            assert_eq!(what, "image");
            reason
        }
        other => panic!("{other:?}"),
    }
}

/// The grey that a picture of one colour becomes everywhere.
fn only_grey(picture: &Png) -> u8 {
    let image = decode(&picture.bytes()).unwrap();
    assert!(image.0.iter().all(|&pixel| pixel == image.0[0]), "{image:?}");
    image.0[0]
}

#[test]
fn every_colour_type_becomes_the_grey_that_is_said() {
    // (19595 * 200 + 38470 * 100 + 7471 * 50 + 32768) / 65536 = 124.7, cut to 124.
    let luma = 124;
    let cases: [(u8, u8, &[u8], u8); 9] = [
        (8, 0, &[77], 77),
        (8, 4, &[200, 128], 100),
        (8, 2, &[200, 100, 50], luma),
        (8, 6, &[200, 100, 50, 255], luma),
        (8, 6, &[200, 100, 50, 0], 0),
        // 0x807f is 32,895: 32,895 / 257 is exactly 128 - 1/257, and rounds up.
        (16, 0, &[0x80, 0x7f], 128),
        (16, 4, &[0xff, 0xff, 0x80, 0x80], 128),
        (16, 2, &[200, 200, 100, 100, 50, 50], luma),
        (16, 6, &[200, 200, 100, 100, 50, 50, 255, 255], luma),
    ];
    for (depth, color, pixel, grey) in cases {
        let picture = Png { depth, color, ..Png::grey(plain_rows(&pixel.repeat(IMAGE_SIDE))) };
        assert_eq!(only_grey(&picture), grey, "depth {depth}, colour type {color}, {pixel:?}");
    }
}

#[test]
fn few_bits_palettes_and_transparent_colours_are_expanded() {
    for (depth, byte, grey) in [(1, 0xff, 255), (2, 0b0101_0101, 85), (4, 0x33, 51)] {
        let row = vec![byte; IMAGE_SIDE * usize::from(depth) / 8 + usize::from(depth == 1)];
        assert_eq!(only_grey(&Png { depth, ..Png::grey(plain_rows(&row)) }), grey, "{depth}");
    }
    let mut palette = Png { color: 3, ..Png::grey(plain_rows(&[1; IMAGE_SIDE])) };
    palette.extra = vec![(b"PLTE", vec![9, 9, 9, 200, 100, 50])];
    assert_eq!(only_grey(&palette), 124);
    palette.extra.push((b"tRNS", vec![255, 0]));
    assert_eq!(only_grey(&palette), 0);
    // A grey that is declared to be transparent: plain at first sight.
    let mut transparent = Png::grey(plain_rows(&[7; IMAGE_SIDE]));
    transparent.extra = vec![(b"tRNS", vec![0, 7])];
    assert_eq!(only_grey(&transparent), 0);
}

#[test]
fn an_interlaced_picture_is_put_together() {
    let image = digits::draw(1, Split::Test, 0).0;
    let mut rows = Vec::new();
    // Adam7: where each pass begins and in what steps it goes on.
    for (x0, y0, dx, dy) in [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ] {
        for y in (y0..IMAGE_SIDE).step_by(dy) {
            rows.push(0);
            rows.extend((x0..IMAGE_SIDE).step_by(dx).map(|x| image.0[y * IMAGE_SIDE + x]));
        }
    }
    assert_eq!(decode(&Png { interlaced: true, ..Png::grey(rows) }.bytes()).unwrap(), image);
}

#[test]
fn other_sizes_are_stretched_smoothly() {
    // White on the left half, black on the right: averages, and one soft edge in the middle.
    let wide = GrayImage::from_fn(560, 280, |x, _| image::Luma([if x < 280 { 255 } else { 0 }]));
    let mut png = Vec::new();
    wide.write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png).unwrap();
    let image = decode(&png).unwrap();
    for row in image.0.as_chunks::<IMAGE_SIDE>().0 {
        assert!(row[..13].iter().all(|&pixel| pixel == 255), "{row:?}");
        assert!(row[15..].iter().all(|&pixel| pixel == 0), "{row:?}");
        assert!((200..=255).contains(&row[13]) && row[14] <= 55, "{row:?}");
    }
    let dot = Png { width: 1, height: 1, ..Png::grey(vec![0, 99]) };
    assert_eq!(only_grey(&dot), 99);
}

#[test]
fn jpegs_are_read_and_truncated_ones_are_not() {
    let image = digits::draw(1, Split::Test, 3).0;
    let encode = |color: ExtendedColorType, samples: &[u8]| {
        let mut jpeg = Vec::new();
        let side = IMAGE_SIDE as u32;
        JpegEncoder::new_with_quality(&mut jpeg, 95)
            .write_image(samples, side, side, color)
            .unwrap();
        jpeg
    };
    let grey = encode(ExtendedColorType::L8, &image.0);
    let colour: Vec<u8> = image.0.iter().flat_map(|&pixel| [pixel; 3]).collect();
    for jpeg in [&grey, &encode(ExtendedColorType::Rgb8, &colour)] {
        let decoded = decode(jpeg).unwrap();
        let error: u32 =
            decoded.0.iter().zip(&image.0).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum();
        assert!(error < 4 * IMAGE_PIXELS as u32, "off by {error} in all");
    }
    for cut in [3, grey.len() / 2, grey.len() - 1] {
        reason(decode(&grey[..cut]));
    }
    assert!(reason(decode(&grey[..grey.len() - 100])).contains("truncated"));
}

#[test]
fn what_is_no_picture_is_refused_with_its_reason() {
    assert_eq!(reason(decode(b"")), "zero bytes; not a picture");
    assert_eq!(reason(decode(b"name,label\n")), "neither PNG nor JPEG, by its first bytes");
    let png = encode_png(&digits::draw(1, Split::Test, 0).0).unwrap();
    for cut in [9, 20, 40, png.len() / 2, png.len() - 13] {
        let text = reason(decode(&png[..cut]));
        assert!(text.contains("truncated"), "cut at {cut}: {text}");
    }
    let mut flipped = png.clone();
    flipped[60] ^= 1;
    assert!(reason(decode(&flipped)).contains("CRC"), "{}", reason(decode(&flipped)));
}

#[test]
fn a_decompression_bomb_is_refused_by_its_header() {
    let bomb = Png { width: 40_000, height: 40_000, ..Png::grey(vec![]) }.bytes();
    let expected = "40000 x 40000 pixels are too many: at most 33,554,432 pixels and 16,384 a side \
                    are decoded; shrink it first";
    // The whole file, and nothing of it but the header.
    for bytes in [&bomb[..], &bomb[..33]] {
        assert_eq!(reason(decode(bytes)), expected);
    }
    let line = Png { width: 1, height: 16_385, ..Png::grey(vec![]) }.bytes();
    assert!(reason(decode(&line)).contains("1 x 16385 pixels are too many"));
    // JPEG's header as the standard has it: frame of 40,000 x 40,000, one component.
    let jpeg = b"\xff\xd8\xff\xc0\0\x0b\x08\x9c\x40\x9c\x40\x01\x01\x11\0\xff\xda\0\x08\x01\x01\0\0\x3f\0\xff\xd9";
    assert_eq!(reason(decode(jpeg)), expected);
}

#[test]
fn what_is_encoded_is_decoded_again() {
    for index in 0..100 {
        let image = digits::draw(2, Split::Train, index).0;
        assert_eq!(decode(&encode_png(&image).unwrap()).unwrap(), image);
    }
    // Data in several chunks, and chunks that do not touch pixels.
    let rows: Vec<u8> =
        (0..IMAGE_SIDE).flat_map(|row| [&[0], &[row as u8; IMAGE_SIDE][..]].concat()).collect();
    let mut png = Png::grey(rows);
    png.extra =
        vec![(b"tEXt", b"Software\0plotter".to_vec()), (b"tIME", vec![7, 0xe9, 1, 1, 0, 0, 0])];
    let image = decode(&png.bytes_in_parts(3)).unwrap();
    assert_eq!((image.0[0], image.0[IMAGE_PIXELS - 1]), (0, 27));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A damaged picture may become an error, or itself where the damage touches no pixel, but
    /// never another picture.
    #[test]
    fn damage_is_never_taken_for_a_picture(
        index in 0u64..1000,
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0u8..8), 0..3),
        keep in prop_oneof![3 => Just(None), 1 => any::<prop::sample::Index>().prop_map(Some)],
    ) {
        let image = digits::draw(1, Split::Test, index).0;
        let mut bytes = encode_png(&image).unwrap();
        for (at, bit) in &flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        bytes.truncate(keep.map_or(bytes.len(), |keep| keep.index(bytes.len())));
        match decode(&bytes) {
            Ok(decoded) => prop_assert_eq!(decoded, image),
            Err(error) => prop_assert!(matches!(error, Error::Malformed { .. }), "{:?}", error),
        }
    }

    #[test]
    fn no_bytes_make_it_panic(
        start in prop::sample::select(vec![
            &b""[..],
            b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x1c\0\0\0\x1c\x08\0\0\0\0",
            b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let _ = decode(&[start, &rest, &[0xff, 0xd9]].concat());
    }
}
