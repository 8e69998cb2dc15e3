//! Who has the other end of a pipe or of a unix socket.

use std::collections::HashSet;

use nix::errno::Errno;

use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::open_files::OtherEnd;
use crate::model::seen::{Seen, Unseen};
use crate::parse::fd_link::FdLink;
use crate::rights::ptrace_access::{AccessCheck, Credentials, refusal_below};
use crate::scan::Scan;
use crate::scan::open_files::{EntryKind, OpenEntry, flags_of_descriptor};
use crate::sys::fd_links::fd_links;
use crate::sys::time_box;

/// The other ends that are named: a pipe that a whole tree of processes inherits has thousands.
const NAMED: usize = 16;
/// Descriptors of pipes and sockets that are kept; each takes 32 bytes.
const HOLDERS: usize = 1 << 20;

/// Descriptors of pipes and sockets, by inode.
pub(super) struct EndHolders {
    /// Sorted.
    holders: Vec<Holder>,
    /// Set if a process could not be read: then nothing is said to have no other end.
    unseen: Option<Unseen>,
}

/// A descriptor of a pipe or socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Holder {
    is_pipe: bool,
    inode: u64,
    pid: i32,
    fd: i32,
    access: EndAccess,
}

/// What a descriptor of a pipe is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum EndAccess {
    /// The access mode of open(2).
    Mode(u32),
    /// Neither reading nor writing: it was opened by `O_PATH`.
    Path,
    /// Closed since it was listed.
    Closed,
    /// Not read yet.
    NotRead,
    /// It cannot be read.
    Unknown,
}

impl EndAccess {
    fn of_flags(flags: Option<u32>) -> Self {
        match flags {
            None => Self::Unknown,
            Some(flags) if flags & libc::O_PATH.cast_unsigned() != 0 => Self::Path,
            Some(flags) => Self::Mode(flags & libc::O_ACCMODE.cast_unsigned()),
        }
    }

    /// As it is read now.
    fn read(flags: Result<Option<u32>, Errno>) -> Self {
        match flags {
            Err(Errno::ENOENT | Errno::ESRCH) => Self::Closed,
            Err(_) => Self::Unknown,
            Ok(flags) => Self::of_flags(flags),
        }
    }

    /// By the flags in `fdinfo`.
    pub(super) fn of(entry: &OpenEntry) -> Self {
        let info = entry.info.as_ref().and_then(|info| info.as_ref().ok());
        Self::of_flags(info.and_then(|info| info.flags))
    }

    /// Whether the one descriptor is at the other end of the pipe of the other; `None` where one of
    /// them does not tell which end it is.
    fn faces(self, other: Self) -> Option<bool> {
        let both = libc::O_RDWR.cast_unsigned();
        match (self, other) {
            (Self::Path | Self::Closed, _) | (_, Self::Path | Self::Closed) => Some(false),
            (Self::Mode(one), Self::Mode(other)) => {
                Some(one != other || one == both || other == both)
            }
            _ => None,
        }
    }
}

impl EndHolders {
    /// Collects those of the processes whose files were read, and where `everywhere` those of every
    /// other visible process; records each process that could not be read.
    pub(super) fn collect(scan: &Scan, everywhere: bool, gaps: &mut SectionGaps<'_>) -> Self {
        let mut found = Self {
            holders: Vec::new(),
            unseen: None,
        };
        if let Some(refusal) = gaps.walk_refusal() {
            found.note(scan.main_pid(), &refusal, gaps);
        }
        let mut read = HashSet::new();
        for facts in scan.processes.iter().filter(|facts| facts.read) {
            let Some(table) = &facts.fd_table else {
                continue;
            };
            read.insert(facts.pid);
            if let Some(refusal) = table.count.as_ref().err().or(table.refused.as_ref()) {
                found.note(facts.pid, refusal, gaps);
            }
            for entry in &table.entries {
                if let EntryKind::Descriptor(fd) = entry.kind {
                    let access = EndAccess::of(entry);
                    found.take(facts.pid, fd, &entry.link, access);
                }
            }
        }
        if everywhere {
            found.collect_others(scan, &read, gaps);
        }
        found.holders.sort_unstable();
        found
    }

