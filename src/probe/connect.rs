//! Connecting, to one of several addresses or to a Unix socket.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, UnixAddr, connect as connect_to, setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;

use super::wire::{Stream, Wire};

/// The address to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Peer {
    /// These addresses, in turn.
    Tcp(Vec<SocketAddr>),
    /// A Unix socket; where the path begins with `@`, one in the abstract namespace.
    Unix(PathBuf),
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connected {
    /// The connection itself.
    pub wire: Wire,
    /// Where it leads.
    pub dialled: String,
}

/// Why there is no connection: each address that was tried, with its failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotConnected(Vec<ConnectFailure>);

/// Why one address was not connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ConnectFailure {
    dialled: String,
    kind: ErrorKind,
    errno: Option<Errno>,
}

impl ConnectFailure {
    fn of(dialled: String, error: &io::Error) -> Self {
        Self {
            dialled,
            kind: error.kind(),
            errno: error.raw_os_error().map(Errno::from_raw),
        }
    }

    /// Whether something on spyhole's side failed, which says nothing of the server: no
    /// descriptors or memory left, or not permitted.
    fn is_own(&self) -> bool {
        use Errno::{EACCES, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM};
        let own = [EACCES, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM];
        self.errno.is_some_and(|errno| own.contains(&errno))
    }
}

impl NotConnected {
    /// The last address that was tried; empty where there was none to try.
    #[must_use]
    pub(crate) fn dialled(&self) -> &str {
        self.0.last().map_or("", |last| &last.dialled)
    }

    /// The kind of its failure.
    #[must_use]
    pub(crate) fn kind(&self) -> ErrorKind {
        self.0
            .last()
            .map_or(ErrorKind::AddrNotAvailable, |last| last.kind)
    }

    /// Whether one of the failures is spyhole's own, so that nothing is known of the server.
    #[must_use]
    pub(crate) fn is_own(&self) -> bool {
        self.0.iter().any(ConnectFailure::is_own)
    }

    /// Whether one of the addresses did not answer in time.
    #[must_use]
    pub(crate) fn is_timeout(&self) -> bool {
        let slow = [ErrorKind::TimedOut, ErrorKind::WouldBlock];
        self.0.iter().any(|failure| slow.contains(&failure.kind))
    }
}

/// Every address and its failure, as a sentence part; of one alone, the failure.
impl fmt::Display for NotConnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [] => f.write_str("no address to connect to"),
            [one] => f.write_str(&words(one)),
            several => {
                let each = several
                    .iter()
                    .map(|failure| format!("{}: {}", failure.dialled, words(failure)));
                f.write_str(&each.collect::<Vec<_>>().join("; "))
            }
        }
    }
}

/// However little is left, one address gets so much where there is so much.
const SHARE_AT_LEAST: Duration = Duration::from_millis(250);

/// Connects to the first that answers. Each address may take its share of what is left of the
/// time, so that one that is silent leaves some to the next.
///
/// # Errors
/// [`NotConnected`], where none of them answers in time.
pub(crate) fn connect(to: &Peer, deadline: Instant) -> Result<Connected, NotConnected> {
    match to {
        Peer::Tcp(addresses) => connect_tcp(addresses, deadline),
        Peer::Unix(path) => {
            let dialled = format!("unix:{}", path.display());
            match connect_unix(path, SockType::Stream, deadline) {
                Ok(stream) => Ok(Connected {
                    wire: Wire::new(Stream::Unix(stream), deadline),
                    dialled,
                }),
                Err(error) => Err(NotConnected(vec![ConnectFailure::of(dialled, &error)])),
            }
        }
    }
}

/// One address and what came of it.
#[derive(Debug)]
pub(crate) struct ConnectAttempt {
    /// The address.
    pub dialled: String,
    /// How long it took, until it was connected or refused.
    pub took: Duration,
    /// The type of a Unix socket that is no stream.
    pub socket_type: Option<&'static str>,
    /// Why there is no connection.
    pub failure: Option<NotConnected>,
}

/// Connects to each of them, one after the other, and closes the connection again. Each may take
/// its share of what is left of the time.
pub(crate) fn connect_each(to: &Peer, deadline: Instant) -> Vec<ConnectAttempt> {
    let addresses = match to {
        Peer::Tcp(addresses) => addresses,
        Peer::Unix(path) => return vec![connect_unix_of_any_type(path, deadline)],
    };
    let mut attempts = Vec::with_capacity(addresses.len());
    for (tried, address) in addresses.iter().enumerate() {
        let begun = Instant::now();
        let share = share(deadline, addresses.len() - tried);
        let connected = connect_tcp(&[*address], begun + share);
        attempts.push(ConnectAttempt {
            dialled: address.to_string(),
            took: begun.elapsed(),
            socket_type: None,
            failure: connected.err(),
        });
    }
    attempts
}

fn connect_unix_of_any_type(path: &Path, deadline: Instant) -> ConnectAttempt {
    let types = [
        (SockType::Stream, None),
        (SockType::SeqPacket, Some("seqpacket")),
        (SockType::Datagram, Some("datagram")),
    ];
    let begun = Instant::now();
    let mut attempt = ConnectAttempt {
        dialled: format!("unix:{}", path.display()),
        took: Duration::ZERO,
        socket_type: None,
        failure: None,
    };
    for (socket_type, name) in types {
        let connected = connect_unix(path, socket_type, deadline);
        attempt.took = begun.elapsed();
        match connected {
            Ok(_) => {
                attempt.socket_type = name;
                attempt.failure = None;
                break;
            }
            Err(error) => {
                let is_other_type = error.raw_os_error() == Some(Errno::EPROTOTYPE as i32);
                let failed = ConnectFailure::of(attempt.dialled.clone(), &error);
                attempt.failure = Some(NotConnected(vec![failed]));
                if !is_other_type {
                    break;
                }
            }
        }
    }
    attempt
}

