//! What it costs to get at images: decoding, and the digits that stand in for MNIST.

#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot set itself up has to stop")]

use std::hint::black_box;
use std::io::Cursor;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use image::{DynamicImage, GrayImage, ImageFormat, imageops};
use plimsoll::data::{Image, Split, decode, digits, encode_png, idx};

/// Enough different pictures that the branch predictor cannot learn them.
const PICTURES: u64 = 256;

fn pictures() -> Vec<Image> {
    (0..PICTURES).map(|index| digits::draw(1, Split::Test, index).0).collect()
}

fn files(make: impl Fn(&Image) -> Vec<u8>) -> Vec<Vec<u8>> {
    pictures().iter().map(make).collect()
}

fn grey(image: &Image, side: u32) -> GrayImage {
    let grey = GrayImage::from_raw(28, 28, image.0.to_vec()).unwrap();
    imageops::resize(&grey, side, side, imageops::FilterType::Triangle)
}

fn encoded(picture: DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
    bytes
}

/// One picture an iteration, each in its turn.
fn turns<T>(b: &mut criterion::Bencher, inputs: &[T], mut f: impl FnMut(&T)) {
    let mut inputs = inputs.iter().cycle();
    b.iter(|| f(inputs.next().unwrap()));
}

fn decoding(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Elements(1));
    let plain = files(|image| encode_png(image).unwrap());
    group.bench_function("png/28x28 grey", |b| {
        turns(b, &plain, |bytes| _ = black_box(decode(bytes).unwrap()));
    });
    let cases = [
        ("png/28x28 colour", 28, ImageFormat::Png, true),
        ("png/280x280 grey", 280, ImageFormat::Png, false),
        ("jpeg/28x28 grey", 28, ImageFormat::Jpeg, false),
        ("jpeg/280x280 colour", 280, ImageFormat::Jpeg, true),
    ];
    for (name, side, format, colour) in cases {
        let files = files(|image| {
            let grey = DynamicImage::from(grey(image, side));
            encoded(if colour { grey.to_rgb8().into() } else { grey }, format)
        });
        group.bench_function(name, |b| {
            turns(b, &files, |bytes| _ = black_box(decode(bytes).unwrap()));
        });
    }
    group.finish();
}

fn making(c: &mut Criterion) {
    let mut group = c.benchmark_group("images");
    group.throughput(Throughput::Elements(1));
    let indices: Vec<u64> = (0..PICTURES).collect();
    group.bench_function("draw a digit", |b| {
        turns(b, &indices, |&index| _ = black_box(digits::draw(1, Split::Test, index)));
    });
    group.bench_function("encode as png", |b| {
        turns(b, &pictures(), |image| _ = black_box(encode_png(image).unwrap()));
    });
    let file = idx::write_images(&pictures());
    group.throughput(Throughput::Elements(PICTURES));
    group.bench_function("read idx with its md5", |b| {
        b.iter(|| idx::read_images(&file[..], "idx".as_ref()).unwrap());
    });
    group.finish();
}

criterion_group!(benches, decoding, making);
criterion_main!(benches);
