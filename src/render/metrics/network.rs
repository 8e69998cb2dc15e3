//! Traffic of interfaces with the meaning that cAdvisor gives such names, and counters of the
//! network namespace.

use super::family::Family;
use super::{Figures, Page, number};
use crate::model::Report;
use crate::model::label::label;
use crate::model::network::{InterfaceTraffic, Network, NetworkInterface};
use crate::model::process_group::OTHER;
use crate::model::seen::Seen;

/// Interfaces with a label of their own.
const INTERFACES: usize = 50;

/// The part of the section `network`.
pub(crate) fn collect(report: &Report, _: &Figures<'_>, page: &mut Page) {
    let Some(network) = &report.network else {
        return;
    };
    if let Some(Seen::Value(interfaces)) = &network.interfaces {
        page.add(of_interfaces(interfaces));
        let folded = interfaces.len().saturating_sub(INTERFACES);
        page.fold("interfaces", folded);
    }
    page.add(of_counters(network));
    page.add(of_limits(network));
}

fn of_interfaces(interfaces: &[NetworkInterface]) -> [Family; 8] {
    let family = |name, help, value: fn(&NetworkInterface) -> Option<u64>| {
        let mut family = Family::counter(name, help);
        for (at, interface) in interfaces.iter().enumerate() {
            let known = at < INTERFACES;
            let name = if known {
                interface.name.as_bytes()
            } else {
                OTHER.as_bytes()
            };
            if let Some(value) = value(interface) {
                family.add([("interface", label(name))], number(value));
            }
        }
        family
    };
    [
        family(
            "spyhole_network_receive_bytes_total",
            "Bytes received by the interface.",
            |one| Some(received(one)?.bytes),
        ),
        family(
            "spyhole_network_receive_packets_total",
            "Packets received by the interface.",
            |one| Some(received(one)?.packets),
        ),
        family(
            "spyhole_network_receive_errors_total",
            "Packets received with errors.",
            |one| Some(received(one)?.errors),
        ),
        family(
            "spyhole_network_receive_packets_dropped_total",
            "Packets dropped while receiving.",
            |one| Some(received(one)?.dropped),
        ),
        family(
            "spyhole_network_transmit_bytes_total",
            "Bytes sent by the interface.",
            |one| Some(sent(one)?.bytes),
        ),
        family(
            "spyhole_network_transmit_packets_total",
            "Packets sent by the interface.",
            |one| Some(sent(one)?.packets),
        ),
        family(
            "spyhole_network_transmit_errors_total",
            "Packets that could not be sent.",
            |one| Some(sent(one)?.errors),
        ),
        family(
            "spyhole_network_transmit_packets_dropped_total",
            "Packets dropped while sending.",
            |one| Some(sent(one)?.dropped),
        ),
    ]
}

fn received(interface: &NetworkInterface) -> Option<&InterfaceTraffic> {
    interface.received.value()
}

fn sent(interface: &NetworkInterface) -> Option<&InterfaceTraffic> {
    interface.sent.value()
}

fn of_counters(network: &Network) -> [Family; 7] {
    let counters = network.counters.as_ref().and_then(Seen::value);
    let tcp = |name: &str| counters.and_then(|all| all.tcp.get(name)).copied();
    let counter =
        |name, help, value: Option<u64>| Family::counter(name, help).with(value.map(number));
    let udp = |name, help, key: &str| {
        let mut family = Family::counter(name, help);
        let families = counters.map(|all| [("inet", &all.udp), ("inet6", &all.udp6)]);
        for (word, counted) in families.into_iter().flatten() {
            if let Some(value) = counted.get(key) {
                family.add([("family", word.to_owned())], number(*value));
            }
        }
        family
    };
    [
        counter(
            "spyhole_network_tcp_retransmitted_segments_total",
            "TCP segments sent again.",
            tcp("retransmitted_segments"),
        ),
        counter(
            "spyhole_network_tcp_listen_overflows_total",
            "Connections dropped because the accept queue of a listener was full.",
            tcp("listen_overflows"),
        ),
        counter(
            "spyhole_network_tcp_listen_drops_total",
            "Connections that a listener dropped for any reason.",
            tcp("listen_drops"),
        ),
        counter(
            "spyhole_network_tcp_resets_sent_total",
            "TCP resets sent.",
            tcp("resets_sent"),
        ),
        counter(
            "spyhole_network_tcp_established_resets_total",
            "Established TCP connections that were reset by either side.",
            tcp("established_resets"),
        ),
        udp(
            "spyhole_network_udp_receive_errors_total",
            "UDP datagrams that were received and could not be delivered.",
            "receive_errors",
        ),
        udp(
            "spyhole_network_udp_receive_buffer_errors_total",
            "UDP datagrams dropped because a receive buffer was full.",
            "receive_buffer_errors",
        ),
    ]
}

fn of_limits(network: &Network) -> [Family; 4] {
    let gauge = |name, help, value: Option<u64>| Family::gauge(name, help).with(value.map(number));
    let conntrack = network.conntrack.as_ref();
    let ports = network.ephemeral_ports.as_ref().and_then(Seen::value);
    let limit = conntrack.and_then(|one| one.limit.value().copied());
    [
        gauge(
            "spyhole_network_conntrack_entries",
            "Connections that are tracked; absent if the kernel does not track.",
            conntrack.and_then(|one| one.entries.value().copied()),
        ),
        gauge(
            "spyhole_network_conntrack_entries_limit",
            "Limit on tracked connections; absent without a limit.",
            limit.filter(|limit| *limit > 0),
        ),
        gauge(
            "spyhole_network_ephemeral_ports_used",
            "Ephemeral ports that TCP sockets have.",
            ports.and_then(|one| one.tcp_used.value().copied().map(u64::from)),
        ),
        gauge(
            "spyhole_network_ephemeral_ports_limit",
            "Ephemeral ports there are.",
            ports.map(|one| u64::from(one.last.abs_diff(one.first)) + 1),
        ),
    ]
}
