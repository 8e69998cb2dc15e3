//! The end of a connection's lifetime is announced on an answer, so that no request is lost to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::client::dial;
use super::server::Server;

/// What one client saw on its connections, one after the other.
#[derive(Debug, Default)]
struct Seen {
    answered: usize,
    announced: usize,
    lost: usize,
}

/// Asks without a pause on connections that are kept, for that many of them.
fn ask_on(server: &Server, connections: usize) -> Seen {
    let question = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", server.host());
    let mut seen = Seen::default();
    for _ in 0..connections {
        let mut stream = BufReader::new(dial(server.address()));
        loop {
            let Some(close) = answer(&mut stream, question.as_bytes()) else {
                seen.lost += 1;
                break;
            };
            seen.answered += 1;
            if close {
                seen.announced += 1;
                break;
            }
        }
        // What was announced is done.
        let mut rest = Vec::new();
        assert_eq!(stream.read_to_end(&mut rest).unwrap_or(0), 0, "{rest:?}");
    }
    seen
}

/// Whether a whole answer says that it is the last; `None` where there is none.
fn answer(stream: &mut BufReader<TcpStream>, question: &[u8]) -> Option<bool> {
    stream.get_mut().write_all(question).ok()?;
    let (mut close, mut length) = (false, 0);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        close |= line == "connection: close";
        if let Some(bytes) = line.strip_prefix("content-length: ") {
            length = bytes.parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(close)
}

#[test]
fn no_request_is_lost_at_the_end_of_a_connection() {
    let flags = ["--connection-lifetime", "4s", "--access-log", "off"];
    let server = Server::start(&flags);
    let (clients, connections) = (4, 3);
    let began = Instant::now();
    let all: Vec<Seen> = std::thread::scope(|scope| {
        let asking = (0..clients).map(|_| scope.spawn(|| ask_on(&server, connections)));
        let asking: Vec<_> = asking.collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    // Each connection lived for half of its time at least.
    assert!(began.elapsed() >= Duration::from_secs(2 * 3));
    for seen in all {
        assert_eq!((seen.lost, seen.announced), (0, connections), "{seen:?}");
        assert!(seen.answered > connections, "{seen:?}");
    }
    server.ends_well();
}

#[test]
fn an_idle_connection_still_ends() {
    let server = Server::start(&["--connection-lifetime", "300ms"]);
    let mut stream = dial(server.address());
    let mut rest = Vec::new();
    assert_eq!(stream.read_to_end(&mut rest).unwrap(), 0, "{rest:?}");
    server.ends_well();
}
