//! A line of `net/packet` and of `net/netlink`; and what `net/protocols` lists.

use super::{NetlinkSocket, PacketSocket};
use crate::parse::{Malformed, text};

/// Reads one line of `net/packet`.
///
/// # Errors
/// If it is not the line of a socket; the heading is not either.
pub(crate) fn packet(line: &[u8]) -> Result<PacketSocket, Malformed> {
    read_packet(line).ok_or(Malformed {
        what: "a line of /proc/PID/net/packet",
        expected: "nine fields",
    })
}

fn read_packet(line: &[u8]) -> Option<PacketSocket> {
    let mut words = text::words(line);
    text::hexadecimal(words.next()?)?;
    text::decimal::<u32>(words.next()?)?;
    let kind = text::decimal(words.next()?)?;
    let protocol = u16::try_from(text::hexadecimal(words.next()?)?).ok()?;
    let interface = text::decimal(words.next()?)?;
    text::decimal::<u32>(words.next()?)?;
    Some(PacketSocket {
        kind,
        protocol,
        interface,
        receive_queue: text::decimal(words.next()?)?,
        uid: text::decimal(words.next()?)?,
        inode: text::decimal(words.next()?)?,
    })
}

/// Reads one line of `net/netlink`.
///
/// # Errors
/// If it is not the line of a socket; the heading is not either.
pub(crate) fn netlink(line: &[u8]) -> Result<NetlinkSocket, Malformed> {
    read_netlink(line).ok_or(Malformed {
        what: "a line of /proc/PID/net/netlink",
        expected: "ten fields",
    })
}

fn read_netlink(line: &[u8]) -> Option<NetlinkSocket> {
    let mut words = text::words(line);
    text::hexadecimal(words.next()?)?;
    let protocol = text::decimal(words.next()?)?;
    // Printed with a sign by some kernels: a port need not be a pid.
    let port_id = text::signed(words.next()?)?;
    text::hexadecimal(words.next()?)?;
    let (receive_queue, send_queue) =
        (text::decimal(words.next()?)?, text::decimal(words.next()?)?);
    Some(NetlinkSocket {
        protocol,
        port_id: u32::try_from(port_id)
            .ok()
            .or_else(|| i32::try_from(port_id).ok().map(i32::cast_unsigned))?,
        receive_queue,
        send_queue,
        drops: text::decimal(words.nth(2)?)?,
        inode: text::decimal(words.next()?)?,
    })
}

/// Whether `net/protocols` lists a protocol: the kernel has it, built in or loaded. How many
/// sockets it counts there is not to be relied on, not every family keeps count.
#[must_use]
pub(crate) fn lists(protocols: &[u8], name: &[u8]) -> bool {
    protocols
        .split(|byte| *byte == b'\n')
        .any(|line| text::words(line).next() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::mutate;
    use proptest::prelude::*;

    const PACKET: &[u8] = b"00000000a3b1f0c1 3      3    0003   2     1 4096   1000   77120";
    const KERNEL: &[u8] =
        b"000000007dfcd941 0   0          00000000 0        0        0     2        0        4       ";
    const GROUPS: &[u8] =
        b"000000007ea84475 15  -4141       80000551 12        0        0     2        3        40481";

    #[test]
    fn a_packet_socket() {
        let socket = packet(PACKET).unwrap();
        assert_eq!((socket.kind, socket.protocol, socket.interface), (3, 3, 2));
        assert_eq!(
            (socket.receive_queue, socket.uid, socket.inode),
            (4096, 1000, 77_120)
        );
        assert!(
            packet(b"sk               RefCnt Type Proto  Iface R Rmem   User   Inode").is_err()
        );
    }

    #[test]
    fn netlink_sockets_of_the_kernel_and_of_others() {
        let own = netlink(KERNEL).unwrap();
        assert_eq!((own.protocol, own.port_id, own.inode), (0, 0, 4));
        let other = netlink(GROUPS).unwrap();
        assert_eq!(other.port_id, u32::MAX - 4140);
        assert_eq!(
            (other.receive_queue, other.drops, other.inode),
            (12, 3, 40_481)
        );
        let heading = b"sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode";
        assert!(netlink(heading).is_err());
    }

    #[test]
    fn protocols_are_listed() {
        let text = b"protocol  size sockets  memory\nAF_VSOCK  1240      0      -1   NI\n";
        assert!(lists(text, b"AF_VSOCK") && !lists(text, b"DCCP"));
    }

    #[test]
    fn survives_damage() {
        for line in [PACKET, KERNEL, GROUPS] {
            mutate::survives(line, |bytes| {
                let _ = (packet(bytes), netlink(bytes), lists(bytes, b"3"));
            });
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            let _ = (packet(&bytes), netlink(&bytes), lists(&bytes, b"TCP"));
        }
    }
}
