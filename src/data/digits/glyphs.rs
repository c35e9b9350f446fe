//! The skeletons of the ten digits, each in the ways people write it.

use self::skeletons::*;

/// Places in a box of height 1, x to the right and y down, and the strokes through them. A stroke
/// is a smooth curve; a corner is where one stroke ends and another begins.
#[derive(Clone, Copy)]
pub(super) struct Glyph {
    pub(super) points: &'static [(f32, f32)],
    pub(super) strokes: &'static [&'static [usize]],
}

/// The ways to write a digit; a frequent one may be there more than once.
pub(super) fn of(digit: usize) -> &'static [Glyph] {
    GLYPHS[digit]
}

const GLYPHS: [&[Glyph]; 10] = [
    &[ROUND_ZERO, ROUND_ZERO, NARROW_ZERO, OPEN_ZERO],
    &[PLAIN_ONE, PLAIN_ONE, PLAIN_ONE, FLAG_ONE, BASE_ONE],
    &[ANGLED_TWO, ANGLED_TWO, LOOPED_TWO],
    &[ROUND_THREE, ROUND_THREE, FLAT_THREE],
    &[OPEN_FOUR, OPEN_FOUR, CURVED_FOUR, CLOSED_FOUR],
    &[FIVE, FIVE, SLIDING_FIVE],
    &[SIX, SIX, STRAIGHT_SIX],
    &[SEVEN, SEVEN, BARRED_SEVEN, HOOKED_SEVEN],
    &[EIGHT, EIGHT, STACKED_EIGHT],
    &[STRAIGHT_NINE, STRAIGHT_NINE, CURVED_NINE],
];

// Points read better in rows than in one long column.
#[rustfmt::skip]
mod skeletons {
    use super::Glyph;

