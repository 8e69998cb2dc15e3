//! Listening and accepting: an error of accept(2) ends nothing.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;

use super::Server;
use super::caller::Accepted;
use super::connection;
use super::options::Listen;
use super::secure::Secure;
use crate::sys::unix_socket::{self, Stamp};

/// How long to wait where accept(2) fails, for want of descriptors or of memory.
const BACK_OFF: Duration = Duration::from_millis(10);
/// Connections that the kernel keeps while they are not accepted.
const BACKLOG: i32 = 1024;

/// A listening socket.
pub(super) enum Bound {
    Tcp(TcpListener, SocketAddr),
    Unix(UnixListener, PathBuf, Option<Stamp>),
}

impl Bound {
    /// Binds and listens.
    pub(super) fn bind(listen: &Listen) -> io::Result<Self> {
        match listen {
            Listen::Tcp(address) => {
                let socket = if address.is_ipv4() {
                    tokio::net::TcpSocket::new_v4()?
                } else {
                    tokio::net::TcpSocket::new_v6()?
                };
                socket.set_reuseaddr(true)?;
                socket.bind(*address)?;
                let listener = socket.listen(BACKLOG.unsigned_abs())?;
                let address = listener.local_addr()?;
                Ok(Self::Tcp(listener, address))
            }
            Listen::Unix(path) => {
                let listener = unix_socket::listen(path)?;
                listener.set_nonblocking(true)?;
                let listener = UnixListener::from_std(listener)?;
                Ok(Self::Unix(listener, path.clone(), unix_socket::stamp(path)))
            }
        }
    }

    /// What to type to reach it, with a slash at the end.
    pub(super) fn url(&self, secure: bool) -> String {
        let scheme = if secure { "https" } else { "http" };
        match self {
            Self::Tcp(_, address) => format!("{scheme}://{address}/"),
            Self::Unix(_, path, _) => {
                format!("--unix-socket {} {scheme}://localhost/", path.display())
            }
        }
    }

    /// Whether a browser can reach it.
    pub(super) fn is_tcp(&self) -> bool {
        matches!(self, Self::Tcp(..))
    }

    async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener, _) => {
                let (stream, peer) = listener.accept().await?;
                // Answers are small: waiting to fill a segment costs 40 ms each.
                let _ = stream.set_nodelay(true);
                Ok(Accepted::Tcp(stream, peer))
            }
            Self::Unix(listener, ..) => {
                let (stream, _) = listener.accept().await?;
                Ok(Accepted::Unix(stream))
            }
        }
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        if let Self::Unix(_, path, own) = self {
            unix_socket::remove(path, *own);
        }
    }
}

/// Accepts connections until the shutdown signal.
pub(super) async fn accept(
    bound: Bound,
    server: Arc<Server>,
    secure: Option<Arc<Secure>>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stopped.changed() => return,
            accepted = bound.accept() => accepted,
        };
        match accepted {
            Ok(accepted) => {
                let serve = |standing| {
                    let server = Arc::clone(&server);
                    connection::serve(accepted, standing, server, secure.clone(), stopped.clone())
                };
                if server.connections.run(serve) {
                    // Its descriptor is closed by its own task, which has to run for that.
                    tokio::task::yield_now().await;
                }
            }
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                server
                    .log
                    .rarely(&format!("cannot accept connections: {error}"));
                server.connections.evict();
                tokio::time::sleep(BACK_OFF).await;
            }
        }
    }
}

/// Whether the connection failed before it was accepted, which is over with it.
fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}
