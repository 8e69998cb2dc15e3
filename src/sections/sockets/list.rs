//! The sockets that are asked for, as they are read: kept, counted, or passed over.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;

use super::SocketsQuery;
use super::convert;
use super::filter::Filter;
use super::namespaces;
use super::owners::Owners;
use super::raw::Raw;
use super::source::{Reader, only_diag};
use crate::model::Report;
use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::seen::{Seen, Unseen};
use crate::model::socket::{Family, Protocol, Socket, SocketSources, SocketSum, Source, State};
use crate::parse::Malformed;
use crate::scan::Scan;

/// More than a machine with 64 GiB can have; what the memory of a pod would not hold.
const LIMIT: usize = 1 << 20;

/// Fills the report.
pub(super) fn fill(
    query: &SocketsQuery,
    filter: &Filter,
    scan: &Scan,
    gaps: &mut SectionGaps<'_>,
    report: &mut Report,
) {
    let namespaces = if query.all {
        namespaces::in_sight(scan)
    } else {
        namespaces::of_target(scan).into_iter().collect()
    };
    let owners = Owners::collect(scan, gaps);
    if let Some(pid) = query.owner
        && !scan
            .processes
            .iter()
            .any(|facts| facts.read && facts.pid == pid)
    {
        let gone = Refusal::of(Reason::Vanished).needing("a process of the target, or --all");
        gaps.record("owners", pid, &gone);
    }
    let (mut sockets, mut sums, mut all_sources) = (Vec::new(), Vec::new(), Vec::new());
    let mut buffer = Vec::new();
    for namespace in &namespaces {
        let pid = namespace.process.pid();
        let mut reader = Reader::open(namespace, &scan.reader, &mut buffer);
        let mut list = List {
            filter,
            owners: &owners,
            owner: query.owner,
            extended: query.extended,
            namespace_of: query.all.then_some(pid),
            pid,
            gaps: gaps.reborrow(),
            only_diag: only_diag(&reader.needs_diag),
            unseen: Vec::new(),
            source: Source::Proc,
            sums: query.summary.then(HashMap::new),
            by_port: query.ports,
            sockets: Vec::new(),
            full: false,
        };
        let sources = read(&mut reader, filter, query.extended, &mut list);
        let mut part = list.finish(&mut sums);
        if sockets.is_empty() {
            sockets = part;
        } else {
            sockets.append(&mut part);
        }
        let inode = query.all.then(|| {
            let inode = namespace.inode.clone();
            gaps.seen("net_namespace", pid, inode)
        });
        all_sources.push(SocketSources {
            net_namespace: inode,
            pid,
            containers: namespace.containers.clone(),
            same_as_viewer: namespace.own,
            sources,
        });
    }
    if query.summary {
        report.socket_sums = Some(sums);
    }
    if !query.summary || query.ports {
        report.sockets = Some(sockets);
    }
    report.socket_sources = Some(all_sources);
}

fn read(
    reader: &mut Reader<'_>,
    filter: &Filter,
    extended: bool,
    list: &mut List<'_>,
) -> BTreeMap<String, Source> {
    let mut sources = BTreeMap::new();
    for (protocol, family) in &filter.tables {
        let word = protocol.word(*family);
        match reader.table(*protocol, *family, filter, extended, list) {
            Ok(Some(source)) => {
                sources.insert(word.to_owned(), source);
            }
            Ok(None) => {}
            // Only some kernels list them; `sources` shows that this one does not.
            Err(Refusal {
                reason: Reason::Unsupported,
                ..
            }) if *protocol == Protocol::Vsock && !filter.vsock_by_name => {}
            Err(refusal) => {
                list.gaps.record(word, list.pid, &refusal);
            }
        }
    }
    sources
}

/// What is read of one namespace.
pub(super) struct List<'a> {
    filter: &'a Filter,
    pub(super) owners: &'a Owners,
    owner: Option<i32>,
    pub(super) extended: bool,
    namespace_of: Option<i32>,
    pid: i32,
    gaps: SectionGaps<'a>,
    only_diag: Refusal,
    /// Fields whose gap is written already: one line for all sockets of the namespace.
    unseen: Vec<(&'static str, Unseen)>,
    /// Where the table at hand is read.
    pub(super) source: Source,
    sums: Option<Sums>,
    /// Whether sums tell ports apart, and TCP listeners are kept.
    by_port: bool,
    sockets: Vec<Socket>,
    full: bool,
}

type Sums = HashMap<(Protocol, Family, State, Option<u16>), u64>;

/// How far a list had come.
pub(super) struct Mark {
    length: usize,
    sums: Option<Sums>,
}

