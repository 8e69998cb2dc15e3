//! The tables of `network`.

use core::net::IpAddr;
use std::collections::BTreeMap;

use super::table::{Cell, Heading, Table};
use crate::model::byte_string::ByteString;
use crate::model::network::{
    Conntrack, DnsConfiguration, EphemeralPorts, InterfaceAddress, InterfaceTraffic, Neighbour,
    Network, NetworkCounters, NetworkInterface, NetworkRoute, NextHop, Resolver, RoutingRule,
};
use crate::model::seen::Seen;
use crate::model::units::bytes_short;

/// What was asked for, part by part; everything of it with `wide`.
#[must_use]
pub(crate) fn tables(network: &Network, wide: bool) -> Vec<Table> {
    let mut tables = Vec::new();
    let mut add = |title: &'static str, table: Option<Seen<Table>>| match table {
        None => {}
        Some(Seen::Value(table)) => tables.push(titled(title, table)),
        Some(Seen::Unseen(_)) => tables.push(titled(title, unseen())),
    };
    let part = |list: &Option<Seen<Vec<NetworkInterface>>>| {
        Some(list.as_ref()?.clone().map(|all| interfaces(&all, wide)))
    };
    add("Interfaces", part(&network.interfaces));
    let all = network.addresses.clone();
    add(
        "Addresses",
        all.map(|all| all.map(|all| addresses(&all, wide))),
    );
    let all = network.routes.clone();
    add("Routes", all.map(|all| all.map(|all| routes(&all, wide))));
    let all = network.rules.clone();
    add("Rules", all.map(|all| all.map(|all| rules(&all))));
    let all = network.neighbours.clone();
    add("Neighbours", all.map(|all| all.map(|all| neighbours(&all))));
    add(
        "Names",
        network
            .dns
            .as_ref()
            .map(|dns| Seen::Value(names(dns, wide))),
    );
    let counted = match &network.kernel_counters {
        Some(all) => Some(all.clone().map(|all| kernel_counters(&all))),
        None => network
            .counters
            .as_ref()
            .map(|all| all.clone().map(|all| counters(&all, wide))),
    };
    add("Counters", counted);
    let used = limits(network.conntrack.as_ref(), network.ephemeral_ports.as_ref());
    add("Limits", used.map(Seen::Value));
    tables
}

fn titled(title: &str, table: Table) -> Table {
    Table {
        title: Some(title.to_owned()),
        ..table
    }
}

fn unseen() -> Table {
    Table {
        headings: vec![Heading::left("")],
        rows: vec![vec![Cell::Unseen]],
        ..Table::default()
    }
}

fn interfaces(all: &[NetworkInterface], wide: bool) -> Table {
    let mut headings = vec![
        Heading::right("INDEX"),
        Heading::left("NAME"),
        Heading::left("STATE"),
        Heading::right("MTU"),
        Heading::left("MAC"),
        Heading::right("RX-BYTES"),
        Heading::right("RX-PACKETS"),
        Heading::right("RX-ERR"),
        Heading::right("RX-DROP"),
        Heading::right("TX-BYTES"),
        Heading::right("TX-PACKETS"),
        Heading::right("TX-ERR"),
        Heading::right("TX-DROP"),
    ];
    if wide {
        headings.extend([Heading::left("TYPE"), Heading::left("FLAGS")]);
    }
    let row = |one: &NetworkInterface| {
        let mut row = vec![
            Cell::of(Some(&one.index), |index| Cell::number(index)),
            (&one.name).into(),
            text(Some(&one.state)),
            Cell::of(Some(&one.mtu_bytes), |mtu| Cell::number(mtu)),
            text(one.mac_address.as_ref()),
        ];
        row.extend(traffic(&one.received));
        row.extend(traffic(&one.sent));
        if wide {
            let kind = one.kind.as_ref().unwrap_or(&one.link_type);
            row.push(text(Some(kind)));
            row.push(list(&one.flags));
        }
        row
    };
    Table {
        headings,
        rows: all.iter().map(row).collect(),
        ..Table::default()
    }
}