/// The share of one address of what is left of the time.
fn share(deadline: Instant, addresses: usize) -> Duration {
    let left = deadline.saturating_duration_since(Instant::now());
    let addresses = u32::try_from(addresses).unwrap_or(u32::MAX).max(1);
    (left / addresses).max(SHARE_AT_LEAST).min(left)
}

fn connect_tcp(addresses: &[SocketAddr], deadline: Instant) -> Result<Connected, NotConnected> {
    let mut failures = Vec::new();
    for (tried, address) in addresses.iter().enumerate() {
        let share = share(deadline, addresses.len() - tried);
        if share.is_zero() {
            let late = ErrorKind::TimedOut.into();
            failures.push(ConnectFailure::of(address.to_string(), &late));
            break;
        }
        match TcpStream::connect_timeout(address, share) {
            Ok(stream) => {
                // A handshake is a few small messages, each of which is waited for.
                let _ = stream.set_nodelay(true);
                return Ok(Connected {
                    wire: Wire::new(Stream::Tcp(stream), deadline),
                    dialled: address.to_string(),
                });
            }
            Err(error) => failures.push(ConnectFailure::of(address.to_string(), &error)),
        }
    }
    Err(NotConnected(failures))
}

/// Where the queue of the listener is full, connect(2) waits: as long as the time-out for
/// sending allows, which therefore has to be set before.
fn connect_unix(path: &Path, socket_type: SockType, deadline: Instant) -> io::Result<UnixStream> {
    let stream: OwnedFd = socket(
        AddressFamily::Unix,
        socket_type,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    let left = deadline.saturating_duration_since(Instant::now());
    let micros = i64::try_from(left.as_micros()).unwrap_or(i64::MAX).max(1);
    let timeout = TimeVal::new(micros / 1_000_000, micros % 1_000_000);
    setsockopt(&stream, sockopt::SendTimeout, &timeout)?;
    let name = path.as_os_str().as_encoded_bytes();
    let address = match name.strip_prefix(b"@") {
        Some(name) => UnixAddr::new_abstract(name)?,
        None => UnixAddr::new(path)?,
    };
    match connect_to(stream.as_raw_fd(), &address) {
        Ok(()) => Ok(stream.into()),
        Err(Errno::EAGAIN) => Err(ErrorKind::TimedOut.into()),
        Err(errno) => Err(errno.into()),
    }
}

fn words(failure: &ConnectFailure) -> String {
    match failure.kind {
        ErrorKind::ConnectionRefused => "connection refused: nothing is listening there".to_owned(),
        ErrorKind::TimedOut | ErrorKind::WouldBlock => "connection timed out".to_owned(),
        ErrorKind::ConnectionReset => "the server reset the connection immediately".to_owned(),
        ErrorKind::NotFound => "no such socket".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        ErrorKind::HostUnreachable => "no route to the host".to_owned(),
        ErrorKind::NetworkUnreachable => {
            "network unreachable: no route to that address from spyhole's network".to_owned()
        }
        kind => failure.errno.map_or_else(
            || kind.to_string(),
            |errno| io::Error::from(errno).to_string(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[test]
    fn the_next_address_is_tried_where_one_refuses() {
        let open = TcpListener::bind("127.0.0.1:0").unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap();
        let addresses = vec![closed.local_addr().unwrap(), open.local_addr().unwrap()];
        drop(closed);
        let connected = connect(&Peer::Tcp(addresses.clone()), soon()).unwrap();
        assert_eq!(connected.dialled, addresses[1].to_string());
        drop(open);
        let none = connect(&Peer::Tcp(addresses.clone()), soon()).unwrap_err();
        assert_eq!(none.kind(), ErrorKind::ConnectionRefused);
        assert!(!none.is_own());
        for address in addresses {
            let says = none.to_string();
            assert!(says.contains(&address.to_string()), "{says}");
        }
    }

    #[test]
    fn a_unix_socket_whose_queue_is_full_ends_at_the_deadline() {
        let house = tempfile::tempdir().unwrap();
        let path = house.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        nix::sys::socket::listen(&listener, nix::sys::socket::Backlog::new(0).unwrap()).unwrap();
        let deadline = Instant::now() + Duration::from_millis(500);
        let mut held = Vec::new();
        let end = loop {
            match connect(&Peer::Unix(path.clone()), deadline) {
                Ok(connected) => held.push(connected),
                Err(end) => break end,
            }
        };
        assert!(end.is_timeout(), "{end}");
    }

    #[test]
    fn an_abstract_socket_is_found_by_its_at_sign() {
        use std::os::linux::net::SocketAddrExt;
        let name = format!("spyhole-test-{}", std::process::id());
        let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
        let _listener = UnixListener::bind_addr(&address).unwrap();
        connect(&Peer::Unix(format!("@{name}").into()), soon()).unwrap();
    }
}
