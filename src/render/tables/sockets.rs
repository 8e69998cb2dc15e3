//! The table of sockets: the columns of `ss`, with remarks at the end.

mod cells;

use super::table::{Cell, Heading, Table};
use crate::model::seen::Seen;
use crate::model::socket::{Protocol, Socket, SocketSources, SocketSum};
use cells::{Side, extended, local, number, peer, process, queue, remark, timer, word};

/// Which columns are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is shown or not")]
pub(crate) struct Columns {
    /// UID, INODE, TIMER and DROPS too.
    pub wide: bool,
    /// RTT, CWND, RETRANS, SENT and RECEIVED too.
    pub extended: bool,
    /// PROCESS too.
    pub owners: bool,
    /// Among other tables: the sockets of the kernel itself are counted, and no rows.
    pub brief: bool,
}

/// Whether it is one of the kernel's own, which every network namespace has.
fn is_kernels_own(socket: &Socket) -> bool {
    socket.protocol == Protocol::Netlink && socket.port_id == Some(0)
}

/// A table for each network namespace.
#[must_use]
pub(crate) fn tables(
    sockets: &[Socket],
    sources: &[SocketSources],
    columns: Columns,
) -> Vec<Table> {
    if let [] | [_] = sources {
        return vec![table(sockets.iter(), columns)];
    }
    let of = |source: &SocketSources| {
        let own = sockets
            .iter()
            .filter(|socket| socket.net_namespace_of == Some(source.pid));
        Table {
            title: Some(title(source)),
            ..table(own, columns)
        }
    };
    sources.iter().map(of).collect()
}

/// The table of `--summary`.
#[must_use]
pub(crate) fn summary(sums: &[SocketSum], sources: &[SocketSources]) -> Vec<Table> {
    let of = |own: &mut dyn Iterator<Item = &SocketSum>| Table {
        headings: vec![
            Heading::left("PROTO"),
            Heading::left("STATE"),
            Heading::right("SOCKETS"),
        ],
        rows: own
            .map(|sum| {
                vec![
                    sum.protocol.word(sum.family).into(),
                    sum.state.as_str().into(),
                    Cell::number(sum.count),
                ]
            })
            .collect(),
        ..Table::default()
    };
    if let [] | [_] = sources {
        return vec![of(&mut sums.iter())];
    }
    let of = |source: &SocketSources| Table {
        title: Some(title(source)),
        ..of(&mut sums
            .iter()
            .filter(|sum| sum.net_namespace_of == Some(source.pid)))
    };
    sources.iter().map(of).collect()
}

fn title(source: &SocketSources) -> String {
    let number = match &source.net_namespace {
        Some(Seen::Value(inode)) => inode.to_string(),
        _ => format!("of pid {}", source.pid),
    };
    if source.containers.is_empty() {
        format!("network namespace {number}")
    } else {
        format!(
            "network namespace {number}: {}",
            source.containers.join(", ")
        )
    }
}

fn table<'a>(all: impl Iterator<Item = &'a Socket> + Clone, columns: Columns) -> Table {
    let is_folded = |socket: &&Socket| columns.brief && is_kernels_own(socket);
    let folded = all.clone().filter(is_folded).count();
    let sockets = all.filter(|socket| !is_folded(socket));
    let mut headings = vec![
        Heading::left("PROTO"),
        Heading::left("STATE"),
        Heading::right("RECV-Q"),
        Heading::right("SEND-Q"),
        Heading::left("LOCAL"),
        Heading::left("PEER"),
    ];
    if columns.wide {
        headings.extend([
            Heading::right("UID"),
            Heading::right("INODE"),
            Heading::left("TIMER"),
            Heading::right("DROPS"),
        ]);
    }
    if columns.extended {
        let titles = ["RTT", "CWND", "RETRANS", "SENT", "RECEIVED"];
        headings.extend(titles.map(Heading::right));
    }
    if columns.owners {
        headings.push(Heading::left("PROCESS"));
    }
    // Without one the column would be blanks only.
    let remarked = sockets.clone().any(|socket| !remark(socket).is_empty());
    if remarked {
        headings.push(Heading::left("REMARK"));
    }
    let mut rows = Vec::new();
    for socket in sockets {
        let mut row = Vec::with_capacity(headings.len());
        row.extend([word(socket).into(), socket.state.as_str().into()]);
        row.extend([queue(socket, Side::Receive), queue(socket, Side::Send)]);
        row.extend([local(socket), peer(socket)]);
        if columns.wide {
            row.push(Cell::of(socket.uid.as_ref(), |uid| number((*uid).into())));
            row.push(socket.inode.map_or(Cell::Absent, Cell::number));
            row.push(timer(socket));
            row.push(
                socket
                    .drops
                    .map_or(Cell::Absent, |drops| number(drops.into())),
            );
        }
        if columns.extended {
            row.extend(extended(socket));
        }
        if columns.owners {
            row.push(process(socket));
        }
        if remarked {
            row.push(remark(socket).into());
        }
        rows.push(row);
    }
    let mut notes = Vec::new();
    if folded > 0 {
        let plural = if folded == 1 { "" } else { "s" };
        notes.push(format!(
            "({folded} netlink socket{plural} of the kernel itself not shown; use spyhole ss --netlink)"
        ));
    }
    Table {
        headings,
        rows,
        notes,
        ..Table::default()
    }
}

