//! Bytes that are no request, or nearly one, on the port of a server: none gets past the token, none
//! is answered twice, and the server goes on.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr};
use std::thread;

use super::{Numbers, Tally};
use crate::support::http::{Reply, dial};
use crate::support::server::Server;

const ATTACKS: u64 = 1200;
const AT_ONCE: u64 = 8;

#[test]
fn damaged_requests_get_nothing() {
    let mut tally = Tally::of("http");
    let server = Server::start(&["--header-timeout", "1s"]);
    server.answers();
    let start = server.cost();
    let address = server.address();
    let attackers: Vec<_> = (0..AT_ONCE)
        .map(|first| {
            thread::spawn(move || {
                let mine = (first..ATTACKS).step_by(usize::try_from(AT_ONCE).unwrap());
                mine.map(|seed| attack(address, seed)).collect::<Vec<_>>()
            })
        })
        .collect();
    for attacker in attackers {
        attacker
            .join()
            .unwrap()
            .into_iter()
            .for_each(|one| tally.case(one));
    }
    server.answers();
    server.returns_to(start);
    server.ends_well();
    tally.end();
}

/// What is wrong with the answer.
fn attack(address: SocketAddr, seed: u64) -> Option<String> {
    let bytes = damaged(&mut Numbers::from(seed + 1));
    let mut stream = dial(address);
    drop(stream.write_all(&bytes));
    drop(stream.shutdown(Shutdown::Write));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    let text = String::from_utf8_lossy(&answer);
    let status = Reply::parse(&answer).map(|reply| reply.status);
    // Of a guarded path nothing but a refusal may come; the open ones say `ok`.
    let is_open = text.ends_with("ok\n") || bytes.starts_with(b"HEAD /healthz ");
    let is_refused = status.is_none_or(|status| {
        (400..=431).contains(&status) || status == 505 || (status == 200 && is_open)
    });
    let shown = String::from_utf8_lossy(&bytes);
    // Without the word that ends the connection, what follows is another request, and no good one.
    let last_is_refusal = text
        .rsplit("HTTP/1.1 ")
        .next()
        .is_some_and(|last| last.starts_with('4'));
    let answers = text.matches("HTTP/1.1 ").count();
    let is_once = answers <= 1 || (!shown.contains("Connection: close\r\n") && last_is_refusal);
    (!(is_refused && is_once)).then(|| format!("{seed}: {shown:?}: {text:?}"))
}

fn damaged(numbers: &mut Numbers) -> Vec<u8> {
    let paths = [
        "/v1/dump",
        "/v1/environment?reveal_all=1",
        "/metrics",
        "/healthz",
        "/v1/files/x",
    ];
    let methods = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "get", "G\0T", "OPTIONS",
    ];
    let headers = [
        "Content-Length: 5",
        "Content-Length: -1",
        "Transfer-Encoding: chunked",
        "Expect: x",
        "Transfer-Encoding: gzip, chunked",
        "Authorization: Bearer x",
        "Authorization: Bearer ",
        "Authorization: Basic eDp5",
        "Host: other",
        "Upgrade: h2c",
        "Range: bytes=0-",
        "X: \u{e9}",
        "Connection: keep-alive, close",
        "Cookie: token=x",
        "X-Forwarded-For: 127.0.0.1",
        ": x",
        "Content-Length: 5\r\nContent-Length: 6",
        "Origin: null",
        " folded",
        "Accept: \u{1b}[2J",
    ];
    let mut text = format!(
        "{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n",
        numbers.one_of(&methods),
        numbers.one_of(&paths)
    );
    for _ in 0..numbers.below(4) {
        let header: &str = numbers.one_of::<&str>(&headers);
        text.push_str(header);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    if numbers.below(3) == 0 {
        text.push_str("5\r\nhello\r\n0\r\n\r\n");
    }
    let mut bytes = text.into_bytes();
    for _ in 0..numbers.below(4) {
        let at = numbers.below(bytes.len());
        match numbers.below(6) {
            0 => bytes[at] ^= 1 << numbers.below(8),
            1 => bytes.insert(at, *numbers.one_of(b"\0\r\n :\xff")),
            2 => drop(bytes.remove(at)),
            3 => bytes.truncate(at.max(1)),
            4 => bytes.extend_from_within(at..),
            _ => drop(bytes.splice(at..at, vec![b'a'; 9000])),
        }
    }
    bytes
}
