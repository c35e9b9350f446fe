//! How the time of a batch grows with its images.

/// Sizes that must have been measured before a staircase is looked for: a line already takes two.
const FOR_STAIRS: usize = 4;

/// A staircase must leave so small a share of the squared error that a line leaves, to be believed.
const BETTER: f64 = 0.25;

/// A line that comes so close to every point is left at that.
const CLOSE: f64 = 0.01;

/// The time of a batch of `n` images as `fixed + marginal * n + stair * ceil(n / width)`, none of
/// which is negative.
///
/// An engine that computes whole groups of images, one in each lane of a vector, takes as long for
/// the first of a group as for all of it: there the time is a staircase and not a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shape {
    pub(super) fixed: f64,
    pub(super) marginal: f64,
    pub(super) stair: f64,
    /// Images of a group; 1 where there are no stairs.
    pub(super) width: usize,
}

impl Shape {
    /// The shape that comes closest, by least squares of the relative error, to points of (images,
    /// time), rising in images, at least one. A single size tells nothing of others: they
    /// are taken in proportion.
    pub(super) fn of(points: &[(usize, f64)]) -> Self {
        let largest = points.last().map_or(1, |point| point.0);
        let (mut best, line_error) = fit(points, 1);
        if points.len() < FOR_STAIRS || line_error < points.len() as f64 * CLOSE * CLOSE {
            return best;
        }
        let mut least = BETTER * line_error;
        let widths = std::iter::successors(Some(2usize), |width| width.checked_mul(2));
        // Of one group alone it could not be told from a fixed time.
        for width in widths.take_while(|&width| width < largest) {
            let (shape, error) = fit(points, width);
            if error < least {
                (best, least) = (shape, error);
            }
        }
        best
    }

    /// The time of so many images; in proportion to each other they are what matters.
    pub(super) fn at(&self, images: usize) -> f64 {
        let groups = images.div_ceil(self.width);
        self.fixed + self.marginal * images as f64 + self.stair * groups as f64
    }
}

/// The best shape with groups of this width, and the sum of its squared relative errors.
fn fit(points: &[(usize, f64)], width: usize) -> (Shape, f64) {
    if let [(images, time)] = *points {
        let shape =
            Shape { fixed: 0.0, marginal: time / images.max(1) as f64, stair: 0.0, width: 1 };
        return (shape, 0.0);
    }
    // Of up to three terms each may be left out: the best without a negative factor is among the
    // least-squares answers of the subsets (C. L. Lawson and R. J. Hanson, "Solving Least Squares
    // Problems", 1974, chapter 23, by enumeration).
    let subsets = if width == 1 { 1..4u8 } else { 1..8 };
    let all = subsets.filter_map(|subset| {
        let [fixed, marginal, stair] = solve(points, width, subset)?;
        let shape = Shape { fixed, marginal, stair, width };
        let error = |&(images, time): &(usize, f64)| (shape.at(images) / time - 1.0).powi(2);
        Some((shape, points.iter().map(error).sum::<f64>()))
    });
    let best = all.min_by(|a, b| a.1.total_cmp(&b.1));
    // A fixed time alone can always be fitted to times above 0.
    best.unwrap_or((Shape { fixed: 1.0, marginal: 0.0, stair: 0.0, width: 1 }, f64::INFINITY))
}

/// The least-squares factors of the terms in a subset, the others 0; none where the points do not
/// tell them apart or one is negative.
fn solve(points: &[(usize, f64)], width: usize, subset: u8) -> Option<[f64; 3]> {
    let terms: Vec<usize> = (0..3).filter(|term| subset & (1 << term) != 0).collect();
    let value = |images: usize, term: usize| match term {
        0 => 1.0,
        1 => images as f64,
        _ => images.div_ceil(width) as f64,
    };
    // Normal equations, each point weighted by its time so that errors are relative.
    let k = terms.len();
    let mut rows = vec![vec![0.0; k + 1]; k];
    for &(images, time) in points {
        for (row, &i) in rows.iter_mut().zip(&terms) {
            let left = value(images, i) / time;
            for (cell, &j) in row.iter_mut().zip(&terms) {
                *cell += left * value(images, j) / time;
            }
            row[k] += left;
        }
    }
    let factors = eliminate(rows)?;
    let mut all = [0.0; 3];
    for (&term, factor) in terms.iter().zip(factors) {
        all[term] = factor;
    }
    all.iter().all(|&factor| factor >= 0.0).then_some(all)
}

