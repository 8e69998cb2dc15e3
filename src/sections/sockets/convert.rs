//! What either source tells of a socket → the model.

use core::net::IpAddr;
use std::num::NonZeroU64;

use super::raw::Raw;
use super::reading::{Reading, seen};
use crate::model::seen::Seen;
use crate::model::socket::{
    Family, Milliseconds, Protocol, Socket, SocketType, Source, State, Tcp, Timer, TimerKind,
};
use crate::parse::net_tables::{
    self, InetSocket, NetlinkSocket, PacketSocket, TcpInfo, UnixName, UnixSocket, UnixState,
    VsockSocket,
};

/// The number of `lo` in each network namespace: `LOOPBACK_IFINDEX` of the kernel.
const LOOPBACK_INDEX: u32 = 1;

/// `VMADDR_CID_ANY` and `VMADDR_PORT_ANY`
const ANY: u32 = u32::MAX;

/// The state; `None` for an unknown number.
pub(super) fn state(protocol: Protocol, raw: &Raw) -> Option<State> {
    let number = match raw {
        Raw::Inet(socket) => socket.state,
        Raw::Vsock(socket) => socket.state,
        Raw::Unix(socket) => {
            return Some(match socket.state {
                UnixState::Listen => State::Listen,
                UnixState::Established => State::Established,
                UnixState::Unconnected => State::Unconnected,
            });
        }
        Raw::Packet(_) | Raw::Netlink(_) => return Some(State::Unconnected),
    };
    Some(match number {
        1 => State::Established,
        2 => State::SynSent,
        3 | 12 => State::SynRecv,
        4 => State::FinWait1,
        5 => State::FinWait2,
        6 => State::TimeWait,
        7 if protocol != Protocol::Tcp => State::Unconnected,
        7 => State::Close,
        8 => State::CloseWait,
        9 => State::LastAck,
        10 => State::Listen,
        11 => State::Closing,
        13 => State::BoundInactive,
        _ => return None,
    })
}

/// The inode; `None` where no file belongs to it.
pub(super) fn inode(raw: &Raw) -> Option<NonZeroU64> {
    let inode = match raw {
        Raw::Inet(socket) => socket.inode,
        Raw::Unix(socket) => socket.inode,
        Raw::Packet(socket) => socket.inode,
        Raw::Netlink(socket) => socket.inode,
        Raw::Vsock(socket) => socket.inode,
    };
    NonZeroU64::new(inode)
}

/// The whole socket, with its owners where they are asked for.
pub(super) fn socket(
    protocol: Protocol,
    family: Family,
    state: State,
    raw: Raw,
    reading: &mut Reading<'_>,
) -> Socket {
    let mut socket = Socket::bare(protocol, family, state);
    socket.inode = inode(&raw);
    match raw {
        Raw::Inet(raw) => internet(&mut socket, &raw, reading),
        Raw::Unix(raw) => unix(&mut socket, raw, reading),
        Raw::Packet(raw) => packet(&mut socket, &raw),
        Raw::Netlink(raw) => netlink(&mut socket, &raw),
        Raw::Vsock(raw) => vsock(&mut socket, &raw),
    }
    if let Some(inode) = socket.inode
        && let Some(owners) = reading.shown_owners()
    {
        let owners = owners.of(inode.get());
        socket.held_elsewhere = owners.as_ref().is_ok_and(|owners| owners.is_empty());
        socket.owners = Some(owners.map_or_else(Seen::Unseen, Seen::Value));
    }
    socket
}

fn internet(socket: &mut Socket, raw: &InetSocket, reading: &mut Reading<'_>) {
    let from_diag = reading.source == Source::SockDiag;
    let (local, peer) = (raw.local.address, raw.peer.address);
    socket.local_address = Some(local);
    if socket.protocol == Protocol::Raw {
        socket.protocol_number = Some(raw.local.port);
    } else {
        socket.local_port = Some(raw.local.port.into());
    }
    if !peer.is_unspecified() || raw.peer.port != 0 {
        socket.peer_address = Some(peer);
        socket.peer_port = (socket.protocol != Protocol::Raw).then_some(raw.peer.port.into());
    }
    socket.v4_mapped = mapped(local) || mapped(peer);
    let bound = matches!(socket.state, State::Listen | State::Unconnected);
    if bound && local == IpAddr::V6(core::net::Ipv6Addr::UNSPECIFIED) {
        socket.v6_only = Some(seen(raw.v6_only, || reading.only_diag("v6_only")));
    }
    socket.interface_index = match raw.interface {
        Some(0) => None,
        Some(index) => Some(Seen::Value(index)),
        None if link_local(local) || link_local(peer) => {
            Some(Seen::Unseen(reading.only_diag("interface_index")))
        }
        None => None,
    };
    if socket.state == State::Listen || (bound && socket.protocol == Protocol::Udp) {
        let by_address = local.to_canonical().is_loopback();
        socket.loopback_only = Some(by_address || raw.interface == Some(LOOPBACK_INDEX));
    }
    if socket.state == State::Listen {
        let waiting = seen(raw.receive_queue, || reading.negative("accept_queue"));
        socket.accept_queue = Some(waiting);
        let limit = raw.send_queue.filter(|_| from_diag);
        let limit = seen(limit, || reading.only_diag("accept_queue_limit"));
        socket.accept_queue_limit = Some(limit);
    } else {
        let (receive, send) = (raw.receive_queue, raw.send_queue);
        let receive = seen(receive, || reading.negative("receive_queue_bytes"));
        let send = seen(send, || reading.negative("send_queue_bytes"));
        (socket.receive_queue_bytes, socket.send_queue_bytes) = (Some(receive), Some(send));
    }
    socket.drops = raw.drops;
    socket.timer = raw.timer.map(timer);
    if socket.inode.is_some() {
        // Without a file the kernel says 0, which would be root.
        socket.uid = Some(Seen::Value(raw.uid));
        if reading.extended && socket.protocol == Protocol::Tcp && socket.state != State::Listen {
            let info = raw.tcp_info.as_ref().map(|info| Box::new(tcp(info)));
            socket.tcp = Some(seen(info, || reading.only_diag("tcp")));
        }
    }
}

