//! The words of a socket: protocol, family, type, state, timer and source.

use serde::{Deserialize, Serialize};

/// Where sockets were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The kernel's netlink interface.
    SockDiag,
    /// The text tables in `/proc/PID/net`.
    Proc,
}

/// Protocols, in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is its own word")]
pub enum Protocol {
    Tcp,
    Udp,
    Raw,
    Icmp,
    Unix,
    Packet,
    Netlink,
    Vsock,
}

/// Address families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is its own word")]
pub enum Family {
    Inet,
    Inet6,
    Unix,
    Packet,
    Netlink,
    Vsock,
}

/// The type of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SocketType {
    /// A stream of bytes.
    Stream,
    /// Datagrams.
    Dgram,
    /// Whole packets, in order.
    Seqpacket,
    /// Raw packets.
    Raw,
    /// Any other number.
    Other,
}

/// The purpose of a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TimerKind {
    /// Retransmission.
    Retransmit,
    /// Keepalive.
    Keepalive,
    /// TIME-WAIT: to forget a closed connection.
    TimeWait,
    /// Zero-window probe.
    WindowProbe,
    /// Any other number.
    Other,
}

/// The state of a socket: those of TCP, and `unconnected` for a socket without a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the states of TCP, tcp(7)")]
pub enum State {
    Listen,
    Unconnected,
    Established,
    SynSent,
    SynRecv,
    #[serde(rename = "fin_wait1")]
    FinWait1,
    #[serde(rename = "fin_wait2")]
    FinWait2,
    TimeWait,
    Close,
    CloseWait,
    LastAck,
    Closing,
    BoundInactive,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Listen,
        Self::Unconnected,
        Self::Established,
        Self::SynSent,
        Self::SynRecv,
        Self::FinWait1,
        Self::FinWait2,
        Self::TimeWait,
        Self::Close,
        Self::CloseWait,
        Self::LastAck,
        Self::Closing,
        Self::BoundInactive,
    ];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Listen => "listen",
            Self::Unconnected => "unconnected",
            Self::Established => "established",
            Self::SynSent => "syn_sent",
            Self::SynRecv => "syn_recv",
            Self::FinWait1 => "fin_wait1",
            Self::FinWait2 => "fin_wait2",
            Self::TimeWait => "time_wait",
            Self::Close => "close",
            Self::CloseWait => "close_wait",
            Self::LastAck => "last_ack",
            Self::Closing => "closing",
            Self::BoundInactive => "bound_inactive",
        }
    }
}

impl Protocol {
    /// The word for it, as in tables and in `sources`; a 6 follows for IPv6.
    #[must_use]
    pub fn word(self, family: Family) -> &'static str {
        match (self, family) {
            (Self::Tcp, Family::Inet6) => "tcp6",
            (Self::Tcp, _) => "tcp",
            (Self::Udp, Family::Inet6) => "udp6",
            (Self::Udp, _) => "udp",
            (Self::Raw, Family::Inet6) => "raw6",
            (Self::Raw, _) => "raw",
            (Self::Icmp, Family::Inet6) => "icmp6",
            (Self::Icmp, _) => "icmp",
            (Self::Unix, _) => "unix",
            (Self::Packet, _) => "packet",
            (Self::Netlink, _) => "netlink",
            (Self::Vsock, _) => "vsock",
        }
    }
}
