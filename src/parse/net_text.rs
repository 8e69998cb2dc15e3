//! Interfaces, addresses, routes and neighbours by the text files below `/proc/PID/net`: the records
//! of [`rtnetlink`](super::rtnetlink), with `None` for what the files do not say.
//!
//! `procfs-core` reads `net/dev`, `net/route` and `net/arp` too, line by line as UTF-8: one interface
//! whose name is other bytes makes it lose the whole file; of
//! `interfaces_have_their_counters_whatever_their_names` it reads nothing.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::rtnetlink::{
    AddressRecord, Counts, Hop, Interface, LinkRecord, NeighbourRecord, RouteRecord, Traffic,
};
use super::{Malformed, text};

/// `RT_TABLE_MAIN`, the only one that `net/route` lists.
const MAIN: u32 = 254;
const UNICAST: u8 = 1;
const RTF_GATEWAY: u64 = 0x0002;
const RTF_REJECT: u64 = 0x0200;
const RTF_ANYCAST: u64 = 0x0010_0000;
const RTF_LOCAL: u64 = 0x8000_0000;

/// Names and counters of `net/dev`.
///
/// # Errors
/// If a line behind the two of headings has other columns.
pub(crate) fn dev(bytes: &[u8], limit: usize) -> Result<Vec<LinkRecord>, Malformed> {
    records(bytes, "/proc/PID/net/dev", 2, limit, |line| {
        let (name, rest) = text::split_once(line, b':')?;
        let numbers: Option<Vec<u64>> = text::words(rest).map(text::decimal).collect();
        let numbers = numbers.filter(|numbers| numbers.len() == 16)?;
        let number = |index: usize| numbers.get(index).copied();
        let counts = |first: usize| {
            Some(Counts {
                bytes: number(first)?,
                packets: number(first + 1)?,
                errors: number(first + 2)?,
                dropped: number(first + 3)?,
            })
        };
        let name = name.trim_ascii_start();
        (!name.is_empty()).then_some(())?;
        Some(Some(LinkRecord {
            index: None,
            name: name.to_vec(),
            details: None,
            traffic: Some(Traffic {
                received: counts(0)?,
                sent: counts(8)?,
            }),
        }))
    })
}

/// The IPv4 routes of `net/route`: those of the table main. Of several next hops it has the first.
///
/// # Errors
/// If a line behind the heading has other columns.
pub(crate) fn route(bytes: &[u8], limit: usize) -> Result<Vec<RouteRecord>, Malformed> {
    records(bytes, "/proc/PID/net/route", 1, limit, |line| {
        let words: Vec<&[u8]> = text::words(line).collect();
        let word = |index: usize| words.get(index).copied();
        let address = |index: usize| {
            let number = u32::try_from(text::hexadecimal(word(index)?)?).ok()?;
            Some(Ipv4Addr::from(number.to_ne_bytes()))
        };
        let interface = word(0)?;
        let flags = text::hexadecimal(word(3)?)?;
        let mask = u32::from(address(7)?);
        // Without an interface it refuses: blackhole, unreachable, prohibit or throw.
        let has_interface = interface != b"*";
        let gateway = address(2)?;
        let hop = has_interface.then(|| Hop {
            gateway: (flags & RTF_GATEWAY != 0).then_some(gateway.into()),
            interface: Some(Interface::Name(interface.to_vec())),
            weight: 1,
            flags: 0,
        });
        Some(Some(RouteRecord {
            destination: address(1)?.into(),
            prefix_length: prefix_length(mask)?,
            kind: has_interface.then_some(UNICAST),
            hops: hop.into_iter().collect(),
            preferred_source: None,
            metric: text::decimal(word(6)?)?,
            protocol: None,
            scope: None,
            table: Some(MAIN),
            mtu: None,
        }))
    })
}

fn prefix_length(mask: u32) -> Option<u8> {
    let ones = mask.leading_ones();
    (mask.count_ones() == ones).then(|| u8::try_from(ones).ok())?
}

/// The IPv6 routes of `net/ipv6_route`, of every table, without those to the namespace's own
/// addresses and to multicast groups, which the kernel makes itself.
///
/// # Errors
/// If a line has other columns.
pub(crate) fn ipv6_route(bytes: &[u8], limit: usize) -> Result<Vec<RouteRecord>, Malformed> {
    records(bytes, "/proc/PID/net/ipv6_route", 0, limit, |line| {
        let words: Vec<&[u8]> = text::words(line).collect();
        let word = |index: usize| words.get(index).copied();
        let destination = ipv6(word(0)?)?;
        let prefix_length = u8::try_from(text::hexadecimal(word(1)?)?).ok()?;
        let gateway = ipv6(word(4)?)?;
        let metric = u32::try_from(text::hexadecimal(word(5)?)?).ok()?;
        let flags = text::hexadecimal(word(8)?)?;
        let name = word(9)?;
        let own = flags & (RTF_LOCAL | RTF_ANYCAST) != 0;
        let group = (destination, prefix_length, metric) == (MULTICAST, 8, MADE_BY_KERNEL);
        // The entry that ends each table.
        let last = metric == u32::MAX && flags & RTF_REJECT != 0;
        if own || group || last {
            return Some(None);
        }
        Some(Some(RouteRecord {
            destination: destination.into(),
            prefix_length: (prefix_length <= 128).then_some(prefix_length)?,
            kind: (flags & RTF_REJECT == 0).then_some(UNICAST),
            hops: vec![Hop {
                gateway: (flags & RTF_GATEWAY != 0).then_some(gateway.into()),
                interface: Some(Interface::Name(name.to_vec())),
                weight: 1,
                flags: 0,
            }],
            preferred_source: None,
            metric,
            protocol: None,
            scope: None,
            table: None,
            mtu: None,
        }))
    })
}

