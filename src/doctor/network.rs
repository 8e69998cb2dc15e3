//! Listeners, connections and name resolution.

use core::net::IpAddr;
use std::collections::BTreeMap;

use super::facts::{Facts, NotJudged, holder, local_end, peer_end, seen, seen_if_there};
use super::rule::{Evidence, Judged, Rule, Severity, gather};
use crate::model::socket::{Socket, State};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "SPY-NET-001",
        severity: Severity::Risk,
        title: "All listeners are bound to loopback",
        reads: &[
            "sockets",
            "sockets.owners",
            "sockets.loopback_only",
            "sockets.state",
        ],
        why: "A kubelet probe, a Service or another pod reaches the address of the pod, never its loopback.",
        remedy: "Bind to 0.0.0.0 or [::] (often a --listen flag or a HOST variable).",
        wrong_if: "Only containers of the same pod are to connect.",
        judge: loopback_only,
    },
    Rule {
        id: "SPY-NET-002",
        severity: Severity::Problem,
        title: "An accept queue is full",
        reads: &[
            "sockets",
            "sockets.owners",
            "sockets.accept_queue",
            "sockets.accept_queue_limit",
        ],
        why: "The kernel drops further connections until the application accepts those that wait.",
        remedy: "Find out why the application does not accept: spyhole ps --threads; a larger backlog only delays it.",
        wrong_if: "The queue is empty in the next look.",
        judge: accept_queue_full,
    },
    Rule {
        id: "SPY-NET-003",
        severity: Severity::Risk,
        title: "Accept queues have overflowed",
        reads: &["network.counters"],
        why: "Each overflow is a client that had to try again or gave up.",
        remedy: "Accept faster, or raise the backlog of listen(2) and net.core.somaxconn.",
        wrong_if: "The counters do not grow: they count since the network namespace began, for all of its containers.",
        judge: listen_overflows,
    },
    Rule {
        id: "SPY-NET-004",
        severity: Severity::Problem,
        title: "Nothing listens on an expected port",
        reads: &["sockets", "sockets.owners", "sockets.local_port"],
        why: "Clients of that port are refused.",
        remedy: "Compare the port that the application is configured for with the one that is expected.",
        wrong_if: "The application has not finished starting.",
        judge: expected_port_absent,
    },
    Rule {
        id: "SPY-NET-005",
        severity: Severity::Problem,
        title: "Connections that the peer has closed are kept open",
        reads: &["sockets", "sockets.owners", "sockets.state"],
        why: "Each CLOSE_WAIT keeps a descriptor until the application closes it: it runs out of them.",
        remedy: "Close the connection after the end of its input; look at what never reads: spyhole ss -tanp state close-wait.",
        wrong_if: "Their number does not grow.",
        judge: close_wait,
    },
    Rule {
        id: "SPY-NET-006",
        severity: Severity::Problem,
        title: "A peer does not answer",
        reads: &["sockets", "sockets.owners", "sockets.state"],
        why: "The application waits until connect(2) times out, two minutes and more.",
        remedy: "Check that the peer runs and that no network policy or firewall drops packets to it: spyhole check tcp:HOST:PORT.",
        wrong_if: "The peer is only slow: the connection is established in the next look.",
        judge: syn_sent,
    },
    Rule {
        id: "SPY-NET-007",
        severity: Severity::Problem,
        title: "Ephemeral ports run out",
        reads: &[
            "network.ephemeral_ports",
            "network.ephemeral_ports.tcp_used",
        ],
        why: "Without a free port, connect(2) fails with EADDRNOTAVAIL.",
        remedy: "Reuse connections; spread them over more peers or addresses; widen net.ipv4.ip_local_port_range.",
        wrong_if: "The connections go to many different peers: a port may serve several.",
        judge: ephemeral_ports,
    },
    Rule {
        id: "SPY-NET-008",
        severity: Severity::Problem,
        title: "No name server is configured",
        reads: &["network.dns.resolv_conf", "network.addresses"],
        why: "Without /etc/resolv.conf, resolvers ask 127.0.0.1, where nothing answers.",
        remedy: "Let the engine write /etc/resolv.conf, or set dnsPolicy and dnsConfig of the pod.",
        wrong_if: "The application resolves no names.",
        judge: no_name_server,
    },
    Rule {
        id: "SPY-NET-009",
        severity: Severity::Hint,
        title: "Each external name costs many DNS queries",
        reads: &["network.dns.resolv_conf", "environment.variables"],
        why: "A name with fewer dots than ndots is first asked for in each search domain, for A and AAAA.",
        remedy: "End external names with a dot, or set dnsConfig: {options: [{name: ndots, value: \"2\"}]}.",
        wrong_if: "The application asks for few external names.",
        judge: ndots,
    },
    Rule {
        id: "SPY-NET-010",
        severity: Severity::Problem,
        title: "No listener has an address family that the interfaces have",
        reads: &[
            "sockets",
            "sockets.owners",
            "sockets.v6_only",
            "network.addresses",
        ],
        why: "Clients connect to an address of the interfaces, for which nothing listens.",
        remedy: "Bind to [::] without IPV6_V6ONLY, which takes both families.",
        wrong_if: "Clients connect through loopback.",
        judge: family_mismatch,
    },
    Rule {
        id: "SPY-NET-011",
        severity: Severity::Risk,
        title: "Many segments are sent again",
        reads: &["network.counters"],
        why: "Lost packets make each answer slow, by 200 ms and more.",
        remedy: "Compare with other pods of the node; check MTU (spyhole ip link) and the network policy.",
        wrong_if: "The counters do not grow: they count since the network namespace began.",
        judge: retransmits,
    },
    Rule {
        id: "SPY-NET-012",
        severity: Severity::Problem,
        title: "A name server does not answer",
        reads: &["network.dns.resolv_conf"],
        why: "Each look-up waits for it, five seconds and more, or fails.",
        remedy: "Check that the server runs and that a network policy allows UDP and TCP to port 53.",
        wrong_if: "It answers other names than the one that was asked for. Judged with --connect alone.",
        judge: silent_name_servers,
    },
];

