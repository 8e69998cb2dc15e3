//! Whether a path was removed, or its file is only called so.

use std::collections::HashSet;

use crate::model::open_files::DeletedFiles;
use crate::parse::fd_link::DELETED;
use crate::scan::open_files::OpenEntry;
use crate::sys::InRoot;
use crate::sys::open_files::{FileStatus, identity_at};

/// The path without the kernel's mark, and whether it was removed.
///
/// A file that is called `x (deleted)` has the same link as a removed `x`. While it has a name, that
/// name leads to it: a file with another name that was removed has a link that leads elsewhere.
pub(super) fn of<'a, 'r>(
    path: &'a [u8],
    status: Option<&FileStatus>,
    root: impl FnOnce() -> Option<&'r InRoot>,
) -> (&'a [u8], bool) {
    let Some(bare) = path.strip_suffix(DELETED) else {
        return (path, false);
    };
    let leads_here = |status: &FileStatus| {
        let found = root().map(|root| identity_at(root, path));
        found == Some(Ok((status.device, status.inode)))
    };
    let has_name = status.filter(|status| status.links > 0);
    if has_name.is_some_and(leads_here) {
        (path, false)
    } else {
        (bare, true)
    }
}

/// Sums what removed files take, each inode once.
#[derive(Debug, Default)]
pub(super) struct DeletedSum {
    met: HashSet<((u64, u64), u64)>,
    pub(super) sum: DeletedFiles,
}

impl DeletedSum {
    /// Counts a file that has no name any more.
    pub(super) fn add(&mut self, entry: &OpenEntry, status: &FileStatus) {
        let is_gone = status.links == 0 && status.mode & libc::S_IFMT == libc::S_IFREG;
        if !is_gone || !self.met.insert((status.device, status.inode)) {
            return;
        }
        self.sum.files += 1;
        if entry.in_memory {
            self.sum.memory_bytes += status.allocated_bytes;
        } else {
            self.sum.disk_bytes += status.allocated_bytes;
        }
    }
}