impl List<'_> {
    /// Takes a socket, if it is asked for.
    pub(super) fn add(&mut self, protocol: Protocol, family: Family, raw: Raw) {
        let Some(state) = convert::state(protocol, &raw) else {
            let what = "the state of a socket";
            let expected = "a state of tcp(7)";
            return self.malformed(protocol, family, Malformed { what, expected });
        };
        // Sockets that wait to be accepted: sock_diag does not tell of them.
        if matches!(&raw, Raw::Unix(unix) if unix.inode == 0) || !self.filter.wants(state) {
            return;
        }
        if let Some(owner) = self.owner
            && !convert::inode(&raw).is_some_and(|inode| self.owners.holds(owner, inode.get()))
        {
            return;
        }
        if let Some(sums) = &mut self.sums
            && !self.filter.by_port()
        {
            let port = match &raw {
                Raw::Inet(socket) if self.by_port && protocol == Protocol::Tcp => {
                    Some(socket.local.port)
                }
                _ => None,
            };
            *sums.entry((protocol, family, state, port)).or_default() += 1;
            if port.is_some() && state == State::Listen {
                let listener = convert::socket(protocol, family, state, raw, self);
                self.keep(Socket {
                    owners: None,
                    held_elsewhere: false,
                    ..listener
                });
            }
            return;
        }
        let socket = convert::socket(protocol, family, state, raw, self);
        if !self.filter.keeps(&socket) {
            return;
        }
        if let Some(sums) = &mut self.sums {
            *sums.entry((protocol, family, state, None)).or_default() += 1;
        } else {
            self.keep(socket);
        }
    }

    fn keep(&mut self, socket: Socket) {
        if self.sockets.len() < LIMIT {
            self.sockets.push(Socket {
                net_namespace_of: self.namespace_of,
                ..socket
            });
        } else if !self.full {
            self.full = true;
            let limit = Refusal::of(Reason::Limit).needing("--port, --state or --owner");
            self.gaps.record("sockets", self.pid, &limit);
        }
    }

    /// Whether there is room for more.
    pub(super) fn more(&self) -> ControlFlow<()> {
        if self.full {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    /// Records a socket that could not be understood.
    pub(super) fn malformed(&mut self, protocol: Protocol, family: Family, error: Malformed) {
        let refusal = Refusal::of(Reason::Malformed).needing(&format!("a report of this: {error}"));
        let word = protocol.word(family);
        self.gaps.record(word, self.pid, &refusal);
    }

    /// The mark of a field that only `sock_diag` tells.
    pub(super) fn only_diag(&mut self, field: &'static str) -> Unseen {
        let refusal = self.only_diag.clone();
        self.once(field, &refusal)
    }

    /// The mark of a number that the kernel printed and that cannot be.
    pub(super) fn negative(&mut self, field: &'static str) -> Unseen {
        self.once(field, &Refusal::of(Reason::Malformed))
    }

    fn once(&mut self, field: &'static str, refusal: &Refusal) -> Unseen {
        let same = |(known, unseen): &&(&'static str, Unseen)| {
            *known == field && unseen.reason() == refusal.reason
        };
        if let Some((_, unseen)) = self.unseen.iter().find(same) {
            return *unseen;
        }
        let unseen = self.gaps.record(field, self.pid, refusal);
        self.unseen.push((field, unseen));
        unseen
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            length: self.sockets.len(),
            sums: self.sums.clone(),
        }
    }

    pub(super) fn roll_back(&mut self, mark: Mark) {
        self.sockets.truncate(mark.length);
        self.sums = mark.sums;
    }

    /// Listeners first, then by port and address; what a table held twice because it
    /// changed while it was read, once.
    fn finish(mut self, sums: &mut Vec<SocketSum>) -> Vec<Socket> {
        let order = |socket: &Socket| {
            (
                (socket.protocol, socket.family, socket.state),
                (socket.local_port, socket.local_address),
                (socket.peer_port, socket.peer_address),
                socket.inode,
            )
        };
        self.sockets.sort_unstable_by_key(order);
        self.sockets
            .dedup_by(|a, b| a.inode.is_some() && order(a) == order(b));
        let listening: HashSet<u32> = self.sockets.iter().filter_map(|it| it.local_port).collect();
        let mut counted: BTreeMap<_, u64> = BTreeMap::new();
        for ((protocol, family, state, port), count) in self.sums.take().unwrap_or_default() {
            let port = port.map(u32::from).filter(|port| listening.contains(port));
            *counted.entry((protocol, family, state, port)).or_default() += count;
        }
        let sum = |((protocol, family, state, local_port), count)| SocketSum {
            net_namespace_of: self.namespace_of,
            protocol,
            family,
            state,
            local_port,
            count,
        };
        sums.extend(counted.into_iter().map(sum));
        self.sockets
    }
}

/// A value, or the mark of why there is none.
pub(super) fn seen<T>(value: Option<T>, unseen: impl FnOnce() -> Unseen) -> Seen<T> {
    value.map_or_else(|| Seen::Unseen(unseen()), Seen::Value)
}
