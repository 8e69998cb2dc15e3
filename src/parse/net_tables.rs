//! The socket tables of `/proc/PID/net`, line by line: `tcp`, `udp`, `raw`, `icmp` (and their
//! `6`), `unix`, `packet`, `netlink`.
//!
//! What a line says has the same form as what `sock_diag` says
//! ([`super::sock_diag`]), so that the caller needs to know only once what it means. The
//! `procfs` crate is not used: it reads the whole file into memory, allocates for each word,
//! and knows `/proc/net` only, which is the caller's network namespace.

pub(crate) mod inet;
pub(crate) mod interfaces;
pub(crate) mod others;
pub(crate) mod sockstat;
pub(crate) mod unix;

// Addresses only: nothing here can open a connection.
use core::net::IpAddr;

/// A socket of the internet families.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InetSocket {
    /// Where it is bound.
    pub local: Endpoint,
    /// The remote address; all zero if not connected.
    pub peer: Endpoint,
    /// The kernel's number: 1 established … 7 close … 10 listen, 12 new `syn_recv`.
    pub state: u8,
    /// Bytes received and not read; of a TCP listener the connections not accepted.
    /// `None` where the kernel printed a negative number, as it does while it counts.
    pub receive_queue: Option<u32>,
    /// Bytes not yet acknowledged; of a TCP listener its limit, from `sock_diag` only.
    pub send_queue: Option<u32>,
    /// The timer that runs.
    pub timer: Option<Timer>,
    /// Whose it is.
    pub uid: u32,
    /// 0 where no file belongs to it any more or yet.
    pub inode: u64,
    /// Datagrams dropped because the receive queue was full.
    pub drops: Option<u32>,
    /// The interface that it is bound to, 0 for any; from `sock_diag` only.
    pub interface: Option<u32>,
    /// Whether an IPv6 socket takes no IPv4; from `sock_diag` only.
    pub v6_only: Option<bool>,
    /// `struct tcp_info`, where it was asked for.
    pub tcp_info: Option<TcpInfo>,
}

/// An address and a port (of a raw socket: the protocol's number).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// IPv4 or IPv6.
    pub address: IpAddr,
    /// In host order.
    pub port: u16,
}

/// The timer of a TCP socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timer {
    /// 1 retransmission, 2 keepalive, 3 `time_wait`, 4 zero window probe.
    pub kind: u8,
    /// Until it fires.
    pub milliseconds: u32,
    /// How often it fired without an answer.
    pub retransmits: u32,
}

/// The part of `struct tcp_info` that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TcpInfo {
    /// Smoothed round-trip time in microseconds.
    pub rtt_us: u32,
    /// Its mean deviation in microseconds.
    pub rtt_variance_us: u32,
    /// Congestion window in segments.
    pub congestion_window: u32,
    /// Bytes of a full segment to the peer.
    pub segment_bytes: u32,
    /// Segments sent again, ever.
    pub retransmits: u32,
    /// Bytes that the peer acknowledged, since Linux 4.1.
    pub bytes_acknowledged: Option<u64>,
    /// Bytes received in order, since Linux 4.1.
    pub bytes_received: Option<u64>,
    /// Bytes sent, those sent again included, since Linux 4.19.
    pub bytes_sent: Option<u64>,
}

/// A socket of the unix family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnixSocket {
    /// 1 stream, 2 datagram, 5 sequenced packets.
    pub kind: u8,
    /// Listening, connected or not.
    pub state: UnixState,
    /// 0 where no file belongs to it yet: it waits to be accepted.
    pub inode: u64,
    /// What it is bound to.
    pub name: Option<UnixName>,
    /// The inode of its peer; from `sock_diag` only.
    pub peer_inode: Option<u32>,
    /// Bytes not read, or of a listener the connections not accepted; `sock_diag` only.
    pub receive_queue: Option<u32>,
    /// Bytes not read by the peer, or of a listener its limit; `sock_diag` only.
    pub send_queue: Option<u32>,
    /// Whose it is; `sock_diag` only, since Linux 5.3.
    pub uid: Option<u32>,
}

/// What a unix socket does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnixState {
    /// It takes connections.
    Listen,
    /// It has a peer.
    Established,
    /// Neither.
    Unconnected,
}

/// Where a unix socket is bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UnixName {
    /// A file, by the path it was bound with.
    Path(Vec<u8>),
    /// A name of the abstract namespace, without the NUL before it.
    Abstract(Vec<u8>),
}

/// A socket on packets of the link layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PacketSocket {
    /// 3 raw, 2 datagram.
    pub kind: u8,
    /// `ETH_P_…`; 3 is every protocol.
    pub protocol: u16,
    /// Its interface; 0 for all.
    pub interface: u32,
    /// Bytes received and not read.
    pub receive_queue: u32,
    /// Whose it is.
    pub uid: u32,
    /// Of its file.
    pub inode: u64,
}

/// A socket to the kernel's netlink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NetlinkSocket {
    /// 0 route, 4 `sock_diag`, 15 uevent, 16 generic, …
    pub protocol: u8,
    /// Its port: mostly the pid of who made it; 0 for the kernel's own.
    pub port_id: u32,
    /// Bytes received and not read.
    pub receive_queue: u32,
    /// Bytes sent and not read.
    pub send_queue: u32,
    /// Messages dropped because the receive queue was full.
    pub drops: u32,
    /// Of its file.
    pub inode: u64,
}

/// A socket to a hypervisor or a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VsockSocket {
    /// 1 stream, 2 datagram, 5 sequenced packets.
    pub kind: u8,
    /// As in [`InetSocket`].
    pub state: u8,
    /// Context id and port where it is bound.
    pub local: (u32, u32),
    /// Context id and port of its peer.
    pub peer: (u32, u32),
    /// Of its file.
    pub inode: u64,
}

/// A queue's length: the kernel computes it as a signed number, without a lock.
pub(super) fn queue(value: u32) -> Option<u32> {
    i32::try_from(value).is_ok().then_some(value)
}
