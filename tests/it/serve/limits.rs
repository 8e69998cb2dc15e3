//! Each limit where its flag puts it.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use super::client::{Reply, dial, drain, exchange, request};
use super::server::Server;
use crate::host::spyhole;

#[test]
fn headers_are_counted_and_measured() {
    let ask = |server: &Server, headers: usize, bytes: usize| {
        let filler = "y".repeat(bytes);
        let mut lines: Vec<(String, &str)> =
            (0..headers).map(|n| (format!("X-{n}"), "y")).collect();
        lines.push(("Filler".to_owned(), &filler));
        let lines: Vec<(&str, &str)> = lines.iter().map(|(n, v)| (n.as_str(), *v)).collect();
        let request = request("/healthz", "localhost", &lines);
        Reply::parse(&server.send(request.as_bytes()))
            .unwrap()
            .status
    };
    // Host, Connection and Filler are there already.
    let server = Server::start(&[]);
    assert_eq!(ask(&server, 61, 1), 200);
    assert_eq!(ask(&server, 62, 1), 431);
    assert_eq!(ask(&server, 0, 8_000), 200);
    assert_eq!(ask(&server, 0, 8_300), 431);
    server.ends_well();
    let server = Server::start(&["--max-headers", "100", "--max-head", "16"]);
    assert_eq!(ask(&server, 97, 1), 200);
    assert_eq!(ask(&server, 98, 1), 431);
    assert_eq!(ask(&server, 0, 16_000), 200);
    assert_eq!(ask(&server, 0, 16_400), 431);
    server.ends_well();
}

#[test]
fn a_connection_is_used_again_until_its_time_is_over() {
    let server = Server::start(&["--connection-lifetime", "3s"]);
    let mut stream = dial(server.address());
    let one = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let begun = Instant::now();
    let mut answered = 0;
    loop {
        if stream.write_all(one).is_err() {
            break;
        }
        let mut some = [0; 2048];
        match stream.read(&mut some) {
            Ok(1..) => answered += 1,
            _ => break,
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(
        // The last answer, past half of the time, says that it is the last.
        begun.elapsed() >= Duration::from_millis(1_450),
        "{:?}",
        begun.elapsed()
    );
    assert!(answered > 1, "{answered}");
    server.ends_well();
}

#[test]
fn who_asks_slowly_within_the_limits_is_answered() {
    let server = Server::start(&[]);
    let mut stream = dial(server.address());
    for byte in request("/healthz", "localhost", &[]).as_bytes() {
        stream.write_all(&[*byte]).unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
    let reply = Reply::parse(&drain(&mut stream)).unwrap();
    assert_eq!((reply.status, reply.text().as_str()), (200, "ok\n"));
    server.ends_well();
}

#[test]
fn as_many_connections_as_were_said() {
    let server = Server::start(&["--max-connections", "3"]);
    let mut open: Vec<_> = (0..3).map(|_| dial(server.address())).collect();
    let half = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n";
    let rest = b"Connection: close\r\n\r\n";
    for stream in &mut open {
        stream.write_all(half).unwrap();
    }
    let reply = exchange(
        dial(server.address()),
        request("/healthz", "localhost", &[]).as_bytes(),
    );
    assert_eq!(reply.status, 200);
    // The oldest had to go, the others are as they were.
    let mut statuses = open.into_iter().map(|mut stream| {
        drop(stream.write_all(rest));
        Reply::parse(&drain(&mut stream)).map(|reply| reply.status)
    });
    assert_eq!(statuses.next(), Some(None));
    assert_eq!(statuses.next(), Some(Some(200)));
    assert_eq!(statuses.next(), Some(Some(200)));
    server.ends_well();
}

#[test]
fn limits_that_would_stop_everything_are_refused() {
    for words in [
        ["--max-connections", "0"],
        ["--max-headers", "0"],
        ["--max-head", "1"],
        ["--max-response", "0"],
        ["--max-collections", "0"],
        ["--max-collections", "5"],
        ["--header-timeout", "0s"],
        ["--write-timeout", "0s"],
        ["--connection-lifetime", "0s"],
        ["--cache", "soon"],
    ] {
        let all = [["serve", "--listen", "127.0.0.1:0"].as_slice(), &words].concat();
        let said = spyhole(all).ended_with(2);
        assert!(said.stderr_text().contains(words[0]), "{words:?}: {said}");
    }
}

#[test]
fn a_question_asks_for_no_more_time_than_a_look_may_take() {
    let server = Server::start(&["--timeout", "2s"]);
    for (path, flag, section) in [
        ("/v1/processes?sample=1000h", "sample", "processes"),
        ("/v1/processes?sample=2001ms", "sample", "processes"),
        ("/v1/mounts?space_timeout=1000h", "space-timeout", "mounts"),
    ] {
        let reply = server.get(path);
        assert_eq!(reply.status, 400, "{path}: {}", reply.text());
        let says = reply.detail();
        assert!(says.starts_with(&flag.replace('-', "_")), "{says}");
        assert!(says.contains("--timeout is 2s"), "{says}");

        let asked = path.split('=').nth(1).unwrap();
        let asked = format!("--{flag}={asked}");
        let shown = spyhole([section, "--timeout=2s", &asked]).ended_with(2);
        let said = shown.stderr_text();
        assert!(
            said.contains(&format!("--{flag}: ")) && said.contains("--timeout is 2s"),
            "{said}"
        );
    }
    let within = server.get("/v1/processes?sample=100ms");
    assert_eq!(within.status, 200, "{}", within.text());
}
