//! A socket as either source tells it, before it is a [`Socket`](crate::model::socket::Socket).

use crate::parse::net_tables::{InetSocket, NetlinkSocket, PacketSocket, UnixSocket, VsockSocket};

/// A socket as either source tells it.
pub(super) enum Raw {
    Inet(InetSocket),
    Unix(UnixSocket),
    Packet(PacketSocket),
    Netlink(NetlinkSocket),
    Vsock(VsockSocket),
}
