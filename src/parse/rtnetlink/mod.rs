//! The messages of `NETLINK_ROUTE`: interfaces, addresses, routes, rules and neighbours of a network
//! namespace. [`net_text`](super::net_text) makes the same records of the text files, with `None`
//! for what those do not say.
//!
//! Addresses are in the network's order, other numbers in the machine's own.

mod route;
mod rule;

use core::net::IpAddr;

pub(crate) use super::netlink::{Message, messages};
use super::netlink::{attributes, dump, u8_at, u16_at, u32_at, u64_at};
pub(crate) use route::{Hop, RouteRecord};
pub(crate) use rule::RuleRecord;

/// A table of rtnetlink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RouteTable {
    Links,
    Addresses,
    Routes4,
    Routes6,
    Rules4,
    Rules6,
    Neighbours4,
    Neighbours6,
}

const AF_UNSPEC: u8 = 0;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

impl RouteTable {
    /// The request for the whole of it.
    #[must_use]
    pub(crate) fn request(self) -> Vec<u8> {
        let (kind, family, size) = match self {
            Self::Links => (18, AF_UNSPEC, 16),
            Self::Addresses => (22, AF_UNSPEC, 8),
            Self::Routes4 => (26, AF_INET, 12),
            Self::Routes6 => (26, AF_INET6, 12),
            Self::Rules4 => (34, AF_INET, 12),
            Self::Rules6 => (34, AF_INET6, 12),
            Self::Neighbours4 => (30, AF_INET, 12),
            Self::Neighbours6 => (30, AF_INET6, 12),
        };
        let mut body = vec![0; size];
        if let Some(first) = body.first_mut() {
            *first = family;
        }
        dump(kind, &body)
    }

    /// Whether the payload of a message is of another family than the one that was asked for.
    #[must_use]
    pub(crate) fn is_of_other_family(self, payload: &[u8]) -> bool {
        let asked = match self {
            Self::Links | Self::Addresses => return false,
            Self::Routes4 | Self::Rules4 | Self::Neighbours4 => AF_INET,
            Self::Routes6 | Self::Rules6 | Self::Neighbours6 => AF_INET6,
        };
        u8_at(payload, 0) != Some(asked)
    }

    /// The type of the messages that answer: `RTM_NEW…`.
    #[must_use]
    pub(crate) fn item(self) -> u16 {
        match self {
            Self::Links => 16,
            Self::Addresses => 20,
            Self::Routes4 | Self::Routes6 => 24,
            Self::Rules4 | Self::Rules6 => 32,
            Self::Neighbours4 | Self::Neighbours6 => 28,
        }
    }
}

/// A network interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LinkRecord {
    pub(crate) index: Option<u32>,
    pub(crate) name: Vec<u8>,
    /// What only rtnetlink says.
    pub(crate) details: Option<LinkDetails>,
    /// `None` where the kernel does not count.
    pub(crate) traffic: Option<Traffic>,
}

/// What only rtnetlink says of an interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LinkDetails {
    /// `IFF_…`.
    pub(crate) flags: u32,
    /// `ARPHRD_…`.
    pub(crate) hardware: u16,
    pub(crate) mtu: Option<u32>,
    /// `IF_OPER_…`.
    pub(crate) state: Option<u8>,
    /// The link-layer address; empty without one.
    pub(crate) address: Vec<u8>,
    /// The kind of a virtual interface, such as `veth`.
    pub(crate) kind: Option<Vec<u8>>,
    /// The interface below it, or the other end of a veth pair, which may be in another namespace.
    pub(crate) lower: Option<u32>,
    /// The bridge or bond that it belongs to.
    pub(crate) master: Option<u32>,
}

/// What an interface counts, as `/proc/net/dev` sums it up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) received: Counts,
    pub(crate) sent: Counts,
}

/// One direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) bytes: u64,
    pub(crate) packets: u64,
    pub(crate) errors: u64,
    pub(crate) dropped: u64,
}

/// An address of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AddressRecord {
    pub(crate) index: Option<u32>,
    pub(crate) address: IpAddr,
    /// The other end of a point-to-point link.
    pub(crate) peer: Option<IpAddr>,
    pub(crate) prefix_length: Option<u8>,
    /// `RT_SCOPE_…`.
    pub(crate) scope: Option<u8>,
    /// `IFA_F_…`.
    pub(crate) flags: Option<u32>,
}

/// A neighbour of the link layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NeighbourRecord {
    pub(crate) interface: Interface,
    pub(crate) address: IpAddr,
    /// Its link-layer address; empty where it is not known.
    pub(crate) mac: Vec<u8>,
    /// `NUD_…`.
    pub(crate) state: Option<u16>,
}