fn loopback_only(facts: &Facts<'_>) -> Judged {
    let listeners = facts.listeners()?;
    let is_loopback = |socket: &&Socket| socket.loopback_only == Some(true);
    if listeners.is_empty() || !listeners.iter().all(is_loopback) {
        return Ok(Vec::new());
    }
    let evidence = listeners.iter().map(|socket| {
        let says = format!("{} of {}", local_end(socket), holder(socket));
        Evidence::new(80, says)
    });
    Ok(evidence.collect())
}

fn accept_queue_full(facts: &Facts<'_>) -> Judged {
    gather(facts.listeners()?.into_iter().map(|socket| {
        let queued = seen_if_there("sockets.accept_queue", socket.accept_queue.as_ref())?;
        let limit = seen_if_there(
            "sockets.accept_queue_limit",
            socket.accept_queue_limit.as_ref(),
        )?;
        let (Some(queued), Some(limit)) = (queued, limit) else {
            return Ok(None);
        };
        // The kernel refuses the next one once there are more than the limit.
        let is_full = *queued > 0 && queued >= limit;
        Ok(is_full.then(|| {
            let says = format!(
                "{} of {}: {queued} connections wait in an accept queue of {limit}",
                local_end(socket),
                holder(socket)
            );
            Evidence::new(95, says)
        }))
    }))
}

fn tcp_counters<'a>(facts: &Facts<'a>) -> Result<&'a BTreeMap<String, u64>, NotJudged> {
    let field = "network.counters";
    let counters = seen_if_there(field, facts.network()?.counters.as_ref())?;
    let absent = NotJudged {
        field,
        reason: None,
    };
    counters.map(|counters| &counters.tcp).ok_or(absent)
}

fn listen_overflows(facts: &Facts<'_>) -> Judged {
    let counters = tcp_counters(facts)?;
    let overflows = counters.get("listen_overflows").copied().unwrap_or(0);
    let opens = counters.get("passive_opens").copied().unwrap_or(0);
    // A burst of a few in a long life is no reason to worry.
    if overflows == 0 || overflows.saturating_mul(1000) < opens {
        return Ok(Vec::new());
    }
    let says =
        format!("ListenOverflows {overflows} beside {opens} accepted connections (net/netstat)");
    Ok(vec![Evidence::new(50, says)])
}

fn expected_port_absent(facts: &Facts<'_>) -> Judged {
    if facts.expected_ports.is_empty() {
        return Ok(Vec::new());
    }
    let listeners = facts.listeners()?;
    let all: Vec<String> = listeners.iter().map(|socket| local_end(socket)).collect();
    let instead = if all.is_empty() {
        "nothing listens".to_owned()
    } else {
        format!("listening are {}", all.join(", "))
    };
    let absent = facts.expected_ports.iter().filter(|port| {
        let port = u32::from(**port);
        !listeners
            .iter()
            .any(|socket| socket.local_port == Some(port))
    });
    let evidence =
        absent.map(|port| Evidence::new(90, format!("no listener on TCP port {port}; {instead}")));
    Ok(evidence.collect())
}

