//! Parents before children, drawn with branches.

use std::collections::HashMap;

use super::process::Process;

/// The processes from each root down, with the branch to draw before each.
///
/// Roots are those whose parent is not among the processes. The order of
/// siblings is kept. Parents that form a circle, as inconsistent reads could
/// show, are cut: each process comes exactly once.
#[must_use]
pub fn depth_first(processes: &[Process]) -> Vec<(String, &Process)> {
    let mut children: HashMap<i32, Vec<usize>> = HashMap::new();
    let known: HashMap<i32, usize> = processes
        .iter()
        .enumerate()
        .map(|(index, process)| (process.pid, index))
        .collect();
    let mut roots = Vec::new();
    for (index, process) in processes.iter().enumerate() {
        if process.ppid != process.pid && known.contains_key(&process.ppid) {
            children.entry(process.ppid).or_default().push(index);
        } else {
            roots.push(index);
        }
    }
    let mut lines = Vec::with_capacity(processes.len());
    let mut placed = vec![false; processes.len()];
    // A circle has no root: whatever is left over starts a tree of its own.
    for start in roots.into_iter().chain(0..processes.len()) {
        let mut open = vec![(start, String::new(), String::new())];
        while let Some((index, branch, below)) = open.pop() {
            let Some(process) = processes.get(index) else {
                continue;
            };
            let Some(seen) = placed.get_mut(index).filter(|seen| !**seen) else {
                continue;
            };
            *seen = true;
            lines.push((branch, process));
            let Some(own) = children.get(&process.pid) else {
                continue;
            };
            for (place, &child) in own.iter().enumerate().rev() {
                let last = place + 1 == own.len();
                // Deep chains stay linear: past this depth the branch no longer grows.
                let below = if below.len() > 200 {
                    String::new()
                } else {
                    below.clone()
                };
                open.push((
                    child,
                    format!("{below}{}", if last { "└─ " } else { "├─ " }),
                    format!("{below}{}", if last { "   " } else { "│  " }),
                ));
            }
        }
    }
    lines
}
