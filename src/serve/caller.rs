//! A connection as it was accepted, and its peer.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpStream, UnixStream};

use super::connections::ClientState;

/// A connection as it was accepted.
pub(super) enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

/// The peer, as far as the socket identifies it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends {
    /// The address of the client; `None` on a unix socket.
    pub(super) peer: Option<SocketAddr>,
    /// The address that it called.
    pub(super) local: Option<IpAddr>,
}

/// Who asks, as far as the connection tells.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) ends: Ends,
    /// Whether it showed a certificate of the authorities of `--client-ca`.
    pub(super) client_certificate: bool,
    pub(super) standing: Arc<ClientState>,
}
