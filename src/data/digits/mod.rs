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
    let width = random.between(0.85, 1.40);
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
    use md5::{Digest, Md5};
    use proptest::prelude::*;

    use super::*;
    use crate::data::{IMAGE_PIXELS, IMAGE_SIDE};

    /// Seeds stand in published reports, so a change here goes into the change log.
    #[test]
    fn the_digits_of_a_seed_never_change() {
        let mut hash = Md5::new();
        for split in [Split::Test, Split::Train] {
            for index in 0..500 {
                let (image, label) = draw(1, split, index);
                hash.update(image.0);
                hash.update([label]);
            }
        }
        let hash: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, "8637adb781f55f8d96907d8f6737c6be");
    }

    #[test]
    fn labels_and_pixels_are_spread_as_in_mnist() {
        let (mut labels, mut sum, mut squares) = ([0; 10], 0.0, 0.0);
        for index in 0..2000 {
            let (image, label) = draw(5, Split::Train, index);
            labels[usize::from(label)] += 1;
            for pixel in image.0 {
                let pixel = f64::from(pixel) / 255.0;
                sum += pixel;
                squares += pixel * pixel;
            }
        }
        assert!(labels.iter().all(|count| (150..250).contains(count)), "{labels:?}");
        // MNIST's mean is 0.1307 and its deviation 0.3081.
        let mean = sum / (2000 * IMAGE_PIXELS) as f64;
        let deviation = (squares / (2000 * IMAGE_PIXELS) as f64 - mean * mean).sqrt();
        assert!((mean - 0.1307).abs() < 0.01, "{mean}");
        assert!((deviation - 0.3081).abs() < 0.02, "{deviation}");
    }

    #[test]
    fn seeds_splits_and_indices_draw_different_digits() {
        let first = draw(1, Split::Test, 0).0;
        for other in [draw(2, Split::Test, 0), draw(1, Split::Train, 0), draw(1, Split::Test, 1)] {
            assert_ne!(first, other.0);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn ink_fills_a_box_of_20_pixels_in_the_middle(seed: u64, index: u64) {
            let (image, label) = draw(seed, Split::Test, index);
            prop_assert!(label < 10);
            let (mut low, mut high, mut middle, mut ink) = ([28, 28], [0, 0], [0.0, 0.0], 0.0);
            for (i, &pixel) in image.0.iter().enumerate() {
                for (axis, place) in [i % IMAGE_SIDE, i / IMAGE_SIDE].into_iter().enumerate() {
                    middle[axis] += (place as f64 + 0.5) * f64::from(pixel);
                    if pixel > 0 {
                        low[axis] = low[axis].min(place);
                        high[axis] = high[axis].max(place + 1);
                    }
                }
                ink += f64::from(pixel);
            }
            // Half a pixel on each side is where an edge fades; the grid may cut it on both.
            let longest = (high[0] - low[0]).max(high[1] - low[1]);
            prop_assert!((18..=22).contains(&longest), "{longest}");
            prop_assert!(low.iter().all(|&low| low > 0) && high.iter().all(|&high| high < 28));
            for axis in 0..2 {
                // The strokes' weight by length is within half a pixel of the middle, unless that
                // would have put ink onto the border; where strokes cross, ink counts for less.
                let off = (middle[axis] / ink - 14.0).abs();
                let held = low[axis] == 1 || high[axis] == IMAGE_SIDE - 1;
                prop_assert!(off < 2.5 || held && off < 4.0, "{off}");
            }
        }
    }
}
