//! Requests that no client of good will sends.

use std::io::Write;

use super::client::{Reply, dial, drain};
use super::server::Server;

/// Bytes and the statuses that may answer them; none: the connection may just end.
struct Case {
    what: &'static str,
    bytes: Vec<u8>,
    statuses: &'static [u16],
}

fn case(what: &'static str, bytes: impl Into<Vec<u8>>, statuses: &'static [u16]) -> Case {
    Case {
        what,
        bytes: bytes.into(),
        statuses,
    }
}

/// A request for a guarded path, so that 200 would mean that something went through.
fn with(headers: &str) -> String {
    format!("GET /v1/dump HTTP/1.1\r\nHost: localhost\r\n{headers}Connection: close\r\n\r\n")
}

fn post(headers: &str, body: &str) -> String {
    format!("POST /healthz HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n{body}")
}

/// Ways to send a body, or to disagree about how long it is.
fn bodies() -> Vec<Case> {
    let smuggled = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    vec![
        case("a body", post("Content-Length: 5\r\n", "hello"), &[405]),
        case(
            "a body of 2^64 - 1",
            post("Content-Length: 18446744073709551615\r\n", ""),
            &[400, 405, 431],
        ),
        case(
            "a body of 2^63",
            post("Content-Length: 9223372036854775807\r\n", ""),
            &[400, 405],
        ),
        case(
            "a length beyond 64 bits",
            post("Content-Length: 99999999999999999999999\r\n", ""),
            &[400],
        ),
        case(
            "a negative length",
            post("Content-Length: -1\r\n", ""),
            &[400],
        ),
        case(
            "a length with a sign",
            with("Content-Length: +5\r\n"),
            &[400],
        ),
        case(
            "a body for GET",
            with("Content-Length: 1\r\n") + "x",
            &[413],
        ),
        case(
            "two lengths",
            with("Content-Length: 1\r\nContent-Length: 2\r\n"),
            &[400],
        ),
        case(
            "a list of lengths",
            with("Content-Length: 1, 2\r\n"),
            &[400],
        ),
        case(
            "a length and chunks",
            post(
                "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
                "0\r\n\r\n",
            ) + smuggled,
            &[400, 405],
        ),
        case(
            "chunks for GET",
            with("Transfer-Encoding: chunked\r\n") + "0\r\n\r\n" + smuggled,
            &[413],
        ),
        case(
            "an endless chunk",
            with("Transfer-Encoding: chunked\r\n") + "ffffffffffffffff\r\n",
            &[400, 413],
        ),
        case(
            "an unknown coding",
            with("Transfer-Encoding: identity, evil\r\n") + smuggled,
            &[400, 413],
        ),
    ]
}

/// Bytes that are no head of a request, or too long a one.
fn heads() -> Vec<Case> {
    let many = "X-1: y\r\n".repeat(10_000);
    vec![
        case("a folded header", with("X-A: b\r\n c\r\n"), &[400]),
        case("a space before the colon", with("X-A : b\r\n"), &[400]),
        case("NUL in a value", with("X-A: b\0c\r\n"), &[400]),
        case("NUL in a name", with("X\0A: b\r\n"), &[400]),
        case("a bare CR", with("X-A: b\rX-B: c\r\n"), &[400]),
        case(
            "bytes beyond ASCII in a path",
            b"GET /v1/\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
            &[400],
        ),
        case("no Host", "GET /healthz HTTP/1.1\r\n\r\n", &[400]),
        case(
            "no Host in HTTP/1.0",
            "GET /healthz HTTP/1.0\r\n\r\n",
            &[400],
        ),
        case("HTTP/0.9", "GET /healthz\r\n\r\n", &[400]),
        case(
            "HTTP/2",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
            &[],
        ),
        case(
            "HTTP/3.7",
            "GET /healthz HTTP/3.7\r\nHost: localhost\r\n\r\n",
            &[400, 505],
        ),
        case(
            "a TLS hello",
            b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".as_slice(),
            &[400],
        ),
        case("noise", [0xff; 512], &[400]),
        case("newlines", vec![b'\n'; 20_000], &[400, 431]),
        case("a long method", vec![b'A'; 40_000], &[400, 414, 431]),
        case(
            "a long path",
            format!(
                "GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n",
                "a".repeat(12_000)
            ),
            &[414, 431],
        ),
        case(
            "a longer path",
            format!(
                "GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n",
                "a".repeat(200_000)
            ),
            &[414, 431],
        ),
        case("65 headers", with(&"X: y\r\n".repeat(65)), &[431]),
        case("10,000 headers", with(&many), &[431]),
        case(
            "12 KiB of one header",
            with(&format!("X: {}\r\n", "y".repeat(12 << 10))),
            &[431],
        ),
    ]
}

