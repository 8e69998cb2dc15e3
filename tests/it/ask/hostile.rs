//! `spyhole fetch` and servers that do as they please.

use std::io::{Read, Write};

use crate::host::spyhole;
use crate::lab::Output;
use crate::support::http;

/// What comes of a server that sends this after the request.
fn fetch_of(words: &[&str], answer: &'static [u8]) -> Output {
    let address = http::listen(move |mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(answer);
    });
    let url = format!("http://{address}/");
    spyhole([&["--self", "fetch"], words, &[&url]].concat())
}

#[test]
fn what_is_no_response_or_breaks_off_is_told() {
    for (answer, code, expected) in [
        (&b"220 mail ESMTP\r\n"[..], 1, "does not speak HTTP/1"),
        (b"", 1, "closed the connection"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
            1,
            "before the response was complete",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            1,
            "spyhole: fetch: ",
        ),
        (
            b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n",
            1,
            "unsupported URL scheme",
        ),
        (
            b"HTTP/1.1 302 Found\r\nLocation: //me:secret@x/\r\n\r\n",
            1,
            "not supported",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\nno gzip",
            1,
            "gzip",
        ),
    ] {
        let seen = fetch_of(&["-L", "--compressed"], answer).ended_with(code);
        let said = seen.stderr_text();
        assert!(
            said.contains(expected) && !said.contains("secret"),
            "{expected}: {seen}"
        );
    }
    let chunked =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
    assert_eq!(fetch_of(&[], chunked).ended_with(0).stdout, b"abcdefg");
    let escapes = b"HTTP/1.1 200 OK\r\nX: \x9b2J\r\nConnection: close\r\n\r\n";
    let seen = fetch_of(&["-i"], escapes).ended_with(0);
    assert!(!seen.stdout_text().contains('\u{9b}'), "{seen}");
}

#[test]
fn endless_and_silent_servers_end() {
    let endless = http::listen(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    });
    let url = format!("http://{endless}/");
    let seen = spyhole(["--self", "fetch", "--max-bytes", "100000", &url]).ended_with(1);
    assert_eq!(seen.stdout.len(), 100_000);
    let head = http::listen(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream
            .write_all(b"X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n")
            .is_ok()
        {}
    });
    spyhole(["--self", "fetch", &format!("http://{head}/")]).ended_with(1);
    let silent = http::listen(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.read(&mut [0; 1]);
    });
    let url = format!("http://{silent}/");
    let seen = spyhole(["--self", "--timeout", "1s", "fetch", &url]).ended_with(1);
    assert!(
        seen.stderr_text()
            .contains("timed out while waiting for the response"),
        "{seen}"
    );
}
