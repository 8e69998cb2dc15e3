//! Who holds a socket: from the links in `fd` that the walk has read.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::ByteString;
use crate::model::gap::SectionGaps;
use crate::model::seen::Unseen;
use crate::model::socket::Owner;
use crate::scan::Scan;
use crate::scan::snapshot::ProcessSnapshot;

/// Holders by the inode of the socket.
pub(super) struct Owners {
    /// Sorted: a hundred thousand take 16 bytes each and no more.
    holders: Vec<Holder>,
    names: HashMap<i32, Arc<ByteString>>,
    /// Set if a process could not be read: then no socket is said to be without owner.
    unseen: Option<Unseen>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Holder {
    inode: u64,
    pid: i32,
    fd: i32,
}

impl Owners {
    /// Collects them, and records each process that could not be read.
    pub(super) fn collect(scan: &Scan, gaps: &mut SectionGaps<'_>) -> Self {
        let mut owners = Self {
            holders: Vec::new(),
            names: HashMap::new(),
            unseen: None,
        };
        // A process that was not seen may be the owner.
        if let Some(refusal) = gaps.walk_refusal()
            && let Some(pid) = scan.target.as_ref().map(|held| held.main.pid())
        {
            owners.unseen = Some(gaps.record("owners", pid, &refusal));
        }
        let read = |facts: &Box<ProcessSnapshot>| match &facts.sockets {
            Some(Ok(Some(sockets))) if facts.read => sockets.len(),
            _ => 0,
        };
        owners
            .holders
            .reserve_exact(scan.processes.iter().map(read).sum());
        for facts in scan.processes.iter().filter(|facts| facts.read) {
            match &facts.sockets {
                None | Some(Ok(None)) => {}
                Some(Ok(Some(sockets))) => {
                    if !sockets.is_empty() {
                        let name = scan.redactor.text(&facts.stat.comm);
                        let name = Arc::new((*name).into());
                        owners.names.insert(facts.pid, name);
                    }
                    owners.holders.extend(sockets.iter().map(|socket| Holder {
                        inode: socket.inode,
                        pid: facts.pid,
                        fd: socket.fd,
                    }));
                }
                Some(Err(refusal)) => {
                    let unseen = gaps.record("owners", facts.pid, refusal);
                    owners.unseen = Some(unseen);
                }
            }
        }
        owners.holders.sort_unstable();
        owners
    }

    /// Who holds this inode, by pid.
    ///
    /// # Errors
    /// No visible process does, and not every process could be read.
    pub(super) fn of(&self, inode: u64) -> Result<Box<[Owner]>, Unseen> {
        let found = self.holders(inode);
        match (found.is_empty(), self.unseen) {
            (true, Some(unseen)) => Err(unseen),
            _ => Ok(found.iter().map(|holder| self.owner(*holder)).collect()),
        }
    }

    /// Whether this process holds it.
    pub(super) fn holds(&self, pid: i32, inode: u64) -> bool {
        self.holders(inode).iter().any(|holder| holder.pid == pid)
    }

    fn holders(&self, inode: u64) -> &[Holder] {
        let start = self.holders.partition_point(|holder| holder.inode < inode);
        let rest = self.holders.get(start..).unwrap_or_default();
        let count = rest
            .iter()
            .take_while(|holder| holder.inode == inode)
            .count();
        rest.get(..count).unwrap_or_default()
    }

    fn owner(&self, holder: Holder) -> Owner {
        Owner {
            pid: holder.pid,
            name: self.names.get(&holder.pid).cloned().unwrap_or_default(),
            fd: holder.fd,
        }
    }
}
