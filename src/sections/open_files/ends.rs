//! Who has the other end of a pipe or of a unix socket.

use crate::model::gap::SectionGaps;
use crate::model::open_files::OtherEnd;
use crate::model::seen::{Seen, Unseen};
use crate::parse::fd_link::FdLink;
use crate::scan::Scan;
use crate::scan::open_files::EntryKind;

/// The other ends that are named: a pipe that a whole tree of processes inherits has thousands.
const NAMED: usize = 16;

/// Descriptors of pipes and sockets, by inode.
pub(super) struct EndHolders {
    /// Sorted.
    holders: Vec<Holder>,
    /// Set if a process could not be read: then nothing is said to have no other end.
    unseen: Option<Unseen>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Holder {
    is_pipe: bool,
    inode: u64,
    pid: i32,
    fd: i32,
    /// The access mode of open(2).
    access: Option<u32>,
}

impl EndHolders {
    /// Collects them, and records each process that could not be read.
    pub(super) fn collect(scan: &Scan, gaps: &mut SectionGaps<'_>) -> Self {
        let mut holders = Vec::new();
        let mut unseen = None;
        if let Some(refusal) = gaps.walk_refusal() {
            unseen = Some(gaps.record("files.other_ends", scan.main_pid(), &refusal));
        }
        for facts in scan.processes.iter().filter(|facts| facts.read) {
            let Some(table) = &facts.fd_table else {
                continue;
            };
            if let Some(refusal) = table.count.as_ref().err().or(table.refused.as_ref()) {
                unseen = Some(gaps.record("files.other_ends", facts.pid, refusal));
            }
            for entry in &table.entries {
                let (is_pipe, inode) = match FdLink::of(&entry.link) {
                    FdLink::Pipe(inode) => (true, inode),
                    FdLink::Socket(inode) => (false, inode),
                    _ => continue,
                };
                let EntryKind::Descriptor(fd) = entry.kind else {
                    continue;
                };
                let flags = entry
                    .info
                    .as_ref()
                    .and_then(|info| info.as_ref().ok()?.flags);
                holders.push(Holder {
                    is_pipe,
                    inode,
                    pid: facts.pid,
                    fd,
                    access: flags.map(|flags| flags & libc::O_ACCMODE.cast_unsigned()),
                });
            }
        }
        holders.sort_unstable();
        Self { holders, unseen }
    }

    /// Who has the other end of a pipe, seen from a descriptor with this access mode.
    pub(super) fn of_pipe(
        &self,
        scan: &Scan,
        inode: u64,
        access: Option<u32>,
    ) -> Seen<Vec<OtherEnd>> {
        let both = libc::O_RDWR.cast_unsigned();
        let other = |holder: &&Holder| holder.access != access || holder.access == Some(both);
        self.named(scan, self.all(true, inode).filter(other))
    }

    /// Who has a socket.
    pub(super) fn of_socket(&self, scan: &Scan, inode: u64) -> Seen<Vec<OtherEnd>> {
        self.named(scan, self.all(false, inode))
    }

    fn all(&self, is_pipe: bool, inode: u64) -> impl Iterator<Item = &Holder> {
        let key = (is_pipe, inode);
        let first = self
            .holders
            .partition_point(|holder| (holder.is_pipe, holder.inode) < key);
        let from = self.holders.iter().skip(first);
        from.take_while(move |holder| (holder.is_pipe, holder.inode) == key)
    }

    fn named<'a>(
        &self,
        scan: &Scan,
        holders: impl Iterator<Item = &'a Holder>,
    ) -> Seen<Vec<OtherEnd>> {
        let comm = |pid: i32| {
            let found = scan.processes.binary_search_by_key(&pid, |facts| facts.pid);
            let facts = found.ok().and_then(|index| scan.processes.get(index));
            facts.map_or_else(Default::default, |facts| facts.stat.comm.as_slice().into())
        };
        let ends: Vec<_> = holders
            .take(NAMED)
            .map(|holder| OtherEnd {
                pid: holder.pid,
                comm: comm(holder.pid),
                fd: holder.fd,
            })
            .collect();
        match self.unseen {
            Some(unseen) if ends.is_empty() => Seen::Unseen(unseen),
            _ => Seen::Value(ends),
        }
    }
}