    pub(super) const ROUND_ZERO: Glyph = Glyph {
        points: &[
            (0.38, 0.00), (0.15, 0.13), (0.04, 0.50), (0.13, 0.87), (0.35, 1.00), (0.57, 0.87),
            (0.68, 0.50), (0.60, 0.13),
        ],
        strokes: &[&[0, 1, 2, 3, 4, 5, 6, 7, 0]],
    };
    pub(super) const NARROW_ZERO: Glyph = Glyph {
        points: &[
            (0.42, 0.00), (0.24, 0.16), (0.15, 0.50), (0.20, 0.85), (0.32, 1.00), (0.48, 0.84),
            (0.56, 0.50), (0.53, 0.14),
        ],
        strokes: &[&[0, 1, 2, 3, 4, 5, 6, 7, 0]],
    };
    pub(super) const OPEN_ZERO: Glyph = Glyph {
        points: &[
            (0.50, 0.02), (0.26, 0.06), (0.07, 0.38), (0.10, 0.80), (0.33, 1.00), (0.58, 0.82),
            (0.67, 0.42), (0.55, 0.08), (0.36, 0.06),
        ],
        strokes: &[&[0, 1, 2, 3, 4, 5, 6, 7, 8]],
    };
    pub(super) const PLAIN_ONE: Glyph = Glyph {
        points: &[(0.37, 0.00), (0.35, 0.50), (0.34, 1.00)],
        strokes: &[&[0, 1, 2]],
    };
    pub(super) const FLAG_ONE: Glyph = Glyph {
        points: &[(0.22, 0.20), (0.40, 0.00), (0.39, 0.50), (0.38, 1.00)],
        strokes: &[&[0, 1], &[1, 2, 3]],
    };
    pub(super) const BASE_ONE: Glyph = Glyph {
        points: &[(0.20, 0.22), (0.38, 0.00), (0.37, 0.50), (0.36, 1.00), (0.12, 1.00), (0.60, 0.98)],
        strokes: &[&[0, 1], &[1, 2, 3], &[4, 3, 5]],
    };
    pub(super) const ANGLED_TWO: Glyph = Glyph {
        points: &[
            (0.08, 0.24), (0.20, 0.05), (0.42, 0.00), (0.58, 0.15), (0.53, 0.40), (0.32, 0.68),
            (0.06, 0.97), (0.36, 0.95), (0.70, 0.97),
        ],
        strokes: &[&[0, 1, 2, 3, 4, 5, 6], &[6, 7, 8]],
    };
    pub(super) const LOOPED_TWO: Glyph = Glyph {
        points: &[
            (0.10, 0.18), (0.28, 0.01), (0.50, 0.06), (0.55, 0.30), (0.40, 0.62), (0.18, 0.94),
            (0.04, 0.93), (0.08, 0.76), (0.28, 0.80), (0.48, 0.97), (0.70, 0.90),
        ],
        strokes: &[&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
    };
    pub(super) const ROUND_THREE: Glyph = Glyph {
        points: &[
            (0.08, 0.13), (0.30, 0.00), (0.54, 0.10), (0.54, 0.30), (0.26, 0.46), (0.54, 0.55),
            (0.62, 0.76), (0.38, 0.99), (0.05, 0.90),
        ],
        strokes: &[&[0, 1, 2, 3, 4], &[4, 5, 6, 7, 8]],
    };
    pub(super) const FLAT_THREE: Glyph = Glyph {
        points: &[
            (0.08, 0.03), (0.34, 0.02), (0.60, 0.02), (0.44, 0.22), (0.28, 0.42), (0.54, 0.52),
            (0.61, 0.76), (0.38, 0.99), (0.06, 0.91),
        ],
        strokes: &[&[0, 1, 2], &[2, 3, 4], &[4, 5, 6, 7, 8]],
    };
    pub(super) const OPEN_FOUR: Glyph = Glyph {
        points: &[
            (0.14, 0.02), (0.09, 0.30), (0.10, 0.54), (0.36, 0.55), (0.62, 0.50), (0.62, 0.00),
            (0.58, 0.50), (0.53, 1.00),
        ],
        strokes: &[&[0, 1, 2], &[2, 3, 4], &[5, 6, 7]],
    };
    pub(super) const CURVED_FOUR: Glyph = Glyph {
        points: &[
            (0.17, 0.04), (0.07, 0.30), (0.14, 0.50), (0.36, 0.52), (0.60, 0.36), (0.64, 0.04),
            (0.58, 0.50), (0.55, 1.00),
        ],
        strokes: &[&[0, 1, 2, 3, 4], &[5, 6, 7]],
    };
    pub(super) const CLOSED_FOUR: Glyph = Glyph {
        points: &[
            (0.50, 0.00), (0.28, 0.30), (0.04, 0.62), (0.36, 0.62), (0.70, 0.60), (0.49, 0.50),
            (0.48, 1.00),
        ],
        strokes: &[&[0, 1, 2], &[2, 3, 4], &[0, 5, 6]],
    };
    pub(super) const FIVE: Glyph = Glyph {
        points: &[
            (0.66, 0.02), (0.42, 0.02), (0.20, 0.04), (0.17, 0.22), (0.13, 0.43), (0.36, 0.38),
            (0.58, 0.52), (0.58, 0.80), (0.34, 1.00), (0.05, 0.92),
        ],
        strokes: &[&[0, 1, 2], &[2, 3, 4], &[4, 5, 6, 7, 8, 9]],
    };
    pub(super) const SLIDING_FIVE: Glyph = Glyph {
        points: &[
            (0.70, 0.00), (0.46, 0.04), (0.26, 0.08), (0.16, 0.28), (0.22, 0.42), (0.44, 0.52),
            (0.55, 0.72), (0.42, 0.94), (0.22, 1.00), (0.04, 0.92),
        ],
        strokes: &[&[0, 1, 2], &[2, 3, 4, 5, 6, 7, 8, 9]],
    };
    pub(super) const SIX: Glyph = Glyph {
        points: &[
            (0.52, 0.00), (0.28, 0.18), (0.11, 0.48), (0.09, 0.80), (0.30, 1.00), (0.54, 0.88),
            (0.56, 0.66), (0.38, 0.54), (0.16, 0.66), (0.10, 0.82),
        ],
        strokes: &[&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
    };
    pub(super) const STRAIGHT_SIX: Glyph = Glyph {
        points: &[
            (0.36, 0.00), (0.20, 0.32), (0.12, 0.66), (0.20, 0.94), (0.42, 0.99), (0.58, 0.82),
            (0.50, 0.62), (0.32, 0.62), (0.16, 0.78),
        ],
        strokes: &[&[0, 1, 2, 3, 4, 5, 6, 7, 8]],
    };
    pub(super) const SEVEN: Glyph = Glyph {
        points: &[(0.05, 0.06), (0.34, 0.05), (0.64, 0.02), (0.46, 0.42), (0.32, 1.00)],
        strokes: &[&[0, 1, 2], &[2, 3, 4]],
    };
    pub(super) const BARRED_SEVEN: Glyph = Glyph {
        points: &[
            (0.05, 0.06), (0.34, 0.05), (0.64, 0.02), (0.45, 0.48), (0.30, 1.00), (0.22, 0.52),
            (0.66, 0.46),
        ],
        strokes: &[&[0, 1, 2], &[2, 3, 4], &[5, 3, 6]],
    };
    pub(super) const HOOKED_SEVEN: Glyph = Glyph {
        points: &[(0.06, 0.22), (0.10, 0.04), (0.36, 0.05), (0.64, 0.02), (0.48, 0.42), (0.38, 1.00)],
        strokes: &[&[0, 1], &[1, 2, 3], &[3, 4, 5]],
    };
    pub(super) const EIGHT: Glyph = Glyph {
        points: &[
            (0.54, 0.13), (0.38, 0.00), (0.18, 0.12), (0.23, 0.34), (0.39, 0.51), (0.54, 0.72),
            (0.48, 0.94), (0.29, 1.00), (0.14, 0.86), (0.21, 0.64), (0.38, 0.47), (0.53, 0.30),
        ],
        strokes: &[&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0]],
    };
    pub(super) const STACKED_EIGHT: Glyph = Glyph {
        points: &[
            (0.36, 0.47), (0.18, 0.34), (0.21, 0.09), (0.38, 0.00), (0.54, 0.10), (0.53, 0.34),
            (0.14, 0.66), (0.15, 0.90), (0.34, 1.00), (0.55, 0.88), (0.57, 0.64),
        ],
        strokes: &[&[0, 1, 2, 3, 4, 5, 0], &[0, 6, 7, 8, 9, 10, 0]],
    };
    pub(super) const STRAIGHT_NINE: Glyph = Glyph {
        points: &[
            (0.60, 0.10), (0.40, 0.00), (0.14, 0.13), (0.10, 0.36), (0.30, 0.48), (0.54, 0.34),
            (0.58, 0.56), (0.52, 1.00),
        ],
        strokes: &[&[0, 1, 2, 3, 4, 5, 0], &[0, 6, 7]],
    };
    pub(super) const CURVED_NINE: Glyph = Glyph {
        points: &[
            (0.60, 0.13), (0.40, 0.00), (0.16, 0.12), (0.11, 0.36), (0.30, 0.48), (0.54, 0.34),
            (0.60, 0.55), (0.53, 0.84), (0.38, 1.00), (0.22, 0.97),
        ],
        strokes: &[&[0, 1, 2, 3, 4, 5, 0], &[0, 6, 7, 8, 9]],
    };
}
