//! Which cells tell the most, before anything is known.

use crate::record::Cell;

/// A cell without its batch size: the cells of a group are one curve over the batch size.
fn group(cell: &Cell) -> Cell {
    Cell { batch: 0, ..cell.clone() }
}

/// All cells, by index, the most telling first: of each group the largest batch, then of each the
/// smallest, then the middle one, then the middles of what lies between. However early one stops,
/// every group has been seen about equally often, and its curve as widely as so few points allow.
pub(super) fn telling(cells: &[Cell]) -> Vec<usize> {
    let mut groups: Vec<(Cell, Vec<usize>)> = Vec::new();
    for (index, cell) in cells.iter().enumerate() {
        let key = group(cell);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, indices)) => indices.push(index),
            None => groups.push((key, vec![index])),
        }
    }
    let curves: Vec<Vec<usize>> = groups
        .into_iter()
        .map(|(_, mut indices)| {
            indices.sort_by_key(|&index| cells[index].batch);
            spread(indices.len()).into_iter().map(|place| indices[place]).collect()
        })
        .collect();
    let longest = curves.iter().map(Vec::len).max().unwrap_or(0);
    (0..longest)
        .flat_map(|nth| curves.iter().filter_map(move |curve| curve.get(nth)))
        .copied()
        .collect()
}

/// The places `0..n`: the last, the first, and then the middles of the gaps, level by level.
fn spread(n: usize) -> Vec<usize> {
    let mut order: Vec<usize> =
        [n.checked_sub(1), (n > 1).then_some(0)].into_iter().flatten().collect();
    let mut gaps = std::collections::VecDeque::from([(0, n.saturating_sub(1))]);
    while let Some((low, high)) = gaps.pop_front() {
        if high - low > 1 {
            let middle = usize::midpoint(low, high);
            order.push(middle);
            gaps.extend([(low, middle), (middle, high)]);
        }
    }
    order
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The cells of these backends, instances and batches, in the grid's order.
    pub(in crate::sweep::schedule) fn cells(
        backends: &[&str],
        instances: &[usize],
        batches: &[usize],
    ) -> Vec<Cell> {
        let mut cells = Vec::new();
        for &backend in backends {
            for &instances in instances {
                cells.extend(
                    batches.iter().map(|&batch| Cell::on_cpu(backend, instances, batch, 1)),
                );
            }
        }
        cells
    }

    #[test]
    fn a_curve_is_seen_at_its_ends_then_in_its_middle_then_between() {
        assert_eq!(spread(0), [0; 0]);
        assert_eq!(spread(1), [0]);
        assert_eq!(spread(2), [1, 0]);
        assert_eq!(spread(6), [5, 0, 2, 1, 3, 4]);
        assert_eq!(spread(9), [8, 0, 4, 2, 6, 1, 3, 5, 7]);
    }

    #[test]
    fn every_group_is_seen_before_any_is_seen_twice() {
        // Batches in another order than their size's.
        let cells = cells(&["a", "b"], &[1, 2], &[32, 1, 512]);
        let order = telling(&cells);
        let batches: Vec<usize> = order.iter().map(|&index| cells[index].batch).collect();
        assert_eq!(batches, [512, 512, 512, 512, 1, 1, 1, 1, 32, 32, 32, 32]);
        let of = |index: usize| (cells[index].backend.as_str(), cells[index].instances);
        let first: Vec<_> = order[..4].iter().map(|&index| of(index)).collect();
        assert_eq!(first, [("a", 1), ("a", 2), ("b", 1), ("b", 2)]);
    }
}
