//! The argument of `-i`: `[46][protocol][@address][:ports]`.

// Addresses only: nothing here can open a connection.
use core::net::IpAddr;
use std::ops::RangeInclusive;

use crate::model::socket::{Family, Protocol, Socket};

/// Which internet sockets are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct InternetFilter {
    family: Option<Family>,
    protocol: Option<Protocol>,
    address: Option<IpAddr>,
    ports: Vec<RangeInclusive<u32>>,
}

impl InternetFilter {
    /// Reads the argument; an empty one is every internet socket.
    ///
    /// # Errors
    /// A sentence that says what was expected.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut filter = Self::default();
        let wrong = |why: &str| format!("{text:?}: {why}");
        let mut rest = text;
        for (digit, family) in [('4', Family::Inet), ('6', Family::Inet6)] {
            if let Some(after) = text.strip_prefix(digit) {
                filter.family = Some(family);
                rest = after;
            }
        }
        let end = rest.find(['@', ':']).unwrap_or(rest.len());
        let (protocol, after) = rest.split_at(end);
        filter.protocol = match protocol.to_ascii_lowercase().as_str() {
            "" => None,
            "tcp" => Some(Protocol::Tcp),
            "udp" => Some(Protocol::Udp),
            "icmp" => Some(Protocol::Icmp),
            "raw" => Some(Protocol::Raw),
            _ => return Err(wrong("unknown protocol; expected tcp, udp, icmp or raw")),
        };
        let mut ports = after;
        if let Some(address) = after.strip_prefix('@') {
            let (address, after) = match address.strip_prefix('[') {
                Some(bracketed) => bracketed
                    .split_once(']')
                    .ok_or_else(|| wrong("expected ] behind the address"))?,
                None => address.split_at(address.find(':').unwrap_or(address.len())),
            };
            let parsed = address.parse();
            filter.address = Some(parsed.map_err(|_| {
                wrong("expected an IP address behind @ (names are not resolved; IPv6 in [])")
            })?);
            ports = after;
        }
        match ports.strip_prefix(':') {
            Some(list) => {
                let parsed: Option<Vec<_>> = list.split(',').map(range).collect();
                filter.ports = parsed.ok_or_else(|| {
                    wrong("expected port numbers behind the colon, such as :80,443 or :8000-8999")
                })?;
            }
            None if ports.is_empty() => {}
            None => return Err(wrong("expected [46][protocol][@address][:ports]")),
        }
        Ok(filter)
    }

    /// Whether a socket is asked for.
    pub(super) fn matches(&self, socket: &Socket) -> bool {
        let internet = matches!(socket.family, Family::Inet | Family::Inet6);
        let address = |asked: &IpAddr| {
            let ends = [socket.local_address, socket.peer_address];
            let asked = asked.to_canonical();
            ends.iter().flatten().any(|end| end.to_canonical() == asked)
        };
        let ports = [socket.local_port, socket.peer_port];
        let port = |range: &RangeInclusive<u32>| ports.iter().flatten().any(|p| range.contains(p));
        internet
            && self.family.is_none_or(|family| family == socket.family)
            && self.protocol.is_none_or(|of| of == socket.protocol)
            && self.address.as_ref().is_none_or(address)
            && (self.ports.is_empty() || self.ports.iter().any(port))
    }
}

fn range(text: &str) -> Option<RangeInclusive<u32>> {
    let number = |text: &str| text.parse::<u16>().ok().map(u32::from);
    match text.split_once('-') {
        Some((first, last)) => Some(number(first)?..=number(last)?),
        None => number(text).map(|port| port..=port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::socket::State;

    fn socket(local: &str, port: u32) -> Socket {
        let address: IpAddr = local.parse().unwrap();
        let family = if address.is_ipv4() {
            Family::Inet
        } else {
            Family::Inet6
        };
        let mut socket = Socket::bare(Protocol::Tcp, family, State::Listen);
        (socket.local_address, socket.local_port) = (Some(address), Some(port));
        socket
    }

    #[test]
    fn what_fingers_know() {
        let (v4, v6) = (socket("127.0.0.1", 8080), socket("::1", 443));
        for (text, of_v4, of_v6) in [
            ("", true, true),
            ("4", true, false),
            ("6TCP", false, true),
            ("tcp:8080", true, false),
            (":80,443", false, true),
            (":8000-8999", true, false),
            ("@127.0.0.1", true, false),
            ("TCP@[::1]:443", false, true),
            ("UDP", false, false),
        ] {
            let filter = InternetFilter::parse(text).unwrap();
            assert_eq!(filter.matches(&v4), of_v4, "{text}");
            assert_eq!(filter.matches(&v6), of_v6, "{text}");
        }
        for text in [
            ":http", "sctp", "@host", "tcp8080", "@[::1", ":1-", ":65536",
        ] {
            assert!(InternetFilter::parse(text).is_err(), "{text}");
        }
    }
}
