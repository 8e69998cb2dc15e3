//! Which network namespace a process is in.
//!
//! Two marks tell. The link `ns/net` names it, and takes a ptrace check. The files below
//! `net/` are made anew for each namespace, and the kernel takes their inode numbers from one
//! counter for all of them: that of `net/dev` sets a namespace apart too, and may be asked by
//! everyone. Such numbers begin at `PROC_DYNAMIC_FIRST`; a sandbox that emulates /proc
//! numbers as it likes, so others prove nothing.

use nix::errno::Errno;

use super::self_process;
use crate::parse::namespace_link::NamespaceLink;
use crate::sys::{ProcDir, ProcessDir};

/// `PROC_DYNAMIC_FIRST` of the kernel.
const DYNAMIC_FIRST: u64 = 0xf000_0000;

/// What tells one network namespace from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NetNamespace {
    /// The number that `ns/net` names, or why it could not be read.
    pub inode: Result<u64, Errno>,
    /// The inode of `net/dev`, where it proves something.
    tables: Option<u64>,
}

/// A mark to group by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Mark {
    /// The inode of `net/dev`.
    Tables(u64),
    /// The number that `ns/net` names.
    Link(u64),
}

impl NetNamespace {
    /// Asks for both marks.
    #[must_use]
    pub(crate) fn of(process: &ProcessDir) -> Self {
        let inode = process.read_link(c"ns/net").and_then(|link| {
            let link = NamespaceLink::parse(&link).map_err(|_| Errno::EINVAL)?;
            Ok(link.inode)
        });
        let tables = process.stat_entry(c"net/dev").ok().map(|stat| stat.st_ino);
        Self {
            inode,
            // Files of a copy have the numbers of their own file system.
            tables: tables.filter(|inode| *inode >= DYNAMIC_FIRST && process.is_live()),
        }
    }

    /// The one that spyhole is in, where its own /proc tells: the one that is walked, or else its
    /// own.
    #[must_use]
    pub(crate) fn of_viewer(proc: &ProcDir) -> Option<Self> {
        // A copy names namespaces of the machine that it was made on.
        if !proc.is_live() {
            return None;
        }
        self_process::find(proc).map(|process| Self::of(&process))
    }

    /// Whether both are proved to be one.
    #[must_use]
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self.inode, other.inode) {
            (Ok(own), Ok(other)) => own == other,
            _ => self.tables.is_some() && self.tables == other.tables,
        }
    }

    /// Whether both are one; `None` where neither that nor the opposite is proved.
    #[must_use]
    pub(crate) fn compare(&self, other: &Self) -> Option<bool> {
        if self.is(other) {
            return Some(true);
        }
        let links = self.inode.is_ok() && other.inode.is_ok();
        let tables = self.tables.is_some() && other.tables.is_some();
        (links || tables).then_some(false)
    }

    /// What to group by; `None` where nothing tells.
    #[must_use]
    pub(crate) fn mark(&self) -> Option<Mark> {
        let link = self.inode.ok().map(Mark::Link);
        self.tables.map(Mark::Tables).or(link)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_mark_proves_and_none_does_not() {
        let namespace = |inode: Result<u64, Errno>, tables| NetNamespace { inode, tables };
        let (seen, hidden) = (
            namespace(Ok(1), Some(7)),
            namespace(Err(Errno::EACCES), Some(7)),
        );
        assert!(seen.is(&hidden) && hidden.is(&hidden));
        assert_eq!(seen.mark(), hidden.mark());
        assert!(!seen.is(&namespace(Ok(2), Some(7))));
        assert_eq!(seen.compare(&hidden), Some(true));
        let other = namespace(Err(Errno::EACCES), Some(8));
        assert_eq!(seen.compare(&other), Some(false));
        let nothing = namespace(Err(Errno::EACCES), None);
        assert_eq!(seen.compare(&nothing), None);
        assert!(!nothing.is(&nothing) && nothing.mark().is_none());
    }
}
