//! The section `network`: interfaces, addresses, routes and what else a network namespace is made
//! of, and how names are looked up in it.

// Addresses only: nothing here can open a connection.
use core::net::IpAddr;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::byte_string::ByteString;
use super::seen::Seen;

/// The network namespace of the main process. With flags that choose a part, only that part.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Network {
    /// The main process.
    pub pid: i32,
    /// Where interfaces, addresses, routes, rules and neighbours were read.
    pub source: NetworkSource,
    /// The interfaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interfaces: Option<Seen<Vec<NetworkInterface>>>,
    /// The addresses of the interfaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addresses: Option<Seen<Vec<InterfaceAddress>>>,
    /// The routes of every table but `local`, which repeats the addresses. From `/proc` only the
    /// IPv4 routes of the table `main`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routes: Option<Seen<Vec<NetworkRoute>>>,
    /// The rules that choose a table, by priority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<Seen<Vec<RoutingRule>>>,
    /// The neighbours: addresses on the link with their link-layer addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neighbours: Option<Seen<Vec<Neighbour>>>,
    /// How names are looked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<DnsConfiguration>,
    /// Counters that point to trouble.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counters: Option<Seen<NetworkCounters>>,
    /// With `--counters`: all of them, by the names that nstat(8) gives them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_counters: Option<Seen<BTreeMap<String, u64>>>,
    /// Connection tracking; absent where the kernel does not track.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conntrack: Option<Conntrack>,
    /// The local ports of connections that do not ask for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ephemeral_ports: Option<Seen<EphemeralPorts>>,
}

/// Where it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum NetworkSource {
    /// rtnetlink, which serves the network namespace that spyhole is in.
    Netlink,
    /// The text files below `/proc/PID/net`.
    Proc,
}

/// A network interface. What only rtnetlink says is `null` with a gap where `source` is `proc`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NetworkInterface {
    /// Its number; from `proc` only of those with an address.
    pub index: Seen<u32>,
    /// Its name.
    pub name: ByteString,
    /// What it is: `ether`, `loopback`, …, or the kernel's number. Only rtnetlink.
    pub link_type: Seen<String>,
    /// The kind of a virtual one: `veth`, `bridge`, …; absent for others. Only rtnetlink.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Seen<String>>,
    /// Whether it can pass data: `up`, `down`, `lower_layer_down`, `dormant`, `unknown`, …. Only
    /// rtnetlink.
    pub state: Seen<String>,
    /// `up`, `lower_up`, `broadcast`, `multicast`, …, as ip(8) prints them, in lower case. Only
    /// rtnetlink.
    pub flags: Seen<Vec<String>>,
    /// The longest packet, in bytes. Only rtnetlink.
    pub mtu_bytes: Seen<u32>,
    /// Its link-layer address; absent without one. Only rtnetlink.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac_address: Option<Seen<String>>,
    /// The interface that it is on, or the other end of a veth pair, which may be in another
    /// namespace; absent without one. Only rtnetlink.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lower_index: Option<Seen<u32>>,
    /// The bridge or bond that it belongs to; absent without one. Only rtnetlink.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_index: Option<Seen<u32>>,
    /// What it received, since it was made.
    pub received: Seen<InterfaceTraffic>,
    /// What it sent.
    pub sent: Seen<InterfaceTraffic>,
}

/// What passed an interface in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct InterfaceTraffic {
    /// Bytes.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// Packets with errors.
    pub errors: u64,
    /// Packets dropped; of those received also the ones that the device missed, as in
    /// `/proc/net/dev`.
    pub dropped: u64,
}

/// An address of an interface.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct InterfaceAddress {
    /// The address.
    pub address: IpAddr,
    /// The length of its network's prefix in bits; of IPv4 only by rtnetlink.
    pub prefix_length: Seen<u8>,
    /// The name of its interface; of IPv4 only by rtnetlink.
    pub interface: Seen<ByteString>,
    /// Where it is valid: `global`, `site`, `link`, `host`, or a number; of IPv4 only by rtnetlink.
    pub scope: Seen<String>,
    /// The other end of a point-to-point link; absent without one. Only rtnetlink.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<IpAddr>,
    /// `permanent`, `tentative`, `dadfailed`, `deprecated`, …; of IPv4 only by rtnetlink.
    pub flags: Seen<Vec<String>>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NetworkRoute {
    /// The network that it leads to; with a prefix of 0 bits it is the default route.
    pub destination: IpAddr,
    /// The length of that network's prefix in bits.
    pub prefix_length: u8,
    /// What becomes of packets: `unicast`, `blackhole`, `unreachable`, `prohibit`, `throw`, …; those
    /// that refuse are told apart only by rtnetlink.
    pub kind: Seen<String>,
    /// The next hops: one, several of a multipath route, none of one that refuses. From `proc` of
    /// several IPv4 hops only the first.
    pub next_hops: Vec<NextHop>,
    /// Preferred over routes with a higher one.
    pub metric: u32,
    /// The source address of packets that have none yet; absent without one. Only rtnetlink.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_source: Option<IpAddr>,
    /// Who made it: `kernel`, `boot`, `static`, `dhcp`, `ra`, …, or a number. Only rtnetlink.
    pub protocol: Seen<String>,
    /// How far the destination is: `global`, `link`, `host`, …. Only rtnetlink.
    pub scope: Seen<String>,
    /// Its table: `main`, `default`, or a number; of IPv6 only by rtnetlink.
    pub table: Seen<String>,
    /// The longest packet on it, in bytes; absent where it is that of the interface. Only rtnetlink.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu_bytes: Option<u32>,
}

