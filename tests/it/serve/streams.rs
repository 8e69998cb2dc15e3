//! Documents that are too long to be kept as text: each reader has its own stream, which waits
//! where it does not read.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::client::{dial_narrow, drain, request};
use super::server::Server;
use crate::fake::FakeProc;
use crate::patience::eventually;

/// A document of more than 8 MiB.
fn crowd() -> FakeProc {
    let fake = FakeProc::new();
    let first = fake.process(1);
    let argument = [b"app\0".as_slice(), &vec![b'x'; 60_000], b"\0"].concat();
    for pid in 2..=200 {
        let process = fake.process(pid).child_of(1);
        process
            .in_the_container_of(&first)
            .file("cmdline", &argument);
    }
    fake
}

fn ask(server: &Server, stream: &mut TcpStream) {
    let bearer = format!("Bearer {}", server.token());
    let headers = [("Authorization", bearer.as_str())];
    let ask = request("/v1/processes", "localhost", &headers);
    stream.write_all(ask.as_bytes()).unwrap();
}

#[test]
fn a_long_document_comes_whole_and_with_its_length() {
    let fake = crowd();
    let proc = fake.path().to_str().unwrap();
    let server = Server::start(&["--cache", "1m", "--timeout", "10m", "--proc", proc]);
    let whole = server.get("/v1/processes");
    assert!(whole.body.len() > 8 << 20, "{}", whole.body.len());
    let length = whole.header("content-length").unwrap();
    assert_eq!(length, whole.body.len().to_string());
    let processes = whole.json()["processes"].as_array().unwrap().len();
    assert_eq!(processes, 200);
    // The same look, written once more.
    assert_eq!(server.get("/v1/processes").body, whole.body);
    server.ends_well();
}

#[test]
fn slow_readers_and_those_that_leave_give_their_streams_back() {
    let fake = crowd();
    let proc = fake.path().to_str().unwrap();
    let limits = [
        "--cache",
        "10m",
        "--timeout",
        "10m",
        "--write-timeout",
        "10m",
    ];
    let server = Server::start(&[&limits[..], &["--proc", proc]].concat());
    let whole = server.get("/v1/processes").body;
    let threads = server.cost().threads;
    let start = server.cost();
    // As many as there are streams at once.
    let mut slow: Vec<TcpStream> = (0..8)
        .map(|_| {
            let mut stream = dial_narrow(server.address());
            ask(&server, &mut stream);
            let mut first = [0; 12];
            stream.read_exact(&mut first).unwrap();
            assert_eq!(&first, b"HTTP/1.1 200");
            stream
        })
        .collect();
    // A thread of what was asked before may end meanwhile.
    let cost = server.cost();
    assert!(cost.threads <= threads + 8, "{start:?} {cost:?}");
    assert!(
        cost.memory_kib < start.memory_kib + 12 * 1024,
        "{start:?} {cost:?}"
    );
    // Others are answered meanwhile, and one that reads on has all of it.
    server.answers();
    let mut reader = slow.pop().unwrap();
    let rest = drain(&mut reader);
    assert!(rest.ends_with(&whole));
    drop(slow);
    eventually("the workers of clients that left have ended", || {
        let now = server.cost().threads;
        (now <= threads && now < cost.threads)
            .then_some(())
            .ok_or_else(|| now.to_string())
    });
    assert_eq!(server.get("/v1/processes").body, whole);
    server.ends_well();
}
