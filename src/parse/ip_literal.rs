//! An IP address as people and files write it.

use core::net::IpAddr;
use std::str;

/// An address and, where an IPv6 one has it, its zone (RFC 4007): `fe80::1%eth0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpLiteral<'a> {
    /// The address.
    pub ip: IpAddr,
    /// The name or the number of the interface that a link-local address belongs to.
    pub zone: Option<&'a str>,
}

/// Names of interfaces have at most 15 bytes; a longer zone is invalid.
const MAX_ZONE_BYTES: usize = 15;

impl<'a> IpLiteral<'a> {
    /// Reads four decimal numbers with dots, or IPv6 with or without a zone. The short and octal
    /// forms of `inet_aton(3)` (`127.1`) are names here, as they are to most programs of today.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let text = str::from_utf8(bytes).ok()?;
        let (address, zone) = match text.split_once('%') {
            Some((address, zone)) => (address, Some(zone)),
            None => (text, None),
        };
        let ip: IpAddr = address.parse().ok()?;
        (zone.is_none() || (ip.is_ipv6() && zone.is_some_and(is_zone))).then_some(Self { ip, zone })
    }
}

fn is_zone(zone: &str) -> bool {
    (1..=MAX_ZONE_BYTES).contains(&zone.len())
        && zone
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b'%')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_families_and_zones_are_read() {
        for (text, ip, zone) in [
            ("127.0.0.1", "127.0.0.1", None),
            ("::1", "::1", None),
            ("::ffff:10.0.0.1", "::ffff:10.0.0.1", None),
            ("fe80::1%eth0", "fe80::1", Some("eth0")),
            ("fe80::1%2", "fe80::1", Some("2")),
        ] {
            let ip = ip.parse().unwrap();
            assert_eq!(
                IpLiteral::parse(text.as_bytes()),
                Some(IpLiteral { ip, zone })
            );
        }
    }

    #[test]
    fn what_is_no_address_is_none() {
        for text in [
            "",
            "localhost",
            "127.1",
            "0x7f.0.0.1",
            "010.0.0.1",
            "1.2.3.4.5",
            "1.2.3.256",
            "1.2.3.4%eth0",
            "fe80::1%",
            "fe80::1%e/0",
            "fe80::1%a%b",
            "fe80::1%sixteen-letters-",
            "[::1]",
            " ::1",
            "::1\n",
        ] {
            assert_eq!(IpLiteral::parse(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(IpLiteral::parse(b"::1\xff"), None);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            let _ = IpLiteral::parse(&bytes);
        }
    }
}