/// As many are no accident of one moment.
const CLOSE_WAIT_MANY: usize = 16;

fn close_wait(facts: &Facts<'_>) -> Judged {
    let mut by_holder = BTreeMap::<String, usize>::new();
    let mut unseen = Vec::new();
    for socket in facts.own_sockets()? {
        match socket {
            Ok(socket) if socket.state == State::CloseWait => {
                *by_holder.entry(holder(socket)).or_default() += 1;
            }
            Ok(_) => {}
            Err(why) => unseen.push(Err(why)),
        }
    }
    let many = by_holder
        .into_iter()
        .filter(|(_, count)| *count >= CLOSE_WAIT_MANY);
    let evidence = many.map(|(holder, count)| {
        let says = format!("{count} connections of {holder} are in CLOSE_WAIT");
        Ok(Some(Evidence::new(90, says)))
    });
    gather(evidence.chain(unseen))
}

fn syn_sent(facts: &Facts<'_>) -> Judged {
    let mut by_peer = BTreeMap::<(String, String), (usize, u32)>::new();
    let mut unseen = Vec::new();
    for socket in facts.own_sockets()? {
        match socket {
            Ok(socket) if socket.state == State::SynSent => {
                let ends = (peer_end(socket), holder(socket));
                let (count, again) = by_peer.entry(ends).or_default();
                *count += 1;
                let sent_again = socket.timer.as_ref().map_or(0, |timer| timer.retransmits);
                *again = sent_again.max(*again);
            }
            Ok(_) => {}
            Err(why) => unseen.push(Err(why)),
        }
    }
    // A connection that is just being made has sent its SYN once.
    let silent = by_peer
        .into_iter()
        .filter(|(_, (count, again))| *again >= 2 || *count >= 4);
    let evidence = silent.map(|((peer, holder), (count, again))| {
        let says = format!(
            "{count} connections of {holder} to {peer} are in SYN_SENT; the SYN was sent again {again} times"
        );
        Ok(Some(Evidence::new(92, says)))
    });
    gather(evidence.chain(unseen))
}

fn ephemeral_ports(facts: &Facts<'_>) -> Judged {
    let field = "network.ephemeral_ports";
    let Some(ports) = seen_if_there(field, facts.network()?.ephemeral_ports.as_ref())? else {
        return Ok(Vec::new());
    };
    let used = seen("network.ephemeral_ports.tcp_used", &ports.tcp_used)?;
    let (first, last) = (ports.first, ports.last);
    match ports.used_percent {
        Some(percent) if percent >= 80.0 => {
            let says = format!("{used} TCP ports of {first}–{last} are in use ({percent:.0} %)");
            Ok(vec![Evidence::new(90, says)])
        }
        _ => Ok(Vec::new()),
    }
}

fn no_name_server(facts: &Facts<'_>) -> Judged {
    let network = facts.network()?;
    let Some(dns) = &network.dns else {
        return Ok(Vec::new());
    };
    let found = seen_if_there("network.dns.resolv_conf", dns.resolv_conf.as_ref())?;
    let says = match found {
        None => "/etc/resolv.conf does not exist",
        Some(file) if file.name_servers.is_empty() => "/etc/resolv.conf has no nameserver line",
        Some(_) => return Ok(Vec::new()),
    };
    // A container without a network needs none.
    let addresses = seen_if_there("network.addresses", network.addresses.as_ref())?;
    let addresses = addresses.into_iter().flatten();
    let has_network = addresses.map(|one| one.address).any(is_outer);
    Ok(has_network
        .then(|| Evidence::new(80, says))
        .into_iter()
        .collect())
}