const MULTICAST: Ipv6Addr = Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0);
/// `IP6_RT_PRIO_ADDRCONF`
const MADE_BY_KERNEL: u32 = 256;

/// The IPv6 addresses of `net/if_inet6`.
///
/// # Errors
/// If a line has other columns.
pub(crate) fn if_inet6(bytes: &[u8], limit: usize) -> Result<Vec<AddressRecord>, Malformed> {
    records(bytes, "/proc/PID/net/if_inet6", 0, limit, |line| {
        let words: Vec<&[u8]> = text::words(line).collect();
        let number = |index: usize| text::hexadecimal(words.get(index)?);
        Some(Some(AddressRecord {
            address: ipv6(words.first()?)?.into(),
            index: Some(u32::try_from(number(1)?).ok()?),
            peer: None,
            prefix_length: Some(u8::try_from(number(2)?).ok().filter(|all| *all <= 128)?),
            scope: Some(scope_of(number(3)?)),
            flags: Some(u32::try_from(number(4)?).ok()?),
        }))
    })
}

/// `IPV6_ADDR_…` as `RT_SCOPE_…`.
fn scope_of(kind: u64) -> u8 {
    match kind & 0xf0 {
        0x10 => 254,
        0x20 => 253,
        0x40 => 200,
        _ => 0,
    }
}

/// The IPv4 addresses of `net/fib_trie`: what the kernel delivers to itself, each once. Neither the
/// interface nor the length of the prefix is there.
///
/// # Errors
/// If the last line is cut.
pub(crate) fn fib_trie(bytes: &[u8], limit: usize) -> Result<Vec<AddressRecord>, Malformed> {
    let what = "/proc/PID/net/fib_trie";
    let mut leaf = None;
    let mut found: Vec<AddressRecord> = Vec::new();
    for line in text::lines(bytes, what)? {
        let line = line.trim_ascii();
        if let Some(address) = line.strip_prefix(b"|-- ") {
            let address = std::str::from_utf8(address).ok();
            leaf = address.and_then(|text| text.parse::<Ipv4Addr>().ok());
        } else if line == b"/32 host LOCAL"
            && let Some(leaf) = leaf
            && !found.iter().any(|known| known.address == leaf)
        {
            found.push(AddressRecord {
                index: None,
                address: leaf.into(),
                peer: None,
                prefix_length: None,
                scope: None,
                flags: None,
            });
            if found.len() >= limit {
                break;
            }
        }
    }
    Ok(found)
}

/// The IPv4 neighbours of `net/arp`.
///
/// # Errors
/// If a line behind the heading has other columns.
pub(crate) fn arp(bytes: &[u8], limit: usize) -> Result<Vec<NeighbourRecord>, Malformed> {
    const COMPLETE: u64 = 2;
    const PERMANENT: u64 = 4;
    const PUBLISHED: u64 = 8;
    records(bytes, "/proc/PID/net/arp", 1, limit, |line| {
        let words: Vec<&[u8]> = text::words(line).collect();
        let word = |index: usize| words.get(index).copied();
        let address: Ipv4Addr = std::str::from_utf8(word(0)?).ok()?.parse().ok()?;
        let flags = text::hexadecimal(word(2)?.strip_prefix(b"0x")?)?;
        if flags & PUBLISHED != 0 {
            // Answered for others, and no neighbour.
            return Some(None);
        }
        let mac: Option<Vec<u8>> = word(3)?
            .split(|byte| *byte == b':')
            .map(|pair| u8::try_from(text::hexadecimal(pair)?).ok())
            .collect();
        let mac = mac.filter(|_| flags & COMPLETE != 0);
        Some(Some(NeighbourRecord {
            interface: Interface::Name(word(5)?.to_vec()),
            address: IpAddr::V4(address),
            mac: mac.unwrap_or_default(),
            state: (flags & PERMANENT != 0).then_some(0x80),
        }))
    })
}

/// The entries of `net/nf_conntrack` by `net/stat/nf_conntrack`: each line of a CPU has the sum.
#[must_use]
pub(crate) fn conntrack_entries(bytes: &[u8]) -> Option<u64> {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let heading = lines.next()?;
    (text::words(heading).next()? == b"entries").then_some(())?;
    text::hexadecimal(text::words(lines.next()?).next()?)
}

fn ipv6(word: &[u8]) -> Option<Ipv6Addr> {
    let text = std::str::from_utf8(word).ok()?;
    let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u128::from_str_radix(text, 16).ok().filter(|_| digits)?;
    Some(Ipv6Addr::from(number))
}

/// What `read` makes of each line, at most `limit`: `None` is malformed, `Some(None)` is left out.
fn records<T>(
    bytes: &[u8],
    what: &'static str,
    headings: usize,
    limit: usize,
    read: impl Fn(&[u8]) -> Option<Option<T>>,
) -> Result<Vec<T>, Malformed> {
    let expected = "the columns that proc(5) names";
    let mut found = Vec::new();
    for line in text::lines(bytes, what)?.skip(headings) {
        if found.len() >= limit {
            break;
        }
        found.extend(read(line).ok_or(Malformed { what, expected })?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
