//! A socket, and the network namespace that it is in.

mod kinds;

// Addresses only: nothing here can open a connection.
use core::net::IpAddr;
#[cfg(test)]
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::Arc;

#[cfg(test)]
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::byte_string::ByteString;
use super::seen::Seen;

pub use kinds::{Family, Protocol, SocketType, Source, State, TimerKind};

/// One socket, as the network namespace of the target lists it.
///
/// A field marked *only `sock_diag`* is `null` with a gap where the text tables were read instead.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Socket {
    /// The protocol; `family` tells IPv4 from IPv6.
    pub protocol: Protocol,
    /// The address family.
    pub family: Family,
    /// The socket type of unix, packet and vsock sockets.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<SocketType>,
    /// Its state.
    pub state: State,
    /// With `--all`: which network namespace it is in, by the `pid` in `socket_sources`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_namespace_of: Option<i32>,
    /// Where it is bound; `0.0.0.0` and `::` are every address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_address: Option<IpAddr>,
    /// The port there (of an icmp socket: its identifier); absent for raw sockets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_port: Option<u32>,
    /// The remote address; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_address: Option<IpAddr>,
    /// The remote port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_port: Option<u32>,
    /// Context id of a vsock socket; absent for any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_cid: Option<u32>,
    /// Context id of its peer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_cid: Option<u32>,
    /// An IPv6 socket that speaks IPv4: its addresses are `::ffff:a.b.c.d`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub v4_mapped: bool,
    /// Of sockets bound to `::`: whether IPv4 does not reach it. Only `sock_diag`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v6_only: Option<Seen<bool>>,
    /// The interface that it is bound to; of link-local addresses the scope id. Only
    /// `sock_diag`: from the text tables it is `null` for link-local addresses and absent for
    /// others; packet sockets always have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface_index: Option<Seen<u32>>,
    /// The name of that interface, in the network namespace of the socket; absent where nothing
    /// that can be read names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<Box<ByteString>>,
    /// Of listeners, and of unconnected UDP: whether only this network namespace reaches it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loopback_only: Option<bool>,
    /// Received and not read by the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receive_queue_bytes: Option<Seen<u32>>,
    /// Sent and not acknowledged (unix: not read) by the peer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_queue_bytes: Option<Seen<u32>>,
    /// Of listeners: connections waiting to be accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept_queue: Option<Seen<u32>>,
    /// Of listeners: how many may wait. Only `sock_diag`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept_queue_limit: Option<Seen<u32>>,
    /// Datagrams or messages lost because the receive queue was full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drops: Option<u32>,
    /// The running timer; absent where none runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timer: Option<Timer>,
    /// Protocol number of a raw, packet (`ETH_P_…`) or netlink socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol_number: Option<u16>,
    /// Port of a netlink socket: usually the pid of its creator; 0 is the kernel's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_id: Option<u32>,
    /// Path that a unix socket is bound to, as it was bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Box<ByteString>>,
    /// Abstract name that it is bound to, without the NUL (in tables: `@`) before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abstract_name: Option<Box<ByteString>>,
    /// Inode of the unix socket at the other end. Only `sock_diag`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_inode: Option<Seen<u32>>,
    /// The processes that hold the peer, as far as known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_owners: Option<Box<[Owner]>>,
    /// The uid of its owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<Seen<u32>>,
    /// Inode of its file; absent where it has none: in `time_wait`, or closed and not done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inode: Option<NonZeroU64>,
    /// The processes that hold it; several where it was inherited or passed on. Absent without
    /// inode, and where owners were not requested. Empty: all inspected processes were readable and
    /// none holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owners: Option<Seen<Box<[Owner]>>>,
    /// With empty `owners`: another container of the pod holds it, a process of another
    /// PID namespace, the kernel itself, or someone who opened it after the walk.
    #[serde(default, skip_serializing_if = "is_false")]
    pub held_elsewhere: bool,
    /// With `--extended`: TCP details of the connection. Only `sock_diag`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<Seen<Box<Tcp>>>,
}

/// A process that holds a socket.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Owner {
    /// Its id.
    pub pid: i32,
    /// Its name; one in memory for all its sockets.
    #[serde(serialize_with = "shared", deserialize_with = "unshared")]
    #[cfg_attr(test, schemars(with = "ByteString"))]
    pub name: Arc<ByteString>,
    /// The descriptor.
    pub fd: i32,
}

