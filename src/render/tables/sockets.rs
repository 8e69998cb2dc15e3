//! The table of sockets: the columns of `ss`, with what is remarkable at the end.

use core::net::IpAddr;
use std::fmt::Write as _;
use std::io;

use super::table::{Cell, Heading, Table};
use crate::model::byte_string::ByteString;
use crate::model::seen::Seen;
use crate::model::socket::{
    Family, Owner, Protocol, Socket, SocketSources, SocketSum, SocketType, State,
};

/// Which columns are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Columns {
    /// UID, INODE, TIMER and DROPS too.
    pub wide: bool,
    /// RTT, CWND, RETRANS, SENT and RECEIVED too.
    pub extended: bool,
    /// PROCESS too.
    pub owners: bool,
}

/// How many owners a cell names.
const OWNERS_SHOWN: usize = 4;

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

fn table<'a>(sockets: impl Iterator<Item = &'a Socket> + Clone, columns: Columns) -> Table {
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
    Table {
        headings,
        rows,
        ..Table::default()
    }
}

fn word(socket: &Socket) -> &'static str {
    match (socket.protocol, socket.kind) {
        (Protocol::Unix, Some(SocketType::Stream)) => "u_str",
        (Protocol::Unix, Some(SocketType::Dgram)) => "u_dgr",
        (Protocol::Unix, Some(SocketType::Seqpacket)) => "u_seq",
        (Protocol::Packet, Some(SocketType::Raw)) => "p_raw",
        (Protocol::Packet, Some(SocketType::Dgram)) => "p_dgr",
        (protocol, _) => protocol.word(socket.family),
    }
}

#[derive(Clone, Copy)]
enum Side {
    Receive,
    Send,
}

/// As in `ss`, a listener's queues are those of connections not accepted: how many, and
/// how many there may be.
fn queue(socket: &Socket, side: Side) -> Cell {
    let field = match side {
        Side::Receive => socket
            .accept_queue
            .as_ref()
            .or(socket.receive_queue_bytes.as_ref()),
        Side::Send => socket
            .accept_queue_limit
            .as_ref()
            .or(socket.send_queue_bytes.as_ref()),
    };
    Cell::of(field, |length| number((*length).into()))
}

/// Most numbers here are 0, and a table may have a hundred thousand rows.
fn number(number: u64) -> Cell {
    if number == 0 {
        "0".into()
    } else {
        Cell::number(number)
    }
}

fn local(socket: &Socket) -> Cell {
    match socket.family {
        Family::Inet | Family::Inet6 => {
            let port = match socket.protocol {
                Protocol::Raw => socket.protocol_number.map(u32::from),
                _ => socket.local_port,
            };
            endpoint(socket, socket.local_address, port)
        }
        Family::Unix => match (&socket.path, &socket.abstract_name) {
            (Some(path), _) => Cell::from(&**path),
            (None, Some(name)) => Cell::Outside([b"@", name.as_bytes()].concat().into()),
            (None, None) => "*".into(),
        },
        Family::Packet => interface(socket).map_or("*".into(), Cell::from),
        Family::Netlink => match (socket.protocol_number, socket.port_id) {
            (Some(protocol), Some(port)) => {
                Cell::from(format!("{}:{port}", netlink_protocol(protocol)))
            }
            _ => Cell::Absent,
        },
        Family::Vsock => vsock(socket.local_cid, socket.local_port),
    }
}

fn peer(socket: &Socket) -> Cell {
    match socket.family {
        Family::Inet | Family::Inet6 => match socket.peer_address {
            None => "*".into(),
            address => endpoint(socket, address, socket.peer_port),
        },
        Family::Unix => match (&socket.peer_owners, &socket.peer_inode) {
            (Some(owners), _) => Cell::Outside(owner_list(owners)),
            (None, Some(Seen::Value(inode))) => Cell::from(format!("inode {inode}")),
            (None, Some(Seen::Unseen(_))) => Cell::Unseen,
            (None, None) => "*".into(),
        },
        Family::Vsock => vsock(socket.peer_cid, socket.peer_port),
        Family::Packet | Family::Netlink => "*".into(),
    }
}

fn endpoint(socket: &Socket, address: Option<IpAddr>, port: Option<u32>) -> Cell {
    // Written in one piece: a table may have a hundred thousand rows.
    let mut text = String::with_capacity("[2001:db8::1:2:3]:65535".len());
    let v6 = matches!(address, Some(IpAddr::V6(_)));
    text.push_str(if v6 { "[" } else { "" });
    // Writing into a String cannot fail.
    let _ = match address {
        None => text.write_str("*"),
        Some(address) => write!(text, "{address}"),
    };
    if let Some(interface) = interface(socket).filter(|_| address.is_some()) {
        let _ = write!(text, "%{interface}");
    }
    text.push_str(if v6 { "]:" } else { ":" });
    let _ = match port {
        None => text.write_str("*"),
        Some(port) => write!(text, "{port}"),
    };
    Cell::from(text)
}