fn traffic(counted: &Seen<InterfaceTraffic>) -> [Cell; 4] {
    let cell = |of: fn(&InterfaceTraffic) -> Cell| Cell::of(Some(counted), of);
    [
        cell(|all| bytes_short(all.bytes).into()),
        cell(|all| Cell::number(all.packets)),
        cell(|all| Cell::number(all.errors)),
        cell(|all| Cell::number(all.dropped)),
    ]
}

fn addresses(all: &[InterfaceAddress], wide: bool) -> Table {
    let mut headings = vec![
        Heading::left("INTERFACE"),
        Heading::left("ADDRESS"),
        Heading::left("SCOPE"),
    ];
    if wide {
        headings.extend([Heading::left("PEER"), Heading::left("FLAGS")]);
    }
    let row = |one: &InterfaceAddress| {
        let address = match &one.prefix_length {
            Seen::Value(length) => format!("{}/{length}", one.address),
            Seen::Unseen(_) => format!("{}/?", one.address),
        };
        let mut row = vec![
            bytes(Some(&one.interface)),
            address.into(),
            text(Some(&one.scope)),
        ];
        if wide {
            row.push(only_netlink(one.peer, &one.flags));
            row.push(list(&one.flags));
        }
        row
    };
    Table {
        headings,
        rows: all.iter().map(row).collect(),
        ..Table::default()
    }
}

fn routes(all: &[NetworkRoute], wide: bool) -> Table {
    let mut headings = vec![
        Heading::left("DESTINATION"),
        Heading::left("GATEWAY"),
        Heading::left("INTERFACE"),
        Heading::right("METRIC"),
        Heading::left("TYPE"),
        Heading::left("TABLE"),
    ];
    if wide {
        headings.extend([
            Heading::left("PROTOCOL"),
            Heading::left("SCOPE"),
            Heading::left("SOURCE"),
            Heading::left("FLAGS"),
        ]);
    }
    let mut rows = Vec::new();
    for one in all {
        // A row for each hop.
        let no_hop = [None];
        let hops: Vec<Option<&NextHop>> = one.next_hops.iter().map(Some).collect();
        for hop in if hops.is_empty() { &no_hop[..] } else { &hops } {
            let gateway = hop.and_then(|hop| hop.gateway);
            let mut row = vec![
                network_of(one.destination, one.prefix_length).into(),
                gateway.map_or(Cell::Absent, Cell::number),
                bytes(hop.and_then(|hop| hop.interface.as_ref())),
                Cell::number(one.metric),
                text(Some(&one.kind)),
                text(Some(&one.table)),
            ];
            if wide {
                let flags = hop.map(|hop| hop.flags.join(",")).unwrap_or_default();
                row.extend([
                    text(Some(&one.protocol)),
                    text(Some(&one.scope)),
                    only_netlink(one.preferred_source, &one.protocol),
                    flags.into(),
                ]);
            }
            rows.push(row);
        }
    }
    Table {
        headings,
        rows,
        ..Table::default()
    }
}

/// As ip(8) writes it, with the family of a default route, which it leaves out.
fn network_of(address: IpAddr, prefix_length: u8) -> String {
    match (prefix_length, address) {
        (0, IpAddr::V4(_)) => "default".to_owned(),
        (0, IpAddr::V6(_)) => "default (IPv6)".to_owned(),
        _ => format!("{address}/{prefix_length}"),
    }
}

