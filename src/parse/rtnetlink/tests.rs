use proptest::prelude::*;

use super::*;
use crate::parse::mutate;

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap();
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn route_bytes() -> Vec<u8> {
    let mut bytes = vec![AF_INET, 24, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0];
    bytes.extend(attribute(1, &[10, 1, 2, 0]));
    bytes.extend(attribute(5, &[10, 1, 0, 1]));
    bytes.extend(attribute(4, &7_u32.to_ne_bytes()));
    bytes.extend(attribute(6, &100_u32.to_ne_bytes()));
    bytes.extend(attribute(15, &1000_u32.to_ne_bytes()));
    bytes
}

#[test]
fn a_route_with_a_table_beyond_a_byte() {
    let found = route(&route_bytes()).unwrap();
    assert_eq!(found.destination.to_string(), "10.1.2.0");
    assert_eq!((found.prefix_length, found.metric), (24, 100));
    assert_eq!((found.table, found.protocol), (Some(1000), Some(4)));
    let [hop] = found.hops.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(hop.gateway.unwrap().to_string(), "10.1.0.1");
    assert_eq!(hop.interface, Some(Interface::Index(7)));
}

#[test]
fn a_route_of_several_hops_and_one_that_refuses() {
    let mut hops = Vec::new();
    for (share, index) in [(0_u8, 3_u32), (9, 4)] {
        let gateway = attribute(5, &[10, 0, 0, 9]);
        hops.extend(u16::try_from(8 + gateway.len()).unwrap().to_ne_bytes());
        hops.extend([0, share]);
        hops.extend(index.to_ne_bytes());
        hops.extend(gateway);
    }
    let mut bytes = vec![AF_INET, 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
    bytes.extend(attribute(9, &hops));
    let found = route(&bytes).unwrap();
    let weights: Vec<u32> = found.hops.iter().map(|hop| hop.weight).collect();
    assert_eq!(weights, [1, 10]);
    let refuses = route(&[AF_INET6, 64, 0, 0, 254, 4, 0, 7, 0, 0, 0, 0]).unwrap();
    assert_eq!((refuses.kind, refuses.hops.len()), (Some(7), 0));
}

#[test]
fn an_address_of_a_point_to_point_link_has_its_peer() {
    let mut bytes = vec![AF_INET, 32, 0x80, 0];
    bytes.extend(5_u32.to_ne_bytes());
    bytes.extend(attribute(1, &[10, 0, 0, 2]));
    bytes.extend(attribute(2, &[10, 0, 0, 1]));
    bytes.extend(attribute(8, &0x380_u32.to_ne_bytes()));
    let found = address(&bytes).unwrap();
    assert_eq!(found.address.to_string(), "10.0.0.1");
    assert_eq!(found.peer.unwrap().to_string(), "10.0.0.2");
    assert_eq!((found.flags, found.index), (Some(0x380), Some(5)));
}

#[test]
fn a_length_of_an_address_that_does_not_fit_its_family_is_no_address() {
    let mut bytes = vec![AF_INET, 32, 0x80, 0, 5, 0, 0, 0];
    bytes.extend(attribute(1, &[10, 0, 0]));
    assert_eq!(address(&bytes), None);
    assert_eq!(route(&[7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), None);
}

#[test]
fn survives_damage() {
    mutate::survives(&route_bytes(), |bytes| {
        let _ = (
            route(bytes),
            rule(bytes),
            link(bytes),
            address(bytes),
            neighbour(bytes),
        );
    });
}

proptest! {
    #[test]
    fn never_panics_and_ends(bytes in any::<Vec<u8>>()) {
        let _ = (route(&bytes), rule(&bytes), link(&bytes), address(&bytes), neighbour(&bytes));
    }

    #[test]
    fn any_multipath_ends(bytes in any::<Vec<u8>>()) {
        let mut message = vec![AF_INET, 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
        message.extend(attribute(9, bytes.get(..1000).unwrap_or(&bytes)));
        let _ = route(&message);
    }
}
