//! An entry as the document tells of it.

use std::time::{Duration, SystemTime};

use crate::model::file::{FileEntry, FileEntryKind};
use crate::model::time::Timestamp;
use crate::sys::tree_entry::{EntryKind, FileTime, TreeEntry};

use super::target_files::TargetFiles;

impl TargetFiles {
    /// An entry for the document.
    pub(crate) fn describe(&self, path: &[u8], entry: &TreeEntry) -> FileEntry {
        let stat = entry.stat();
        let device = |(major, minor): (u32, u32)| format!("{major}:{minor}");
        let is_device = matches!(stat.kind, EntryKind::CharDevice | EntryKind::BlockDevice);
        let is_link = stat.kind == EntryKind::Link;
        let target = is_link.then(|| entry.link_target().ok()).flatten();
        FileEntry {
            path: path.into(),
            kind: kind(stat.kind),
            mode: format!("{:04o}", stat.permissions()),
            uid: stat.uid,
            user: self.user(stat.uid).map(Into::into),
            gid: stat.gid,
            group: self.group(stat.gid).map(Into::into),
            size_bytes: stat.size_bytes,
            allocated_bytes: stat.blocks.saturating_mul(512),
            links: stat.nlink,
            inode: stat.inode,
            device: device(stat.device),
            special_device: is_device.then(|| device(stat.special_device)),
            modified_at: timestamp(stat.modified),
            accessed_at: timestamp(stat.accessed),
            changed_at: timestamp(stat.changed),
            born_at: stat.born.map(timestamp),
            target: target.map(Into::into),
        }
    }
}

/// A moment of a file system; the epoch where no clock has such a time.
#[must_use]
pub(crate) fn timestamp(time: FileTime) -> Timestamp {
    let distance = Duration::from_secs(time.seconds.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    let moment = if time.seconds < 0 {
        epoch.checked_sub(distance)
    } else {
        epoch.checked_add(distance)
    };
    let part = Duration::from_nanos(time.nanoseconds.into());
    let moment = moment.and_then(|moment| moment.checked_add(part));
    Timestamp(moment.unwrap_or(epoch))
}

fn kind(kind: EntryKind) -> FileEntryKind {
    match kind {
        EntryKind::File => FileEntryKind::File,
        EntryKind::Directory => FileEntryKind::Directory,
        EntryKind::Link => FileEntryKind::Link,
        EntryKind::Fifo => FileEntryKind::Fifo,
        EntryKind::Socket => FileEntryKind::Socket,
        EntryKind::CharDevice => FileEntryKind::CharDevice,
        EntryKind::BlockDevice => FileEntryKind::BlockDevice,
        EntryKind::Unknown => FileEntryKind::Unknown,
    }
}