#[cfg(test)]
mod tests {
    use core::net::IpAddr;
    use std::sync::Arc;

    use super::*;
    use crate::model::gap::{Gaps, Reason, Refusal};
    use crate::model::socket::{Family, Owner, SocketType, State};

    fn listener() -> Socket {
        let mut socket = Socket::bare(Protocol::Tcp, Family::Inet, State::Listen);
        socket.local_address = Some(IpAddr::from([127, 0, 0, 1]));
        socket.local_port = Some(8080);
        socket.loopback_only = Some(true);
        socket.accept_queue = Some(Seen::Value(17));
        socket.accept_queue_limit = Some(Seen::Value(16));
        socket.inode = std::num::NonZeroU64::new(549);
        socket
    }

    fn line(socket: &Socket, columns: Columns) -> Vec<String> {
        let tables = tables(std::slice::from_ref(socket), &[], columns);
        let [table] = tables.as_slice() else {
            panic!("one table: {tables:?}")
        };
        let [row] = table.rows.as_slice() else {
            panic!("one row: {table:?}")
        };
        assert_eq!(table.headings.len(), row.len());
        row.iter()
            .map(|cell| match cell {
                Cell::Absent => "-".to_owned(),
                Cell::Unseen => "?".to_owned(),
                Cell::Text(text) => text.clone().into_owned(),
                Cell::Outside(bytes) => bytes.to_text().into_owned(),
            })
            .collect()
    }

    #[test]
    fn a_listener_as_ss_shows_it_with_what_is_remarkable() {
        let mut socket = listener();
        socket.owners = Some(Seen::Value(
            (1..=6)
                .map(|pid| Owner {
                    pid,
                    name: Arc::new("server".into()),
                    fd: 7,
                })
                .collect(),
        ));
        let with_owners = Columns {
            owners: true,
            ..Columns::default()
        };
        let cells = line(&socket, with_owners);
        assert_eq!(
            cells[..6],
            ["tcp", "listen", "17", "16", "127.0.0.1:8080", "*"]
        );
        assert!(
            cells[6].starts_with("server pid=1 fd=7, server pid=2 fd=7, "),
            "{cells:?}"
        );
        assert!(cells[6].ends_with(", and 2 more"), "{cells:?}");
        assert_eq!(cells[7], "accept queue full; loopback only");
        assert_eq!(line(&socket, Columns::default())[6], cells[7]);
    }

    #[test]
    fn what_was_not_seen_is_no_dash() {
        let mut gaps = Gaps::default();
        let unseen = gaps
            .section("sockets")
            .record("owners", 1, &Refusal::of(Reason::Uid));
        let mut socket = listener();
        socket.owners = Some(Seen::Unseen(unseen));
        socket.accept_queue_limit = Some(Seen::Unseen(unseen));
        let all = Columns {
            wide: true,
            extended: true,
            owners: true,
            brief: false,
        };
        let cells = line(&socket, all);
        assert_eq!((cells[3].as_str(), cells[15].as_str()), ("?", "?"));
        assert!(!socket.accept_queue_full());
        socket.owners = None;
        assert_eq!(line(&socket, all)[15], "-");
    }

    #[test]
    fn the_kernels_own_are_counted_among_other_tables() {
        let mut kernel = Socket::bare(Protocol::Netlink, Family::Netlink, State::Unconnected);
        (kernel.protocol_number, kernel.port_id) = (Some(0), Some(0));
        let all = [listener(), kernel];
        let rows = |brief| {
            let columns = Columns {
                brief,
                ..Columns::default()
            };
            let [table] = &*tables(&all, &[], columns) else {
                panic!()
            };
            (table.rows.len(), table.notes.len())
        };
        assert_eq!((rows(false), rows(true)), ((2, 0), (1, 1)));
    }

    #[test]
    fn addresses_of_every_family() {
        let mut v6 = listener();
        (v6.protocol, v6.family) = (Protocol::Udp, Family::Inet6);
        v6.local_address = Some("fe80::1".parse().unwrap());
        v6.interface_index = Some(Seen::Value(2));
        assert_eq!(line(&v6, Columns::default())[4], "[fe80::1%2]:8080");
        let mut name = Socket::bare(Protocol::Unix, Family::Unix, State::Listen);
        name.abstract_name = Some(Box::new(b"a\0b".as_slice().into()));
        name.kind = Some(SocketType::Seqpacket);
        let cells = line(&name, Columns::default());
        assert_eq!((cells[0].as_str(), cells[4].as_str()), ("u_seq", "@a\0b"));
        let mut netlink = Socket::bare(Protocol::Netlink, Family::Netlink, State::Unconnected);
        (netlink.protocol_number, netlink.port_id) = (Some(0), Some(7));
        assert_eq!(line(&netlink, Columns::default())[4], "route:7");
    }
}