    /// Reads where the descriptors of all other processes lead.
    fn collect_others(&mut self, scan: &Scan, read: &HashSet<i32>, gaps: &mut SectionGaps<'_>) {
        let pids = match scan.reader.proc.pids() {
            Ok(pids) => pids,
            Err(errno) => {
                let refusal = Refusal {
                    errno: Some(format!("{errno:?}")),
                    ..Refusal::of(Reason::Io)
                };
                return self.note(scan.main_pid(), &refusal, gaps);
            }
        };
        for pid in pids.into_iter().filter(|pid| !read.contains(pid)) {
            if time_box::is_over() {
                let refusal = Refusal::of(Reason::Timeout).needing("a longer --timeout");
                return self.note(pid, &refusal, gaps);
            }
            let Ok(process) = scan.reader.proc.process(pid) else {
                continue;
            };
            let links = fd_links(&process, |fd, link| {
                self.take(pid, fd, link, EndAccess::NotRead);
            });
            let refused = match links {
                Ok(table) => table.refused,
                Err(Errno::ENOENT | Errno::ESRCH) => None,
                Err(errno) => Some(errno),
            };
            if let Some(errno) = refused {
                let viewer = &scan.reader.viewer;
                let credentials = || Credentials::of(&process, &mut Vec::new());
                let refusal =
                    refusal_below(&process, errno, AccessCheck::Ptrace, viewer, credentials);
                self.note(pid, &refusal, gaps);
            }
            if self.holders.len() >= HOLDERS {
                return self.note(pid, &Refusal::of(Reason::Limit), gaps);
            }
        }
    }

    fn take(&mut self, pid: i32, fd: i32, link: &[u8], access: EndAccess) {
        let (is_pipe, inode) = match FdLink::of(link) {
            FdLink::Pipe(inode) => (true, inode),
            FdLink::Socket(inode) => (false, inode),
            _ => return,
        };
        if self.holders.len() < HOLDERS {
            self.holders.push(Holder {
                is_pipe,
                inode,
                pid,
                fd,
                access,
            });
        }
    }

    fn note(&mut self, pid: i32, refusal: &Refusal, gaps: &mut SectionGaps<'_>) {
        self.unseen = Some(gaps.record("files.other_ends", pid, refusal));
    }

    /// Who has the other end of a pipe, seen from this descriptor of it.
    pub(super) fn of_pipe(
        &self,
        scan: &Scan,
        inode: u64,
        own: (i32, i32, EndAccess),
        gaps: &mut SectionGaps<'_>,
    ) -> Seen<Vec<OtherEnd>> {
        let (pid, fd, access) = own;
        let read = |holder: &Holder| match holder.access {
            EndAccess::NotRead => {
                let process = scan.reader.proc.process(holder.pid);
                EndAccess::read(
                    process.and_then(|process| flags_of_descriptor(&process, holder.fd)),
                )
            }
            known => known,
        };
        let others = self.all(true, inode);
        let others = others.filter(|holder| (holder.pid, holder.fd) != (pid, fd));
        let (ends, unclear) = facing(others, access, read);
        let unseen = unclear.then(|| {
            let refusal = Refusal::of(Reason::Malformed).needing("the flags in fdinfo");
            gaps.record("files.other_ends", pid, &refusal)
        });
        named(scan, &ends, unseen.or(self.unseen))
    }

    /// Who has a socket.
    pub(super) fn of_socket(&self, scan: &Scan, inode: u64) -> Seen<Vec<OtherEnd>> {
        let holders: Vec<_> = self.all(false, inode).take(NAMED).copied().collect();
        named(scan, &holders, self.unseen)
    }

