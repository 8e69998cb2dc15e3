//! The files of an image, layer upon layer: whiteouts, hard links, and what a later layer hides.
//!
//! Paths have no slash at either end; the root is the empty path.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Bound;

/// The most paths that are held, and the most bytes of them: together below 64 MiB.
const PATHS: usize = 200_000;
const PATH_BYTES: usize = 16 << 20;
/// Steps that resolving and hiding may take in all: an archive can be made so that each member takes many.
const STEPS: u64 = 20_000_000;
/// As the kernel does.
const LINKS: usize = 40;
/// A path that is longer is none for the kernel.
const LONGEST: usize = 4096;

/// The content of a file, whatever names it has.
#[derive(Debug, Clone)]
pub(super) struct FileData {
    pub(super) size_bytes: u64,
    /// Names that lead to it now.
    pub(super) names: u32,
    /// The layer that brought it, from 0 on.
    pub(super) layer: u16,
}

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NodeKind {
    Directory,
    /// A number of a [`FileData`].
    File(u32),
    /// Where it leads.
    Link(Box<[u8]>),
    /// A device, a FIFO or a socket.
    Special,
}

/// A path.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    pub(super) mode: u16,
    pub(super) layer: u16,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) modified_seconds: i64,
}

impl Node {
    pub(super) fn is_directory(&self) -> bool {
        self.kind == NodeKind::Directory
    }
}

/// What an archive holds that no root does.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Oddities {
    /// Names with `..` that lead out of the image.
    pub(super) outside: u64,
    /// Hard links to what is not there.
    pub(super) broken_hard_links: u64,
    /// Paths beyond what is held.
    pub(super) beyond_limit: u64,
}

/// Why a path does not lead to anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unresolved {
    NotFound,
    NotADirectory,
    Loop,
    /// A directory on the way may not be passed.
    Denied,
}

/// Who asks.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) groups: Vec<u32>,
}

impl Identity {
    /// The kernel's check of owner, group and mode; for uid 0 with the capabilities that engines leave.
    pub(super) fn may(&self, node: &Node, asked: u16) -> bool {
        if self.uid == 0 {
            // CAP_DAC_OVERRIDE passes all but the execution of what nobody may execute.
            return node.is_directory() || asked & 0o1 == 0 || node.mode & 0o111 != 0;
        }
        let shift = if self.uid == node.uid {
            6
        } else if self.gid == node.gid || self.groups.contains(&node.gid) {
            3
        } else {
            0
        };
        node.mode >> shift & asked == asked
    }
}

/// All paths.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: BTreeMap<Box<[u8]>, Node>,
    path_bytes: usize,
    pub(super) files: Vec<FileData>,
    /// By layer: bytes of files that no name leads to any more.
    pub(super) waste: Vec<u64>,
    pub(super) oddities: Oddities,
    steps_left: Cell<u64>,
}

impl Tree {
    pub(super) fn new() -> Self {
        Self {
            nodes: BTreeMap::new(),
            path_bytes: 0,
            files: Vec::new(),
            waste: Vec::new(),
            oddities: Oddities::default(),
            steps_left: Cell::new(STEPS),
        }
    }

    /// Counts a step; false where there were too many.
    fn step(&self) -> bool {
        let left = self.steps_left.get().checked_sub(1);
        self.steps_left.set(left.unwrap_or_default());
        left.is_some()
    }

    /// Whether all that should have been done was done.
    pub(super) fn is_whole(&self) -> bool {
        self.oddities.beyond_limit == 0 && self.steps_left.get() > 0
    }

    pub(super) fn get(&self, path: &[u8]) -> Option<&Node> {
        self.nodes.get(path)
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// All paths in the order of their bytes.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &Node)> {
        self.nodes.iter().map(|(path, node)| (&**path, node))
    }

    pub(super) fn data(&self, number: u32) -> Option<&FileData> {
        self.files.get(usize::try_from(number).ok()?)
    }

    /// Makes room for one more file; its number, for [`NodeKind::File`].
    pub(super) fn add_file(&mut self, size_bytes: u64, layer: u16) -> Option<u32> {
        // Each file has a path at first, so that there are few more of them than paths.
        if self.files.len() >= PATHS * 2 {
            self.oddities.beyond_limit += 1;
            return None;
        }
        let number = u32::try_from(self.files.len()).ok()?;
        self.files.push(FileData {
            size_bytes,
            names: 0,
            layer,
        });
        Some(number)
    }

