//! Netlink sockets to the kernel: `sock_diag` lists the sockets of the network namespace that the
//! caller is in, rtnetlink its interfaces, addresses and routes. Reading needs no privilege.

use std::ops::ControlFlow;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::sockopt::ReceiveTimeout;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recvfrom, send,
    setsockopt, socket,
};
use nix::sys::time::{TimeVal, TimeValLike};

/// The kernel answers in datagrams of at most 32 KiB.
const DATAGRAM: usize = 64 << 10;
/// The kernel answers at once; a sandbox that never does must not hold the look.
const PATIENCE_SECONDS: i64 = 5;

/// An open netlink socket.
#[derive(Debug)]
pub(crate) struct NetlinkClient {
    socket: OwnedFd,
}

impl NetlinkClient {
    /// Opens `NETLINK_SOCK_DIAG` in the caller's own network namespace.
    ///
    /// # Errors
    /// The errno of socket(2): EPROTONOSUPPORT or EAFNOSUPPORT where there is none (gVisor),
    /// EPERM or EACCES where a filter refuses.
    pub(crate) fn sock_diag() -> Result<Self, Errno> {
        Self::open(SockProtocol::NetlinkSockDiag)
    }

    /// Opens `NETLINK_ROUTE` there.
    ///
    /// # Errors
    /// As [`NetlinkClient::sock_diag`].
    pub(crate) fn route() -> Result<Self, Errno> {
        Self::open(SockProtocol::NetlinkRoute)
    }

    fn open(protocol: SockProtocol) -> Result<Self, Errno> {
        let family = AddressFamily::Netlink;
        let socket = socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
        setsockopt(&socket, ReceiveTimeout, &TimeVal::seconds(PATIENCE_SECONDS))?;
        Ok(Self { socket })
    }

    /// Sends a request and hands over each datagram of the answer until `each` breaks.
    ///
    /// # Errors
    /// The errno of send(2) or recvfrom(2); EAGAIN where no answer came in time.
    pub(crate) fn dump(
        &self,
        request: &[u8],
        buffer: &mut Vec<u8>,
        mut each: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), Errno> {
        let socket = self.socket.as_raw_fd();
        send(socket, request, MsgFlags::empty())?;
        buffer.resize(DATAGRAM, 0);
        loop {
            let (length, from) = match recvfrom::<NetlinkAddr>(socket, buffer) {
                Ok(answer) => answer,
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(errno),
            };
            // Another process may write to this socket if it is privileged: only the
            // kernel, which is port 0, is listened to.
            if from.is_none_or(|from| from.pid() != 0) {
                continue;
            }
            let datagram = buffer.get(..length).unwrap_or_default();
            if datagram.is_empty() || each(datagram).is_break() {
                return Ok(());
            }
        }
    }
}
