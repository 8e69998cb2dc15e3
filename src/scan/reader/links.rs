//! The sockets and the paths among the descriptors of a process, from one reading of `fd`.

use nix::errno::Errno;

use super::super::needs::Files;
use super::super::open_files::{EntryKind, OpenFileTable};
use super::super::process_files::ProcessFiles;
use super::super::snapshot::{OpenSocket, ProcessSnapshot};
use crate::model::gap::{Reason, Refusal};
use crate::parse::certificate_paths;
use crate::rights::ptrace_access::AccessCheck;
use crate::sys::fd_links::fd_links;

/// More open files with names as certificates have them are of no use to anyone.
const PATHS_LIMIT: usize = 4096;

/// What the links in `fd` tell; `None` for a process on its way out.
pub(super) struct Links {
    count: Result<Option<u64>, Refusal>,
    sockets: Result<Option<Vec<OpenSocket>>, Refusal>,
    paths: Result<Option<Vec<Vec<u8>>>, Refusal>,
}

/// The links while they are read.
#[derive(Default)]
struct Collected {
    sockets: Vec<OpenSocket>,
    paths: Vec<Vec<u8>>,
}

impl Collected {
    fn add(&mut self, fd: i32, goal: &[u8]) {
        if !goal.starts_with(b"/") {
            let inode = socket_inode(goal);
            self.sockets
                .extend(inode.map(|inode| OpenSocket { fd, inode }));
        } else if certificate_paths::is_usual(goal) && self.paths.len() < PATHS_LIMIT {
            self.paths.push(goal.to_vec());
        }
    }
}

impl Links {
    /// Reads `fd`.
    pub(super) fn read(files: &mut ProcessFiles<'_>) -> Self {
        let mut collected = Collected::default();
        let read = fd_links(files.process, |fd, goal| collected.add(fd, goal));
        let count = match &read {
            Ok(table) => Ok(Some(table.count)),
            // On its way out: its files are closed already.
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(files.refused(*errno, AccessCheck::Owner)),
        };
        let refused = read.ok().and_then(|table| table.refused);
        let refused = refused.map(|errno| files.refused(errno, AccessCheck::Ptrace));
        Self::of(count, refused, collected)
    }

    /// Of a table with all descriptors, which was read already; `None` where it was cut.
    pub(super) fn of_table(table: &OpenFileTable) -> Option<Self> {
        let is_cut = |refusal: &Refusal| refusal.reason == Reason::Limit;
        if table.refused.as_ref().is_some_and(is_cut) {
            return None;
        }
        let mut collected = Collected::default();
        for entry in &table.entries {
            if let EntryKind::Descriptor(fd) = entry.kind {
                collected.add(fd, &entry.link);
            }
        }
        let (count, refused) = (table.count.clone(), table.refused.clone());
        Some(Self::of(count, refused, collected))
    }

    fn of(
        count: Result<Option<u64>, Refusal>,
        refused: Option<Refusal>,
        collected: Collected,
    ) -> Self {
        let there = matches!(count, Ok(Some(_)));
        let (sockets, paths) = match refused.or_else(|| count.as_ref().err().cloned()) {
            Some(refusal) => (Err(refusal.clone()), Err(refusal)),
            None => (
                Ok(there.then_some(collected.sockets)),
                Ok(there.then_some(collected.paths)),
            ),
        };
        Self {
            count,
            sockets,
            paths,
        }
    }

    /// Keeps what was asked for.
    pub(super) fn keep(self, files: Files, facts: &mut ProcessSnapshot) {
        facts.fd_count = files.contains(Files::FD_COUNT).then_some(self.count);
        facts.sockets = files.contains(Files::FD_LINKS).then_some(self.sockets);
        facts.open_files = files.contains(Files::OPEN_FILES).then_some(self.paths);
    }
}

/// `socket:[549]`
fn socket_inode(goal: &[u8]) -> Option<u64> {
    let inode = goal.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(inode).ok()?.parse().ok()
}