    /// The path of a member, its directory resolved as one that is unpacked there; `None` for what
    /// leads out of the image.
    pub(super) fn place(&mut self, name: &[u8]) -> Option<Vec<u8>> {
        let Some(path) = normal(name) else {
            self.oddities.outside += 1;
            return None;
        };
        if path.len() > LONGEST {
            self.oddities.beyond_limit += 1;
            return None;
        }
        let (above, last) = split(&path);
        if above.is_empty() || self.get(above).is_some_and(Node::is_directory) {
            return Some(path);
        }
        let above = match self.resolve(above) {
            Ok(found) => found,
            // It is made, with those above it.
            Err(_) => above.to_vec(),
        };
        Some(join(&above, last))
    }

    /// Puts something at a path.
    pub(super) fn put(&mut self, path: &[u8], node: Node) {
        if path.is_empty() {
            // The root itself.
            if node.is_directory() {
                self.insert(path, node);
            }
            return;
        }
        self.make_above(path, node.layer);
        match self.get(path) {
            Some(there) if there.is_directory() && node.is_directory() => {}
            Some(_) => self.remove(path, u16::MAX),
            None => {}
        }
        self.insert(path, node);
    }

    /// One more name of a file, a link or a device.
    pub(super) fn link(&mut self, path: &[u8], target: &[u8], layer: u16) {
        let found = self.get(target).cloned();
        let Some(node) = found.filter(|node| !node.is_directory()) else {
            self.oddities.broken_hard_links += 1;
            return;
        };
        if path != target {
            self.put(path, Node { layer, ..node });
        }
    }

    /// Hides what earlier layers have at a path.
    pub(super) fn white_out(&mut self, path: &[u8], layer: u16) {
        self.remove(path, layer);
    }

    /// Hides what earlier layers have below a directory.
    pub(super) fn make_opaque(&mut self, directory: &[u8], layer: u16) {
        self.remove_below(directory, layer);
    }

    fn insert(&mut self, path: &[u8], node: Node) {
        let is_new = !self.nodes.contains_key(path);
        if is_new && (self.nodes.len() >= PATHS || self.path_bytes + path.len() > PATH_BYTES) {
            self.oddities.beyond_limit += 1;
            return;
        }
        if let NodeKind::File(number) = node.kind
            && let Some(data) = self.files.get_mut(number as usize)
        {
            data.names += 1;
        }
        if is_new {
            self.path_bytes += path.len();
        }
        self.nodes.insert(path.into(), node);
    }

    /// Directories that no member of the archive stands for.
    fn make_above(&mut self, path: &[u8], layer: u16) {
        let (mut above, _) = split(path);
        let mut missing = Vec::new();
        while !above.is_empty() && !self.get(above).is_some_and(Node::is_directory) {
            missing.push(above);
            above = split(above).0;
        }
        for path in missing.into_iter().rev() {
            if self.get(path).is_some() {
                self.remove(path, u16::MAX);
            }
            let node = Node {
                kind: NodeKind::Directory,
                mode: 0o755,
                layer,
                uid: 0,
                gid: 0,
                modified_seconds: 0,
            };
            self.insert(path, node);
        }
    }

    /// Removes what layers before this one have at a path and below it.
    fn remove(&mut self, path: &[u8], before: u16) {
        self.remove_below(path, before);
        if self.get(path).is_some_and(|node| node.layer < before) && !path.is_empty() {
            self.remove_one(path);
        }
    }

    fn remove_below(&mut self, directory: &[u8], before: u16) {
        let gone: Vec<Box<[u8]>> = self
            .below(directory)
            .take_while(|_| self.step())
            .filter(|(_, node)| node.layer < before)
            .map(|(path, _)| path.into())
            .collect();
        for path in gone {
            self.remove_one(&path);
        }
    }

