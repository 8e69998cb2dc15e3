//! The cells of the table of sockets.

use core::net::IpAddr;
use std::fmt::Write as _;
use std::io;

use crate::model::byte_string::ByteString;
use crate::model::seen::Seen;
use crate::model::socket::{Family, Owner, Protocol, Socket, SocketType, State};
use crate::render::tables::table::Cell;

/// How many owners a cell names.
const OWNERS_SHOWN: usize = 4;

pub(super) fn word(socket: &Socket) -> &'static str {
    match (socket.protocol, socket.kind) {
        (Protocol::Unix, Some(SocketType::Stream)) => "u_str",
        (Protocol::Unix, Some(SocketType::Dgram)) => "u_dgr",
        (Protocol::Unix, Some(SocketType::Seqpacket)) => "u_seq",
        (Protocol::Packet, Some(SocketType::Raw)) => "p_raw",
        (Protocol::Packet, Some(SocketType::Dgram)) => "p_dgr",
        (protocol, _) => protocol.word(socket.family),
    }
}

#[derive(Clone, Copy)]
pub(super) enum Side {
    Receive,
    Send,
}

/// As in `ss`, a listener's queues are those of connections not accepted: how many, and
/// how many there may be.
pub(super) fn queue(socket: &Socket, side: Side) -> Cell {
    let field = match side {
        Side::Receive => socket
            .accept_queue
            .as_ref()
            .or(socket.receive_queue_bytes.as_ref()),
        Side::Send => socket
            .accept_queue_limit
            .as_ref()
            .or(socket.send_queue_bytes.as_ref()),
    };
    Cell::of(field, |length| number((*length).into()))
}

/// Most numbers here are 0, and a table may have a hundred thousand rows.
pub(super) fn number(number: u64) -> Cell {
    if number == 0 {
        "0".into()
    } else {
        Cell::number(number)
    }
}

pub(super) fn local(socket: &Socket) -> Cell {
    match socket.family {
        Family::Inet | Family::Inet6 => {
            let port = match socket.protocol {
                Protocol::Raw => socket.protocol_number.map(u32::from),
                _ => socket.local_port,
            };
            endpoint(socket, socket.local_address, port)
        }
        Family::Unix => match (&socket.path, &socket.abstract_name) {
            (Some(path), _) => Cell::from(&**path),
            (None, Some(name)) => Cell::Outside([b"@", name.as_bytes()].concat().into()),
            (None, None) => "*".into(),
        },
        Family::Packet => interface(socket).map_or("*".into(), Cell::from),
        Family::Netlink => match (socket.protocol_number, socket.port_id) {
            (Some(protocol), Some(port)) => {
                Cell::from(format!("{}:{port}", netlink_protocol(protocol)))
            }
            _ => Cell::Absent,
        },
        Family::Vsock => vsock(socket.local_cid, socket.local_port),
    }
}

pub(super) fn peer(socket: &Socket) -> Cell {
    match socket.family {
        Family::Inet | Family::Inet6 => match socket.peer_address {
            None => "*".into(),
            address => endpoint(socket, address, socket.peer_port),
        },
        Family::Unix => match (&socket.peer_owners, &socket.peer_inode) {
            (Some(owners), _) => Cell::Outside(owner_list(owners)),
            (None, Some(Seen::Value(inode))) => Cell::from(format!("inode {inode}")),
            (None, Some(Seen::Unseen(_))) => Cell::Unseen,
            (None, None) => "*".into(),
        },
        Family::Vsock => vsock(socket.peer_cid, socket.peer_port),
        Family::Packet | Family::Netlink => "*".into(),
    }
}

fn endpoint(socket: &Socket, address: Option<IpAddr>, port: Option<u32>) -> Cell {
    // Written in one piece: a table may have a hundred thousand rows.
    let mut text = String::with_capacity("[2001:db8::1:2:3]:65535".len());
    let v6 = matches!(address, Some(IpAddr::V6(_)));
    text.push_str(if v6 { "[" } else { "" });
    // Writing into a String cannot fail.
    let _ = match address {
        None => text.write_str("*"),
        Some(address) => write!(text, "{address}"),
    };
    if let Some(interface) = interface(socket).filter(|_| address.is_some()) {
        let _ = write!(text, "%{interface}");
    }
    text.push_str(if v6 { "]:" } else { ":" });
    let _ = match port {
        None => text.write_str("*"),
        Some(port) => write!(text, "{port}"),
    };
    Cell::from(text)
}

