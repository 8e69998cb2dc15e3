//! The tree of an unpacked root directory. Mounts below it are left out.

use std::collections::HashMap;

use nix::errno::Errno;

use super::error::ImageError;
use super::layers::{Collected, LayerSize};
use super::sniff::Passing;
use super::tree::{Node, NodeKind, join};
use crate::model::reason::Reason;
use crate::sys::InRoot;
use crate::sys::tree_entry::{EntryKind, OpenedContent, TreeEntry};

/// Names of one directory.
const NAMES: usize = 200_000;
const DEPTH: usize = 128;

/// What was not read of it: how many, the first of them, and why.
#[derive(Debug, Default)]
pub(super) struct Unread(pub(super) HashMap<Reason, (u64, Vec<u8>)>);

impl Unread {
    fn add(&mut self, reason: Reason, path: &[u8]) {
        let (count, _) = self.0.entry(reason).or_insert_with(|| (0, path.to_vec()));
        *count += 1;
    }
}

/// Reads the directory.
pub(super) fn read(
    root: &InRoot,
    collected: &mut Collected,
) -> Result<(LayerSize, Unread), ImageError> {
    let top = TreeEntry::at(root, b"/").map_err(io_error)?;
    let mut walk = RootWalk {
        root,
        device: top.stat().device,
        collected,
        size: LayerSize::default(),
        unread: Unread::default(),
        seen: HashMap::new(),
    };
    walk.entry(&top, b"", 0)?;
    Ok((walk.size, walk.unread))
}

struct RootWalk<'a> {
    root: &'a InRoot,
    device: (u32, u32),
    collected: &'a mut Collected,
    size: LayerSize,
    unread: Unread,
    /// Files with several names.
    seen: HashMap<u64, u32>,
}

impl RootWalk<'_> {
    fn entry(&mut self, entry: &TreeEntry, path: &[u8], depth: usize) -> Result<(), ImageError> {
        let stat = entry.stat();
        let kind = match stat.kind {
            EntryKind::Directory => NodeKind::Directory,
            EntryKind::Link => match entry.link_target() {
                Ok(goal) => NodeKind::Link(goal.into()),
                Err(errno) => {
                    self.unread.add(reason(errno), path);
                    return Ok(());
                }
            },
            EntryKind::File => {
                let known = self.seen.get(&stat.inode).copied();
                match known.or_else(|| self.file(entry, path)) {
                    Some(file) => NodeKind::File(file),
                    None => return Ok(()),
                }
            }
            _ => NodeKind::Special,
        };
        let node = Node {
            kind,
            mode: u16::try_from(stat.permissions()).unwrap_or_default(),
            layer: 0,
            uid: stat.uid,
            gid: stat.gid,
            modified_seconds: stat.modified.seconds,
        };
        let is_directory = node.is_directory();
        self.collected.tree.put(path, node);
        if is_directory {
            self.directory(entry, path, depth)?;
        }
        Ok(())
    }

    fn directory(
        &mut self,
        entry: &TreeEntry,
        path: &[u8],
        depth: usize,
    ) -> Result<(), ImageError> {
        if depth >= DEPTH {
            self.unread.add(Reason::Limit, path);
            return Ok(());
        }
        let names = match entry.names(NAMES) {
            Ok((names, _)) => names,
            Err(errno) => {
                self.unread.add(reason(errno), path);
                return Ok(());
            }
        };
        for (name, _) in names {
            let path = join(path, &name);
            match entry.child(self.root, &name) {
                Ok(child) if child.stat().device == self.device => {
                    self.entry(&child, &path, depth + 1)?;
                }
                // Another file system: /proc, a volume.
                Ok(_) => self.unread.add(Reason::RemoteFs, &path),
                Err(errno) => self.unread.add(reason(errno), &path),
            }
        }
        Ok(())
    }

    fn file(&mut self, entry: &TreeEntry, path: &[u8]) -> Option<u32> {
        let stat = entry.stat();
        let file = self.collected.tree.add_file(stat.size_bytes, 0)?;
        self.size.files += 1;
        self.size.size_bytes += stat.size_bytes;
        if stat.nlink > 1 {
            self.seen.insert(stat.inode, file);
        }
        match entry.open() {
            Err(errno) => self.unread.add(reason(errno), path),
            Ok(content) => {
                let mut reader = ContentReader { content, at: 0 };
                let mut read = |room: &mut [u8]| reader.read(room);
                let passing = Passing {
                    path,
                    mode: u16::try_from(stat.permissions()).unwrap_or_default(),
                    size_bytes: stat.size_bytes,
                    left_bytes: stat.size_bytes,
                    read: &mut read,
                };
                if let Err(ImageError::Read(error)) = self.collected.look(passing, file, 0) {
                    let errno = error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
                    self.unread.add(reason(errno), path);
                }
            }
        }
        Some(file)
    }
}

struct ContentReader {
    content: OpenedContent,
    at: u64,
}

impl ContentReader {
    fn read(&mut self, room: &mut [u8]) -> Result<usize, ImageError> {
        let mut bytes = Vec::new();
        let count = self
            .content
            .read_at(self.at, &mut bytes, room.len())
            .map_err(io_error)?
            .min(room.len());
        if let (Some(to), Some(from)) = (room.get_mut(..count), bytes.get(..count)) {
            to.copy_from_slice(from);
        }
        self.at += count as u64;
        Ok(count)
    }
}

fn io_error(errno: Errno) -> ImageError {
    ImageError::Read(errno.into())
}

fn reason(errno: Errno) -> Reason {
    match errno {
        Errno::EACCES | Errno::EPERM => Reason::Denied,
        Errno::ENOENT => Reason::Vanished,
        _ => Reason::Io,
    }
}