    fn remove_one(&mut self, path: &[u8]) {
        let Some(node) = self.nodes.remove(path) else {
            return;
        };
        self.path_bytes -= path.len();
        let NodeKind::File(number) = node.kind else {
            return;
        };
        let Some(data) = self.files.get_mut(number as usize) else {
            return;
        };
        data.names = data.names.saturating_sub(1);
        if data.names == 0 {
            let (size, layer) = (data.size_bytes, usize::from(data.layer));
            self.waste_in(layer, size);
        }
    }

    /// Counts bytes that no name leads to.
    pub(super) fn waste_in(&mut self, layer: usize, bytes: u64) {
        if self.waste.len() <= layer {
            self.waste.resize(layer + 1, 0);
        }
        if let Some(waste) = self.waste.get_mut(layer) {
            *waste += bytes;
        }
    }

    /// What is below a directory, at any depth.
    pub(super) fn below(&self, directory: &[u8]) -> impl Iterator<Item = (&[u8], &Node)> {
        let (start, end) = if directory.is_empty() {
            (Bound::Excluded(Box::default()), Bound::Unbounded)
        } else {
            let first = [directory, b"/"].concat().into_boxed_slice();
            // What follows the slash in ASCII.
            let behind = [directory, b"0"].concat().into_boxed_slice();
            (Bound::Included(first), Bound::Excluded(behind))
        };
        let range = self.nodes.range::<Box<[u8]>, _>((start, end));
        range.map(|(path, node)| (&**path, node))
    }

    /// Where a path leads, all links followed inside the root.
    pub(super) fn resolve(&self, path: &[u8]) -> Result<Vec<u8>, Unresolved> {
        self.walk(path, None)
    }

    /// The same for somebody who has to pass the directories on the way.
    pub(super) fn resolve_as(&self, path: &[u8], who: &Identity) -> Result<Vec<u8>, Unresolved> {
        self.walk(path, Some(who))
    }

    fn walk(&self, path: &[u8], who: Option<&Identity>) -> Result<Vec<u8>, Unresolved> {
        let mut links = 0;
        let mut found: Vec<u8> = Vec::new();
        // The parts that are left, the next one last.
        let mut left: Vec<Vec<u8>> = parts(path).rev().map(<[u8]>::to_vec).collect();
        while let Some(part) = left.pop() {
            if !self.step() {
                return Err(Unresolved::Loop);
            }
            let denied = |node: &Node| who.is_some_and(|who| !who.may(node, 0o1));
            match self.get(&found) {
                Some(node) if !node.is_directory() => return Err(Unresolved::NotADirectory),
                Some(node) if denied(node) => return Err(Unresolved::Denied),
                _ => {}
            }
            match part.as_slice() {
                b"." => continue,
                b".." => {
                    found.truncate(split(&found).0.len());
                    continue;
                }
                _ => {}
            }
            let next = join(&found, &part);
            let node = self.get(&next).ok_or(Unresolved::NotFound)?;
            let NodeKind::Link(goal) = &node.kind else {
                found = next;
                continue;
            };
            links += 1;
            if links > LINKS || left.len() > LONGEST {
                return Err(Unresolved::Loop);
            }
            if goal.starts_with(b"/") {
                found.clear();
            }
            left.extend(parts(goal).rev().map(<[u8]>::to_vec));
        }
        let must_be_directory = path.ends_with(b"/") || path.ends_with(b"/.");
        if must_be_directory && self.get(&found).is_some_and(|node| !node.is_directory()) {
            return Err(Unresolved::NotADirectory);
        }
        Ok(found)
    }
}

fn parts(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty())
}

/// The directory, and the name in it.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memrchr(b'/', path) {
        Some(at) => (
            path.get(..at).unwrap_or_default(),
            path.get(at + 1..).unwrap_or_default(),
        ),
        None => (b"", path),
    }
}

pub(super) fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() {
        name.to_vec()
    } else {
        [directory, b"/", name].concat()
    }
}

/// Without `.`, `..` and doubled slashes; `None` for what leads out.
fn normal(name: &[u8]) -> Option<Vec<u8>> {
    let mut kept: Vec<&[u8]> = Vec::new();
    for part in parts(name) {
        match part {
            b"." => {}
            b".." => {
                kept.pop()?;
            }
            part => kept.push(part),
        }
    }
    Some(kept.join(&b'/'))
}

#[cfg(test)]
mod tests;
