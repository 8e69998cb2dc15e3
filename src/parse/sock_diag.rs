//! The messages of `NETLINK_SOCK_DIAG`: requests as bytes, answers as data.
//!
//! Addresses and ports are in the network's order, other numbers in the machine's own.

pub(crate) mod inet;
pub(crate) mod unix;
pub(crate) mod vsock;

pub(crate) use super::netlink::Message;
use super::netlink::{self, Messages, array, attributes, u8_at, u32_at, u64_at};

const SOCK_DIAG_BY_FAMILY: u16 = 20;

/// The messages of one datagram.
#[must_use]
pub(crate) fn messages(datagram: &[u8]) -> Messages<'_> {
    netlink::messages(datagram, SOCK_DIAG_BY_FAMILY)
}

fn request(body: &[u8]) -> Vec<u8> {
    netlink::dump(SOCK_DIAG_BY_FAMILY, body)
}
