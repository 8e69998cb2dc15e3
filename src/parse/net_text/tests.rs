use proptest::prelude::*;

use super::*;
use crate::parse::mutate;

const DEV: &[u8] = b"\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
\xff\xfe0: 110 1 2 3 0 0 0 0 180 4 5 6 0 0 0 0
";
const ROUTE: &[u8] = b"\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
v0\t00000000\t0100090A\t0003\t0\t0\t100\t00000000\t0\t0\t0
v0\t0000090A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
*\t00004F0A\t00000000\t0201\t0\t0\t0\t0000FFFF\t0\t0\t0
";
const IPV6_ROUTE: &[u8] = b"\
20010db8000700000000000000000000 30 00000000000000000000000000000000 00 20010db8000000000000000000000001 00000400 00000001 00000000 00000003       v0
20010db8000800000000000000000000 30 00000000000000000000000000000000 00 00000000000000000000000000000000 00000400 00000001 00000000 00200200       lo
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
00000000000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000003 00000000 80200001       lo
ff000000000000000000000000000000 08 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000002 00000000 00000001       v1
";
const IF_INET6: &[u8] = b"\
fe80000000000000200392fffefac98f 03 40 20 c0       v0
20010db8000000000000000000000005 03 40 00 82       v0
";
const FIB_TRIE: &[u8] = b"\
Main:
  +-- 10.0.0.0/9 2 1 2
     |-- 10.9.0.0
        /24 link UNICAST
Local:
  +-- 0.0.0.0/1 2 0 2
     |-- 10.9.0.5
        /32 host LOCAL
     |-- 10.9.0.255
        /32 link BROADCAST
     |-- 127.0.0.0
        /8 host LOCAL
     |-- 10.9.0.5
        /32 host LOCAL
";
const ARP: &[u8] = b"\
IP address       HW type     Flags       HW address            Mask     Device
10.9.0.7         0x1         0x6         02:00:00:00:00:07     *        v0
10.9.0.8         0x1         0x0         00:00:00:00:00:00     *        v0
10.9.0.9         0x1         0xc         00:00:00:00:00:00     *        v0
";
const CONNTRACK: &[u8] = b"entries  clashres found\n0000001f 00000000 00000000\n";

#[test]
fn interfaces_have_their_counters_whatever_their_names() {
    let links = dev(DEV, 9).unwrap();
    assert_eq!(links[1].name, b"\xff\xfe0");
    let traffic = links[1].traffic.unwrap();
    assert_eq!((traffic.received.bytes, traffic.received.dropped), (110, 3));
    assert_eq!((traffic.sent.packets, traffic.sent.errors), (4, 5));
    assert_eq!(dev(DEV, 1).unwrap().len(), 1);
}

#[test]
fn routes_of_both_families() {
    let [default, link, refuses] = &route(ROUTE, 9).unwrap()[..] else {
        panic!("three routes")
    };
    assert_eq!((default.prefix_length, default.metric), (0, 100));
    assert_eq!(default.hops[0].gateway, Some([10, 9, 0, 1].into()));
    assert_eq!((link.prefix_length, link.hops[0].gateway), (24, None));
    assert_eq!((refuses.kind, refuses.hops.len()), (None, 0));
    let [via, refuses] = &ipv6_route(IPV6_ROUTE, 9).unwrap()[..] else {
        panic!("two routes")
    };
    assert_eq!(via.destination.to_string(), "2001:db8:7::");
    assert_eq!((via.prefix_length, via.metric, via.table), (48, 1024, None));
    assert_eq!(refuses.kind, None);
    let with_hole = String::from_utf8_lossy(ROUTE).replace("00FFFFFF", "00FF00FF");
    assert!(route(with_hole.as_bytes(), 9).is_err());
}

#[test]
fn addresses_of_both_families() {
    let [link, global] = &if_inet6(IF_INET6, 9).unwrap()[..] else {
        panic!("two addresses")
    };
    assert_eq!((link.scope, link.index), (Some(253), Some(3)));
    assert_eq!((global.scope, global.prefix_length), (Some(0), Some(64)));
    let found = fib_trie(FIB_TRIE, 9).unwrap();
    let addresses: Vec<String> = found.iter().map(|one| one.address.to_string()).collect();
    assert_eq!(addresses, ["10.9.0.5"]);
}

#[test]
fn neighbours_and_what_is_only_answered_for() {
    let [known, sought] = &arp(ARP, 9).unwrap()[..] else {
        panic!("two neighbours")
    };
    assert_eq!(
        (known.mac.as_slice(), known.state),
        (&[2, 0, 0, 0, 0, 7][..], Some(0x80))
    );
    assert_eq!((sought.mac.len(), sought.state), (0, None));
    assert_eq!(conntrack_entries(CONNTRACK), Some(31));
    assert_eq!(conntrack_entries(b"found\n1\n"), None);
}

fn all(bytes: &[u8]) {
    let _ = (dev(bytes, 99), route(bytes, 99), ipv6_route(bytes, 99));
    let _ = (if_inet6(bytes, 99), fib_trie(bytes, 99), arp(bytes, 99));
    let _ = conntrack_entries(bytes);
}

#[test]
fn survives_damage() {
    for sample in [DEV, ROUTE, IPV6_ROUTE, IF_INET6, FIB_TRIE, ARP, CONNTRACK] {
        mutate::survives(sample, all);
    }
}

proptest! {
    #[test]
    fn never_panics(bytes in any::<Vec<u8>>()) {
        all(&bytes);
    }
}