/// A next hop of a route.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NextHop {
    /// The router; absent where the destination is on the link itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// The name of the interface.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<Seen<ByteString>>,
    /// Its share among several, from 1.
    pub weight: u32,
    /// `dead`, `linkdown`, `onlink`, …. Only rtnetlink.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
}

/// A rule that chooses the table in which a route is looked up.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RoutingRule {
    /// The lowest is tried first.
    pub priority: u32,
    /// The sources that it applies to; a prefix of 0 bits is every one, and tells the family.
    pub source: IpAddr,
    /// The length of that prefix in bits.
    pub source_prefix_length: u8,
    /// The destinations that it applies to.
    pub destination: IpAddr,
    /// The length of that prefix in bits.
    pub destination_prefix_length: u8,
    /// What it does: `table`, `goto`, `nop`, `blackhole`, `unreachable`, `prohibit`, or a number.
    pub action: String,
    /// The table that is looked in: `local`, `main`, `default`, or a number; absent for other
    /// actions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// The priority that `goto` goes on with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goto_priority: Option<u32>,
    /// Whether it applies to what does not match.
    #[serde(default, skip_serializing_if = "is_false")]
    pub inverted: bool,
    /// Every further condition, as ip(8) writes it: `fwmark 0x1/0xff`, `iif eth0`, `uidrange 0-99`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<ByteString>,
}

/// A neighbour on the link.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Neighbour {
    /// Its address.
    pub address: IpAddr,
    /// The name of the interface that it is on.
    pub interface: Seen<ByteString>,
    /// Its link-layer address; absent where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac_address: Option<String>,
    /// `reachable`, `stale`, `delay`, `probe`, `failed`, `incomplete`, `permanent` or `noarp`; from
    /// `proc` only `permanent`.
    pub state: Seen<String>,
}

/// How names are looked up: the files of the target, and which of them its resolver reads.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DnsConfiguration {
    /// `/etc/resolv.conf`; without it 127.0.0.1 is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolv_conf: Option<Seen<ResolverConfiguration>>,
    /// `/etc/hosts`; absent if it does not exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Seen<Vec<HostsEntry>>>,
    /// The sources of the line `hosts` in `/etc/nsswitch.conf`, in their order, with their actions
    /// such as `[NOTFOUND=return]`; absent if there is no such line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nsswitch_hosts: Option<Seen<Vec<ByteString>>>,
    /// The lines of `/etc/host.conf`; absent if it does not exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_conf: Option<Seen<Vec<ByteString>>>,
    /// What looks names up in the main program.
    pub resolver: Seen<Resolver>,
    /// Files and settings that are there and that this resolver does not read, a sentence each.
    pub ignored: Vec<String>,
}

/// What looks names up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Resolver {
    /// The GNU C library.
    Glibc,
    /// The C library musl.
    Musl,
    /// Go's own.
    Go,
    /// Go's own, or the C library where Go finds a setting that it does not know.
    GoOrLibc,
    /// A static program that does not tell.
    Unknown,
}

/// `/etc/resolv.conf`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ResolverConfiguration {
    /// The name servers, with the zone of a link-local one: at most three, as libc asks no more.
    pub name_servers: Vec<String>,
    /// How many more are named.
    pub name_servers_left_out: usize,
    /// The domains that complete a name; at most 32.
    pub search: Vec<ByteString>,
    /// How many more are named.
    pub search_left_out: usize,
    /// A name with at least this many dots is first asked as it is.
    pub ndots: usize,
    /// How long a server is waited for, in seconds.
    pub timeout_seconds: u64,
    /// How often each server is asked.
    pub attempts: u32,
    /// Further options that are set: `rotate`, `use-vc`, `no-aaaa`.
    pub options: Vec<String>,
    /// Lines, from 1, that no resolver understands; the first eight.
    pub bad_lines: Vec<usize>,
}

/// A line of `/etc/hosts`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct HostsEntry {
    /// The address, with its zone.
    pub address: String,
    /// The names that it has.
    pub names: Vec<ByteString>,
}

/// What a network namespace counts since it was made. A counter that this kernel does not have is
/// absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NetworkCounters {
    /// TCP of both families: `net/snmp` and `net/netstat`.
    pub tcp: BTreeMap<String, u64>,
    /// UDP over IPv4: `net/snmp`.
    pub udp: BTreeMap<String, u64>,
    /// UDP over IPv6: `net/snmp6`.
    pub udp6: BTreeMap<String, u64>,
    /// IPv4.
    pub ip: BTreeMap<String, u64>,
    /// IPv6.
    pub ip6: BTreeMap<String, u64>,
}

/// Connection tracking.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Conntrack {
    /// Connections that are tracked in this namespace.
    pub entries: Seen<u64>,
    /// How many there may be: `nf_conntrack_max`; 0 is no limit.
    pub limit: Seen<u64>,
    /// `entries` in percent of `limit`; absent without a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_percent: Option<f64>,
}

/// Local ports for connections that ask for none: `net.ipv4.ip_local_port_range`, for IPv6 too.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EphemeralPorts {
    /// The first one.
    pub first: u16,
    /// The last one.
    pub last: u16,
    /// Ports of the range that a TCP socket in any state has, `time_wait` included.
    pub tcp_used: Seen<u32>,
    /// `tcp_used` in percent of the range; absent if it was not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_percent: Option<f64>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(flag: &bool) -> bool {
    !flag
}
