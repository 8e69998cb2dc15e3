//! A line of `net/tcp`, `udp`, `raw`, `icmp`, and of the same for IPv6.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Endpoint, InetSocket, Timer, queue};
use crate::parse::{Malformed, text};

/// Ticks of the clock that these files count in: always 100 a second.
const TICK_MILLISECONDS: u64 = 10;

/// Reads one line, without its newline.
///
/// # Errors
/// If it is not the line of a socket; the heading is not either.
pub(crate) fn parse(line: &[u8]) -> Result<InetSocket, Malformed> {
    read(line).ok_or(Malformed {
        what: "a line of a socket table in /proc/PID/net",
        expected: "addresses, state, queues, timer, uid and inode",
    })
}

fn read(line: &[u8]) -> Option<InetSocket> {
    let mut words = text::words(line);
    words.next()?.strip_suffix(b":")?;
    let (local, peer) = (endpoint(words.next()?)?, endpoint(words.next()?)?);
    let state = u8::try_from(hexadecimal(words.next()?)?).ok()?;
    let (send, receive) = pair(words.next()?)?;
    let (kind, ticks) = pair(words.next()?)?;
    let retransmits = u32::try_from(hexadecimal(words.next()?)?).ok()?;
    let uid = text::decimal(words.next()?)?;
    // Named "timeout": what went unanswered of the probes.
    let probes: u32 = text::decimal(words.next()?)?;
    let inode = text::decimal(words.next()?)?;
    let timer = Timer {
        kind: u8::try_from(kind).ok()?,
        milliseconds: u32::try_from(ticks.saturating_mul(TICK_MILLISECONDS)).unwrap_or(u32::MAX),
        retransmits: if matches!(kind, 2 | 4) {
            probes
        } else {
            retransmits
        },
    };
    // After references and pointer: drops where the file has them, else details of TCP.
    let drops = words.nth(2).and_then(text::decimal);
    Some(InetSocket {
        local,
        peer,
        state,
        receive_queue: queue(u32::try_from(receive).ok()?),
        send_queue: queue(u32::try_from(send).ok()?),
        timer: (timer.kind != 0).then_some(timer),
        uid,
        inode,
        drops: drops.filter(|_| words.next().is_none()),
        interface: None,
        v6_only: None,
        tcp_info: None,
    })
}

/// `0100007F:1F90`: each word of the address is a number in the machine's own order.
fn endpoint(word: &[u8]) -> Option<Endpoint> {
    let (address, port) = text::split_once(word, b':')?;
    let address = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(number(address)?)),
        32 => {
            let mut bytes = [0_u8; 16];
            for (to, from) in bytes.chunks_exact_mut(4).zip(address.chunks_exact(8)) {
                to.copy_from_slice(&number(from)?);
            }
            IpAddr::V6(Ipv6Addr::from(bytes))
        }
        _ => return None,
    };
    let port = u16::try_from(hexadecimal(port)?).ok()?;
    Some(Endpoint { address, port })
}

fn number(word: &[u8]) -> Option<[u8; 4]> {
    let value = u32::try_from(hexadecimal(word)?).ok()?;
    Some(value.to_ne_bytes())
}

fn pair(word: &[u8]) -> Option<(u64, u64)> {
    let (first, second) = text::split_once(word, b':')?;
    Some((hexadecimal(first)?, hexadecimal(second)?))
}