fn unix(socket: &mut Socket, raw: UnixSocket, reading: &mut Reading<'_>) {
    socket.kind = Some(kind(raw.kind));
    match raw.name {
        Some(UnixName::Path(path)) => {
            socket.path = Some(Box::new((*reading.redactor.text(&path)).into()));
        }
        Some(UnixName::Abstract(name)) => {
            socket.abstract_name = Some(Box::new((*reading.redactor.text(&name)).into()));
        }
        None => {}
    }
    let (receive, send) = (raw.receive_queue, raw.send_queue);
    if raw.state == UnixState::Listen {
        let waiting = seen(receive, || reading.only_diag("accept_queue"));
        let limit = seen(send, || reading.only_diag("accept_queue_limit"));
        (socket.accept_queue, socket.accept_queue_limit) = (Some(waiting), Some(limit));
    } else {
        let receive = seen(receive, || reading.only_diag("receive_queue_bytes"));
        let send = seen(send, || reading.only_diag("send_queue_bytes"));
        (socket.receive_queue_bytes, socket.send_queue_bytes) = (Some(receive), Some(send));
    }
    match (raw.peer_inode, reading.source) {
        (Some(inode), _) => {
            socket.peer_inode = Some(Seen::Value(inode));
            let owners = reading.shown_owners().map(|owners| owners.of(inode.into()));
            let owners = owners.and_then(Result::ok);
            socket.peer_owners = owners.filter(|owners| !owners.is_empty());
        }
        (None, Source::Proc) if raw.state == UnixState::Established => {
            socket.peer_inode = Some(Seen::Unseen(reading.only_diag("peer_inode")));
        }
        // Its peer has closed, or waits to be accepted.
        (None, _) => {}
    }
    socket.uid = Some(seen(raw.uid, || reading.only_diag("uid")));
}

fn packet(socket: &mut Socket, raw: &PacketSocket) {
    socket.kind = Some(kind(raw.kind));
    socket.protocol_number = Some(raw.protocol);
    socket.interface_index = (raw.interface != 0).then_some(Seen::Value(raw.interface));
    socket.receive_queue_bytes = Some(Seen::Value(raw.receive_queue));
    socket.uid = Some(Seen::Value(raw.uid));
}

fn netlink(socket: &mut Socket, raw: &NetlinkSocket) {
    socket.protocol_number = Some(raw.protocol.into());
    socket.port_id = Some(raw.port_id);
    socket.receive_queue_bytes = Some(Seen::Value(raw.receive_queue));
    socket.send_queue_bytes = Some(Seen::Value(raw.send_queue));
    socket.drops = Some(raw.drops);
}

fn vsock(socket: &mut Socket, raw: &VsockSocket) {
    let known = |number: u32| (number != ANY).then_some(number);
    socket.kind = Some(kind(raw.kind));
    (socket.local_cid, socket.local_port) = (known(raw.local.0), known(raw.local.1));
    (socket.peer_cid, socket.peer_port) = (known(raw.peer.0), known(raw.peer.1));
}

fn kind(number: u8) -> SocketType {
    match number {
        1 => SocketType::Stream,
        2 => SocketType::Dgram,
        3 => SocketType::Raw,
        5 => SocketType::Seqpacket,
        _ => SocketType::Other,
    }
}

fn timer(raw: net_tables::Timer) -> Timer {
    Timer {
        kind: match raw.kind {
            1 => TimerKind::Retransmit,
            2 => TimerKind::Keepalive,
            3 => TimerKind::TimeWait,
            4 => TimerKind::WindowProbe,
            _ => TimerKind::Other,
        },
        expires_in: Milliseconds(raw.milliseconds),
        retransmits: raw.retransmits,
    }
}

fn tcp(info: &TcpInfo) -> Tcp {
    let seconds = |microseconds: u32| f64::from(microseconds) / 1e6;
    Tcp {
        rtt_seconds: seconds(info.rtt_us),
        rtt_deviation_seconds: seconds(info.rtt_variance_us),
        congestion_window_segments: info.congestion_window,
        segment_bytes: info.segment_bytes,
        retransmits: info.retransmits,
        bytes_sent: info.bytes_sent,
        bytes_acknowledged: info.bytes_acknowledged,
        bytes_received: info.bytes_received,
    }
}

fn mapped(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some())
}

fn link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}
