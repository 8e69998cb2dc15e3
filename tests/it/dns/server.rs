//! Name servers that do as they please: a thread each, which ends when the value is dropped.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long a thread waits before it looks whether it is to end.
const TICK: Duration = Duration::from_millis(20);

/// A running server.
pub(crate) struct Server {
    pub(crate) port: u16,
    ends: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    /// On 127.0.0.1 and a free port; each question is answered by any number of messages.
    pub(crate) fn udp(answer: impl FnMut(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> Self {
        Self::udp_at((Ipv4Addr::LOCALHOST, 0).into(), answer)
    }

    pub(crate) fn udp_at(
        at: SocketAddr,
        mut answer: impl FnMut(&[u8]) -> Vec<Vec<u8>> + Send + 'static,
    ) -> Self {
        let socket = UdpSocket::bind(at).unwrap_or_else(|why| panic!("{at}: {why}"));
        socket.set_read_timeout(Some(TICK)).unwrap();
        let port = socket.local_addr().unwrap().port();
        let ends = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ends);
        let thread = thread::spawn(move || {
            let mut buffer = [0; 4096];
            while !end.load(Ordering::Relaxed) {
                if let Ok((read, from)) = socket.recv_from(&mut buffer) {
                    for message in answer(&buffer[..read]) {
                        let _ = socket.send_to(&message, from);
                    }
                }
            }
        });
        Self {
            port,
            ends,
            threads: vec![thread],
        }
    }

    /// The same by TCP on the same port: it is given the connection, the question without its
    /// length, and what tells it to end.
    pub(crate) fn and_tcp(
        mut self,
        answer: impl Fn(&mut TcpStream, &[u8], &AtomicBool) + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let end = Arc::clone(&self.ends);
        self.threads.push(thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                let Ok((mut stream, _)) = listener.accept() else {
                    thread::sleep(TICK);
                    continue;
                };
                stream.set_nonblocking(false).unwrap();
                stream
                    .set_read_timeout(Some(Duration::from_secs(5)))
                    .unwrap();
                let mut length = [0; 2];
                if stream.read_exact(&mut length).is_err() {
                    continue;
                }
                let mut question = vec![0; u16::from_be_bytes(length).into()];
                if stream.read_exact(&mut question).is_ok() {
                    answer(&mut stream, &question, &end);
                }
            }
        }));
        self
    }

    /// The files that name these servers.
    pub(crate) fn resolv_conf(addresses: &[&str], more: &str) -> String {
        let lines: Vec<String> = addresses
            .iter()
            .map(|at| format!("nameserver {at}\n"))
            .collect();
        format!("{}{more}\n", lines.concat())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// A message by TCP.
pub(crate) fn send(stream: &mut TcpStream, message: &[u8]) {
    let length = u16::try_from(message.len()).unwrap().to_be_bytes();
    let _ = stream.write_all(&[&length[..], message].concat());
}

/// The end of the question within a query, whose name is never compressed.
fn question_end(query: &[u8]) -> usize {
    let mut at = 12;
    while query[at] != 0 {
        at += 1 + usize::from(query[at]);
    }
    at + 5
}

/// Whether a query asks for A.
pub(crate) fn asks_for_a(query: &[u8]) -> bool {
    let end = question_end(query);
    query[end - 4..end - 2] == [0, 1]
}

/// The name in a query, as text.
pub(crate) fn asked_name(query: &[u8]) -> String {
    let mut labels = Vec::new();
    let mut at = 12;
    while query[at] != 0 {
        let length = usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..=at + length]).into_owned());
        at += 1 + length;
    }
    labels.join(".")
}

/// An answer to a query with these flags, a count of records, and their bytes.
pub(crate) fn answer(query: &[u8], flags: u16, count: u16, records: &[u8]) -> Vec<u8> {
    let mut message = query[..question_end(query)].to_vec();
    message[2..4].copy_from_slice(&flags.to_be_bytes());
    message[6..8].copy_from_slice(&count.to_be_bytes());
    message[8..12].copy_from_slice(&[0; 4]);
    message.extend_from_slice(records);
    message
}

/// A record about the name of the question.
pub(crate) fn address(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => [&b"\xc0\x0c\0\x01\0\x01\0\0\0\x1e\0\x04"[..], &ip.octets()].concat(),
        IpAddr::V6(ip) => [&b"\xc0\x0c\0\x1c\0\x01\0\0\0\x1e\0\x10"[..], &ip.octets()].concat(),
    }
}

/// What a good server answers for a name with one IPv4 address.
pub(crate) fn good(query: &[u8]) -> Vec<u8> {
    if asks_for_a(query) {
        answer(query, 0x8180, 1, &address([192, 0, 2, 7].into()))
    } else {
        answer(query, 0x8180, 0, &[])
    }
}
