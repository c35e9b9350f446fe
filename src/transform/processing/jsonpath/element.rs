//! Which elements of an array an index or a slice means.

use std::fmt;
use std::ops::Range;

/// One entry of a bracket of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::transform::processing) enum Element {
    /// An index; below 0 it counts from the end.
    At(i64),
    /// From the first to the last, both included; either may be left out.
    Slice(Option<i64>, Option<i64>),
}

impl Element {
    /// The positions it means among `width`.
    ///
    /// # Errors
    /// An index or a bound outside the width, in words.
    pub(in crate::transform::processing) fn resolve(
        self,
        width: usize,
    ) -> Result<Range<usize>, String> {
        match self {
            Self::At(index) => {
                let at = position(index, width).ok_or_else(|| outside("index", index, width))?;
                Ok(at..at + 1)
            }
            Self::Slice(first, last) => {
                let bound = |index: Option<i64>, open: usize, inside: usize| match index {
                    None => Ok(open),
                    Some(index) => position(index, width).map(|at| at + inside).ok_or_else(|| {
                        outside("bound", index, width) + "; the end of a slice is included"
                    }),
                };
                let first = bound(first, 0, 0)?;
                Ok(first..bound(last, width, 1)?.max(first))
            }
        }
    }
}

fn position(index: i64, width: usize) -> Option<usize> {
    let width = i64::try_from(width).ok()?;
    let at = if index < 0 { index.checked_add(width)? } else { index };
    usize::try_from(at).ok().filter(|_| at < width)
}

fn outside(kind: &str, index: i64, width: usize) -> String {
    match width {
        0 => format!("{kind} {index} is outside a width of 0: there are no elements"),
        _ => format!(
            "{kind} {index} is outside a width of {width}: indices go from 0 to {}, or from -{width} \
             to -1",
            width - 1
        ),
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(index) => write!(f, "{index}"),
            Self::Slice(first, last) => {
                first.iter().try_for_each(|index| write!(f, "{index}"))?;
                f.write_str(":")?;
                last.iter().try_for_each(|index| write!(f, "{index}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The guide's words, taken literally: walk the columns, keep those between the two.
    fn naive(first: Option<i64>, last: Option<i64>, width: i64) -> Option<Vec<usize>> {
        let from_front = |i: i64| if i < 0 { width + i } else { i };
        for bound in [first, last].into_iter().flatten().map(from_front) {
            if !(0..width).contains(&bound) {
                return None;
            }
        }
        let (first, last) = (first.map(from_front), last.map(from_front));
        let kept =
            |column: &i64| first.is_none_or(|f| f <= *column) && last.is_none_or(|l| *column <= l);
        Some((0..width).filter(kept).map(|column| column as usize).collect())
    }

    proptest! {
        /// For all widths and slices, a slice means the columns from its first to its last.
        #[test]
        fn slices_mean_what_a_walk_over_the_columns_finds(
            width in 0usize..12,
            first in proptest::option::of(-14i64..14),
            last in proptest::option::of(-14i64..14),
        ) {
            let found = Element::Slice(first, last).resolve(width).ok().map(Vec::from_iter);
            prop_assert_eq!(found, naive(first, last, width as i64));
        }

        /// For all widths and indices, an index means one column, or is outside.
        #[test]
        fn indices_count_from_either_end(width in 0usize..12, index in -14i64..14) {
            let columns: Vec<usize> = (0..width).collect();
            let expected = if index < 0 {
                columns.iter().rev().nth(index.unsigned_abs() as usize - 1)
            } else {
                columns.get(index as usize)
            };
            let found = Element::At(index).resolve(width).ok().map(|range| range.start);
            prop_assert_eq!(found.as_ref(), expected);
        }
    }

    #[test]
    fn a_slice_includes_its_end() {
        assert_eq!(Element::Slice(Some(1), Some(4)).resolve(6), Ok(1..5));
        assert_eq!(Element::Slice(None, Some(5)).resolve(7), Ok(0..6));
        assert_eq!(Element::Slice(Some(-3), Some(-1)).resolve(7), Ok(4..7));
    }

    #[test]
    fn an_index_outside_names_itself_and_the_width() {
        assert_eq!(
            Element::At(5).resolve(4).unwrap_err(),
            "index 5 is outside a width of 4: indices go from 0 to 3, or from -4 to -1"
        );
        let slice = Element::Slice(Some(0), Some(4)).resolve(4).unwrap_err();
        assert!(
            slice.contains("bound 4") && slice.contains("end of a slice is included"),
            "{slice}"
        );
        assert!(Element::At(i64::MIN).resolve(4).is_err());
        assert!(Element::At(i64::MAX).resolve(4).is_err());
    }
}