/// What a record says of its interface: its number by rtnetlink, its name by the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Interface {
    Index(u32),
    Name(Vec<u8>),
}

/// Reads the payload of a message of [`RouteTable::Links`]; `None` if it is too short or has no
/// name.
#[must_use]
pub(crate) fn link(payload: &[u8]) -> Option<LinkRecord> {
    let mut details = LinkDetails {
        hardware: u16_at(payload, 2)?,
        flags: u32_at(payload, 8)?,
        ..LinkDetails::default()
    };
    let mut link = LinkRecord {
        index: Some(u32_at(payload, 4)?),
        ..LinkRecord::default()
    };
    for (kind, value) in attributes(payload.get(16..)?) {
        match kind {
            1 => details.address = value.to_vec(),
            3 => link.name = text(value).to_vec(),
            4 => details.mtu = u32_at(value, 0),
            5 => details.lower = u32_at(value, 0),
            10 => details.master = u32_at(value, 0),
            16 => details.state = u8_at(value, 0),
            18 => {
                let kind = attributes(value).find(|(kind, _)| *kind == 1);
                details.kind = kind.map(|(_, name)| text(name).to_vec());
            }
            23 => link.traffic = traffic(value),
            _ => {}
        }
    }
    link.details = Some(details);
    (!link.name.is_empty()).then_some(link)
}

/// `struct rtnl_link_stats64`. Packets that the device missed are among those dropped, as in
/// `/proc/net/dev`.
fn traffic(bytes: &[u8]) -> Option<Traffic> {
    let number = |index: usize| u64_at(bytes, index * 8);
    let missed = number(15).unwrap_or_default();
    Some(Traffic {
        received: Counts {
            bytes: number(2)?,
            packets: number(0)?,
            errors: number(4)?,
            dropped: number(6)?.wrapping_add(missed),
        },
        sent: Counts {
            bytes: number(3)?,
            packets: number(1)?,
            errors: number(5)?,
            dropped: number(7)?,
        },
    })
}

/// Reads the payload of a message of [`RouteTable::Addresses`]; `None` for another family.
#[must_use]
pub(crate) fn address(payload: &[u8]) -> Option<AddressRecord> {
    let family = u8_at(payload, 0)?;
    let (mut address, mut local) = (None, None);
    let mut flags = u32::from(u8_at(payload, 2)?);
    for (kind, value) in attributes(payload.get(8..)?) {
        match kind {
            1 => address = ip(family, value),
            2 => local = ip(family, value),
            8 => flags = u32_at(value, 0)?,
            _ => {}
        }
    }
    let (local, peer) = match (local, address) {
        (Some(local), peer) => (local, peer.filter(|peer| *peer != local)),
        (None, address) => (address?, None),
    };
    Some(AddressRecord {
        index: Some(u32_at(payload, 4)?),
        address: local,
        peer,
        prefix_length: Some(u8_at(payload, 1)?),
        scope: Some(u8_at(payload, 3)?),
        flags: Some(flags),
    })
}

/// Reads the payload of a message of the neighbour tables; `None` for another family.
#[must_use]
pub(crate) fn neighbour(payload: &[u8]) -> Option<NeighbourRecord> {
    let family = u8_at(payload, 0)?;
    let (mut address, mut mac) = (None, Vec::new());
    for (kind, value) in attributes(payload.get(12..)?) {
        match kind {
            1 => address = ip(family, value),
            2 => mac = value.to_vec(),
            _ => {}
        }
    }
    Some(NeighbourRecord {
        interface: Interface::Index(u32_at(payload, 4)?),
        address: address?,
        mac,
        state: Some(u16_at(payload, 8)?),
    })
}

/// Reads the payload of a message of the route tables; `None` for another family.
#[must_use]
pub(crate) fn route(payload: &[u8]) -> Option<RouteRecord> {
    route::read(payload)
}

/// Reads the payload of a message of the rule tables; `None` for another family.
#[must_use]
pub(crate) fn rule(payload: &[u8]) -> Option<RuleRecord> {
    rule::read(payload)
}

fn ip(family: u8, bytes: &[u8]) -> Option<IpAddr> {
    match family {
        AF_INET => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        AF_INET6 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

/// The address that stands for all: where a route or rule names none.
fn every(family: u8) -> Option<IpAddr> {
    match family {
        AF_INET => Some(IpAddr::from([0; 4])),
        AF_INET6 => Some(IpAddr::from([0; 16])),
        _ => None,
    }
}

/// A text that ends with a NUL.
fn text(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