fn interface(socket: &Socket) -> Option<String> {
    match (&socket.interface, &socket.interface_index) {
        (Some(name), _) => Some(name.to_text().into_owned()),
        (None, Some(Seen::Value(index))) => Some(index.to_string()),
        (None, Some(Seen::Unseen(_))) => Some("?".to_owned()),
        (None, None) => None,
    }
}

fn vsock(cid: Option<u32>, port: Option<u32>) -> Cell {
    let text = |number: Option<u32>| number.map_or("*".to_owned(), |number| number.to_string());
    match (cid, port) {
        (None, None) => "*".into(),
        _ => Cell::from(format!("{}:{}", text(cid), text(port))),
    }
}

fn netlink_protocol(number: u16) -> String {
    let word = match number {
        0 => "route",
        4 => "sock_diag",
        5 => "nflog",
        6 => "xfrm",
        7 => "selinux",
        9 => "audit",
        10 => "fib_lookup",
        11 => "connector",
        12 => "netfilter",
        15 => "uevent",
        16 => "generic",
        21 => "crypto",
        _ => return number.to_string(),
    };
    word.to_owned()
}

pub(super) fn timer(socket: &Socket) -> Cell {
    let Some(timer) = socket.timer else {
        return Cell::Absent;
    };
    let word = match timer.kind {
        crate::model::socket::TimerKind::Retransmit => "retransmit",
        crate::model::socket::TimerKind::Keepalive => "keepalive",
        crate::model::socket::TimerKind::TimeWait => "time_wait",
        crate::model::socket::TimerKind::WindowProbe => "window_probe",
        crate::model::socket::TimerKind::Other => "other",
    };
    let seconds = f64::from(timer.expires_in.0) / 1e3;
    Cell::from(format!("{word} {seconds:.1}s {}", timer.retransmits))
}

pub(super) fn extended(socket: &Socket) -> [Cell; 5] {
    let tcp = socket.tcp.as_ref();
    let bytes = |field: fn(&crate::model::socket::Tcp) -> Option<u64>| {
        Cell::of(tcp, |tcp| field(tcp).map_or(Cell::Absent, number))
    };
    [
        Cell::of(tcp, |tcp| {
            Cell::from(format!("{:.3}ms", tcp.rtt_seconds * 1e3))
        }),
        Cell::of(tcp, |tcp| number(tcp.congestion_window_segments.into())),
        Cell::of(tcp, |tcp| number(tcp.retransmits.into())),
        bytes(|tcp| tcp.bytes_sent),
        bytes(|tcp| tcp.bytes_received),
    ]
}

pub(super) fn process(socket: &Socket) -> Cell {
    match &socket.owners {
        Some(Seen::Value(owners)) if !owners.is_empty() => Cell::Outside(owner_list(owners)),
        Some(Seen::Unseen(_)) => Cell::Unseen,
        Some(Seen::Value(_)) | None => Cell::Absent,
    }
}

/// `server pid=1 fd=7`
fn owner_list(owners: &[Owner]) -> ByteString {
    let mut text: Vec<u8> = Vec::with_capacity(32);
    for (index, owner) in owners.iter().take(OWNERS_SHOWN).enumerate() {
        if index > 0 {
            text.extend(b", ");
        }
        text.extend(owner.name.as_bytes());
        let _ = io::Write::write_fmt(
            &mut text,
            format_args!(" pid={} fd={}", owner.pid, owner.fd),
        );
    }
    if owners.len() > OWNERS_SHOWN {
        text.extend(format!(", and {} more", owners.len() - OWNERS_SHOWN).into_bytes());
    }
    text.into()
}

pub(super) fn remark(socket: &Socket) -> &'static str {
    let inside = socket.loopback_only == Some(true) && socket.state == State::Listen;
    match (socket.accept_queue_full(), inside) {
        (true, true) => "accept queue full; loopback only",
        (true, false) => "accept queue full",
        (false, true) => "loopback only",
        (false, false) if socket.held_elsewhere => "owner is outside this container",
        (false, false) => "",
    }
}
