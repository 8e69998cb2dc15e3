//! Rows that name their parent, drawn as a tree.

use std::collections::HashMap;
use std::hash::Hash;

/// How wide the branches before a row may grow: deeper chains stay linear.
const DEEPEST: usize = 200;

/// The rows from each root down, with the branch to draw before each.
///
/// Roots are those whose parent is not among the rows. The order of siblings is kept. Parents
/// that form a circle, as inconsistent reads could show, are cut: each row comes exactly once.
pub(crate) fn depth_first<T, K: Eq + Hash>(
    rows: &[T],
    id: impl Fn(&T) -> K,
    parent: impl Fn(&T) -> K,
) -> Vec<(String, &T)> {
    let known: HashMap<K, usize> = rows
        .iter()
        .enumerate()
        .map(|(index, row)| (id(row), index))
        .collect();
    let mut children: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut roots = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        match known.get(&parent(row)) {
            Some(above) if *above != index => children.entry(*above).or_default().push(index),
            _ => roots.push(index),
        }
    }
    let mut lines = Vec::with_capacity(rows.len());
    let mut placed = vec![false; rows.len()];
    // A circle has no root: whatever is left over starts a tree of its own.
    for start in roots.into_iter().chain(0..rows.len()) {
        let mut open = vec![(start, String::new(), String::new())];
        while let Some((index, branch, below)) = open.pop() {
            let (Some(row), Some(placed)) = (rows.get(index), placed.get_mut(index)) else {
                continue;
            };
            if std::mem::replace(placed, true) {
                continue;
            }
            lines.push((branch, row));
            let own = children.get(&index).map_or(&[][..], Vec::as_slice);
            let below = if below.len() > DEEPEST { "" } else { &below };
            for (place, &child) in own.iter().enumerate().rev() {
                let last = place + 1 == own.len();
                let (corner, line) = if last {
                    ("└─ ", "   ")
                } else {
                    ("├─ ", "│  ")
                };
                open.push((child, format!("{below}{corner}"), format!("{below}{line}")));
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(rows: &[(u32, u32)]) -> Vec<String> {
        depth_first(rows, |row| row.0, |row| row.1)
            .into_iter()
            .map(|(branch, row)| format!("{branch}{}", row.0))
            .collect()
    }

    #[test]
    fn children_stand_below_their_parents() {
        assert_eq!(
            drawn(&[(1, 0), (2, 1), (3, 1), (4, 2)]),
            ["1", "├─ 2", "│  └─ 4", "└─ 3"]
        );
    }

    #[test]
    fn circles_and_own_parents_come_once() {
        assert_eq!(drawn(&[(1, 2), (2, 1), (3, 3)]), ["3", "1", "└─ 2"]);
    }
}
