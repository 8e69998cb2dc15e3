//! `struct inet_diag_msg` and its attributes: TCP, UDP and raw sockets of both families.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{array, attributes, request, u8_at, u32_at, u64_at};
use crate::parse::Malformed;
use crate::parse::net_tables::{Endpoint, InetSocket, TcpInfo, Timer, queue};

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const INET_DIAG_INFO: u16 = 2;
const INET_DIAG_SKMEMINFO: u16 = 7;
const INET_DIAG_SKV6ONLY: u16 = 11;
/// Where the attributes begin.
const FIXED: usize = 72;
/// The place of the drops in `SK_MEMINFO_VARS`.
const DROPS: usize = 8 * 4;

/// `IPPROTO_TCP`.
pub(crate) const TCP: u8 = 6;
/// `IPPROTO_UDP`.
pub(crate) const UDP: u8 = 17;
/// `IPPROTO_RAW`.
pub(crate) const RAW: u8 = 255;

/// Asks for the sockets of a protocol whose state's bit is set in `states`.
#[must_use]
pub(crate) fn ask(v6: bool, protocol: u8, states: u32, tcp_info: bool) -> Vec<u8> {
    let family = if v6 { AF_INET6 } else { AF_INET };
    let mut extensions = 0;
    if tcp_info && protocol == TCP {
        extensions |= 1 << (INET_DIAG_INFO - 1);
    }
    if protocol != TCP {
        extensions |= 1 << (INET_DIAG_SKMEMINFO - 1);
    }
    let mut body = vec![family, protocol, extensions, 0];
    body.extend(states.to_ne_bytes());
    body.extend([0; 48]);
    request(&body)
}

/// Reads the payload of one message.
///
/// # Errors
/// If it is shorter than its fixed part, or of another family.
pub(crate) fn parse(payload: &[u8]) -> Result<InetSocket, Malformed> {
    read(payload).ok_or(Malformed {
        what: "a socket of inet_diag",
        expected: "72 bytes of the family inet or inet6",
    })
}

fn read(bytes: &[u8]) -> Option<InetSocket> {
    let fixed = bytes.get(..FIXED)?;
    let family = u8_at(fixed, 0)?;
    let timer = Timer {
        kind: u8_at(fixed, 2)?,
        retransmits: u8_at(fixed, 3)?.into(),
        milliseconds: u32_at(fixed, 52)?,
    };
    let endpoint = |port, address| {
        let address = match family {
            AF_INET => IpAddr::V4(Ipv4Addr::from(array::<4>(fixed, address)?)),
            AF_INET6 => IpAddr::V6(Ipv6Addr::from(array::<16>(fixed, address)?)),
            _ => return None,
        };
        let port = u16::from_be_bytes(array(fixed, port)?);
        Some(Endpoint { address, port })
    };
    let mut socket = InetSocket {
        local: endpoint(4, 8)?,
        peer: endpoint(6, 24)?,
        state: u8_at(fixed, 1)?,
        receive_queue: queue(u32_at(fixed, 56)?),
        send_queue: queue(u32_at(fixed, 60)?),
        timer: (timer.kind != 0).then_some(timer),
        uid: u32_at(fixed, 64)?,
        inode: u32_at(fixed, 68)?.into(),
        drops: None,
        interface: Some(u32_at(fixed, 40)?),
        v6_only: None,
        tcp_info: None,
    };
    for (kind, value) in attributes(bytes.get(FIXED..)?) {
        match kind {
            INET_DIAG_INFO => socket.tcp_info = tcp_info(value),
            INET_DIAG_SKMEMINFO => socket.drops = u32_at(value, DROPS),
            INET_DIAG_SKV6ONLY => socket.v6_only = u8_at(value, 0).map(|only| only != 0),
            _ => {}
        }
    }
    Some(socket)
}

/// `struct tcp_info` has grown at its end with every few kernels.
fn tcp_info(info: &[u8]) -> Option<TcpInfo> {
    Some(TcpInfo {
        segment_bytes: u32_at(info, 16)?,
        rtt_us: u32_at(info, 68)?,
        rtt_variance_us: u32_at(info, 72)?,
        congestion_window: u32_at(info, 80)?,
        retransmits: u32_at(info, 100)?,
        bytes_acknowledged: u64_at(info, 120),
        bytes_received: u64_at(info, 128),
        bytes_sent: u64_at(info, 200),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::mutate;
    use proptest::prelude::*;

    fn sample() -> Vec<u8> {
        let mut bytes = vec![AF_INET6, 1, 2, 3];
        bytes.extend(8080_u16.to_be_bytes());
        bytes.extend(50_000_u16.to_be_bytes());
        bytes.extend(Ipv6Addr::LOCALHOST.octets());
        bytes.extend("fe80::1".parse::<Ipv6Addr>().unwrap().octets());
        bytes.extend(7_u32.to_ne_bytes());
        bytes.extend([0xff; 8]);
        for number in [7_200_000_u32, 11, 12, 1000, 88_421] {
            bytes.extend(number.to_ne_bytes());
        }
        assert_eq!(bytes.len(), FIXED);
        let mut info = vec![0_u8; 208];
        info[68..72].copy_from_slice(&400_u32.to_ne_bytes());
        info[80..84].copy_from_slice(&10_u32.to_ne_bytes());
        info[200..208].copy_from_slice(&u64::MAX.to_ne_bytes());
        for (kind, value) in [
            (INET_DIAG_SKV6ONLY, &[1][..]),
            (INET_DIAG_INFO, &info),
            (99, &[1, 2, 3]),
        ] {
            bytes.extend(u16::try_from(4 + value.len()).unwrap().to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(value);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    #[test]
    fn fields_and_attributes() {
        let socket = parse(&sample()).unwrap();
        assert_eq!(socket.local.address, IpAddr::V6(Ipv6Addr::LOCALHOST));
        assert_eq!((socket.local.port, socket.peer.port), (8080, 50_000));
        assert_eq!(socket.peer.address.to_string(), "fe80::1");
        assert_eq!((socket.interface, socket.v6_only), (Some(7), Some(true)));
        assert_eq!(
            (socket.receive_queue, socket.send_queue),
            (Some(11), Some(12))
        );
        assert_eq!((socket.uid, socket.inode), (1000, 88_421));
        let info = socket.tcp_info.unwrap();
        assert_eq!((info.rtt_us, info.congestion_window), (400, 10));
        assert_eq!(info.bytes_sent, Some(u64::MAX));
    }

    #[test]
    fn an_old_kernel_tells_less_and_no_zero_stands_for_it() {
        let info = tcp_info(&[0; 104]).unwrap();
        assert_eq!((info.bytes_acknowledged, info.bytes_sent), (None, None));
        assert_eq!(tcp_info(&[0; 103]), None);
    }

    #[test]
    fn short_or_of_another_family_is_malformed() {
        let whole = sample();
        for end in 0..FIXED {
            assert!(parse(&whole[..end]).is_err(), "{end}");
        }
        let mut other = whole;
        other[0] = 1;
        assert!(parse(&other).is_err());
    }

    #[test]
    fn survives_damage() {
        mutate::survives(&sample(), |bytes| {
            let _ = parse(bytes);
        });
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            let _ = parse(&bytes);
            let _ = parse(&[sample(), bytes].concat());
        }
    }
}
