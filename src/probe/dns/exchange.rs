//! One server, asked: by UDP, and by TCP where the answer is too long for it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::message::{Arrived, Query, Rcode, RecordType, Reply};
use super::name::Name;
use crate::sys::random;

/// How a server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// By TCP from the beginning.
    pub tcp_only: bool,
    /// With EDNS, which lets long answers through. A server that does not know it is asked
    /// again without.
    pub edns: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            tcp_only: false,
            edns: true,
        }
    }
}

/// Why a server gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoReply {
    /// Nothing came that answers the question.
    #[error("no answer in {}{}", seconds(*.waited), strays_said(*.strays))]
    Timeout {
        /// How long it was waited for.
        waited: Duration,
        /// Messages that answer something else.
        strays: u32,
    },
    /// The server keeps sending answers to other questions.
    #[error("no valid answer, only {0} with a wrong identifier or question")]
    Flood(u32),
    /// Nothing listens there.
    #[error("connection refused")]
    ConnectionRefused,
    /// No way leads there.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// The server closed the connection.
    #[error("closed the connection before the answer was complete")]
    Closed,
    /// The answer makes no sense.
    #[error("a malformed answer: {0}")]
    Malformed(&'static str),
    /// An answer that is too long for UDP could not be had by TCP.
    #[error("the answer is truncated over UDP, and over TCP: {0}")]
    NotByTcp(#[source] Box<NoReply>),
    /// Another error of the system.
    #[error("{0}")]
    System(String),
}

/// The exchange ends after this many unsolicited answers.
const MAX_STRAYS: u32 = 1000;

/// The largest message there can be.
const MAX_MESSAGE_BYTES: usize = 65_535;

/// Asks one server one question and waits until the deadline.
///
/// # Errors
/// Why there is no answer. An answer that denies ([`Reply::rcode`]) is an answer.
pub fn ask(
    server: SocketAddr,
    name: &Name,
    record_type: RecordType,
    manner: Manner,
    deadline: Instant,
) -> Result<Reply, NoReply> {
    let mut replies = ask_all(server, name, &[record_type], manner, deadline);
    replies.pop().unwrap_or(Err(NoReply::Malformed("none")))
}

/// Asks one server several questions about one name at the same time; one result for each. UDP
/// takes one socket for all, TCP one after the other.
pub(super) fn ask_all(
    server: SocketAddr,
    name: &Name,
    types: &[RecordType],
    manner: Manner,
    deadline: Instant,
) -> Vec<Result<Reply, NoReply>> {
    let queries = match queries(name, types, manner.edns) {
        Ok(queries) => queries,
        Err(errno) => {
            return types
                .iter()
                .map(|_| Err(NoReply::System(format!("no random numbers: {errno}"))))
                .collect();
        }
    };
    let mut replies = if manner.tcp_only {
        queries
            .iter()
            .map(|query| by_tcp(server, query, deadline))
            .collect()
    } else {
        by_udp(server, &queries, deadline)
    };
    for (reply, record_type) in replies.iter_mut().zip(types) {
        if manner.edns && reply.as_ref().is_ok_and(knows_no_edns) {
            let plain = Manner {
                edns: false,
                ..manner
            };
            *reply = ask(server, name, *record_type, plain, deadline);
        }
    }
    replies
}

fn knows_no_edns(reply: &Reply) -> bool {
    matches!(reply.rcode, Rcode::FORMAT_ERROR | Rcode::NOT_IMPLEMENTED)
}

/// Questions whose identifiers cannot be guessed and differ.
fn queries(name: &Name, types: &[RecordType], edns: bool) -> Result<Vec<Query>, Errno> {
    let mut ids = Vec::with_capacity(types.len());
    for number in random::numbers()? {
        if !ids.contains(&number) {
            ids.push(number);
        }
    }
    let pairs = ids.into_iter().zip(types);
    Ok(pairs
        .filter_map(|(id, record_type)| Query::new(id, name, *record_type, edns))
        .collect())
}

fn by_udp(server: SocketAddr, queries: &[Query], deadline: Instant) -> Vec<Result<Reply, NoReply>> {
    let mut replies: Vec<Option<Result<Reply, NoReply>>> = queries.iter().map(|_| None).collect();
    if let Err(why) = collect(server, queries, &mut replies, deadline) {
        for reply in replies.iter_mut().filter(|reply| reply.is_none()) {
            *reply = Some(Err(why.clone()));
        }
    }
    let truncated =
        |reply: &Result<Reply, NoReply>| reply.as_ref().is_ok_and(|reply| reply.truncated);
    let whole = |(reply, query): (Result<Reply, NoReply>, &Query)| {
        if !truncated(&reply) {
            return reply;
        }
        let before = reply.map_or(Duration::ZERO, |reply| reply.took);
        match by_tcp(server, query, deadline) {
            Ok(reply) => Ok(Reply {
                took: reply.took + before,
                ..reply
            }),
            Err(why) => Err(NoReply::NotByTcp(Box::new(why))),
        }
    };
    replies
        .into_iter()
        .flatten()
        .zip(queries)
        .map(whole)
        .collect()
}

/// Sends the questions and waits until each has its answer. The socket is connected, so the
/// kernel passes on only what comes from the server, and its own port is random.
fn collect(
    server: SocketAddr,
    queries: &[Query],
    replies: &mut [Option<Result<Reply, NoReply>>],
    deadline: Instant,
) -> Result<(), NoReply> {
    let begun = Instant::now();
    let any_port = match server {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = UdpSocket::bind(any_port)?;
    socket.connect(server)?;
    for query in queries {
        socket.send(&query.bytes)?;
    }
    let mut buffer = vec![0; MAX_MESSAGE_BYTES];
    let mut strays = 0;
    while replies.iter().any(Option::is_none) {
        let Some(left) = left(deadline) else {
            return Err(NoReply::Timeout {
                waited: begun.elapsed(),
                strays,
            });
        };
        socket.set_read_timeout(Some(left))?;
        let read = match socket.recv(&mut buffer) {
            Ok(read) => read,
            Err(why) if is_to_be_repeated(&why) => continue,
            Err(why) => return Err(why.into()),
        };
        let message = buffer.get(..read).unwrap_or_default();
        let mut pending = replies
            .iter_mut()
            .zip(queries)
            .filter(|(reply, _)| reply.is_none());
        let arrived = pending.find_map(|(reply, query)| match query.read(message) {
            Arrived::Stray => None,
            Arrived::Reply(said) => {
                let took = begun.elapsed();
                Some((reply, Ok(Reply { took, ..said })))
            }
            Arrived::Malformed(how) => Some((reply, Err(NoReply::Malformed(how)))),
        });
        match arrived {
            Some((reply, result)) => *reply = Some(result),
            None if strays >= MAX_STRAYS => return Err(NoReply::Flood(strays)),
            None => strays += 1,
        }
    }
    Ok(())
}

/// A message by TCP has its length before it (RFC 1035, 4.2.2).
fn by_tcp(server: SocketAddr, query: &Query, deadline: Instant) -> Result<Reply, NoReply> {
    let begun = Instant::now();
    let timeout = || NoReply::Timeout {
        waited: begun.elapsed(),
        strays: 0,
    };
    let mut stream = TcpStream::connect_timeout(&server, left(deadline).ok_or_else(timeout)?)
        .map_err(|why| timed_out(why, timeout))?;
    let length = u16::try_from(query.bytes.len())
        .unwrap_or_default()
        .to_be_bytes();
    stream.set_write_timeout(Some(left(deadline).ok_or_else(timeout)?))?;
    stream
        .write_all(&[&length[..], &query.bytes].concat())
        .map_err(|why| timed_out(why, timeout))?;
    let mut length = [0; 2];
    fill(&mut stream, &mut length, deadline, timeout)?;
    let mut message = vec![0; u16::from_be_bytes(length).into()];
    fill(&mut stream, &mut message, deadline, timeout)?;
    match query.read(&message) {
        Arrived::Reply(reply) if reply.truncated => {
            Err(NoReply::Malformed("it is marked as truncated, over TCP"))
        }
        Arrived::Reply(reply) => Ok(Reply {
            over_tcp: true,
            took: begun.elapsed(),
            ..reply
        }),
        Arrived::Stray => Err(NoReply::Malformed("it answers a different question")),
        Arrived::Malformed(how) => Err(NoReply::Malformed(how)),
    }
}

/// Reads until full; the deadline bounds a peer that sends a byte a second.
fn fill(
    stream: &mut TcpStream,
    buffer: &mut [u8],
    deadline: Instant,
    timeout: impl Fn() -> NoReply,
) -> Result<(), NoReply> {
    let mut filled = 0;
    while let Some(rest @ [_, ..]) = buffer.get_mut(filled..) {
        stream.set_read_timeout(Some(left(deadline).ok_or_else(&timeout)?))?;
        match stream.read(rest) {
            Ok(0) => return Err(NoReply::Closed),
            Ok(read) => filled += read,
            Err(why) if is_to_be_repeated(&why) => {}
            Err(why) => return Err(why.into()),
        }
    }
    Ok(())
}

/// The time until the deadline; a socket takes no time-out of zero.
pub(super) fn left(deadline: Instant) -> Option<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    (!left.is_zero()).then_some(left)
}

/// Interrupted, or the time of the socket is up: the loop looks at the deadline.
fn is_to_be_repeated(why: &io::Error) -> bool {
    matches!(
        why.kind(),
        ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut
    )
}

fn timed_out(why: io::Error, timeout: impl Fn() -> NoReply) -> NoReply {
    match why.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => timeout(),
        _ => why.into(),
    }
}

impl From<io::Error> for NoReply {
    fn from(why: io::Error) -> Self {
        match why.kind() {
            ErrorKind::ConnectionRefused => Self::ConnectionRefused,
            ErrorKind::NetworkUnreachable
            | ErrorKind::HostUnreachable
            | ErrorKind::AddrNotAvailable => Self::Unreachable(why.to_string()),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof => {
                Self::Closed
            }
            _ => Self::System(why.to_string()),
        }
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

fn strays_said(strays: u32) -> String {
    match strays {
        0 => String::new(),
        1 => {
            ", but a message that answers something else (wrong identifier or question)".to_owned()
        }
        strays => format!(
            ", but {strays} messages that answer something else (wrong identifier or question)"
        ),
    }
}