/// Solves a linear system of a few rows by Gauss's elimination with pivoting.
fn eliminate(mut rows: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let k = rows.len();
    for column in 0..k {
        let scale = rows[column].iter().fold(0.0f64, |most, cell| most.max(cell.abs()));
        let pivot =
            (column..k).max_by(|&a, &b| rows[a][column].abs().total_cmp(&rows[b][column].abs()))?;
        rows.swap(column, pivot);
        if rows[column][column].abs() <= 1e-12 * scale.max(f64::MIN_POSITIVE) {
            return None;
        }
        let top = rows[column].clone();
        for (at, row) in rows.iter_mut().enumerate() {
            if at != column {
                let factor = row[column] / top[column];
                row.iter_mut().zip(&top).for_each(|(cell, top)| *cell -= factor * top);
            }
        }
    }
    Some((0..k).map(|row| rows[row][k] / rows[row][row]).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn points(sizes: &[usize], time: impl Fn(usize) -> f64) -> Vec<(usize, f64)> {
        sizes.iter().map(|&n| (n, time(n))).collect()
    }

    #[test]
    fn one_size_is_taken_in_proportion() {
        let shape = Shape::of(&[(8, 400.0)]);
        assert_eq!((shape.at(8), shape.at(16)), (400.0, 800.0));
    }

    #[test]
    fn a_time_that_falls_with_the_size_is_taken_as_fixed() {
        let shape = Shape::of(&[(1, 101.0), (2, 100.0), (4, 99.0)]);
        assert_eq!((shape.marginal, shape.stair), (0.0, 0.0));
        assert!((shape.fixed - 100.0).abs() < 1.0);
    }

    #[test]
    fn an_engine_of_16_lanes_is_seen_through_its_noise() {
        // As measured, in us.
        let shape = Shape::of(&[(1, 63.6), (4, 64.7), (16, 70.7), (64, 286.0)]);
        assert_eq!(shape.width, 16, "{shape:?}");
        assert!((shape.at(22) / 142.0 - 1.0).abs() < 0.05, "{}", shape.at(22));
    }

    #[test]
    fn stairs_are_not_seen_in_a_line_with_noise() {
        let noise = [1.02, 0.98, 1.01, 0.99, 1.03, 0.97, 1.0];
        let sizes = [1, 2, 4, 8, 16, 32, 64];
        let points: Vec<_> =
            sizes.iter().zip(noise).map(|(&n, x)| (n, x * (50.0 + 10.0 * n as f64))).collect();
        let shape = Shape::of(&points);
        assert_eq!(shape.width, 1, "{shape:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_line_is_found_again(fixed in 0.0f64..1e6, marginal in 1.0f64..1e5) {
            let shape = Shape::of(&points(&[1, 2, 8, 32, 128], |n| fixed + marginal * n as f64));
            for n in 1..300 {
                let want = fixed + marginal * n as f64;
                prop_assert!((shape.at(n) / want - 1.0).abs() < 1e-6, "{:?}", shape);
            }
        }

        /// Lanes of vectors, whatever their number and whatever else a batch costs.
        #[test]
        fn a_staircase_is_found_again_from_powers_of_two(
            fixed in 0.0f64..3e4, marginal in 0.0f64..200.0, stair in 1e4f64..1e6, power in 2u32..6,
        ) {
            let width = 1usize << power;
            let time = |n: usize| {
                fixed + marginal * n as f64 + stair * n.div_ceil(width) as f64
            };
            let shape = Shape::of(&points(&[1, 2, 4, 8, 16, 32, 64, 128], time));
            for n in 1..300 {
                prop_assert!((shape.at(n) / time(n) - 1.0).abs() < 1e-6, "{:?}", shape);
            }
        }

        #[test]
        fn more_images_never_take_less(times in prop::collection::vec(1.0f64..1e6, 1..8)) {
            let sizes = (0..times.len()).map(|i| 1usize << i);
            let shape = Shape::of(&sizes.zip(times).collect::<Vec<_>>());
            let all: Vec<f64> = (1..200).map(|n| shape.at(n)).collect();
            prop_assert!(all.is_sorted() && all[0] > 0.0, "{:?}", shape);
        }
    }
}