fn shared<S: Serializer>(name: &Arc<ByteString>, serializer: S) -> Result<S::Ok, S::Error> {
    name.as_ref().serialize(serializer)
}

fn unshared<'de, D: Deserializer<'de>>(source: D) -> Result<Arc<ByteString>, D::Error> {
    ByteString::deserialize(source).map(Arc::new)
}

/// The timer of a TCP socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Timer {
    /// Its purpose.
    pub kind: TimerKind,
    /// When it fires.
    #[serde(rename = "expires_in_seconds")]
    pub expires_in: Milliseconds,
    /// How often it fired without an answer.
    pub retransmits: u32,
}

/// Milliseconds that are written as seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Milliseconds(pub u32);

impl Serialize for Milliseconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.0) / 1e3)
    }
}

impl<'de> Deserialize<'de> for Milliseconds {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast of a float goes no further than the bounds"
    )]
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(source)?;
        Ok(Self((seconds * 1e3).round() as u32))
    }
}

#[cfg(test)]
impl JsonSchema for Milliseconds {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Seconds".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "number", "minimum": 0})
    }
}

/// TCP details of a connection: `struct tcp_info`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Tcp {
    /// Smoothed round-trip time.
    pub rtt_seconds: f64,
    /// Mean deviation of the round-trip time.
    pub rtt_deviation_seconds: f64,
    /// Congestion window.
    pub congestion_window_segments: u32,
    /// Maximum segment size to the peer.
    pub segment_bytes: u32,
    /// Retransmitted segments in total.
    pub retransmits: u32,
    /// Sent, retransmissions included; absent before Linux 4.19.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_sent: Option<u64>,
    /// Acknowledged by the peer; absent before Linux 4.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_acknowledged: Option<u64>,
    /// Received in order; absent before Linux 4.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_received: Option<u64>,
}

/// The number of sockets of a protocol and state: `--summary`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SocketSum {
    /// With `--all`: which network namespace, by the `pid` in `socket_sources`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_namespace_of: Option<i32>,
    /// The protocol.
    pub protocol: Protocol,
    /// The address family.
    pub family: Family,
    /// Their state.
    pub state: State,
    /// Their own port, where that is one that listens and sums were asked for by port.
    #[serde(skip)]
    pub local_port: Option<u32>,
    /// How many.
    pub count: u64,
}

/// A network namespace whose sockets are listed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SocketSources {
    /// With `--all`: the number that `/proc/PID/ns/net` names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_namespace: Option<Seen<u64>>,
    /// The process whose `/proc/PID/net` was read.
    pub pid: i32,
    /// The names of the containers that have processes in it.
    pub containers: Vec<String>,
    /// Whether spyhole is in it too, so that `sock_diag` can serve.
    pub same_as_viewer: bool,
    /// Where the sockets of each protocol were read; a protocol that is missing could not be read.
    pub sources: BTreeMap<String, Source>,
}

impl Socket {
    /// A socket of which nothing more is known.
    #[must_use]
    pub fn bare(protocol: Protocol, family: Family, state: State) -> Self {
        Self {
            protocol,
            family,
            kind: None,
            state,
            net_namespace_of: None,
            local_address: None,
            local_port: None,
            peer_address: None,
            peer_port: None,
            local_cid: None,
            peer_cid: None,
            v4_mapped: false,
            v6_only: None,
            interface_index: None,
            interface: None,
            loopback_only: None,
            receive_queue_bytes: None,
            send_queue_bytes: None,
            accept_queue: None,
            accept_queue_limit: None,
            drops: None,
            timer: None,
            protocol_number: None,
            port_id: None,
            path: None,
            abstract_name: None,
            peer_inode: None,
            peer_owners: None,
            uid: None,
            inode: None,
            owners: None,
            held_elsewhere: false,
            tcp: None,
        }
    }

    /// Whether a listener refuses connections because too many wait to be accepted.
    #[must_use]
    pub fn accept_queue_full(&self) -> bool {
        match (&self.accept_queue, &self.accept_queue_limit) {
            // The kernel lets one more in than the limit says.
            (Some(Seen::Value(queue)), Some(Seen::Value(limit))) => queue > limit,
            _ => false,
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_document() {
        for state in State::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }

    #[test]
    fn a_hundred_thousand_fit() {
        assert!(size_of::<Socket>() <= 264, "{}", size_of::<Socket>());
    }
}
