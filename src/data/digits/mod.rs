//! Synthetic digits, for machines without MNIST.
//!
//! Each is drawn as a person would: the skeleton of a digit, in one of the ways people write it,
//! bent a little, slanted, drawn with a pen of some thickness, anti-aliased, and then fitted into
//! a 20x20 box and centred by its ink in 28x28, as MNIST's were; white ink on black. They look
//! like MNIST, but they are not: accuracy on them says whether the machinery is in order, and
//! nothing about the model's worth.
//!
//! The pixels depend on the seed, the split and the index alone, on every machine: all arithmetic
//! is IEEE addition, multiplication, division and square root, whose results are prescribed to the
//! last bit, never a function of the system's mathematics library. A test holds a fingerprint;
//! a change of it changes what seeds in published reports mean, and belongs into the change log.

mod glyphs;
mod pen;
mod random;

use self::pen::{Pen, Point};
use self::random::Random;
use super::{Image, Split};

/// Draws one image and says its label, 0 to 9. Any index will do: each image is drawn by itself,
/// so that millions need no memory.
pub fn draw(seed: u64, split: Split, index: u64) -> (Image, u8) {
    let mut random = Random::new(seed, split, index);
    let label = random.below(10);
    let variants = glyphs::of(label);
    let glyph = variants[random.below(variants.len())];

    let mut points: Vec<Point> = glyph.points.iter().map(|&(x, y)| Point { x, y }).collect();
    bend(&mut points, &mut random);
    let pen = Pen::pick(&mut random);
    let mut strokes: Vec<Vec<Point>> =
        glyph.strokes.iter().map(|stroke| pen::curve(&points, stroke)).collect();
    pen.fit(&mut strokes, &mut random);
    (pen.draw(&strokes, &mut random), label as u8)
}

/// What a hand does to a digit: it trembles, it squeezes, it slants.
fn bend(points: &mut [Point], random: &mut Random) {
    let tremble = random.between(0.008, 0.028);
    let width = random.between(0.78, 1.22);
    let slant = 0.12 + 0.17 * random.normal();
    let turn = 0.06 * random.normal();
    // Bulges of the whole digit: parts of it grow at the cost of others.
    let (bulge_x, bulge_y) = (0.10 * random.normal(), 0.10 * random.normal());
    for point in points {
        let x = point.x - 0.35 + tremble * random.normal();
        let y = point.y - 0.5 + tremble * random.normal();
        let (x, y) = (x * (1.0 + bulge_x * y), y + bulge_y * (0.25 - y * y));
        let x = x * width - slant * y;
        *point = Point { x, y: y + turn * x };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[ignore]
    fn sheet() {
        let (columns, rows) = (20, 10);
        let mut sheet = image::GrayImage::new(columns * 30, rows * 30);
        let mut next = [0u32; 10];
        let mut sum = 0f64;
        let mut sq = 0f64;
        let mut n = 0f64;
        for index in 0.. {
            let (image, label) = draw(1, Split::Test, index);
            for p in image.0 {
                let v = f64::from(p) / 255.0;
                sum += v;
                sq += v * v;
                n += 1.0;
            }
            let column = next[usize::from(label)];
            if column >= columns {
                if next.iter().all(|&n| n >= columns) {
                    break;
                }
                continue;
            }
            next[usize::from(label)] += 1;
            for (i, &p) in image.0.iter().enumerate() {
                let (x, y) = (i as u32 % 28, i as u32 / 28);
                sheet.put_pixel(
                    column * 30 + x + 1,
                    u32::from(label) * 30 + y + 1,
                    image::Luma([p]),
                );
            }
        }
        let mean = sum / n;
        println!("mean {mean} std {}", (sq / n - mean * mean).sqrt());
        image::imageops::resize(
            &sheet,
            columns * 60,
            rows * 60,
            image::imageops::FilterType::Nearest,
        )
        .save("/tmp/sheet.png")
        .unwrap();
    }
}
