//! An HTTP client that can also be rude: bytes in, bytes out.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};

use crate::patience::PATIENCE;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, connect, setsockopt, socket, sockopt,
};
use serde_json::Value;

/// An answer as it came.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Reply {
    /// Takes bytes apart; `None` where they are no HTTP answer.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
        let status = head.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
        Some(Self {
            status,
            head,
            body: bytes[end + 4..].to_vec(),
        })
    }

    /// The value of a header, which may be there once.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.head.lines().filter_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        });
        let first = found.next();
        assert!(found.next().is_none(), "{name} twice in {}", self.head);
        first
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|why| panic!("{why}: {}\n{}", self.head, self.text()))
    }

    /// The sentence of a problem document.
    pub(super) fn detail(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{}",
            self.head
        );
        let document = self.json();
        assert_eq!(document["status"], self.status, "{document}");
        document["detail"].as_str().unwrap().to_owned()
    }
}

/// A connection that gives up in the end.
pub(super) fn dial(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap_or_else(|why| panic!("{address}: {why}"));
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A connection on which hardly anything can wait to be read.
pub(super) fn dial_narrow(address: SocketAddr) -> TcpStream {
    let socket: OwnedFd = socket(
        AddressFamily::Inet,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
    .unwrap();
    setsockopt(&socket, sockopt::RcvBuf, &4096).unwrap();
    connect(socket.as_raw_fd(), &SockaddrStorage::from(address)).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Closes with a reset instead of an end.
pub(super) fn reset(stream: TcpStream) {
    let at_once = nix::libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    setsockopt(&stream, sockopt::Linger, &at_once).unwrap();
    drop(stream);
}

/// All that comes until the other side ends it or resets it.
pub(super) fn drain(stream: &mut impl Read) -> Vec<u8> {
    let mut all = Vec::new();
    let mut some = vec![0; 1 << 16];
    loop {
        match stream.read(&mut some) {
            Ok(0) => return all,
            Ok(read) => all.extend_from_slice(&some[..read]),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return all,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return all,
            Err(error) => panic!("after {} bytes: {error}", all.len()),
        }
    }
}

/// A request for this path with these headers; the last one of its connection.
pub(super) fn request(path: &str, host: &str, headers: &[(&str, &str)]) -> String {
    let line = |(name, value): &(&str, &str)| format!("{name}: {value}\r\n");
    let lines: Vec<String> = headers.iter().map(line).collect();
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{}\r\n",
        lines.concat()
    )
}

/// Sends a request over any stream and reads the answer.
pub(super) fn exchange(mut stream: impl Read + Write, request: &[u8]) -> Reply {
    // Refused before all of it was read, it may be cut off.
    drop(stream.write_all(request));
    let bytes = drain(&mut stream);
    Reply::parse(&bytes)
        .unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(&bytes)))
}
