//! From skeletons to ink.

use super::random::Random;
use crate::data::{IMAGE_PIXELS, IMAGE_SIDE, Image};

/// The box that the ink is fitted into, in pixels; MNIST's.
const BOX: f32 = 20.0;
/// Pixels over which an edge fades from ink to ground: MNIST's were reduced from larger pictures.
const EDGE: f32 = 1.3;
/// Straight pieces that the curve between two points is drawn as.
const PIECES: usize = 5;

/// A place on the paper: x to the right, y down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) x: f32,
    pub(super) y: f32,
}

/// The curve through the points of a stroke, as points close enough to be joined by straight
/// lines: a uniform Catmull-Rom spline (Catmull and Rom, 1974). A stroke that ends where it began
/// is closed without a corner.
pub(super) fn curve(points: &[Point], stroke: &[usize]) -> Vec<Point> {
    let at = |i: usize| points[stroke[i]];
    let last = stroke.len() - 1;
    let closed = stroke[0] == stroke[last];
    let mut out = Vec::with_capacity(last * PIECES + 1);
    out.push(at(0));
    for i in 0..last {
        let (from, to) = (at(i), at(i + 1));
        let before = match i {
            0 if closed => at(last - 1),
            0 => from,
            _ => at(i - 1),
        };
        let after = match i + 2 {
            j if j <= last => at(j),
            _ if closed => at(1),
            _ => to,
        };
        for piece in 1..=PIECES {
            let t = piece as f32 / PIECES as f32;
            out.push(Point {
                x: spline(before.x, from.x, to.x, after.x, t),
                y: spline(before.y, from.y, to.y, after.y, t),
            });
        }
    }
    out
}

fn spline(before: f32, from: f32, to: f32, after: f32, t: f32) -> f32 {
    let slope = to - before;
    let square = 2.0 * before - 5.0 * from + 4.0 * to - after;
    let cube = 3.0 * (from - to) + after - before;
    from + 0.5 * t * (slope + t * (square + t * cube))
}

/// What the digit is drawn with.
pub(super) struct Pen {
    /// Half the width of its line in pixels.
    radius: f32,
    /// By how much of it the line is thinner at the bottom than at the top; may be below 0.
    lift: f32,
    /// How white the ink is.
    ink: f32,
}

impl Pen {
    pub(super) fn pick(random: &mut Random) -> Self {
        Self {
            radius: (1.32 + 0.34 * random.normal()).clamp(0.75, 2.4),
            lift: 0.08 * random.normal(),
            ink: random.between(0.94, 1.06),
        }
    }

    /// Scales strokes so that their ink fills the box, the sides' proportion kept, and shifts
    /// them so that the ink's middle, by weight, is the picture's, or nearly.
    pub(super) fn fit(&self, strokes: &mut [Vec<Point>], random: &mut Random) {
        let (mut low, mut high) =
            (Point { x: f32::MAX, y: f32::MAX }, Point { x: f32::MIN, y: f32::MIN });
        for point in strokes.iter().flatten() {
            low = Point { x: low.x.min(point.x), y: low.y.min(point.y) };
            high = Point { x: high.x.max(point.x), y: high.y.max(point.y) };
        }
        let size = (high.x - low.x).max(high.y - low.y);
        let scale = random.between(0.94, 1.0) * (BOX - 2.0 * self.radius) / size;

        let (mut x, mut y, mut weight) = (0.0, 0.0, 0.0);
        for [from, to] in strokes.iter().flat_map(|stroke| stroke.array_windows()) {
            let length = distance(*from, *to);
            x += length * (from.x + to.x) / 2.0;
            y += length * (from.y + to.y) / 2.0;
            weight += length;
        }
        let middle = IMAGE_SIDE as f32 / 2.0;
        // MNIST was centred to whole pixels.
        let (shift_x, shift_y) = (random.between(-0.5, 0.5), random.between(-0.5, 0.5));
        // A pixel is kept free all around, whatever the middle says.
        let reach = self.reach() + 1.0;
        let place = |low: f32, high: f32, wanted: f32| {
            wanted.min(IMAGE_SIDE as f32 - reach - high * scale).max(reach - low * scale)
        };
        let x = place(low.x, high.x, middle + shift_x - x / weight * scale);
        let y = place(low.y, high.y, middle + shift_y - y / weight * scale);
        for point in strokes.iter_mut().flatten() {
            *point = Point { x: point.x * scale + x, y: point.y * scale + y };
        }
    }

    /// How far ink may get from the line's middle anywhere.
    fn reach(&self) -> f32 {
        self.radius * (1.0 + self.lift.abs()) + EDGE / 2.0
    }

    /// Draws strokes, in pixels from the picture's corner.
    pub(super) fn draw(&self, strokes: &[Vec<Point>], random: &mut Random) -> Image {
        // How deep inside the line a pixel's middle lies; below 0 outside of it.
        let mut depth = [f32::MIN; IMAGE_PIXELS];
        for [from, to] in strokes.iter().flat_map(|stroke| stroke.array_windows()) {
            self.piece(*from, *to, &mut depth);
        }
        let mut image = Image([0; IMAGE_PIXELS]);
        for (pixel, depth) in image.0.iter_mut().zip(depth) {
            let cover = (depth / EDGE + 0.5).clamp(0.0, 1.0);
            if cover > 0.0 {
                let rough = 1.0 + 0.07 * random.normal();
                // A conversion to an integer saturates.
                *pixel = (255.0 * cover * rough * self.ink) as u8;
            }
        }
        image
    }

    fn piece(&self, from: Point, to: Point, depth: &mut [f32; IMAGE_PIXELS]) {
        let middle = (from.y + to.y) / 2.0 / IMAGE_SIDE as f32 - 0.5;
        let radius = self.radius * (1.0 - 2.0 * self.lift * middle);
        let reach = radius + EDGE / 2.0;
        let columns = span(from.x.min(to.x) - reach, from.x.max(to.x) + reach);
        let rows = span(from.y.min(to.y) - reach, from.y.max(to.y) + reach);
        let (dx, dy) = (to.x - from.x, to.y - from.y);
        let scale = 1.0 / (dx * dx + dy * dy).max(1e-12);
        for row in rows {
            for column in columns.clone() {
                let (x, y) = (column as f32 + 0.5 - from.x, row as f32 + 0.5 - from.y);
                let along = ((x * dx + y * dy) * scale).clamp(0.0, 1.0);
                let (x, y) = (x - along * dx, y - along * dy);
                let pixel = &mut depth[row * IMAGE_SIDE + column];
                *pixel = pixel.max(radius - (x * x + y * y).sqrt());
            }
        }
    }
}

/// The pixels from `low` to `high`, as far as they are on the paper.
fn span(low: f32, high: f32) -> std::ops::Range<usize> {
    // A conversion to an integer saturates at 0.
    low as usize..(high as usize + 1).min(IMAGE_SIDE)
}

fn distance(a: Point, b: Point) -> f32 {
    let (dx, dy) = (a.x - b.x, a.y - b.y);
    (dx * dx + dy * dy).sqrt()
}
