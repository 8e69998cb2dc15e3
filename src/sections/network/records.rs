//! Reads the tables of a network namespace: by rtnetlink where spyhole is in it, else from the text
//! in `/proc/PID/net`.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::ops::ControlFlow;

use nix::errno::Errno;

use super::Part;
use crate::model::gap::{Reason, Refusal};
use crate::model::network::NetworkSource;
use crate::parse::Malformed;
use crate::parse::net_tables::interfaces;
use crate::parse::net_text;
use crate::parse::rtnetlink::{
    self, AddressRecord, LinkRecord, Message, NeighbourRecord, RouteRecord, RouteTable, RuleRecord,
};
use crate::rights::ptrace_access::{AccessCheck, refusal_below};
use crate::scan::Scan;
use crate::scan::process_files::malformed;
use crate::sys::file_limits;
use crate::sys::netlink::NetlinkClient;
use crate::sys::{ProcessDir, Truncation};

/// Of each table; a router may have a million routes.
const RECORDS: usize = 10_000;
/// A table that changes while it is dumped is dumped again.
const ATTEMPTS: usize = 4;
/// `RT_TABLE_LOCAL`: the addresses once more, with those of broadcasts.
const LOCAL: u32 = 255;

/// Records of one table.
pub(super) struct Found<T> {
    pub(super) all: Vec<T>,
    /// Whether there are more than were read.
    pub(super) cut: bool,
}

pub(super) type Read<T> = Result<Found<T>, Refusal>;

/// The tables that were asked for; the others are empty.
pub(super) struct Records {
    pub(super) source: NetworkSource,
    /// Why what only rtnetlink says is missing.
    pub(super) only_netlink: Refusal,
    pub(super) links: Read<LinkRecord>,
    pub(super) addresses: Read<AddressRecord>,
    pub(super) routes: Read<RouteRecord>,
    pub(super) rules: Read<RuleRecord>,
    pub(super) neighbours: Read<NeighbourRecord>,
    /// Interfaces by their numbers.
    pub(super) names: BTreeMap<u32, Vec<u8>>,
}

impl Records {
    /// Reads them.
    pub(super) fn read(
        process: &ProcessDir,
        is_own: bool,
        scan: &Scan,
        reads: impl Fn(Part) -> bool,
    ) -> Self {
        let served = is_own.then(NetlinkClient::route);
        let needs = match &served {
            Some(Ok(_)) => return Self::by_netlink(reads),
            Some(Err(errno)) => format!("NETLINK_ROUTE (denied here: {errno:?})"),
            None => "spyhole in the target's network namespace".to_owned(),
        };
        let only_netlink = Refusal::of(Reason::Unsupported).needing(&needs);
        Text { process, scan }.read(only_netlink, reads)
    }

    fn by_netlink(reads: impl Fn(Part) -> bool) -> Self {
        let links = dump(RouteTable::Links, rtnetlink::link);
        let by_index = |link: &LinkRecord| Some((link.index?, link.name.clone()));
        let names = links.as_ref().map_or_else(
            |_| BTreeMap::new(),
            |links| links.all.iter().filter_map(by_index).collect(),
        );
        let read = |part| reads(part);
        Self {
            source: NetworkSource::Netlink,
            only_netlink: Refusal::of(Reason::Unsupported)
                .needing("a kernel whose rtnetlink reports it"),
            addresses: when(read(Part::Addresses), || {
                dump(RouteTable::Addresses, rtnetlink::address)
            }),
            routes: when(read(Part::Routes), || {
                let mut found = both(RouteTable::Routes4, RouteTable::Routes6, rtnetlink::route)?;
                found.all.retain(|route| route.table != Some(LOCAL));
                Ok(found)
            }),
            rules: when(read(Part::Rules), || {
                both(RouteTable::Rules4, RouteTable::Rules6, rtnetlink::rule)
            }),
            neighbours: when(read(Part::Neighbours), || {
                let (v4, v6) = (RouteTable::Neighbours4, RouteTable::Neighbours6);
                both(v4, v6, rtnetlink::neighbour)
            }),
            links,
            names,
        }
    }
}

fn when<T>(asked: bool, read: impl FnOnce() -> Read<T>) -> Read<T> {
    if asked { read() } else { Ok(none()) }
}

fn none<T>() -> Found<T> {
    Found {
        all: Vec::new(),
        cut: false,
    }
}

/// The tables of both families; a kernel without IPv6 has none of it.
fn both<T>(v4: RouteTable, v6: RouteTable, read: fn(&[u8]) -> Option<T>) -> Read<T> {
    let mut found = dump(v4, read)?;
    match dump(v6, read) {
        Ok(mut more) => {
            found.all.append(&mut more.all);
            found.cut |= more.cut;
        }
        Err(refusal) if refusal.errno.as_deref() == Some("EAFNOSUPPORT") => {}
        Err(refusal) => return Err(refusal),
    }
    Ok(found)
}

/// One table, whole or up to the limit.
fn dump<T>(table: RouteTable, read: fn(&[u8]) -> Option<T>) -> Read<T> {
    for _ in 0..ATTEMPTS {
        if let Some(found) = dump_once(table, read)? {
            return Ok(found);
        }
    }
    Err(Refusal::of(Reason::Timeout).needing("a table that does not change while it is read"))
}

