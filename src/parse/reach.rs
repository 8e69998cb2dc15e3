//! Which mounts a path still leads to, and which others hide.
//!
//! A path goes through a mount only if nothing is mounted over the mount's own root, and over no
//! directory on the way to it. The order of lines and the tree of parents tell, in time that
//! grows as sorting does.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::mountinfo::MountEntry;

/// For each mount whether it is hidden: mounted over at its own place, or on the way to it.
#[must_use]
pub(crate) fn hidden(entries: &[MountEntry<'_>]) -> Vec<bool> {
    let by_id: HashMap<u32, usize> = entries
        .iter()
        .enumerate()
        .map(|(index, entry)| (entry.mount_id, index))
        .collect();
    let mut mounts: Vec<Mount> = entries
        .iter()
        .enumerate()
        .map(|(index, entry)| Mount {
            parent: by_id
                .get(&entry.parent_id)
                .copied()
                .filter(|parent| *parent != index),
            ..Mount::default()
        })
        .collect();
    compare_siblings(entries, &mut mounts);
    for index in 0..mounts.len() {
        resolve(index, &mut mounts);
    }
    mounts
        .iter()
        .map(|mount| mount.covered || mount.reached != Some(true))
        .collect()
}

#[derive(Default)]
struct Mount {
    parent: Option<usize>,
    /// A sibling lies on the way, or over it.
    blocked: bool,
    /// It lies on the very root of its parent, and so on everything in it.
    covers_parent: bool,
    /// Another mount lies on its root.
    covered: bool,
    /// Whether a path leads to its place.
    reached: Option<bool>,
}

/// Children of one parent, those above before those below, earlier before later.
fn compare_siblings(entries: &[MountEntry<'_>], mounts: &mut [Mount]) {
    let mut order: Vec<(usize, &MountEntry<'_>)> = entries.iter().enumerate().collect();
    order.retain(|(_, entry)| entry.parent_id != entry.mount_id);
    order.sort_by(|(_, a), (_, b)| {
        let parents = a.parent_id.cmp(&b.parent_id);
        parents.then_with(|| by_component(&a.mount_point, &b.mount_point))
    });
    let mut above: Option<(usize, &MountEntry<'_>)> = None;
    for (index, entry) in order {
        above = above.filter(|(_, above)| above.parent_id == entry.parent_id);
        let parent = mounts.get(index).and_then(|mount| mount.parent);
        let on_root = parent
            .and_then(|parent| entries.get(parent))
            .is_some_and(|parent| parent.mount_point == entry.mount_point);
        let mut blocked = None;
        if let Some((other, over)) = above {
            if over.mount_point == entry.mount_point {
                blocked = Some(other);
                above = Some((index, entry));
            } else if !on_root && leads_through(&over.mount_point, &entry.mount_point) {
                blocked = Some(index);
            } else {
                above = Some((index, entry));
            }
        } else if !on_root {
            above = Some((index, entry));
        }
        if let Some(mount) = blocked.and_then(|blocked| mounts.get_mut(blocked)) {
            mount.blocked = true;
        }
        if on_root {
            cover(index, parent, entry, mounts);
        }
    }
}

fn cover(index: usize, parent: Option<usize>, entry: &MountEntry<'_>, mounts: &mut [Mount]) {
    let Some(parent) = parent.and_then(|parent| mounts.get_mut(parent)) else {
        return;
    };
    // A process starts its paths at its root directory, not at what was mounted over that
    // later. If its root were the later mount, the kernel would not list the other one.
    let over_the_root = parent.parent.is_none() && *entry.mount_point == b"/"[..];
    parent.covered |= !over_the_root;
    if let Some(mount) = mounts.get_mut(index) {
        mount.covers_parent = true;
        mount.blocked |= over_the_root;
    }
}

/// Whether a path to `below` goes through the directory `above`.
fn leads_through(above: &[u8], below: &[u8]) -> bool {
    match below.strip_prefix(above) {
        Some(rest) => above == b"/" || rest.starts_with(b"/"),
        None => false,
    }
}

/// Compares paths so that a directory comes right before what is in it.
fn by_component(a: &[u8], b: &[u8]) -> Ordering {
    let rank = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
    a.iter().map(rank).cmp(b.iter().map(rank))
}

/// Follows the parents up to one that is known, and comes back down.
fn resolve(start: usize, mounts: &mut [Mount]) {
    let mut way = Vec::new();
    let mut next = Some(start);
    while let Some(index) = next {
        let Some(mount) = mounts
            .get_mut(index)
            .filter(|mount| mount.reached.is_none())
        else {
            break;
        };
        // Provisional, so that parents in a circle end here.
        mount.reached = Some(true);
        next = mount.parent;
        way.push(index);
    }
    while let Some(index) = way.pop() {
        let Some(Mount {
            parent,
            blocked,
            covers_parent,
            ..
        }) = mounts.get(index)
        else {
            continue;
        };
        let from_parent = match parent.and_then(|parent| mounts.get(parent)) {
            Some(parent) => parent.reached == Some(true) && (!parent.covered || *covers_parent),
            None => true,
        };
        let reached = from_parent && !blocked;
        if let Some(mount) = mounts.get_mut(index) {
            mount.reached = Some(reached);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::time::Duration;

    use super::*;
    use crate::parse::mountinfo;
    use nix::time::{ClockId, clock_gettime};
    use proptest::prelude::*;

    /// Mount points of the mounts that are hidden, from `id parent mount_point` lines.
    fn hidden_of(lines: &[(u32, u32, &str)]) -> Vec<u32> {
        let mut text = String::new();
        for (id, parent, path) in lines {
            writeln!(text, "{id} {parent} 0:{id} / {path} rw - tmpfs t rw").unwrap();
        }
        let entries: Vec<_> = mountinfo::entries(text.as_bytes()).flatten().collect();
        let flags = hidden(&entries);
        entries
            .iter()
            .zip(flags)
            .filter_map(|(entry, hidden)| hidden.then_some(entry.mount_id))
            .collect()
    }

    #[test]
    fn a_later_mount_hides_the_earlier_at_the_same_place() {
        assert_eq!(
            hidden_of(&[(1, 0, "/"), (2, 1, "/a"), (3, 2, "/a"), (4, 3, "/a")]),
            [2, 3]
        );
    }

    #[test]
    fn a_mount_on_a_parent_directory_hides_what_is_below() {
        assert_eq!(
            hidden_of(&[(1, 0, "/"), (2, 1, "/a/b"), (3, 2, "/a/b/c"), (4, 1, "/a")]),
            [2, 3]
        );
        // What is mounted on the later one is visible.
        assert_eq!(
            hidden_of(&[(1, 0, "/"), (2, 1, "/a/b"), (3, 1, "/a"), (4, 3, "/a/b")]),
            [2]
        );
        // What was mounted in a mount that is covered is gone with it.
        assert_eq!(
            hidden_of(&[(1, 0, "/"), (2, 1, "/a"), (3, 2, "/a/b"), (4, 2, "/a")]),
            [2, 3]
        );
    }

    #[test]
    fn names_that_begin_alike_are_not_parents() {
        assert_eq!(
            hidden_of(&[
                (1, 0, "/"),
                (2, 1, "/a"),
                (3, 1, "/a-b"),
                (4, 1, "/ab"),
                (5, 1, "/a/b"),
            ]),
            [5]
        );
    }

    #[test]
    fn the_root_of_the_process_is_not_hidden_by_what_lies_over_it() {
        assert_eq!(
            hidden_of(&[(1, 0, "/"), (2, 1, "/proc"), (3, 1, "/"), (4, 3, "/x")]),
            [3, 4]
        );
    }

    #[test]
    fn parents_out_of_sight_compare_all_the_same() {
        // A chroot: the mount that holds its root is not listed.
        assert_eq!(
            hidden_of(&[(5, 1, "/a/b"), (6, 1, "/a"), (7, 6, "/a/c")]),
            [5]
        );
    }

    #[test]
    fn parents_in_a_circle_and_ids_twice_end() {
        hidden_of(&[(1, 2, "/a"), (2, 1, "/b"), (3, 3, "/c"), (3, 1, "/a")]);
    }

    #[test]
    fn many_mounts_take_no_quadratic_time() {
        // Of this thread: what else runs on the machine does not count.
        let clock = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
        let begun = clock();
        let long = "/d".repeat(200);
        let lines: Vec<String> = (2..50_000_u32).map(|id| format!("{long}/{id}")).collect();
        let mut all = vec![(1, 0, "/")];
        all.extend(
            lines
                .iter()
                .zip(2..)
                .map(|(path, id)| (id, 1, path.as_str())),
        );
        let chain: Vec<_> = (0..50_000).map(|id| (id + 1, id, "/same")).collect();
        assert!(hidden_of(&all).is_empty());
        assert_eq!(hidden_of(&chain).len(), 49_999);
        let took = clock().saturating_sub(begun);
        assert!(took.as_secs() < 20, "{took:?}");
    }

    proptest! {
        #[test]
        fn never_panics(lines in prop::collection::vec((0..6_u32, 0..6_u32, "(/[ab]){1,3}"), 0..12)) {
            let lines: Vec<_> = lines.iter().map(|(a, b, c)| (*a, *b, c.as_str())).collect();
            hidden_of(&lines);
        }
    }
}
