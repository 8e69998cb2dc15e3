//! The sockets that are asked for, as they are read: kept, counted, or passed over.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;

use super::convert;
use super::filter::Filter;
use super::raw::Raw;
use super::reading::Reading;
use crate::model::gap::{Reason, Refusal};
use crate::model::socket::{Family, Protocol, Socket, SocketSum, State};
use crate::parse::Malformed;

/// More than a machine with 64 GiB can have; what the memory of a pod would not hold.
const LIMIT: usize = 1 << 20;

/// What is read of one namespace.
pub(super) struct List<'a> {
    pub(super) filter: &'a Filter,
    pub(super) reading: Reading<'a>,
    /// Only the sockets of this process.
    pub(super) owner: Option<i32>,
    pub(super) namespace_of: Option<i32>,
    pub(super) sums: Option<Sums>,
    /// Whether sums tell ports apart, and TCP listeners are kept.
    pub(super) by_port: bool,
    pub(super) sockets: Vec<Socket>,
    pub(super) full: bool,
}

pub(super) type Sums = HashMap<(Protocol, Family, State, Option<u16>), u64>;

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
            && !convert::inode(&raw)
                .zip(self.reading.owners)
                .is_some_and(|(inode, owners)| owners.holds(owner, inode.get()))
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
                let listener = convert::socket(protocol, family, state, raw, &mut self.reading);
                self.keep(listener);
            }
            return;
        }
        let socket = convert::socket(protocol, family, state, raw, &mut self.reading);
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
            self.reading
                .gaps
                .record("sockets", self.reading.pid, &limit);
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
        self.reading.gaps.record(word, self.reading.pid, &refusal);
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
    pub(super) fn finish(mut self, sums: &mut Vec<SocketSum>) -> Vec<Socket> {
        let order = |socket: &Socket| {
            (
                (socket.protocol, socket.family, socket.state),
                (socket.local_port, socket.local_address),
                (socket.peer_port, socket.peer_address),
                socket.inode,
            )
        };
        // The keys are made once, and only they are moved about while it sorts.
        self.sockets.sort_by_cached_key(order);
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
