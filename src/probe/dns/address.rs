//! Addresses as they can be dialled.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};

use nix::errno::Errno;

use crate::parse::ip_literal::IpLiteral;
use crate::sys::interface;

/// An address and the interface that a link-local one belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// The number of the interface (RFC 4007), 0 where the kernel shall choose.
    pub scope_id: u32,
}

/// The zone of an address is no interface here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no interface {zone} in this network namespace ({errno})")]
pub struct NoSuchZone {
    zone: String,
    errno: Errno,
}

impl Address {
    /// The address that was written, with its zone looked up among the interfaces.
    ///
    /// # Errors
    /// Where there is no such interface.
    pub fn from_literal(literal: &IpLiteral<'_>) -> Result<Self, NoSuchZone> {
        Self::in_zone(literal.ip, literal.zone)
    }

    /// An address in a zone.
    ///
    /// # Errors
    /// Where there is no such interface.
    pub fn in_zone(ip: IpAddr, zone: Option<&str>) -> Result<Self, NoSuchZone> {
        let scope_id = zone.map_or(Ok(0), |zone| {
            interface::index(zone).map_err(|errno| NoSuchZone {
                zone: zone.to_owned(),
                errno,
            })
        })?;
        Ok(Self { ip, scope_id })
    }

    /// The address with a port, ready to be dialled.
    #[must_use]
    pub fn at(self, port: u16) -> SocketAddr {
        match self.ip {
            IpAddr::V4(_) => SocketAddr::new(self.ip, port),
            IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, self.scope_id).into(),
        }
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        Self { ip, scope_id: 0 }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scope_id {
            0 => write!(f, "{}", self.ip),
            scope_id => write!(f, "{}%{scope_id}", self.ip),
        }
    }
}

/// What `localhost` is (RFC 6761, 6.3).
pub(super) fn loopback() -> Vec<Address> {
    vec![
        IpAddr::from(Ipv4Addr::LOCALHOST).into(),
        IpAddr::from(Ipv6Addr::LOCALHOST).into(),
    ]
}

/// The order in which they are dialled: IPv6 first where a way leads to it, last otherwise. That is
/// what of RFC 6724 decides in a container, which has one address of a family or none.
pub(super) fn in_dial_order(addresses: Vec<Address>) -> Vec<Address> {
    let (six, four): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.ip.is_ipv6());
    if six.first().is_some_and(|first| has_route(*first)) {
        [six, four].concat()
    } else {
        [four, six].concat()
    }
}

/// To connect a UDP socket sends nothing: the kernel chooses the way, or finds none.
fn has_route(address: Address) -> bool {
    const DISCARD: u16 = 9;
    UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))
        .is_ok_and(|socket| socket.connect(address.at(DISCARD)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_become_numbers_and_print_as_such() {
        let literal = IpLiteral::parse(b"fe80::1%lo").unwrap();
        let address = Address::from_literal(&literal).unwrap();
        assert_eq!(address.to_string(), format!("fe80::1%{}", address.scope_id));
        assert!(matches!(address.at(443), SocketAddr::V6(at) if at.scope_id() == address.scope_id));
        let literal = IpLiteral::parse(b"fe80::1%nosuch0").unwrap();
        let says = Address::from_literal(&literal).unwrap_err().to_string();
        assert!(says.starts_with("no interface nosuch0"), "{says}");
    }

    #[test]
    fn a_family_without_a_way_is_dialled_last() {
        // 100::/64 is discarded everywhere (RFC 6666), but the way there is a default route; a
        // multicast interface that does not exist has none.
        let nowhere = Address {
            ip: "fe80::1".parse().unwrap(),
            scope_id: u32::MAX >> 1,
        };
        let four = Address::from(IpAddr::from([127, 0, 0, 1]));
        assert_eq!(in_dial_order(vec![nowhere, four]), [four, nowhere]);
        let mut order = loopback();
        if has_route(order[1]) {
            order.reverse();
        }
        assert_eq!(in_dial_order(loopback()), order);
    }
}