fn interface(socket: &Socket) -> Option<String> {
    match (&socket.interface, &socket.interface_index) {
        (Some(name), _) => Some(name.to_text().into_owned()),
        (None, Some(Seen::Value(index))) => Some(index.to_string()),
        (None, Some(Seen::Unseen(_))) => Some("?".to_owned()),
        (None, None) => None,
    }
}

fn vsock(cid: Option<u32>, port: Option<u32>) -> Cell {
    let text = |number: Option<u32>| number.map_or("*".to_owned(), |number| number.to_string());
    match (cid, port) {
        (None, None) => "*".into(),
        _ => Cell::from(format!("{}:{}", text(cid), text(port))),
    }
}

fn netlink_protocol(number: u16) -> String {
    let word = match number {
        0 => "route",
        4 => "sock_diag",
        5 => "nflog",
        6 => "xfrm",
        7 => "selinux",
        9 => "audit",
        10 => "fib_lookup",
        11 => "connector",
        12 => "netfilter",
        15 => "uevent",
        16 => "generic",
        21 => "crypto",
        _ => return number.to_string(),
    };
    word.to_owned()
}

fn timer(socket: &Socket) -> Cell {
    let Some(timer) = socket.timer else {
        return Cell::Absent;
    };
    let word = match timer.kind {
        crate::model::socket::TimerKind::Retransmit => "retransmit",
        crate::model::socket::TimerKind::Keepalive => "keepalive",
        crate::model::socket::TimerKind::TimeWait => "time_wait",
        crate::model::socket::TimerKind::WindowProbe => "window_probe",
        crate::model::socket::TimerKind::Other => "other",
    };
    let seconds = f64::from(timer.expires_in.0) / 1e3;
    Cell::from(format!("{word} {seconds:.1}s {}", timer.retransmits))
}

fn extended(socket: &Socket) -> [Cell; 5] {
    let tcp = socket.tcp.as_ref();
    let bytes = |field: fn(&crate::model::socket::Tcp) -> Option<u64>| {
        Cell::of(tcp, |tcp| field(tcp).map_or(Cell::Absent, number))
    };
    [
        Cell::of(tcp, |tcp| {
            Cell::from(format!("{:.3}ms", tcp.rtt_seconds * 1e3))
        }),
        Cell::of(tcp, |tcp| number(tcp.congestion_window_segments.into())),
        Cell::of(tcp, |tcp| number(tcp.retransmits.into())),
        bytes(|tcp| tcp.bytes_sent),
        bytes(|tcp| tcp.bytes_received),
    ]
}

fn process(socket: &Socket) -> Cell {
    match &socket.owners {
        Some(Seen::Value(owners)) if !owners.is_empty() => Cell::Outside(owner_list(owners)),
        Some(Seen::Unseen(_)) => Cell::Unseen,
        Some(Seen::Value(_)) | None => Cell::Absent,
    }
}

/// `server pid=1 fd=7`
fn owner_list(owners: &[Owner]) -> ByteString {
    let mut text: Vec<u8> = Vec::with_capacity(32);
    for (index, owner) in owners.iter().take(OWNERS_SHOWN).enumerate() {
        if index > 0 {
            text.extend(b", ");
        }
        text.extend(owner.name.as_bytes());
        let _ = io::Write::write_fmt(
            &mut text,
            format_args!(" pid={} fd={}", owner.pid, owner.fd),
        );
    }
    if owners.len() > OWNERS_SHOWN {
        text.extend(format!(", and {} more", owners.len() - OWNERS_SHOWN).into_bytes());
    }
    text.into()
}

fn remark(socket: &Socket) -> &'static str {
    let inside = socket.loopback_only == Some(true) && socket.state == State::Listen;
    match (socket.accept_queue_full(), inside) {
        (true, true) => "accept queue full; loopback only",
        (true, false) => "accept queue full",
        (false, true) => "loopback only",
        (false, false) if socket.held_elsewhere => "owner is outside this container",
        (false, false) => "",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::gap::{Gaps, Reason, Refusal};

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
        };
        let cells = line(&socket, all);
        assert_eq!((cells[3].as_str(), cells[15].as_str()), ("?", "?"));
        assert!(!socket.accept_queue_full());
        socket.owners = None;
        assert_eq!(line(&socket, all)[15], "-");
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
