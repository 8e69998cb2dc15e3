//! The ports that the container listens on, and what they answered.

use core::net::{IpAddr, Ipv4Addr};
use std::collections::BTreeMap;

use super::{Evidenced, Part, not_seen};
use crate::doctor::{Facts, holder, local_end};
use crate::model::Report;
use crate::model::socket::{Protocol, Socket, State};

/// Where Linux begins to take local ports from, unless it is told otherwise
/// (`net.ipv4.ip_local_port_range`).
const EPHEMERAL: u16 = 32768;

/// A port that is listened on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Port {
    pub(super) number: u16,
    pub(super) is_udp: bool,
}

/// What a port answered to a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PortAnswer {
    /// It accepts connections.
    Tcp,
    /// A path answers with a status below 400.
    Http { path: &'static str, is_tls: bool },
    /// `grpc.health.v1.Health/Check` answers that it serves.
    Grpc,
}

/// The answer of one port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answering {
    pub(crate) port: u16,
    /// `None`: it does not accept connections.
    pub(crate) answer: Option<PortAnswer>,
    /// The words of the check.
    pub(crate) says: String,
}

/// The ports, and why others are left out.
pub(super) fn ports(facts: &Facts<'_>) -> Part<Port> {
    let mut part = Part::default();
    let mut found = BTreeMap::new();
    match facts.own_sockets() {
        Err(why) => part.remarks.push(not_seen("ports", why)),
        Ok(sockets) => {
            let mut first_unseen = None;
            for socket in sockets {
                match socket {
                    Ok(socket) => sort_in(socket, &mut found, &mut part.remarks),
                    Err(why) => first_unseen = first_unseen.or(Some(why)),
                }
            }
            let unseen = first_unseen.map(|why| not_seen("other ports", why));
            part.remarks.extend(unseen);
        }
    }
    part.remarks.dedup();
    let entries = found.into_iter();
    part.entries = entries
        .map(|(port, says)| Evidenced::new(port, says))
        .collect();
    part
}

fn sort_in(socket: &Socket, found: &mut BTreeMap<Port, String>, left_out: &mut Vec<String>) {
    let is_udp = match (socket.protocol, socket.state) {
        (Protocol::Tcp, State::Listen) => false,
        (Protocol::Udp, State::Unconnected) => true,
        _ => return,
    };
    let number = socket.local_port.and_then(|port| u16::try_from(port).ok());
    let Some(number) = number.filter(|port| *port > 0) else {
        return;
    };
    let says = format!("{} listens on {}", holder(socket), local_end(socket));
    if socket.loopback_only == Some(true) {
        left_out.push(format!("left out: {says}, which only this pod reaches"));
    } else if is_udp && number >= EPHEMERAL {
        left_out.push(format!(
            "left out: {} holds UDP {}, a port that clients are given",
            holder(socket),
            local_end(socket)
        ));
    } else {
        found.entry(Port { number, is_udp }).or_insert(says);
    }
}

/// The TCP ports that a kubelet reaches, each with an address by which it is reached from here.
pub(crate) fn reachable_ports(report: &Report) -> Vec<(u16, IpAddr)> {
    let facts = Facts::of(report);
    let Ok(sockets) = facts.own_sockets() else {
        return Vec::new();
    };
    let mut found = BTreeMap::new();
    for socket in sockets.flatten() {
        let is_listener = socket.protocol == Protocol::Tcp && socket.state == State::Listen;
        let number = socket.local_port.and_then(|port| u16::try_from(port).ok());
        if let (true, Some(number), None | Some(false)) =
            (is_listener, number, socket.loopback_only)
        {
            let any = IpAddr::V4(Ipv4Addr::LOCALHOST);
            let bound = socket
                .local_address
                .filter(|address| !address.is_unspecified());
            found.entry(number).or_insert(bound.unwrap_or(any));
        }
    }
    found.into_iter().collect()
}