/// As [`text::hexadecimal`], for words that are known to be short: a third of the time.
#[inline]
fn hexadecimal(word: &[u8]) -> Option<u64> {
    if word.is_empty() || word.len() > 16 {
        return None;
    }
    word.iter().try_fold(0_u64, |value, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'F' => byte - b'A' + 10,
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::mutate;
    use proptest::prelude::*;

    const LISTEN: &[u8] = b"   0: 00000000:07E8 00000000:0000 0A 00000000:00000011 00:00000000 00000000  1000        0 549 1 00000000301f087f 100 0 0 10 0                       ";
    const KEEPALIVE: &[u8] = b"  12: 0100007F:1F90 0100007F:C350 01 00000005:00000007 02:000AFC80 00000000     0        2 88421 2 0000000000000000 20 4 30 10 -1";
    const TIME_WAIT: &[u8] = b"   9: 0100007F:1F90 0100007F:C352 06 00000000:00000000 03:00001770 00000000     0        0 0 3 0000000000000000";
    const V6: &[u8] = b"   0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 91204 1 0000000000000000 100 0 0 10 0";
    const MAPPED: &[u8] = b"   1: 0000000000000000FFFF00000100007F:1F91 0000000000000000FFFF00000100007F:C354 01 00000000:00000000 00:00000000 00000000     0        0 91300 1 0000000000000000 20 4 30 10 -1";
    const UDP: &[u8] = b"  512: 3500007F:0035 00000000:0000 07 00000000:00000240 00:00000000 00000000   101        0 17233 2 0000000000000000 42        ";

    #[test]
    fn a_listener_shows_its_accept_queue() {
        let socket = parse(LISTEN).unwrap();
        assert_eq!(socket.local.address, IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        assert_eq!((socket.local.port, socket.state), (2024, 10));
        assert_eq!(
            (socket.receive_queue, socket.send_queue),
            (Some(17), Some(0))
        );
        assert_eq!((socket.uid, socket.inode), (1000, 549));
        assert_eq!((socket.timer, socket.drops), (None, None));
    }

    #[test]
    fn queues_timers_and_probes_are_told_apart() {
        let socket = parse(KEEPALIVE).unwrap();
        assert_eq!(
            (socket.receive_queue, socket.send_queue),
            (Some(7), Some(5))
        );
        let timer = Timer {
            kind: 2,
            milliseconds: 7_200_000,
            retransmits: 2,
        };
        assert_eq!(socket.timer, Some(timer));
        let waiting = parse(TIME_WAIT).unwrap();
        assert_eq!((waiting.state, waiting.inode), (6, 0));
        assert_eq!(waiting.timer.unwrap().milliseconds, 60_000);
    }

    #[test]
    fn addresses_of_both_families() {
        let text = |line| parse(line).unwrap().local.address.to_string();
        assert_eq!(text(KEEPALIVE), "127.0.0.1");
        assert_eq!(text(V6), "::1");
        assert_eq!(text(MAPPED), "::ffff:127.0.0.1");
        assert_eq!(text(UDP), "127.0.0.53");
    }

    #[test]
    fn only_tables_that_count_drops_have_them() {
        assert_eq!(parse(UDP).unwrap().drops, Some(42));
        assert_eq!(parse(KEEPALIVE).unwrap().drops, None);
        assert_eq!(parse(TIME_WAIT).unwrap().drops, None);
    }

    #[test]
    fn a_negative_queue_is_none_and_what_does_not_fit_is_malformed() {
        let with = |from: &str, to: &str| {
            let line = String::from_utf8_lossy(KEEPALIVE).replace(from, to);
            parse(line.as_bytes())
        };
        assert_eq!(with("00000005:", "FFFFFFFE:").unwrap().send_queue, None);
        assert!(with("00000005:", "100000000:").is_err());
        assert!(with("88421", "-1").is_err());
        assert!(with("88421", "18446744073709551616").is_err());
        assert!(with(" 01 ", " 101 ").is_err());
        assert!(with(":1F90", ":1F900").is_err());
        let long = with("02:000AFC80", "02:FFFFFFFFFFFFFFFF").unwrap();
        assert_eq!(long.timer.unwrap().milliseconds, u32::MAX);
        let heading =
            b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt";
        assert!(parse(heading).is_err());
    }

    #[test]
    fn survives_damage() {
        for line in [LISTEN, KEEPALIVE, TIME_WAIT, V6, MAPPED, UDP] {
            mutate::survives(line, |bytes| {
                let _ = parse(bytes);
            });
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            let _ = parse(&bytes);
        }

        #[test]
        fn what_the_kernel_prints_comes_back(address: [u8; 16], port: u16, queues: (u32, u32), inode: u64) {
            let words = address.chunks_exact(4).fold(String::new(), |words, word| {
                format!("{words}{:08X}", u32::from_ne_bytes(word.try_into().unwrap()))
            });
            let line = format!(
                "   1: {words}:{port:04X} {words}:{port:04X} 01 {:08X}:{:08X} 00:00000000 00000000     0        0 {inode} 1 0 20 4 30 10 -1",
                queues.0, queues.1
            );
            let socket = parse(line.as_bytes()).unwrap();
            let address = IpAddr::V6(Ipv6Addr::from(address));
            prop_assert_eq!(socket.local, Endpoint { address, port });
            prop_assert_eq!((socket.send_queue, socket.receive_queue), (queue(queues.0), queue(queues.1)));
            prop_assert_eq!(socket.inode, inode);
        }
    }
}
