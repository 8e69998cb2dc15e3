//! Sockets by protocol and state, and what goes on at the ports that listen.

use std::collections::BTreeSet;

use super::family::{Family, Labels};
use super::{Figures, Page, number};
use crate::model::Report;
use crate::model::label::label;
use crate::model::process_group::OTHER;
use crate::model::socket::{
    Family as AddressFamily, Protocol, Socket, SocketSources, SocketSum, State,
};

/// Ports with a label of their own.
const PORTS: usize = 100;

/// The part of the section `sockets`.
pub(crate) fn collect(report: &Report, _: &Figures<'_>, page: &mut Page) {
    let Some(sums) = &report.socket_sums else {
        return;
    };
    let sources = report.socket_sources.as_deref().unwrap_or_default();
    let listeners = report.sockets.as_deref().unwrap_or_default();
    let (families, more) = families(sums, listeners, sources);
    page.add(families);
    page.fold("listening_ports", more);
}

/// The metrics, and how many ports are merged.
fn families(
    sums: &[SocketSum],
    listeners: &[Socket],
    sources: &[SocketSources],
) -> (Vec<Family>, usize) {
    let network = |of: Option<i32>| network(of, sources);
    let mut sockets = Family::gauge(
        "spyhole_sockets",
        "Sockets by protocol, address family and state; states without sockets are absent.",
    );
    let mut at_port = Family::gauge(
        "spyhole_listening_port_sockets",
        "TCP sockets by state whose local port is a listening one.",
    );
    let mut queue = Family::gauge(
        "spyhole_listening_port_accept_queue_connections",
        "Connections waiting to be accepted.",
    );
    let mut limit = Family::gauge(
        "spyhole_listening_port_accept_queue_limit_connections",
        "Maximum length of the accept queue; absent if sock_diag is not available.",
    );
    let listening: BTreeSet<u32> = listeners.iter().filter_map(port).collect();
    let known: BTreeSet<u32> = listening.iter().copied().take(PORTS).collect();
    let folded = listening.len() - known.len();
    let place = |port: u32| {
        if known.contains(&port) {
            port.to_string()
        } else {
            OTHER.to_owned()
        }
    };
    for sum in sums {
        let labels: Labels = vec![
            ("network", network(sum.net_namespace_of)),
            ("protocol", protocol(sum.protocol).to_owned()),
            ("family", family(sum.family).to_owned()),
            ("state", sum.state.as_str().to_owned()),
        ];
        sockets.add_labels(labels, number(sum.count));
        if let Some(port) = sum.local_port
            && sum.protocol == Protocol::Tcp
        {
            let labels = [
                ("network", network(sum.net_namespace_of)),
                ("port", place(port)),
                ("state", sum.state.as_str().to_owned()),
            ];
            at_port.add(labels, number(sum.count));
        }
    }
    for listener in listeners {
        let Some(port) = port(listener) else { continue };
        let address = listener.local_address;
        let address = address.filter(|_| known.contains(&port));
        let labels = || {
            [
                ("network", network(listener.net_namespace_of)),
                (
                    "address",
                    address.map_or_else(String::new, |address| address.to_string()),
                ),
                ("port", place(port)),
            ]
        };
        let value = |field: &Option<crate::model::Seen<u32>>| field.as_ref()?.value().copied();
        if let Some(waiting) = value(&listener.accept_queue) {
            queue.add(labels(), waiting.into());
        }
        if let Some(most) = value(&listener.accept_queue_limit) {
            limit.add(labels(), most.into());
        }
    }
    (vec![sockets, at_port, queue, limit], folded)
}

/// The port of a TCP listener.
fn port(socket: &Socket) -> Option<u32> {
    let listens = socket.protocol == Protocol::Tcp && socket.state == State::Listen;
    socket.local_port.filter(|_| listens)
}

/// Which network, where several are visible: that of the first container that is in it, or of its
/// pod.
fn network(of: Option<i32>, sources: &[SocketSources]) -> String {
    let ([_, _, ..], Some(pid)) = (sources, of) else {
        return String::new();
    };
    let source = sources.iter().find(|source| source.pid == pid);
    let first = source.and_then(|source| source.containers.first());
    // Among several pods the first container is often the pause, whose id changes; the pod stays.
    let pod = |name: &String| match name.rsplit_once('/') {
        Some((pod, _)) => label(pod.as_bytes()),
        None => label(name.as_bytes()),
    };
    first.map_or_else(|| OTHER.to_owned(), pod)
}

fn protocol(protocol: Protocol) -> &'static str {
    protocol.word(AddressFamily::Inet)
}

fn family(family: AddressFamily) -> &'static str {
    match family {
        AddressFamily::Inet => "inet",
        AddressFamily::Inet6 => "inet6",
        AddressFamily::Unix => "unix",
        AddressFamily::Packet => "packet",
        AddressFamily::Netlink => "netlink",
        AddressFamily::Vsock => "vsock",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_that_of_its_first_container_or_pod() {
        let source = |pid, containers: &[&str]| SocketSources {
            net_namespace: None,
            pid,
            containers: containers.iter().map(ToString::to_string).collect(),
            same_as_viewer: false,
            sources: std::collections::BTreeMap::new(),
        };
        let sources = [
            source(1, &["shop/web/0123456789ab", "shop/web/app"]),
            source(2, &["db"]),
            source(3, &[]),
        ];
        let of = |pid| network(Some(pid), &sources);
        assert_eq!([of(1), of(2), of(3)], ["shop/web", "db", OTHER]);
        assert_eq!(network(Some(1), sources.get(..1).unwrap()), "");
    }
}