    fn all(&self, is_pipe: bool, inode: u64) -> impl Iterator<Item = &Holder> {
        let key = (is_pipe, inode);
        let first = self
            .holders
            .partition_point(|holder| (holder.is_pipe, holder.inode) < key);
        let from = self.holders.iter().skip(first);
        from.take_while(move |holder| (holder.is_pipe, holder.inode) == key)
    }
}

/// Those at the other end, the first [`NAMED`], and whether there is one that may be at either.
fn facing<'a>(
    holders: impl Iterator<Item = &'a Holder>,
    access: EndAccess,
    read: impl Fn(&Holder) -> EndAccess,
) -> (Vec<Holder>, bool) {
    let mut ends = Vec::new();
    let mut unclear = false;
    for holder in holders {
        match access.faces(read(holder)) {
            Some(true) => ends.push(*holder),
            Some(false) => {}
            None => unclear = true,
        }
        if ends.len() == NAMED {
            break;
        }
    }
    (ends, unclear)
}

/// Without any, and where something is `unseen`, it is not said that there is none.
fn named(scan: &Scan, holders: &[Holder], unseen: Option<Unseen>) -> Seen<Vec<OtherEnd>> {
    let end = |holder: &Holder| {
        let comm = scan.name_of(holder.pid)?;
        Some(OtherEnd {
            pid: holder.pid,
            comm: (*scan.redactor.text(&comm)).into(),
            fd: holder.fd,
        })
    };
    let ends: Vec<_> = holders.iter().filter_map(end).collect();
    match unseen {
        Some(unseen) if ends.is_empty() => Seen::Unseen(unseen),
        _ => Seen::Value(ends),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READS: EndAccess = EndAccess::Mode(0);
    const WRITES: EndAccess = EndAccess::Mode(1);
    const BOTH: EndAccess = EndAccess::Mode(2);

    fn holder(pid: i32, access: EndAccess) -> Holder {
        Holder {
            is_pipe: true,
            inode: 7,
            pid,
            fd: 3,
            access,
        }
    }

    fn pids(access: EndAccess, holders: &[Holder]) -> (Vec<i32>, bool) {
        let (ends, unclear) = facing(holders.iter(), access, |holder| holder.access);
        (ends.iter().map(|end| end.pid).collect(), unclear)
    }

    #[test]
    fn the_other_end_is_the_one_of_the_other_mode() {
        let holders = [holder(1, READS), holder(2, WRITES), holder(3, BOTH)];
        assert_eq!(pids(READS, &holders), (vec![2, 3], false));
        assert_eq!(pids(WRITES, &holders), (vec![1, 3], false));
        assert_eq!(pids(BOTH, &holders), (vec![1, 2, 3], false));
        assert_eq!(pids(EndAccess::Path, &holders), (vec![], false));
        assert_eq!(pids(READS, &[holder(1, EndAccess::Path)]), (vec![], false));
    }

    /// A copy of a descriptor is at the same end, also where its mode cannot be read.
    #[test]
    fn where_a_mode_is_unknown_no_end_is_named() {
        let holders = [holder(1, READS), holder(2, EndAccess::Unknown)];
        assert_eq!(pids(EndAccess::Unknown, &holders), (vec![], true));
        assert_eq!(pids(READS, &holders), (vec![], true));
        assert_eq!(pids(WRITES, &holders), (vec![1], true));
    }

    #[test]
    fn one_that_was_closed_meanwhile_is_no_end_and_leaves_nothing_unclear() {
        for errno in [Errno::ENOENT, Errno::ESRCH] {
            let closed = EndAccess::read(Err(errno));
            let holders = [holder(1, closed), holder(2, WRITES)];
            assert_eq!(pids(READS, &holders), (vec![2], false));
        }
        let refused = [holder(1, EndAccess::read(Err(Errno::EACCES)))];
        assert_eq!(pids(READS, &refused), (vec![], true));
    }

    #[test]
    fn no_more_are_named_than_are_shown() {
        let holders = vec![holder(1, WRITES); 100];
        assert_eq!(pids(READS, &holders).0.len(), NAMED);
    }
}