fn rules(all: &[RoutingRule]) -> Table {
    let any = |address: IpAddr, prefix_length: u8| match (prefix_length, address) {
        (0, IpAddr::V4(_)) => "all".to_owned(),
        (0, IpAddr::V6(_)) => "all (IPv6)".to_owned(),
        _ => format!("{address}/{prefix_length}"),
    };
    let row = |one: &RoutingRule| {
        let action = match (&one.table, one.goto_priority) {
            (Some(table), _) => format!("table {table}"),
            (None, Some(priority)) => format!("goto {priority}"),
            (None, None) => one.action.clone(),
        };
        let conditions: Vec<&[u8]> = one.conditions.iter().map(ByteString::as_bytes).collect();
        let inverted = if one.inverted { "not " } else { "" };
        let source = any(one.source, one.source_prefix_length);
        vec![
            Cell::number(one.priority),
            format!("{inverted}{source}").into(),
            any(one.destination, one.destination_prefix_length).into(),
            Cell::Outside(conditions.join(&b", "[..]).into()),
            action.into(),
        ]
    };
    Table {
        headings: vec![
            Heading::right("PRIORITY"),
            Heading::left("FROM"),
            Heading::left("TO"),
            Heading::left("CONDITIONS"),
            Heading::left("ACTION"),
        ],
        rows: all.iter().map(row).collect(),
        ..Table::default()
    }
}

fn neighbours(all: &[Neighbour]) -> Table {
    let row = |one: &Neighbour| {
        vec![
            Cell::number(one.address),
            bytes(Some(&one.interface)),
            one.mac_address.clone().map_or(Cell::Absent, Cell::from),
            text(Some(&one.state)),
        ]
    };
    Table {
        headings: vec![
            Heading::left("ADDRESS"),
            Heading::left("INTERFACE"),
            Heading::left("MAC"),
            Heading::left("STATE"),
        ],
        rows: all.iter().map(row).collect(),
        ..Table::default()
    }
}

/// A card: what is looked at, and what of it is ignored.
fn names(dns: &DnsConfiguration, wide: bool) -> Table {
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    let mut row = |name: &'static str, cell: Cell| rows.push(vec![name.into(), cell]);
    let resolver = |resolver: &Resolver| {
        Cell::from(match resolver {
            Resolver::Glibc => "glibc",
            Resolver::Musl => "musl",
            Resolver::Go => "Go",
            Resolver::GoOrLibc => "Go, or the C library where it finds a setting unknown to it",
            Resolver::Unknown => "unknown (static program)",
        })
    };
    row("resolver", Cell::of(Some(&dns.resolver), resolver));
    match &dns.resolv_conf {
        None => row("name servers", "no /etc/resolv.conf".into()),
        Some(Seen::Unseen(_)) => row("name servers", Cell::Unseen),
        Some(Seen::Value(file)) => {
            row(
                "name servers",
                joined(&file.name_servers, file.name_servers_left_out),
            );
            let search: Vec<_> = file.search.iter().map(ByteString::to_text).collect();
            row("search", joined(&search, file.search_left_out));
            let mut options = vec![
                format!("ndots:{}", file.ndots),
                format!("timeout:{}", file.timeout_seconds),
                format!("attempts:{}", file.attempts),
            ];
            options.extend(file.options.iter().cloned());
            row("options", joined(&options, 0));
        }
    }
    if let Some(sources) = &dns.nsswitch_hosts {
        let joined = |words: &Vec<ByteString>| {
            let words: Vec<_> = words.iter().map(ByteString::to_text).collect();
            joined(&words, 0)
        };
        row("nsswitch hosts", Cell::of(Some(sources), joined));
    }
    match &dns.hosts {
        None => row("hosts", "no /etc/hosts".into()),
        Some(Seen::Unseen(_)) => row("hosts", Cell::Unseen),
        Some(Seen::Value(entries)) if wide => {
            for entry in entries {
                let names: Vec<_> = entry.names.iter().map(ByteString::to_text).collect();
                let line = format!("{} {}", entry.address, names.join(" "));
                row("hosts", Cell::Outside(line.as_str().into()));
            }
        }
        Some(Seen::Value(entries)) => row("hosts", format!("{} lines", entries.len()).into()),
    }
    for line in &dns.ignored {
        row("ignored", Cell::Outside(line.as_str().into()));
    }
    Table {
        headings: vec![Heading::left(""), Heading::left("")],
        rows,
        ..Table::default()
    }
}