fn ndots(facts: &Facts<'_>) -> Judged {
    let Some(dns) = &facts.network()?.dns else {
        return Ok(Vec::new());
    };
    let file = seen_if_there("network.dns.resolv_conf", dns.resolv_conf.as_ref())?;
    let Some(file) = file.filter(|file| file.ndots >= 5 && file.search.len() >= 3) else {
        return Ok(Vec::new());
    };
    // Every pod has such a file: it costs where external names are used.
    let mut names = facts.variables()?.filter_map(|variable| {
        let value = variable.value.as_ref()?.to_text();
        let host = external_host(&value)?;
        let dots = host.matches('.').count();
        (dots < file.ndots).then(|| format!("{} names {host}", variable.name.to_text()))
    });
    let Some(name) = names.next() else {
        return Ok(Vec::new());
    };
    let (ndots, domains) = (file.ndots, file.search.len());
    let queries = (domains + 1) * 2;
    let says = format!(
        "{name}; /etc/resolv.conf: ndots:{ndots} and {domains} search domains, up to {queries} queries for it"
    );
    Ok(vec![Evidence::new(47, says)])
}

/// The host of an address or a URL, where it is a name outside of the cluster.
fn external_host(value: &str) -> Option<&str> {
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let host = rest.split(['/', ':', '?']).next()?;
    let labels: Vec<&str> = host.split('.').collect();
    let is_label = |label: &&str| {
        let mut letters = label.bytes();
        !label.is_empty() && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == b'-')
    };
    let top = labels.last()?;
    let is_name = labels.len() >= 2
        && labels.iter().all(is_label)
        && top.len() >= 2
        && top.bytes().all(|letter| letter.is_ascii_lowercase());
    // `app.py` and `settings.json` look like names: a plain value needs three labels.
    let is_address = value.contains("://") || labels.len() >= 3;
    let is_internal = ["local", "internal", "localhost", "svc"].contains(top);
    (is_name && is_address && !is_internal).then_some(host)
}

fn family_mismatch(facts: &Facts<'_>) -> Judged {
    let listeners = facts.listeners()?;
    if listeners.is_empty() {
        return Ok(Vec::new());
    }
    let field = "network.addresses";
    let Some(addresses) = seen_if_there(field, facts.network()?.addresses.as_ref())? else {
        return Ok(Vec::new());
    };
    let addresses = addresses.iter().map(|one| one.address);
    let outer: Vec<_> = addresses.filter(|address| is_outer(*address)).collect();
    let (has_v4, has_v6) = (
        outer.iter().any(IpAddr::is_ipv4),
        outer.iter().any(IpAddr::is_ipv6),
    );
    if !has_v4 && !has_v6 {
        return Ok(Vec::new());
    }
    let mut deaf = Vec::new();
    for socket in listeners {
        let v6_only = seen_if_there("sockets.v6_only", socket.v6_only.as_ref())?;
        let takes_v6 = socket.local_address.is_some_and(|it| it.is_ipv6());
        let takes_v4 = !takes_v6 || v6_only == Some(&false);
        if socket.loopback_only == Some(true) || takes_v4 && has_v4 || takes_v6 && has_v6 {
            return Ok(Vec::new());
        }
        let listens = if takes_v6 { "IPv6" } else { "IPv4" };
        let has = if has_v4 { "IPv4" } else { "IPv6" };
        deaf.push(Evidence::new(
            85,
            format!(
                "{} of {} takes {listens}; the interfaces have {has} addresses only",
                local_end(socket),
                holder(socket)
            ),
        ));
    }
    Ok(deaf)
}

/// An address that others can reach.
fn is_outer(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_loopback() && !address.is_link_local(),
        IpAddr::V6(address) => !address.is_loopback() && !address.is_unicast_link_local(),
    }
}

fn retransmits(facts: &Facts<'_>) -> Judged {
    let counters = tcp_counters(facts)?;
    let count = |name: &str| counters.get(name).copied().unwrap_or(0);
    let (again, sent) = (count("retransmitted_segments"), count("sent_segments"));
    if sent < 1000 || again.saturating_mul(20) < sent {
        return Ok(Vec::new());
    }
    let says = format!("RetransSegs {again} of OutSegs {sent} (net/snmp)");
    Ok(vec![Evidence::new(60, says)])
}

fn silent_name_servers(facts: &Facts<'_>) -> Judged {
    let dns = facts.network()?.dns.as_ref();
    let file = dns.and_then(|dns| dns.resolv_conf.as_ref());
    let file = seen_if_there("network.dns.resolv_conf", file)?;
    let all = file.map_or(0, |file| file.name_servers.len());
    // The next one is asked after a while.
    let certainty = if facts.silent_name_servers.len() >= all {
        91
    } else {
        81
    };
    let silent = facts.silent_name_servers.iter();
    Ok(silent
        .map(|says| Evidence::new(certainty, says.as_str()))
        .collect())
}