/// `None` where it changed meanwhile.
fn dump_once<T>(
    table: RouteTable,
    read: fn(&[u8]) -> Option<T>,
) -> Result<Option<Found<T>>, Refusal> {
    let mut found = none();
    let mut end = None;
    // Each on a socket of its own: the rest of an answer that was broken off would be taken for the
    // next one's.
    let client = NetlinkClient::route().map_err(refused)?;
    let dumped = client.dump(&table.request(), &mut Vec::new(), |datagram| {
        for message in rtnetlink::messages(datagram, table.item()) {
            match message {
                Ok(Message::Item(payload)) => {
                    // Without IPv6 the kernel answers for it with what it has of other families.
                    if table.is_of_other_family(payload) {
                        continue;
                    }
                    if found.all.len() >= RECORDS {
                        found.cut = true;
                        end = Some(Ok(true));
                        return ControlFlow::Break(());
                    }
                    match read(payload) {
                        Some(record) => found.all.push(record),
                        None => end = Some(Err(malformed(MALFORMED))),
                    }
                }
                Ok(Message::Done) => end = end.take().or(Some(Ok(true))),
                Ok(Message::Interrupted) => end = Some(Ok(false)),
                Ok(Message::Error(errno)) => {
                    end = Some(Err(refused(Errno::from_raw(errno))));
                }
                Err(error) => end = Some(Err(malformed(error))),
            }
            if end.is_some() {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    });
    dumped.map_err(refused)?;
    match end {
        Some(Ok(whole)) => Ok(whole.then_some(found)),
        Some(Err(refusal)) => Err(refusal),
        None => Err(malformed(MALFORMED)),
    }
}

const MALFORMED: Malformed = Malformed {
    what: "an entry of rtnetlink",
    expected: "its fixed part and attributes",
};

fn refused(errno: Errno) -> Refusal {
    let reason = match errno {
        Errno::EOPNOTSUPP | Errno::EAFNOSUPPORT | Errno::EPROTONOSUPPORT => Reason::Unsupported,
        Errno::EACCES | Errno::EPERM => Reason::Denied,
        Errno::EAGAIN => Reason::Timeout,
        _ => Reason::Io,
    };
    Refusal {
        errno: Some(format!("{errno:?}")),
        ..Refusal::of(reason)
    }
}

/// The files of one process.
struct Text<'a> {
    process: &'a ProcessDir,
    scan: &'a Scan,
}

impl Text<'_> {
    fn read(&self, only_netlink: Refusal, reads: impl Fn(Part) -> bool) -> Records {
        let groups = self.bytes(c"net/igmp").unwrap_or_default().0;
        // For the numbers of interfaces, and their addresses.
        let if_inet6 = self.bytes(c"net/if_inet6");
        let v6 = if_inet6.as_ref().map_or(&[][..], |(bytes, _)| bytes);
        let names = interfaces::names(&groups, v6);
        let mut links = self.table(c"net/dev", net_text::dev);
        if let Ok(links) = &mut links {
            for link in &mut links.all {
                let same = names.iter().find(|(_, name)| **name == link.name);
                link.index = same.map(|(index, _)| *index);
            }
        }
        Records {
            source: NetworkSource::Proc,
            links,
            addresses: when(reads(Part::Addresses), || {
                let v4 = self.table(c"net/fib_trie", net_text::fib_trie)?;
                families(
                    v4,
                    if_inet6.and_then(|read| parsed(&read, net_text::if_inet6)),
                )
            }),
            routes: when(reads(Part::Routes), || {
                let v4 = self.table(c"net/route", net_text::route)?;
                families(v4, self.table(c"net/ipv6_route", net_text::ipv6_route))
            }),
            rules: when(reads(Part::Rules), || Err(only_netlink.clone())),
            neighbours: when(reads(Part::Neighbours), || {
                self.table(c"net/arp", net_text::arp)
            }),
            names,
            only_netlink,
        }
    }

    fn table<T>(&self, name: &CStr, parse: Parse<T>) -> Read<T> {
        self.bytes(name).and_then(|read| parsed(&read, parse))
    }

    /// The whole lines of a file, and whether there are more.
    fn bytes(&self, name: &CStr) -> Result<(Vec<u8>, bool), Refusal> {
        let mut buffer = Vec::new();
        let limit = file_limits::NET_TABLE;
        match self.process.read_records(name, limit, &mut buffer) {
            Ok(Truncation::Whole) => Ok((buffer, false)),
            Ok(Truncation::AtLimit) => {
                let end = buffer.iter().rposition(|byte| *byte == b'\n');
                buffer.truncate(end.map_or(0, |end| end + 1));
                Ok((buffer, true))
            }
            Err(errno) => Err(of_process(self.process, self.scan, errno)),
        }
    }
}

fn parsed<T>((bytes, cut): &(Vec<u8>, bool), parse: Parse<T>) -> Read<T> {
    // One more, to know that there are more.
    let mut all = parse(bytes, RECORDS + 1).map_err(malformed)?;
    let cut = *cut || all.len() > RECORDS;
    all.truncate(RECORDS);
    Ok(Found { all, cut })
}

/// A kernel without IPv6 has none of its files.
fn families<T>(mut found: Found<T>, v6: Read<T>) -> Read<T> {
    match v6 {
        Ok(mut more) => {
            found.all.append(&mut more.all);
            found.cut |= more.cut;
        }
        Err(refusal) if refusal.errno.as_deref() == Some("ENOENT") => {}
        Err(refusal) => return Err(refusal),
    }
    Ok(found)
}

type Parse<T> = fn(&[u8], usize) -> Result<Vec<T>, Malformed>;

/// Why a file below `net` cannot be read; it takes no more than to be let into /proc.
pub(super) fn of_process(process: &ProcessDir, scan: &Scan, errno: Errno) -> Refusal {
    let viewer = &scan.reader.viewer;
    let refusal = refusal_below(process, errno, AccessCheck::Open, viewer, Default::default);
    Refusal {
        errno: refusal.errno.or_else(|| Some(format!("{errno:?}"))),
        ..refusal
    }
}