fn joined<T: AsRef<str>>(words: &[T], left_out: usize) -> Cell {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    let mut line = words.join(" ");
    if left_out > 0 {
        line = format!("{line} (and {left_out} more)");
    }
    if line.is_empty() {
        return Cell::Absent;
    }
    Cell::Outside(line.as_str().into())
}

/// Those that are not 0, and with `wide` all.
fn counters(all: &NetworkCounters, wide: bool) -> Table {
    let parts = [
        ("tcp", &all.tcp),
        ("udp", &all.udp),
        ("udp6", &all.udp6),
        ("ip", &all.ip),
        ("ip6", &all.ip6),
    ];
    let mut rows = Vec::new();
    for (protocol, counted) in parts {
        for (name, value) in counted.iter().filter(|(_, value)| wide || **value > 0) {
            let name = name.replace('_', " ");
            rows.push(vec![protocol.into(), name.into(), Cell::number(value)]);
        }
    }
    Table {
        headings: vec![
            Heading::left("PROTOCOL"),
            Heading::left("COUNTER"),
            Heading::right("VALUE"),
        ],
        rows,
        ..Table::default()
    }
}

fn kernel_counters(all: &BTreeMap<String, u64>) -> Table {
    let row = |(name, value): (&String, &u64)| {
        vec![Cell::Outside(name.as_str().into()), Cell::number(value)]
    };
    Table {
        headings: vec![Heading::left("COUNTER"), Heading::right("VALUE")],
        rows: all.iter().map(row).collect(),
        ..Table::default()
    }
}

fn limits(conntrack: Option<&Conntrack>, ports: Option<&Seen<EphemeralPorts>>) -> Option<Table> {
    let percent = |percent: Option<f64>| {
        percent.map_or(Cell::Absent, |percent| format!("{percent:.1}%").into())
    };
    let mut rows = Vec::new();
    if let Some(tracked) = conntrack {
        rows.push(vec![
            "tracked connections".into(),
            Cell::of(Some(&tracked.entries), |count| Cell::number(count)),
            Cell::of(Some(&tracked.limit), |limit| match limit {
                0 => "unlimited".into(),
                limit => Cell::number(limit),
            }),
            percent(tracked.used_percent),
        ]);
    }
    match ports? {
        Seen::Value(ports) => rows.push(vec![
            format!("ephemeral ports {}-{} (TCP)", ports.first, ports.last).into(),
            Cell::of(Some(&ports.tcp_used), |used| Cell::number(used)),
            Cell::number(u32::from(ports.last) - u32::from(ports.first) + 1),
            percent(ports.used_percent),
        ]),
        Seen::Unseen(_) => rows.push(vec![
            "ephemeral ports (TCP)".into(),
            Cell::Unseen,
            Cell::Unseen,
            Cell::Absent,
        ]),
    }
    Some(Table {
        headings: vec![
            Heading::left("RESOURCE"),
            Heading::right("USED"),
            Heading::right("LIMIT"),
            Heading::right("USE%"),
        ],
        rows,
        ..Table::default()
    })
}

fn text(field: Option<&Seen<String>>) -> Cell {
    Cell::of(field, |text| Cell::Outside(text.as_str().into()))
}

fn bytes(field: Option<&Seen<ByteString>>) -> Cell {
    Cell::of(field, |bytes| bytes.into())
}

/// An address that need not be there; unseen where a field is that the same source says.
fn only_netlink<T>(address: Option<IpAddr>, beside: &Seen<T>) -> Cell {
    match (address, beside) {
        (Some(address), _) => Cell::number(address),
        (None, Seen::Value(_)) => Cell::Absent,
        (None, Seen::Unseen(_)) => Cell::Unseen,
    }
}

fn list(field: &Seen<Vec<String>>) -> Cell {
    Cell::of(Some(field), |words| match words.as_slice() {
        [] => Cell::Absent,
        words => words.join(",").into(),
    })
}
