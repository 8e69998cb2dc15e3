//! `struct rtmsg` and what follows it.

use core::net::IpAddr;

use super::{AF_INET, AF_INET6, Interface, attributes, every, ip, u8_at, u16_at, u32_at};

/// A route, by rtnetlink or the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RouteRecord {
    pub(crate) destination: IpAddr,
    pub(crate) prefix_length: u8,
    /// `RTN_…`: 1 unicast, 6 blackhole, 7 unreachable, …; the files do not tell those that refuse
    /// apart.
    pub(crate) kind: Option<u8>,
    /// Where packets go; more than one of a multipath route, none of a route that refuses.
    pub(crate) hops: Vec<Hop>,
    pub(crate) preferred_source: Option<IpAddr>,
    pub(crate) metric: u32,
    /// `RTPROT_…`.
    pub(crate) protocol: Option<u8>,
    /// `RT_SCOPE_…`.
    pub(crate) scope: Option<u8>,
    pub(crate) table: Option<u32>,
    pub(crate) mtu: Option<u32>,
}

/// A next hop of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hop {
    /// `None` where the destination is on the link itself.
    pub(crate) gateway: Option<IpAddr>,
    pub(crate) interface: Option<Interface>,
    /// Its share among several, from 1.
    pub(crate) weight: u32,
    /// `RTNH_F_…`: 1 dead, 4 on link, 16 link down.
    pub(crate) flags: u32,
}

const RTA_GATEWAY: u16 = 5;
const RTA_VIA: u16 = 18;

pub(super) fn read(payload: &[u8]) -> Option<RouteRecord> {
    let family = u8_at(payload, 0)?;
    let mut hop = Hop {
        gateway: None,
        interface: None,
        weight: 1,
        flags: u32_at(payload, 8)?,
    };
    let mut route = RouteRecord {
        destination: every(family)?,
        prefix_length: u8_at(payload, 1)?,
        kind: Some(u8_at(payload, 7)?),
        hops: Vec::new(),
        preferred_source: None,
        metric: 0,
        protocol: Some(u8_at(payload, 5)?),
        scope: Some(u8_at(payload, 6)?),
        table: Some(u8_at(payload, 4)?.into()),
        mtu: None,
    };
    for (kind, value) in attributes(payload.get(12..)?) {
        match kind {
            1 => route.destination = ip(family, value)?,
            4 => hop.interface = u32_at(value, 0).map(Interface::Index),
            RTA_GATEWAY => hop.gateway = ip(family, value),
            6 => route.metric = u32_at(value, 0)?,
            7 => route.preferred_source = ip(family, value),
            8 => {
                let mtu = attributes(value).find(|(kind, _)| *kind == 2);
                route.mtu = mtu.and_then(|(_, mtu)| u32_at(mtu, 0));
            }
            9 => route.hops = multipath(family, value),
            15 => route.table = u32_at(value, 0),
            RTA_VIA => hop.gateway = via(value),
            _ => {}
        }
    }
    if route.hops.is_empty() && (hop.gateway.is_some() || hop.interface.is_some()) {
        route.hops.push(hop);
    }
    Some(route)
}

/// `struct rtnexthop`, one after the other, each followed by its attributes.
fn multipath(family: u8, mut rest: &[u8]) -> Vec<Hop> {
    let mut hops = Vec::new();
    while let (Some(length), Some(flags), Some(share), Some(index)) = (
        u16_at(rest, 0),
        u8_at(rest, 2),
        u8_at(rest, 3),
        u32_at(rest, 4),
    ) {
        let length = usize::from(length);
        let Some(own) = rest.get(8..length) else {
            break;
        };
        let gateway = attributes(own).find_map(|(kind, value)| match kind {
            RTA_GATEWAY => ip(family, value),
            RTA_VIA => via(value),
            _ => None,
        });
        hops.push(Hop {
            gateway,
            interface: Some(Interface::Index(index)),
            weight: u32::from(share) + 1,
            flags: flags.into(),
        });
        let next = length.next_multiple_of(4);
        rest = rest.get(next..).unwrap_or_default();
    }
    hops
}

/// A gateway of the other family: `struct rtvia`.
fn via(value: &[u8]) -> Option<IpAddr> {
    let family = match u16_at(value, 0)? {
        2 => AF_INET,
        10 => AF_INET6,
        _ => return None,
    };
    ip(family, value.get(2..)?)
}