/// What is asked for is nothing that is served.
fn targets() -> Vec<Case> {
    vec![
        case(
            "CONNECT",
            "CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: localhost\r\n\r\n",
            &[405],
        ),
        case(
            "OPTIONS *",
            "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
            &[405],
        ),
        case(
            "TRACE",
            "TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n",
            &[405],
        ),
        case(
            "another server's URL",
            "GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            &[400],
        ),
        case(
            "a URL with a user",
            "GET http://localhost@evil.example/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            &[400],
        ),
        case(
            "a path up and out",
            "GET /v1/../healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            &[401],
        ),
        case(
            "two slashes",
            "GET //healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            &[400, 401],
        ),
        case(
            "an encoded path",
            "GET /%68ealthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            &[401],
        ),
    ]
}

#[test]
fn each_is_refused_once_and_nothing_behind_it_is_run() {
    let server = Server::start(&["--header-timeout", "1s"]);
    let start = {
        server.answers();
        server.cost()
    };
    let mut wrong = Vec::new();
    for Case {
        what,
        bytes,
        statuses,
    } in [bodies(), heads(), targets()].into_iter().flatten()
    {
        let answer = server.send(&bytes);
        let text = String::from_utf8_lossy(&answer).into_owned();
        let reply = Reply::parse(&answer);
        // Where more was sent than was read, the end may be a reset that takes the answer along.
        let cut = answer.is_empty() && (bytes.len() > 10_000 || statuses.is_empty());
        let fits = reply.is_some_and(|reply| statuses.contains(&reply.status));
        let answers = text.matches("HTTP/1.1 ").count();
        if !(fits || cut) || answers > 1 || text.contains("\r\n\r\nok\n") {
            wrong.push(format!("{what}: {text:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    server.answers();
    server.returns_to(start);
    server.ends_well();
}

#[test]
fn what_is_odd_and_allowed_is_answered() {
    let server = Server::start(&[]);
    for (what, request) in [
        (
            "newlines without CR",
            "GET /healthz HTTP/1.1\nHost: localhost\nConnection: close\n\n",
        ),
        (
            "HTTP/1.0",
            "GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n",
        ),
        (
            "a length of nothing",
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        ),
        (
            "a newline before",
            "\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        ),
        (
            "a URL",
            "GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        ),
        (
            "h2c",
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
        ),
        (
            "websocket",
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n",
        ),
        (
            "Expect",
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
        ),
    ] {
        let answer = server.send(request.as_bytes());
        let reply = Reply::parse(&answer).unwrap_or_else(|| panic!("{what}"));
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (200, "ok\n"),
            "{what}"
        );
    }
    server.ends_well();
}

#[test]
fn who_waits_to_send_a_body_is_told_no_and_not_to_go_on() {
    let server = Server::start(&[]);
    let mut stream = dial(server.address());
    let head = post("Expect: 100-continue\r\nContent-Length: 100000000\r\n", "");
    stream.write_all(head.as_bytes()).unwrap();
    let answer = drain(&mut stream);
    let text = String::from_utf8_lossy(&answer);
    assert!(text.starts_with("HTTP/1.1 405 "), "{text}");
    assert!(!text.contains("100 Continue"), "{text}");
    server.ends_well();
}

#[test]
fn a_header_or_a_body_of_100_mb_is_cut_off_early() {
    for head in [
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ".to_owned(),
        post("Content-Length: 100000000\r\n", ""),
    ] {
        let server = Server::start(&[]);
        server.answers();
        let start = server.cost();
        let mut stream = dial(server.address());
        stream.write_all(head.as_bytes()).unwrap();
        let chunk = vec![b'y'; 1 << 16];
        let taken = (0..1600).take_while(|_| stream.write_all(&chunk).is_ok());
        // What the kernel buffers on both sides before it learns of the end.
        let taken = taken.count() * chunk.len();
        assert!(taken < 20 << 20, "{taken} bytes were taken");
        server.answers();
        server.returns_to(start);
        server.ends_well();
    }
}
